//! A game to look at: [`Show`] plays it with faces, seats and cameras, and shows points again; [`Theatre`] draws it.

mod arm;
mod camera;
mod moment;
mod performance;
mod replay;
mod theatre;

pub use camera::{Camera, View};
pub use moment::{Moment, TRAIL};
pub use performance::{Caption, Character, Show, Sound};
pub use theatre::{Player, Theatre};
