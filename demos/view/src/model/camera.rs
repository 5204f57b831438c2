//! The camera: about a point near the head, always on its way to where it was sent.

use glam::{Quat, Vec2, Vec3};
use visavis::View;

pub(crate) use super::landmarks::{Focus, Landmarks};

/// Near plane, metres.
const NEAR_M: f32 = 0.02;
/// Degrees from the picture's top to its bottom: a portrait lens, as the capture's cameras have.
const FOV_DEG: f32 = 16.0;
/// How near and how far, metres.
const DISTANCE_M: [f32; 2] = [0.12, 6.0];
/// How high and how low, radians.
const MAX_PITCH: f32 = 1.45;
/// How far what it looks at may be from the eyes, metres.
const MAX_PAN_M: f32 = 0.6;
/// A picture's height of drag turns so far, radians.
const TURN_PER_HEIGHT: f32 = 2.4;
/// The camera has come 63 % of its way after so many seconds: after a drag, after a jump to another part.
const FOLLOW_S: f32 = 0.06;
const FLY_S: f32 = 0.16;

/// Where a camera is: about a point, at a distance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Orbit {
    target: Vec3,
    /// Positive: towards the person's left.
    yaw: f32,
    /// Positive: from above.
    pitch: f32,
    distance: f32,
}

/// The camera.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    goal: Orbit,
    shown: Orbit,
    landmarks: Landmarks,
    focus: Option<Focus>,
    is_flying: bool,
}

impl Default for Camera {
    fn default() -> Self {
        let landmarks = Landmarks::default();
        let (target, distance) = landmarks.pose(Focus::Portrait);
        let orbit = Orbit { target, yaw: 0.0, pitch: 0.0, distance };
        Self { goal: orbit, shown: orbit, landmarks, focus: Some(Focus::Portrait), is_flying: false }
    }
}

impl Camera {
    /// Learns where another person's parts are; a camera that looks at a part goes on doing so.
    pub(crate) fn meet(&mut self, landmarks: Landmarks) {
        self.landmarks = landmarks;
        if let Some(focus) = self.focus {
            self.look_at(focus);
        }
    }

    pub(crate) fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    /// The part that it looks at, unless it was moved away.
    pub(crate) fn focus(&self) -> Option<Focus> {
        self.focus
    }

    /// Flies to a part; the direction stays.
    pub(crate) fn look_at(&mut self, focus: Focus) {
        (self.goal.target, self.goal.distance) = self.landmarks.pose(focus);
        self.focus = Some(focus);
        self.is_flying = true;
    }

