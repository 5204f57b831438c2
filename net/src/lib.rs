//! Live calls between avatars.

pub mod rate;
pub mod avatar_track;
mod hex;
pub mod identity;
pub mod limits;
pub mod link;
pub mod seal;
