//! What each picture cost, for the plots.

use std::collections::VecDeque;

/// Pictures that are remembered.
const CAPACITY: usize = 300;

/// One picture's cost, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Networks and skinning; on a GPU none of it is seen from here.
    pub(crate) decode_ms: f64,
    /// Triangles to pixels and the pixel decoder; on a GPU the recording of all its work.
    pub(crate) raster_ms: f64,
    /// From this picture to the one before, everything included.
    pub(crate) frame_ms: f64,
    /// How much later a live face is shown than it could be.
    pub(crate) delay_ms: f64,
}

/// The last pictures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    samples: VecDeque<Sample>,
}

impl Statistics {
    pub(crate) fn push(&mut self, sample: Sample) {
        if self.samples.len() == CAPACITY {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// The middle one of a column; `None` while there is nothing.
    pub(crate) fn median(&self, column: impl Fn(&Sample) -> f64) -> Option<f64> {
        let mut values: Vec<f64> = self.samples.iter().map(column).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_the_last_ones() {
        let mut statistics = Statistics::default();
        assert_eq!(statistics.median(|sample| sample.frame_ms), None);
        for frame_ms in 0..1000 {
            statistics.push(Sample { frame_ms: f64::from(frame_ms), ..Sample::default() });
        }
        assert_eq!(statistics.samples().len(), CAPACITY);
        assert_eq!(statistics.median(|sample| sample.frame_ms), Some(850.0));
    }
}
