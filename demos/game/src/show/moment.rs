//! Everything that a picture depends on.

use glam::{Affine3A, Quat, Vec3};
use visavis_codec::latent::{Gaze, MAX_RESIDUAL, UNITS};
use visavis_codec::{FaceFrame, HeadPose, Latent};

use crate::play::{Paddle, Phase, Score};

/// How many places of the ball before this one are drawn.
pub const TRAIL: usize = 6;

/// One moment of a game.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Seconds of the game.
    pub time_s: f32,
    /// What is going on.
    pub phase: Phase,
    /// The points.
    pub score: Score,
    /// The ball's middle, metres.
    pub ball_m: Vec3,
    /// Where it was before, the latest first; metres.
    pub trail_m: [Vec3; TRAIL],
    /// The blades.
    pub paddles: [Paddle; 2],
    /// The seats in the world: the rest frames of people whose busts are as long as captured ones.
    pub seats: [Affine3A; 2],
    /// The players' rest frames in the world: shorter busts sit lower.
    pub people: [Affine3A; 2],
    /// Their faces.
    pub faces: [FaceFrame; 2],
}

impl Moment {
    /// Between two moments; the score and what is going on are the first one's.
    pub fn between(a: &Self, b: &Self, share: f32) -> Self {
        let share = share.clamp(0.0, 1.0);
        let mix = |a: f32, b: f32| a + share * (b - a);
        // Over a jump (a new serve) nothing lies in between.
        let jumps = a.ball_m.distance(b.ball_m) > 0.6;
        let point = |a: Vec3, b: Vec3| if jumps { a } else { a.lerp(b, share) };
        Self {
            time_s: mix(a.time_s, b.time_s),
            phase: a.phase,
            score: a.score,
            ball_m: point(a.ball_m, b.ball_m),
            trail_m: std::array::from_fn(|i| point(a.trail_m[i], b.trail_m[i])),
            paddles: std::array::from_fn(|i| Paddle {
                position_m: a.paddles[i].position_m.lerp(b.paddles[i].position_m, share),
                velocity_m_s: a.paddles[i].velocity_m_s.lerp(b.paddles[i].velocity_m_s, share),
            }),
            seats: std::array::from_fn(|i| place_between(a.seats[i], b.seats[i], share)),
            people: std::array::from_fn(|i| place_between(a.people[i], b.people[i], share)),
            faces: std::array::from_fn(|i| face_between(&a.faces[i], &b.faces[i], share)),
        }
    }
}

fn place_between(a: Affine3A, b: Affine3A, share: f32) -> Affine3A {
    let [(_, turn, at), (_, other_turn, other_at)] =
        [a, b].map(|place| place.to_scale_rotation_translation());
    Affine3A::from_rotation_translation(slerp(turn, other_turn, share), at.lerp(other_at, share))
}

fn slerp(a: Quat, b: Quat, share: f32) -> Quat {
    a.slerp(b, share).normalize()
}

fn face_between(a: &FaceFrame, b: &FaceFrame, share: f32) -> FaceFrame {
    let mix = |a: f32, b: f32| a + share * (b - a);
    let [gaze, other] = [a.latent.gaze.to_array(), b.latent.gaze.to_array()];
    FaceFrame {
        time: a.time,
        latent: Latent {
            units: std::array::from_fn::<_, UNITS, _>(|u| mix(a.latent.units[u], b.latent.units[u])),
            gaze: Gaze::from_array(std::array::from_fn(|i| mix(gaze[i], other[i]))),
            residual: std::array::from_fn::<_, MAX_RESIDUAL, _>(|i| {
                mix(a.latent.residual[i], b.latent.residual[i])
            }),
        },
        head: HeadPose {
            rotation: slerp(a.head.rotation, b.head.rotation, share),
            translation: a.head.translation.lerp(b.head.translation, share),
        },
    }
}
