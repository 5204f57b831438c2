//! Live calls between avatars.

pub mod voice;
