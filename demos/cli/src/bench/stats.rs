//! What is said of many measurements of one thing.

use serde_json::{Value, json};

/// Measurements, milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub(super) fn push(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
    }

    /// The value that so much of the measurements (0..=1) lie below, interpolated; `None` without measurements.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = share * sorted.len().checked_sub(1)? as f64;
        let (low, high) = (*sorted.get(place.floor() as usize)?, *sorted.get(place.ceil() as usize)?);
        Some(low + (high - low) * place.fract())
    }

    /// Their mean; `None` without measurements.
    pub(super) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// `{median, p10, p90}`, or null without measurements.
    pub(super) fn to_json(&self) -> Value {
        match (self.quantile(0.5), self.quantile(0.1), self.quantile(0.9)) {
            (Some(median), Some(p10), Some(p90)) => json!({ "median": median, "p10": p10, "p90": p90 }),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let mut samples = Samples::default();
        assert_eq!(samples.to_json(), Value::Null);
        [30.0, 10.0, 20.0, 50.0, 40.0].into_iter().for_each(|ms| samples.push(ms));
        assert_eq!(samples.quantile(0.5), Some(30.0));
        assert!((samples.quantile(0.1).unwrap() - 14.0).abs() < 1e-9);
        assert!((samples.quantile(0.9).unwrap() - 46.0).abs() < 1e-9);
    }
}
