//! Rooms that avatars stand in: glTF scenes, their light and their shadows.
