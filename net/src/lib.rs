//! Live calls between avatars.
