//! Live calls between avatars.

pub mod avatar_track;
pub mod bundle;
pub mod call;
pub mod catalogue;
mod hex;
pub mod identity;
pub mod limits;
pub mod link;
pub mod rate;
pub mod seal;
#[cfg(test)]
mod testing;
pub mod transport;
pub mod voice;
