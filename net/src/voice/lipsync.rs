//! Voice and face of one person in step: both at one delay, and the face beside what is heard.

use visavis_codec::Timestamp;
use visavis_codec::playout::{Playout, Shown};

use super::buffer::VoiceBuffer;

/// Needs of voice and face that are farther apart than this, nanoseconds, aren't one clock's: one has met a jump before the
/// other.
const ONE_CLOCK: u64 = 1_000_000_000;
/// The skew that nobody sees, seconds: what is counted as out of step is more than this.
const IN_STEP: f64 = 0.020;

/// Keeps a person's voice and face in step.
///
/// Each of the two says what is due for its own sake; the voice plays what both can, stretching itself, and the face shows
/// what is heard. So the skew is never more than what a face can't follow while a voice is stretched.
#[derive(Clone, Debug, Default)]
pub struct Lipsync {
    statistics: SkewStatistics,
}

/// How far the face was from the voice, over all times at which both were there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SkewStatistics {
    /// The last one, seconds: positive where the face is behind the voice.
    pub skew: Option<f64>,
    /// The greatest, without its sign, seconds.
    pub worst: f64,
    /// How many pictures were looked at.
    pub pictures: u64,
    /// How many of them were more than 20 ms out of step.
    pub out_of_step: u64,
    sum_of_squares: f64,
}

impl SkewStatistics {
    /// The root mean square, seconds; 0 before there was any.
    pub fn rms(&self) -> f64 {
        if self.pictures == 0 { 0.0 } else { (self.sum_of_squares / self.pictures as f64).sqrt() }
    }
}

impl Lipsync {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The face for a display time, in step with the voice, which is pulled somewhere else.
    pub fn show(&mut self, face: &mut Playout, voice: &mut VoiceBuffer, display: Timestamp) -> Shown {
        if let (Some(face_due), Some(voice_due)) = (face.due(display), voice.due(display))
            && face_due.0.abs_diff(voice_due.0) < ONE_CLOCK
        {
            voice.aim(face_due.min(voice_due), display);
        }
        let heard = voice.heard_at(display);
        if let Some(heard) = heard {
            face.follow(heard, display);
        }
        let shown = face.show(display);
        let skew = heard.zip(shown.capture).map(|(heard, shown)| heard.0 as i128 - i128::from(shown.0));
        self.statistics.skew = skew.map(|skew| skew as f64 * 1e-9);
        if let Some(skew) = self.statistics.skew {
            self.statistics.pictures += 1;
            self.statistics.worst = self.statistics.worst.max(skew.abs());
            self.statistics.out_of_step += u64::from(skew.abs() > IN_STEP);
            self.statistics.sum_of_squares += skew * skew;
        }
        shown
    }

    /// How well it has worked so far.
    pub const fn statistics(&self) -> SkewStatistics {
        self.statistics
    }
}
