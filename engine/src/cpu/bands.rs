//! Lists of what touches each band of rows of the picture, in drawing order.

/// Rows of a band, and width and height of the tiles that a band is drawn in.
pub(crate) const TILE: usize = 32;

/// The pixels that something may touch, bounds included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) x: [u16; 2],
    pub(crate) y: [u16; 2],
}

impl Bounds {
    /// The pixels of a `width` × `height` picture whose centres lie between the corners `low` and `high`.
    #[inline(always)]
    pub(crate) fn of(low: [f32; 2], high: [f32; 2], [width, height]: [usize; 2]) -> Option<Self> {
        let range = |low: f32, high: f32, count: usize| {
            let first = (low - 0.5).ceil().max(0.0);
            let last = (high - 0.5).floor().min(count as f32 - 1.0);
            (first <= last).then_some([first as u16, last as u16])
        };
        Some(Self { x: range(low[0], high[0], width)?, y: range(low[1], high[1], height)? })
    }
}

/// One thing in one band.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) index: u32,
    /// The columns that it may touch, bounds included.
    pub(crate) x: [u16; 2],
}

/// Which things touch which band.
#[derive(Debug, Default)]
pub(crate) struct Bands {
    noted: Vec<(u32, Bounds)>,
    /// Where each band's entries end.
    end: Vec<u32>,
    entries: Vec<Entry>,
}

impl Bands {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.noted.clear();
    }

    /// Notes one more thing.
    pub(crate) fn note(&mut self, index: usize, bounds: Bounds) {
        self.noted.push((index as u32, bounds));
    }

    /// Sorts what was noted into the bands of a picture with this many rows, keeping its order.
    pub(crate) fn sort(&mut self, height: usize) {
        let Self { noted, end, entries } = self;
        end.clear();
        end.resize(height.div_ceil(TILE) + 1, 0);
        let bands = |bounds: &Bounds| usize::from(bounds.y[0]) / TILE..=usize::from(bounds.y[1]) / TILE;
        for (_, bounds) in noted.iter() {
            for band in bands(bounds) {
                end[band + 1] += 1;
            }
        }
        for band in 1..end.len() {
            end[band] += end[band - 1];
        }
        // Now each is its band's start, one further on, and becomes its end as the band fills.
        entries.resize(end.last().map_or(0, |&total| total as usize), Entry::default());
        for &(index, bounds) in noted.iter() {
            for band in bands(&bounds) {
                entries[end[band] as usize] = Entry { index, x: bounds.x };
                end[band] += 1;
            }
        }
    }

    /// What touches a band, in the order in which it was noted.
    pub(crate) fn of(&self, band: usize) -> &[Entry] {
        let end = |band: usize| self.end.get(band).map_or(0, |&end| end as usize);
        let start = band.checked_sub(1).map_or(0, end);
        self.entries.get(start..end(band)).unwrap_or(&[])
    }

    /// What touches a band and may touch the columns `from..from + TILE`.
    pub(crate) fn of_tile(&self, band: usize, from: usize) -> impl Iterator<Item = u32> + '_ {
        let (from, last) = (from as u16, (from + TILE - 1) as u16);
        self.of(band)
            .iter()
            .filter(move |entry| entry.x[0] <= last && entry.x[1] >= from)
            .map(|entry| entry.index)
    }
}
