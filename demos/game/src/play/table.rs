//! Where the table is. It is a small one, a little less than half as long as tournaments', so that faces are near each other.

use glam::Vec3;

/// Half of the table's length, along X, metres.
pub const HALF_LENGTH_M: f32 = 0.55;
/// Half of its width, along Z, metres.
pub const HALF_WIDTH_M: f32 = 0.36;
/// Its top above the floor, metres.
pub const TOP_M: f32 = 0.72;
/// How thick its top is, metres.
pub const THICKNESS_M: f32 = 0.035;
/// The net's upper edge above the table, metres.
pub const NET_M: f32 = 0.07;
/// How far the net reaches beyond the table's edges, metres.
pub const NET_OVERHANG_M: f32 = 0.03;
/// The ball's radius, metres: a tournament's.
pub const BALL_RADIUS_M: f32 = 0.02;
/// The height of a ball's middle while it lies on the table, metres.
pub const BALL_ON_TABLE_M: f32 = TOP_M + BALL_RADIUS_M;
/// Corners of the air that the ball stays in, metres: floor, walls and ceiling are beyond.
pub const ROOM_M: [Vec3; 2] = [Vec3::new(-2.1, 0.0, -1.25), Vec3::new(2.1, 2.6, 2.2)];

/// One of the two ends of the table, and who stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// At −X.
    Left,
    /// At +X.
    Right,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The one across the table.
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// −1 or 1: where on X it is.
    pub const fn sign(self) -> f32 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }

    /// Whose half of the table a place is over.
    pub fn at(x: f32) -> Self {
        if x < 0.0 { Self::Left } else { Self::Right }
    }

    /// 0 or 1.
    pub const fn index(self) -> usize {
        self as usize
    }
}
