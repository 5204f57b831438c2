//! A performance as a function of time: the decoded frames of a recording, and what lies between two of them.

use crate::latent::{FaceFrame, Gaze, HeadPose, Latent, Timestamp};

/// A sender's performance as a function of time: frames in order of capture, and what lies between two of them.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    frames: Vec<FaceFrame>,
}

impl Timeline {
    /// Sorts the frames; of two with the same time the later one counts.
    pub fn new(mut frames: Vec<FaceFrame>) -> Self {
        frames.sort_by_key(|frame| frame.time);
        frames.reverse();
        frames.dedup_by_key(|frame| frame.time);
        frames.reverse();
        Self { frames }
    }

    /// In order of time.
    pub fn frames(&self) -> &[FaceFrame] {
        &self.frames
    }

    /// The first and the last frame's time.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.frames.first()?.time, self.frames.last()?.time))
    }

    /// The face at a time: interpolated between its neighbours, held before the first and after the last frame.
    pub fn at(&self, time: Timestamp) -> FaceFrame {
        let after = self.frames.partition_point(|frame| frame.time <= time);
        let (before, after) =
            match (after.checked_sub(1).and_then(|i| self.frames.get(i)), self.frames.get(after)) {
                (Some(before), Some(after)) => (before, after),
                (Some(only), None) | (None, Some(only)) => return FaceFrame { time, ..*only },
                (None, None) => return FaceFrame { time, ..FaceFrame::default() },
            };
        let step = (after.time.0 - before.time.0) as f64;
        let t = ((time.0 - before.time.0) as f64 / step) as f32;
        FaceFrame {
            time,
            latent: mix_latents(&before.latent, &after.latent, t),
            head: mix_heads(&before.head, &after.head, t),
        }
    }
}

fn mix<const N: usize>(a: &[f32; N], b: &[f32; N], t: f32) -> [f32; N] {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

fn mix_latents(a: &Latent, b: &Latent, t: f32) -> Latent {
    Latent {
        units: mix(&a.units, &b.units, t),
        gaze: Gaze::from_array(mix(&a.gaze.to_array(), &b.gaze.to_array(), t)),
        residual: mix(&a.residual, &b.residual, t),
    }
}

fn mix_heads(a: &HeadPose, b: &HeadPose, t: f32) -> HeadPose {
    HeadPose {
        rotation: a.rotation.slerp(b.rotation, t).normalize(),
        translation: a.translation.lerp(b.translation, t),
    }
}

#[cfg(test)]
mod tests {
    use glam::{Quat, Vec3};

    use crate::latent::FaceUnit;

    use super::*;

    fn frame(milliseconds: u64, jaw: f32) -> FaceFrame {
        let mut frame = FaceFrame { time: Timestamp(milliseconds * 1_000_000), ..FaceFrame::default() };
        *frame.latent.unit_mut(FaceUnit::JawOpen) = jaw;
        frame.latent.gaze.left_yaw = -jaw;
        frame.head.rotation = Quat::from_rotation_y(jaw);
        frame.head.translation = Vec3::splat(jaw);
        frame
    }

    #[test]
    fn between_two_frames_everything_is_between() {
        let timeline = Timeline::new(vec![frame(200, 0.8), frame(100, 0.4)]);
        let middle = timeline.at(Timestamp(150_000_000));
        assert!((middle.latent.unit(FaceUnit::JawOpen) - 0.6).abs() < 1e-6);
        assert!((middle.latent.gaze.left_yaw + 0.6).abs() < 1e-6);
        assert!(middle.head.rotation.angle_between(Quat::from_rotation_y(0.6)) < 1e-3);
        assert!((middle.head.translation - Vec3::splat(0.6)).length() < 1e-6);
        assert_eq!(middle.time, Timestamp(150_000_000));
    }

    #[test]
    fn at_a_frame_it_is_that_frame_and_outside_it_holds() {
        let timeline = Timeline::new(vec![frame(100, 0.4), frame(200, 0.8)]);
        for (ms, jaw) in [(0, 0.4), (100, 0.4), (200, 0.8), (900, 0.8)] {
            assert_eq!(timeline.at(Timestamp(ms * 1_000_000)).latent.unit(FaceUnit::JawOpen), jaw, "{ms}");
        }
        assert_eq!(timeline.span(), Some((Timestamp(100_000_000), Timestamp(200_000_000))));
    }

    #[test]
    fn of_two_frames_at_one_time_the_later_counts() {
        let timeline = Timeline::new(vec![frame(100, 0.4), frame(100, 0.8)]);
        assert_eq!(timeline.at(Timestamp(100_000_000)).latent.unit(FaceUnit::JawOpen), 0.8);
    }

    #[test]
    fn nothing_is_neutral() {
        assert_eq!(Timeline::default().at(Timestamp(5)).latent, Latent::NEUTRAL);
        assert_eq!(Timeline::default().span(), None);
    }
}
