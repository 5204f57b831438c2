//! Many avatars: who is seen, and how much of each is drawn.

mod bounds;
mod cull;
mod schedule;

pub(crate) use bounds::{Bounds, BoundsScratch, Box3};
pub(crate) use cull::{is_seen, seen};
pub(crate) use schedule::{Member, cast};