    /// Back to the front, the whole person.
    pub(crate) fn reset(&mut self) {
        // The short way round.
        self.shown.yaw =
            (self.shown.yaw + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI;
        (self.goal.yaw, self.goal.pitch) = (0.0, 0.0);
        self.look_at(Focus::Portrait);
    }

    /// Turns by a drag, in heights of the picture, right and down positive: the head follows the hand.
    pub(crate) fn orbit(&mut self, drag: Vec2) {
        if drag.is_finite() {
            self.goal.yaw -= TURN_PER_HEIGHT * drag.x;
            self.goal.pitch = (self.goal.pitch + TURN_PER_HEIGHT * drag.y).clamp(-MAX_PITCH, MAX_PITCH);
            self.is_flying = false;
        }
    }

    /// Moves sideways by a drag, in heights of the picture: what is under the hand stays there.
    pub(crate) fn pan(&mut self, drag: Vec2) {
        if !drag.is_finite() {
            return;
        }
        let height = 2.0 * self.goal.distance * (0.5 * FOV_DEG.to_radians()).tan();
        let turn = Quat::from_rotation_y(self.goal.yaw) * Quat::from_rotation_x(self.goal.pitch);
        // Seen from the front, the picture's right is the person's left, −X.
        let offset = turn * Vec3::new(drag.x, drag.y, 0.0) * height;
        self.goal.target = (self.goal.target + offset).clamp_length_max(MAX_PAN_M);
        self.focus = None;
        self.is_flying = false;
    }

    /// Comes nearer by this factor (more than 1) or goes away.
    pub(crate) fn zoom(&mut self, factor: f32) {
        if factor.is_finite() && factor > 0.0 {
            self.goal.distance = (self.goal.distance / factor).clamp(DISTANCE_M[0], DISTANCE_M[1]);
            self.focus = None;
            self.is_flying = false;
        }
    }

    /// Lets time pass; whether it still moves.
    pub(crate) fn advance(&mut self, seconds: f32) -> bool {
        let time = if self.is_flying { FLY_S } else { FOLLOW_S };
        let part = -(-seconds.max(0.0) / time).exp_m1();
        let Orbit { target, yaw, pitch, distance } = self.goal;
        let shown = &mut self.shown;
        shown.target += (target - shown.target) * part;
        shown.yaw += (yaw - shown.yaw) * part;
        shown.pitch += (pitch - shown.pitch) * part;
        // Equal steps of zoom look equal.
        shown.distance *= (distance / shown.distance).powf(part);
        let left = (target - shown.target).length() / distance
            + (yaw - shown.yaw).abs()
            + (pitch - shown.pitch).abs()
            + (distance / shown.distance).ln().abs();
        if left < 3e-4 {
            self.shown = self.goal;
            self.is_flying = false;
        }
        self.shown != self.goal
    }

    /// What it sees in a picture of this width over height. Where a picture is narrow it steps back, so that the face
    /// stays whole.
    pub(crate) fn view(&self, aspect: f32) -> View {
        let (eye, target) = self.eye_and_target(aspect);
        View::look_at(eye, target, FOV_DEG.to_radians(), aspect, NEAR_M)
    }

    /// Two eyes, left then right, this far apart (metres), both with this aspect, looking straight ahead side by side;
    /// what the camera looks at appears in the plane of the screen.
    pub(crate) fn stereo(&self, aspect: f32, apart_m: f32) -> [View; 2] {
        let (eye, target) = self.eye_and_target(aspect);
        let centre = View::look_at(eye, target, FOV_DEG.to_radians(), aspect, NEAR_M);
        let distance = (eye - target).length().max(NEAR_M);
        [-0.5 * apart_m, 0.5 * apart_m].map(|side| {
            let mut view = centre;
            view.view_from_world.translation.x -= side;
            // Off-axis: the frusta meet in the plane of the target.
            let shift = view.clip_from_view.x_axis.x * side / distance;
            view.clip_from_view.z_axis.x -= shift;
            view
        })
    }

    /// Where it stands, metres in the rest frame.
    pub(crate) fn eye(&self, aspect: f32) -> Vec3 {
        self.eye_and_target(aspect).0
    }

    /// The camera's right and up, metres a picture's height at the target.
    pub(crate) fn screen_axes(&self) -> [Vec3; 2] {
        let turn = Quat::from_rotation_y(self.shown.yaw) * Quat::from_rotation_x(self.shown.pitch);
        let height = 2.0 * self.shown.distance * (0.5 * FOV_DEG.to_radians()).tan();
        [turn * Vec3::NEG_X * height, turn * Vec3::Y * height]
    }

    /// The part nearest to a point of the picture, −½..½ of its height, right and up positive.
    pub(crate) fn part_at(&self, point: Vec2, aspect: f32) -> Focus {
        let view = self.view(aspect);
        let distance = |target: Vec3| {
            let clip = view.clip_from_world() * target.extend(1.0);
            let place = Vec2::new(clip.x * aspect, clip.y) / clip.w.max(1e-6) * 0.5;
            place.distance(point)
        };
        let eyes = distance(self.landmarks.left_eye).min(distance(self.landmarks.right_eye));
        let mouth = distance(self.landmarks.mouth);
        // About the size of either, seen from here.
        let reach = 0.045 / self.shown.distance / (2.0 * (0.5 * FOV_DEG.to_radians()).tan());
        match (eyes.min(mouth) < reach, eyes < mouth) {
            (false, _) => Focus::Head,
            (true, true) => Focus::Eyes,
            (true, false) => Focus::Mouth,
        }
    }

    fn eye_and_target(&self, aspect: f32) -> (Vec3, Vec3) {
        let Orbit { target, yaw, pitch, distance } = self.shown;
        // The face looks along −Z and the person's left is −X.
        let direction = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(pitch) * Vec3::NEG_Z;
        let distance = distance * (0.85 / aspect.max(0.1)).max(1.0);
        (target + distance * direction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(mut camera: Camera) -> Camera {
        for _ in 0..400 {
            if !camera.advance(0.016) {
                return camera;
            }
        }
        panic!("the camera never rests");
    }

    #[test]
    fn a_drag_to_the_right_turns_the_face_to_the_right() {
        let mut camera = Camera::default();
        camera.orbit(Vec2::new(0.2, 0.0));
        let eye = settled(camera).eye(1.0);
        // The nose points at the picture's right when the camera stands at the person's right.
        assert!(eye.x > 0.3, "{eye}");
    }

    #[test]
    fn what_is_under_the_hand_stays_there() {
        let mut camera = Camera::default();
        let before = camera.view(1.0);
        let point = camera.goal.target;
        camera.pan(Vec2::new(0.1, 0.0));
        let after = settled(camera).view(1.0);
        let x = |view: &View| {
            let clip = view.clip_from_world() * point.extend(1.0);
            clip.x / clip.w * 0.5
        };
        assert!((x(&after) - x(&before) - 0.1).abs() < 2e-3, "{} {}", x(&before), x(&after));
    }

    #[test]
    fn focus_flies_and_dragging_lets_go_of_it() {
        let mut camera = Camera::default();
        camera.look_at(Focus::Eyes);
        assert!(camera.advance(0.016));
        let mut camera = settled(camera);
        assert_eq!(camera.focus(), Some(Focus::Eyes));
        assert!((camera.eye(1.0) - Vec3::new(0.0, 0.0, 0.012)).length() < 0.4);
        camera.zoom(1.1);
        assert_eq!(camera.focus(), None);
        camera.zoom(1e9);
        assert!(settled(camera).eye(1.0).is_finite());
    }

    #[test]
    fn a_double_click_finds_what_is_under_it() {
        let camera = Camera::default();
        let at = |target: Vec3| {
            let clip = camera.view(1.5).clip_from_world() * target.extend(1.0);
            Vec2::new(clip.x * 1.5, clip.y) / clip.w * 0.5
        };
        assert_eq!(camera.part_at(at(camera.landmarks.left_eye), 1.5), Focus::Eyes);
        assert_eq!(camera.part_at(at(camera.landmarks.mouth), 1.5), Focus::Mouth);
        assert_eq!(camera.part_at(Vec2::new(0.45, 0.45), 1.5), Focus::Head);
    }

    #[test]
    fn two_eyes_agree_on_the_target_and_differ_behind_it() {
        let camera = Camera::default();
        let views = camera.stereo(1.0, 0.064);
        let x = |view: &View, point: Vec3| {
            let clip = view.clip_from_world() * point.extend(1.0);
            clip.x / clip.w
        };
        let target = camera.goal.target;
        assert!((x(&views[0], target) - x(&views[1], target)).abs() < 1e-4);
        let behind = target + Vec3::Z * 0.2;
        // What is behind the screen appears further right to the right eye.
        assert!(x(&views[1], behind) > x(&views[0], behind) + 1e-3);
    }

    #[test]
    fn a_narrow_picture_still_shows_the_face() {
        let camera = Camera::default();
        let clip = camera.view(0.4).clip_from_world() * Vec3::new(0.08, 0.0, 0.0).extend(1.0);
        assert!((clip.x / clip.w).abs() < 0.9, "{clip}");
    }
}
