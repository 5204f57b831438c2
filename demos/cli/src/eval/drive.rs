//! How the avatar is driven for a frame of a capture.

use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::{GAZE, Gaze, HeadPose, Latent, UNITS};
use visavis_codec::train::CaptureFrame;
use visavis_codec::{FaceFrame, Timestamp};

/// What a frame is shown with, in each way that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Drives {
    /// Units, gaze and head rotation, r = 0.
    pub(crate) units: FaceFrame,
    /// The neutral face, at the frame's head pose.
    pub(crate) neutral: FaceFrame,
}

/// The latents of a frame: the one place where they are made.
pub(crate) fn drives(frame: &CaptureFrame) -> Drives {
    let rotation = Quat::from_scaled_axis(Vec3::from_array(frame.head_rotation));
    let head = HeadPose { rotation, translation: Vec3::ZERO };
    let face = |latent| FaceFrame { time: Timestamp::default(), latent, head };
    Drives { units: face(units(frame)), neutral: face(Latent::NEUTRAL) }
}

/// What the frame performed. The capture's reader has checked that it has 52 units.
fn units(frame: &CaptureFrame) -> Latent {
    let units: [f32; UNITS] = std::array::from_fn(|i| frame.units.get(i).copied().unwrap_or(0.0));
    let gaze: [f32; GAZE] = frame.gaze;
    Latent { units, gaze: Gaze::from_array(gaze), ..Latent::NEUTRAL }
}
