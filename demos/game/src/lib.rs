//! Table tennis between two avatars, in a room that is drawn: who speaks by a face also plays with one.
//!
//! ```text
//! play::Game ── events ─▶ face::Performer ── latent, head ─▶ show::Moment ─▶ show::Theatre ─▶ the host's texture
//!  ball, paddles, rules ─▶ face::Sway, seats ────────────────▲                    hud::Hud ────▲
//! ```
//! - [`play`]: ball, paddles, rules, and players whom the computer plays; fixed steps, the same on every machine.
//! - [`face`]: faces, gaze, heads and seats that follow the game, as latents like those of a call.
//! - [`show`]: cameras, replays, and the room with everybody in it.
//! - [`hud`]: the score over the picture.
//! - [`Booth`]: all of it without a window, a picture at a time; [`run`]: all of it in a window.
//!
//! How it is made stands in `GAME.md` beside this crate.

pub mod error;
pub mod face;
pub mod hud;
pub mod play;
pub mod show;

mod booth;
mod sound;
mod window;

pub use booth::Booth;
pub use error::GameError;
pub use sound::Mixer;
pub use window::{Report, Setup, run};
