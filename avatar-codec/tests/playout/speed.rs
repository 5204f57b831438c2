//! How fast faces move.

use visavis_codec::latent::UNITS;
use visavis_codec::{FaceFrame, FaceUnit};

/// The fastest of each kind, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Speed {
    pub(crate) unit: f32,
    pub(crate) lid: f32,
    pub(crate) gaze: f32,
    pub(crate) residual: f32,
    /// Radians.
    pub(crate) turn: f32,
    /// Metres.
    pub(crate) shift: f32,
}

impl Speed {
    /// From each frame to the next, by the frames' own times.
    pub(crate) fn of<'a>(frames: impl IntoIterator<Item = &'a FaceFrame>) -> Self {
        let mut most = Self::default();
        let mut last: Option<&FaceFrame> = None;
        for frame in frames {
            if let Some(last) = last.filter(|last| last.time < frame.time) {
                most.add(last, frame);
            }
            last = Some(frame);
        }
        most
    }

    fn add(&mut self, a: &FaceFrame, b: &FaceFrame) {
        let seconds = ((b.time.0 - a.time.0) as f64 * 1e-9) as f32;
        let speed = |a: f32, b: f32| (b - a).abs() / seconds;
        for unit in 0..UNITS {
            let speed = speed(a.latent.units[unit], b.latent.units[unit]);
            let is_lid = [FaceUnit::EyeBlinkLeft as usize, FaceUnit::EyeBlinkRight as usize].contains(&unit);
            let most = if is_lid { &mut self.lid } else { &mut self.unit };
            *most = most.max(speed);
        }
        for (a, b) in a.latent.gaze.to_array().into_iter().zip(b.latent.gaze.to_array()) {
            self.gaze = self.gaze.max(speed(a, b));
        }
        for (a, b) in a.latent.residual.into_iter().zip(b.latent.residual) {
            self.residual = self.residual.max(speed(a, b));
        }
        // Both quaternions are unit: half the chord is the sine of a quarter of the angle between them.
        let (p, q) = (a.head.rotation, b.head.rotation);
        let chord = (p - q).length().min((p + q).length());
        self.turn = self.turn.max(4.0 * (chord / 2.0).min(1.0).asin() / seconds);
        self.shift = self.shift.max(a.head.translation.distance(b.head.translation) / seconds);
    }

    /// Whether nothing is faster than in `other`, but for rounding.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let Self { unit, lid, gaze, residual, turn, shift } = *self;
        [
            (unit, other.unit),
            (lid, other.lid),
            (gaze, other.gaze),
            (residual, other.residual),
            (turn, other.turn),
            (shift, other.shift),
        ]
        .into_iter()
        .all(|(speed, most)| speed <= most * 1.001 + 1e-3)
    }
}
