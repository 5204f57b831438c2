//! Live calls between avatars.

pub mod rate;
