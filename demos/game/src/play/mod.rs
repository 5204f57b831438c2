//! The game itself: what balls, paddles, rules and players do, in steps of 1/240 s. No graphics, no clock, no randomness but
//! from a seed: the same seed and the same hands play the same game, to the last bit.
//!
//! The world is the room's: metres, +Y up, the table along X with its middle over the origin, [`Side::Left`] at −X; whoever
//! watches stands at +Z.

pub mod aim;
pub mod ball;
mod game;
mod hand;
mod mind;
mod paddle;
mod random;
pub mod rules;
pub mod table;

pub use ball::Ball;
pub use game::{Event, Game, Options, Phase};
pub use hand::Hand;
pub use mind::Skill;
pub use paddle::Paddle;
pub use random::Random;
pub use rules::{Rally, Score, Why};
pub use table::Side;

/// Length of a step, seconds.
pub const STEP_S: f32 = 1.0 / 240.0;
