//! Where it is seen from.

use glam::Vec3;

use crate::play::Side;
use crate::play::table::{HALF_LENGTH_M, TOP_M};

pub use visavis::View;

/// A camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Camera {
    /// From beside the table: both players at three quarters.
    #[default]
    Spectator,
    /// From behind one side's place, whose player isn't seen: the opponent looks at the one who plays.
    Player(Side),
    /// Near one player, as points are shown again.
    Close(Side),
}

/// Nothing nearer is seen, metres.
const NEAR_M: f32 = 0.05;

impl Camera {
    /// The view at a time, for pictures of this shape (width over height); the ball draws the spectator's eye a little.
    pub fn view(self, time_s: f32, ball_m: Vec3, aspect: f32) -> View {
        let aspect = aspect.max(0.2);
        match self {
            Self::Spectator => {
                let drift = Vec3::new((0.21 * time_s).sin(), 0.5 * (0.17 * time_s).sin(), 0.0) * 0.05;
                let eye = Vec3::new(-0.03, 1.27, 2.10) + drift;
                let look = Vec3::new(-0.01 + 0.03 * ball_m.x.clamp(-1.0, 1.0), 0.99, 0.0);
                // Narrow pictures see as much from side to side.
                let angle = wide_enough(0.56, aspect);
                View::look_at(eye, look, angle, aspect, NEAR_M)
            }
            Self::Player(side) => {
                let eye = Vec3::new(side.sign() * (HALF_LENGTH_M + 1.02), TOP_M + 0.62, 0.02);
                let look = Vec3::new(-side.sign() * 0.34, TOP_M + 0.18, 0.0);
                View::look_at(eye, look, wide_enough(0.54, aspect), aspect, NEAR_M)
            }
            Self::Close(side) => {
                let turn = 0.10 * (0.5 * time_s).sin();
                let eye = Vec3::new(side.sign() * (0.02 + turn), 1.10, 1.12);
                let look = Vec3::new(side.sign() * 0.72, 1.00, 0.0);
                View::look_at(eye, look, wide_enough(0.62, aspect), aspect, NEAR_M)
            }
        }
    }

    /// Whose player is not in the picture.
    pub const fn hides(self) -> Option<Side> {
        match self {
            Self::Player(side) => Some(side),
            _ => None,
        }
    }
}

/// A vertical angle that shows as much from side to side as `angle` does in a 16:9 picture.
fn wide_enough(angle: f32, aspect: f32) -> f32 {
    const USUAL: f32 = 16.0 / 9.0;
    let half = (0.5 * angle).tan() * (USUAL / aspect).max(1.0);
    2.0 * half.atan()
}
