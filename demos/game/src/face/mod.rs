//! Faces that play: what happens in a game becomes a latent and a head pose, picture by picture.
//!
//! [`Performer`] is one player's face: acts that events start and that fade in and out, eyes that go where the game is,
//! lids that blink, a head that follows. Everything goes through springs, so that nothing pops, then through the avatar's own
//! range and an expression profile ([`visavis_codec::expression`]). [`Sway`] is the seat that carries the player.

mod act;
mod attention;
mod blink;
mod eyes;
mod features;
mod performer;
mod spring;
mod sway;

pub use act::{Act, Kind};
pub use features::Features;
pub use performer::{Cue, Performer};
pub use sway::{Sway, seat};
