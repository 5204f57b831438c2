//! The viewer: a window in which people look at avatars.
