//! Where the picture is taken from.

use std::str::FromStr;

use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::reference::View;

/// A camera about the head at rest, as `--camera` names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Degrees around the head; positive: towards the person's left.
    pub(crate) yaw_deg: f32,
    /// Degrees above eye level.
    pub(crate) pitch_deg: f32,
    /// Metres from what it looks at.
    pub(crate) distance_m: f32,
    /// Degrees from the picture's top to its bottom.
    pub(crate) fov_deg: f32,
    /// What it looks at, metres above the eyes.
    pub(crate) height_m: f32,
    /// Degrees that it sways to either side, once in [`SWAY_SECONDS`].
    pub(crate) sway_deg: f32,
}

/// One swing of a swaying camera to both sides and back.
const SWAY_SECONDS: f64 = 12.0;

/// Near plane, metres.
const NEAR_M: f32 = 0.05;

/// What the camera looks at lies this far behind the eyes: in the middle of the head.
const TARGET_BEHIND_EYES_M: f32 = 0.062;

impl Default for Camera {
    /// A portrait: eye level, head and shoulders, long lens, as the capture's own front camera stands.
    fn default() -> Self {
        Self { yaw_deg: 0.0, pitch_deg: 0.0, distance_m: 1.2, fov_deg: 16.0, height_m: -0.03, sway_deg: 0.0 }
    }
}

/// What `--camera` understands, for help and errors.
pub(crate) const CAMERA_HELP: &str = "front, left, right, three-quarter, sway, or any of yaw=20,pitch=5 (degrees), \
distance=1.2,height=-0.03 (metres), fov=16,sway=12 (degrees), separated by commas";

impl FromStr for Camera {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut camera = Self::default();
        for word in text.split(',') {
            match word.trim().split_once('=') {
                None => match word.trim() {
                    "front" => camera.yaw_deg = 0.0,
                    "left" => camera.yaw_deg = 60.0,
                    "right" => camera.yaw_deg = -60.0,
                    "three-quarter" => camera.yaw_deg = 30.0,
                    "sway" => camera.sway_deg = 18.0,
                    other => return Err(format!("`{other}` is no camera; try {CAMERA_HELP}")),
                },
                Some((name, value)) => {
                    let number: f32 =
                        value.trim().parse().map_err(|_| format!("{name}: `{value}` is no number"))?;
                    let (field, low, high) = match name.trim() {
                        "yaw" => (&mut camera.yaw_deg, -180.0, 180.0),
                        "pitch" => (&mut camera.pitch_deg, -85.0, 85.0),
                        "distance" => (&mut camera.distance_m, 0.2, 20.0),
                        "fov" => (&mut camera.fov_deg, 1.0, 120.0),
                        "height" => (&mut camera.height_m, -1.0, 1.0),
                        "sway" => (&mut camera.sway_deg, 0.0, 90.0),
                        other => {
                            return Err(format!("`{other}` is no setting of a camera; try {CAMERA_HELP}"));
                        }
                    };
                    if !(low..=high).contains(&number) {
                        return Err(format!("{name}={number} is outside {low}..={high}"));
                    }
                    *field = number;
                }
            }
        }
        Ok(camera)
    }
}

impl Camera {
    /// The camera at a time of the call, seconds; the world is the rest frame. `aspect` is width over height.
    pub(crate) fn view(&self, time: f64, aspect: f32) -> View {
        let sway = self.sway_deg * (std::f64::consts::TAU * time / SWAY_SECONDS).sin() as f32;
        let (yaw, pitch) = ((self.yaw_deg + sway).to_radians(), self.pitch_deg.to_radians());
        let target = Vec3::new(0.0, self.height_m, TARGET_BEHIND_EYES_M);
        // The face looks along −Z and the person's left is −X: a positive turn about +Y takes −Z to their left.
        let direction = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(pitch) * Vec3::NEG_Z;
        View::look_at(target + self.distance_m * direction, target, self.fov_deg.to_radians(), aspect, NEAR_M)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(camera: &Camera) -> Vec3 {
        camera.view(0.0, 1.0).eye()
    }

    #[test]
    fn the_front_camera_sees_the_face_upright_and_in_the_middle() {
        let camera = Camera::default();
        let eye = position(&camera);
        assert!((eye - Vec3::new(0.0, -0.03, TARGET_BEHIND_EYES_M - 1.2)).length() < 1e-5, "{eye}");
        // A point over the eyes is above the middle; one at the person's right (+X) is at the picture's left.
        let view_from_world = camera.view(0.0, 1.0).view_from_world;
        assert!(view_from_world.transform_point3(Vec3::new(0.0, 0.1, 0.0)).y > 0.0);
        assert!(view_from_world.transform_point3(Vec3::new(0.05, 0.0, 0.0)).x < 0.0);
        assert!(view_from_world.transform_point3(Vec3::ZERO).z < -1.0);
    }

    #[test]
    fn a_positive_yaw_goes_to_the_persons_left_and_a_positive_pitch_up() {
        let left: Camera = "left".parse().unwrap();
        assert!(position(&left).x < -0.9, "{}", position(&left));
        let high: Camera = "pitch=30".parse().unwrap();
        assert!(position(&high).y > 0.5, "{}", position(&high));
    }

    #[test]
    fn settings_are_read_and_checked() {
        let camera: Camera = "three-quarter,distance=2,fov=30".parse().unwrap();
        assert_eq!((camera.yaw_deg, camera.distance_m, camera.fov_deg), (30.0, 2.0, 30.0));
        for wrong in ["", "back", "yaw=x", "zoom=2", "fov=0", "distance=nan", "pitch=90"] {
            assert!(wrong.parse::<Camera>().is_err(), "{wrong}");
        }
    }
}
