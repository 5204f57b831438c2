//! How much of an avatar is drawn, by its pixels on screen.

use std::sync::Arc;

use crate::maps::Map;
use crate::person::PersonInner;

/// How much of an avatar is drawn, from all of it to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everything, decoded in every frame.
    Full,
    /// The dynamic map is decoded in every other frame and held in between; the mesh moves in every frame.
    Half,
    /// The likeness's mesh (a tenth of the vertices); the dynamic map at half its size (without the last up-block), decoded
    /// in every fourth frame; the static map at half its size. The pixel decoder still shades every pixel.
    Coarse,
    /// The likeness: its mesh and its colour, which is the same from everywhere. Nothing is decoded.
    Likeness,
}

impl Level {
    /// All of them, the most first.
    pub const ALL: [Self; 4] = [Self::Full, Self::Half, Self::Coarse, Self::Likeness];

    /// Every how many frames the dynamic map is decoded; none without one.
    pub const fn decode_period(self) -> Option<u32> {
        match self {
            Self::Full => Some(1),
            Self::Half => Some(2),
            Self::Coarse => Some(4),
            Self::Likeness => None,
        }
    }

    /// Whether the dynamic map has half its size.
    pub(crate) const fn has_half_map(self) -> bool {
        matches!(self, Self::Coarse)
    }

    /// Whether the likeness's mesh is drawn, if there is one.
    pub(crate) const fn has_coarse_mesh(self) -> bool {
        matches!(self, Self::Coarse | Self::Likeness)
    }
}

/// Below which height on screen the next level is drawn. The height is that of the avatar's whole mesh, a bust, in the
/// largest of the frame's views.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Pixels below which [`Level::Half`] is drawn.
    pub half: f32,
    /// Pixels below which [`Level::Coarse`] is drawn.
    pub coarse: f32,
    /// Pixels below which [`Level::Likeness`] is drawn.
    pub likeness: f32,
    /// A finer level returns only this much above its threshold, so that an avatar at it doesn't go to and fro: 0.15 is
    /// 15 %.
    pub hysteresis: f32,
}

impl Default for Thresholds {
    /// Where no frame differs from the one that the finer level would have shown by a mean ꟻLIP of more than 0.065 inside the
    /// avatar, measured on the one that comes with this (COST.md has the table): 0.006 at the first threshold, 0.062 at
    /// the second, and at the third 0.13 in steps of an eighth.
    fn default() -> Self {
        Self { half: 384.0, coarse: 64.0, likeness: 24.0, hysteresis: 0.15 }
    }
}

/// Who decides at which [`Level`] an avatar is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Detail {
    /// [`Level::Full`], whatever its size.
    #[default]
    Full,
    /// This level.
    Fixed(Level),
    /// Its pixels on screen.
    ByPixels(Thresholds),
}

/// Frames in which the likeness's colour takes the place of the decoder's when an avatar crosses that threshold, and back.
const FADE_FRAMES: f32 = 8.0;

/// What an instance was drawn at.
#[derive(Debug, Default)]
pub(crate) struct DetailState {
    level: Option<Level>,
    /// Of the likeness's colour.
    share: f32,
    held: Option<Held>,
}

/// A map that serves for several frames.
#[derive(Debug)]
struct Held {
    map: Arc<Map>,
    /// Frames that it has served for.
    age: u32,
}

impl DetailState {
    /// The level at this size, and how much of the likeness's colour to show.
    pub(crate) fn choose(&mut self, detail: Detail, pixels: f32, person: &PersonInner) -> (Level, f32) {
        let wanted = match detail {
            Detail::Full => Level::Full,
            Detail::Fixed(level) => level,
            Detail::ByPixels(thresholds) => by_pixels(thresholds, pixels, self.level),
        };
        let wanted = person.nearest(wanted);
        let share = if wanted == Level::Likeness { 1.0 } else { 0.0 };
        self.share = match (self.level, detail) {
            // Nobody has seen it at another level.
            (None, _) | (_, Detail::Full | Detail::Fixed(_)) => share,
            _ => self.share + (share - self.share).clamp(-1.0 / FADE_FRAMES, 1.0 / FADE_FRAMES),
        };
        self.level = Some(wanted);
        // Until the fade is over, the decoder's colour is still needed.
        let drawn = match wanted {
            Level::Likeness if self.share < 1.0 => person.nearest(Level::Coarse),
            level => level,
        };
        (drawn, self.share)
    }

    /// The level it was drawn at last.
    pub(crate) fn level(&self) -> Option<Level> {
        self.level
    }

    /// It isn't seen: nothing is held for it, and it may come back at any level.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// It needs no map of other frames.
    pub(crate) fn release(&mut self) {
        self.held = None;
    }

    /// Whether there is no map that would do.
    pub(crate) fn is_due_at_once(&self, level: Level) -> bool {
        self.held.as_ref().is_none_or(|held| held.map.is_half() != held.map.half_of(level))
    }

    /// Frames that the held map has served for.
    pub(crate) fn age(&self) -> Option<u32> {
        self.held.as_ref().map(|held| held.age)
    }

    /// Holds a map that has just been decoded.
    pub(crate) fn hold(&mut self, map: Arc<Map>) {
        self.held = Some(Held { map, age: 1 });
    }

    /// The held map, for one more frame.
    pub(crate) fn reuse(&mut self) -> Option<Arc<Map>> {
        let held = self.held.as_mut()?;
        held.age = held.age.saturating_add(1);
        Some(held.map.clone())
    }
}

/// The level at this size; `before` is what it was.
fn by_pixels(thresholds: Thresholds, pixels: f32, before: Option<Level>) -> Level {
    let Thresholds { half, coarse, likeness, hysteresis } = thresholds;
    let mut level = Level::Full;
    for (coarser, threshold) in [(Level::Half, half), (Level::Coarse, coarse), (Level::Likeness, likeness)] {
        let is_there = before.is_some_and(|before| before >= coarser);
        let threshold = if is_there { threshold * (1.0 + hysteresis.max(0.0)) } else { threshold };
        if pixels < threshold {
            level = coarser;
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_pixels_with_hysteresis() {
        let thresholds = Thresholds { half: 200.0, coarse: 100.0, likeness: 40.0, hysteresis: 0.2 };
        let at = |pixels, before| by_pixels(thresholds, pixels, before);
        assert_eq!(
            [f32::INFINITY, 200.0, 199.0, 99.0, 39.0].map(|pixels| at(pixels, None)),
            [Level::Full, Level::Full, Level::Half, Level::Coarse, Level::Likeness]
        );
        // Going to and fro by a tenth about a threshold changes nothing but the first time.
        let mut level = None;
        let mut changes = 0;
        for n in 0..100 {
            let next = at(100.0 * (1.0 + 0.1 * (n as f32).sin()), level);
            changes += u32::from(level.is_some_and(|level| level != next));
            level = Some(next);
        }
        assert!(changes <= 1, "{changes} changes");
        assert_eq!(at(119.0, Some(Level::Coarse)), Level::Coarse);
        assert_eq!(at(121.0, Some(Level::Coarse)), Level::Half);
        assert_eq!(at(500.0, Some(Level::Likeness)), Level::Full);
    }
}
