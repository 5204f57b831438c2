//! Playing a recording: where it is, how fast, round and round or once.

use std::ops::RangeInclusive;

/// Speeds to step through, times real time.
pub(crate) const SPEEDS: [f64; 7] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0];
/// The shortest part that is looped, seconds.
const MIN_LOOP_S: f64 = 0.1;
/// One step from picture to picture, seconds.
pub(crate) const FRAME_S: f64 = 1.0 / 30.0;

/// The state of a player.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transport {
    seconds: f64,
    position: f64,
    speed: f64,
    is_playing: bool,
    pub(crate) is_looping: bool,
    /// A part of the recording that is played alone.
    part: Option<[f64; 2]>,
}

impl Transport {
    /// At the beginning of a recording of this length, playing.
    pub(crate) fn new(seconds: f64) -> Self {
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        Self { seconds, position: 0.0, speed: 1.0, is_playing: true, is_looping: true, part: None }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.seconds
    }

    pub(crate) fn position(&self) -> f64 {
        self.position
    }

    pub(crate) fn is_playing(&self) -> bool {
        self.is_playing
    }

    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }

    pub(crate) fn part(&self) -> Option<[f64; 2]> {
        self.part
    }

    /// What is played: the part, or all of it.
    pub(crate) fn range(&self) -> RangeInclusive<f64> {
        let [start, end] = self.part.unwrap_or([0.0, self.seconds]);
        start..=end
    }

    pub(crate) fn toggle(&mut self) {
        let end = *self.range().end();
        if !self.is_playing && self.position >= end - 1e-9 {
            self.position = *self.range().start();
        }
        self.is_playing = !self.is_playing;
    }

    pub(crate) fn pause(&mut self) {
        self.is_playing = false;
    }

    /// Goes somewhere, anywhere in the recording.
    pub(crate) fn seek(&mut self, seconds: f64) {
        if seconds.is_finite() {
            self.position = seconds.clamp(0.0, self.seconds);
        }
    }

    /// Goes so many pictures on or back and stops there.
    pub(crate) fn step(&mut self, frames: i32) {
        self.is_playing = false;
        let frame = (self.position / FRAME_S).round() + f64::from(frames);
        self.seek(frame * FRAME_S);
    }

    pub(crate) fn set_speed(&mut self, speed: f64) {
        if speed.is_finite() {
            self.speed = speed.clamp(SPEEDS[0], SPEEDS[SPEEDS.len() - 1]);
        }
    }

    /// The next speed up or down.
    pub(crate) fn shift_speed(&mut self, up: bool) {
        let next = match up {
            true => SPEEDS.into_iter().find(|&speed| speed > self.speed + 1e-6),
            false => SPEEDS.into_iter().rev().find(|&speed| speed < self.speed - 1e-6),
        };
        self.speed = next.unwrap_or(self.speed);
    }

    /// Plays a part alone, or with `None` all of it.
    pub(crate) fn set_part(&mut self, part: Option<[f64; 2]>) {
        self.part = part.and_then(|[a, b]| {
            let (start, end) = (a.min(b).max(0.0), a.max(b).min(self.seconds));
            (end - start >= MIN_LOOP_S).then_some([start, end])
        });
    }

    /// Lets time pass; whether it plays.
    pub(crate) fn advance(&mut self, passed: f64) -> bool {
        if !self.is_playing {
            return false;
        }
        let (start, end) = self.range().into_inner();
        if end - start < 1e-6 {
            self.is_playing = false;
            return false;
        }
        let was_before_end = self.position <= end;
        self.position += passed.max(0.0) * self.speed;
        if self.position >= end && was_before_end {
            if self.is_looping {
                self.position = start + (self.position - end).rem_euclid(end - start);
            } else {
                self.position = end;
                self.is_playing = false;
            }
        }
        if self.position >= self.seconds {
            // Begun after the part that is looped.
            self.position = if self.is_looping { start } else { self.seconds };
            self.is_playing &= self.is_looping;
        }
        self.is_playing
    }
}

/// A time as `m:ss.cc`.
pub(crate) fn clock(seconds: f64) -> String {
    let hundredths = (seconds.max(0.0) * 100.0).round() as u64;
    format!("{}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_plays_at_its_speed_and_loops() {
        let mut player = Transport::new(10.0);
        player.set_speed(2.0);
        assert!(player.advance(1.0));
        assert_eq!(player.position(), 2.0);
        player.seek(9.5);
        assert!(player.advance(0.5));
        assert!((player.position() - 0.5).abs() < 1e-9, "{}", player.position());
    }

    #[test]
    fn without_a_loop_it_stops_at_the_end_and_begins_again() {
        let mut player = Transport::new(1.0);
        player.is_looping = false;
        assert!(!player.advance(5.0));
        assert_eq!((player.position(), player.is_playing()), (1.0, false));
        player.toggle();
        assert_eq!((player.position(), player.is_playing()), (0.0, true));
    }

    #[test]
    fn a_part_is_looped_alone() {
        let mut player = Transport::new(10.0);
        player.set_part(Some([4.0, 2.0]));
        assert_eq!(player.part(), Some([2.0, 4.0]));
        player.seek(3.9);
        player.advance(0.2);
        assert!((player.position() - 2.1).abs() < 1e-9);
        // Begun behind the part, it plays to the end and comes back to the part.
        player.seek(9.9);
        player.advance(0.05);
        assert!((player.position() - 9.95).abs() < 1e-9);
        player.advance(0.1);
        assert_eq!(player.position(), 2.0);
        player.set_part(Some([3.0, 3.01]));
        assert_eq!(player.part(), None, "too short to be meant");
    }

    #[test]
    fn steps_are_whole_pictures_and_stop() {
        let mut player = Transport::new(1.0);
        player.seek(0.5);
        player.step(1);
        assert!((player.position() - 16.0 * FRAME_S).abs() < 1e-9 && !player.is_playing());
        player.step(-100);
        assert_eq!(player.position(), 0.0);
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        let mut player = Transport::new(f64::NAN);
        assert!(!player.advance(1.0));
        player.seek(f64::INFINITY);
        player.set_speed(f64::NAN);
        assert_eq!((player.position(), player.speed()), (0.0, 1.0));
        for _ in 0..20 {
            player.shift_speed(true);
        }
        assert_eq!(player.speed(), 4.0);
        assert_eq!(clock(71.239), "1:11.24");
    }
}
