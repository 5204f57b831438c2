//! What stands behind the person.

use serde::{Deserialize, Serialize};

/// A studio wall, brightest behind the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Backdrop {
    #[default]
    Graphite,
    /// The wall that `visavis render` draws.
    Studio,
    Dusk,
    Sand,
    White,
    Black,
}

impl Backdrop {
    pub(crate) const ALL: [Self; 6] =
        [Self::Graphite, Self::Studio, Self::Dusk, Self::Sand, Self::White, Self::Black];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Graphite => "Graphite",
            Self::Studio => "Studio",
            Self::Dusk => "Dusk",
            Self::Sand => "Sand",
            Self::White => "White",
            Self::Black => "Black",
        }
    }

    /// The next one, round and round.
    pub(crate) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|&other| other == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Linear light behind the head and in the corners.
    pub(crate) const fn light(self) -> [[f32; 3]; 2] {
        match self {
            Self::Graphite => [[0.098, 0.106, 0.118], [0.011, 0.012, 0.014]],
            Self::Studio => [[0.335, 0.345, 0.355], [0.072, 0.071, 0.071]],
            Self::Dusk => [[0.145, 0.095, 0.13], [0.010, 0.011, 0.028]],
            Self::Sand => [[0.62, 0.53, 0.43], [0.25, 0.20, 0.155]],
            Self::White => [[1.0, 1.0, 1.0], [0.72, 0.73, 0.75]],
            Self::Black => [[0.0; 3], [0.0; 3]],
        }
    }
}
