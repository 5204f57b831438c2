//! The probability model: how large a prediction error is, given how large errors have been.

use super::coder::PRECISION;

/// The last magnitude symbol: "this or more".
pub(super) const ESCAPE: u32 = 15;
const SYMBOLS: usize = ESCAPE as usize + 1;

/// Number of classes of expected magnitude.
pub(super) const CLASSES: usize = 16;

/// The distribution of a magnitude's high part, `magnitude >> low_bits`, over 0..=[`ESCAPE`].
pub(super) struct MagnitudeModel {
    /// How many low bits are coded as they are.
    pub(super) low_bits: u32,
    cumulative: [u16; SYMBOLS + 1],
}

impl MagnitudeModel {
    /// Zero has probability `zero`/2¹⁵; of what is left, each next magnitude takes `stop`/2⁸, and the last takes the rest.
    const fn new(zero: u16, stop: u16, low_bits: u32) -> Self {
        let mut cumulative = [0; SYMBOLS + 1];
        cumulative[1] = zero;
        let mut symbol = 1;
        while symbol < SYMBOLS {
            let left = (1 << PRECISION) - cumulative[symbol];
            let after = (SYMBOLS - 1 - symbol) as u16;
            let mut frequency = ((left as u32 * stop as u32) >> 8) as u16;
            if frequency > left - after {
                frequency = left - after;
            }
            if frequency < 1 {
                frequency = 1;
            }
            if symbol == SYMBOLS - 1 {
                frequency = left;
            }
            cumulative[symbol + 1] = cumulative[symbol] + frequency;
            symbol += 1;
        }
        Self { low_bits, cumulative }
    }

    /// The model of a class; classes past the last are the last.
    pub(super) fn of_class(class: usize) -> &'static Self {
        &MODELS[class.min(CLASSES - 1)]
    }

    /// The model for errors whose running mean is `mean_256`/256.
    pub(super) fn of_mean(mean_256: u32) -> &'static Self {
        Self::of_class(class_of_mean(mean_256))
    }

    /// Σ of the frequencies before this symbol's.
    pub(super) fn cumulative(&self, symbol: u32) -> u16 {
        self.cumulative[(symbol as usize).min(SYMBOLS)]
    }

    /// The symbol's probability in 2⁻¹⁵ths, at least 1.
    pub(super) fn frequency(&self, symbol: u32) -> u16 {
        self.cumulative(symbol + 1) - self.cumulative(symbol)
    }
}

/// The class of a running mean of `mean_256`/256: how many of [`CLASS_BOUNDS`] it reaches.
pub(super) fn class_of_mean(mean_256: u32) -> usize {
    CLASS_BOUNDS.iter().take_while(|&&bound| mean_256 >= bound).count()
}

/// Where classes 1, 2, … begin, in 256ths of a step.
const CLASS_BOUNDS: [u32; CLASSES - 1] =
    [4, 12, 24, 48, 80, 128, 192, 288, 448, 704, 1152, 1920, 3328, 6144, 12288];

/// `(zero, stop, low bits)` of each class: see [`MagnitudeModel::new`].
const PARAMETERS: [(u16, u16, u32); CLASSES] = [
    (32_440, 150, 0),
    (31_800, 150, 0),
    (30_600, 150, 0),
    (28_600, 150, 0),
    (25_800, 150, 0),
    (22_400, 145, 0),
    (18_800, 130, 0),
    (14_800, 112, 0),
    (11_000, 88, 0),
    (7_800, 64, 0),
    (5_400, 44, 0),
    (6_400, 54, 1),
    (6_400, 54, 2),
    (6_400, 54, 3),
    (6_400, 54, 4),
    (6_400, 54, 5),
];

static MODELS: [MagnitudeModel; CLASSES] = {
    let mut models = [const { MagnitudeModel::new(1, 1, 0) }; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let (zero, stop, low_bits) = PARAMETERS[class];
        models[class] = MagnitudeModel::new(zero, stop, low_bits);
        class += 1;
    }
    models
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_a_distribution_in_which_nothing_is_impossible() {
        for model in &MODELS {
            assert_eq!(model.cumulative(0), 0);
            assert_eq!(model.cumulative(ESCAPE + 1), 1 << PRECISION);
            for symbol in 0..=ESCAPE {
                assert!(model.cumulative(symbol + 1) > model.cumulative(symbol));
            }
        }
    }

    /// BITSTREAM.md lists parameters and bounds; an implementation made from it must get these numbers.
    #[test]
    fn the_written_specification_lists_these_tables() {
        let text = include_str!("../../BITSTREAM.md");
        for (class, (zero, stop, low_bits)) in PARAMETERS.into_iter().enumerate() {
            let from = if class == 0 { 0 } else { CLASS_BOUNDS[class - 1] };
            let row = format!("| {class} | {from} | {zero} | {stop} | {low_bits} |");
            assert!(text.contains(&row), "BITSTREAM.md lacks the row `{row}`");
        }
        let example: Vec<String> =
            MODELS[7].cumulative.iter().map(|frequency| frequency.to_string()).collect();
        assert!(text.contains(&example.join(" ")), "BITSTREAM.md lacks class 7's {}", example.join(" "));
    }
}
