//! How far viewers may tune a face, from the command line.

use std::str::FromStr;

use visavis_codec::expression::{OwnerLimits, Region, RegionLimit};

/// What `--viewers-may` says of a region, or of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ViewersMay {
    region: Option<Region>,
    limit: RegionLimit,
}

impl FromStr for ViewersMay {
    type Err = String;

    /// `REGION:LOW..HIGH[:OFFSET][:shape]`
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let names = || Region::ALL.map(Region::name).join(", ");
        let region = match name {
            "all" => None,
            name => Some(
                Region::from_name(name)
                    .ok_or_else(|| format!("`{name}` is no region; there are all, {}", names()))?,
            ),
        };
        let number = |text: &str| text.parse::<f32>().map_err(|_| format!("`{text}` is no number"));
        let range = parts.next().unwrap_or_default();
        let (low, high) = range.split_once("..").ok_or_else(|| {
            format!(
                "`{range}` is no range of gains, as 0.5..1.5; the form is REGION:LOW..HIGH[:OFFSET][:shape]"
            )
        })?;
        let mut limit = RegionLimit { gain: [number(low)?, number(high)?], ..RegionLimit::NONE };
        for part in parts {
            match part {
                "shape" => limit.shape = true,
                offset => limit.offset = number(offset)?,
            }
        }
        // The ranges are the codec's.
        OwnerLimits::default()
            .set(region.unwrap_or(Region::Mouth), limit)
            .map_err(|error| error.to_string())?;
        Ok(Self { region, limit })
    }
}

/// All of them together; later ones count. The ranges were checked.
pub(crate) fn owner_limits(said: &[ViewersMay]) -> OwnerLimits {
    let mut limits = OwnerLimits::default();
    for ViewersMay { region, limit } in said {
        let regions = region.as_ref().map_or(Region::ALL.as_slice(), std::slice::from_ref);
        for region in regions {
            let set = limits.set(*region, *limit);
            debug_assert!(set.is_ok(), "{set:?}");
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_said_region_by_region() {
        let said = ["all:0.5..1.5", "mouth:0.25..2:0.1:shape"].map(|text| text.parse().unwrap());
        let limits = owner_limits(&said);
        assert_eq!(limits.get(Region::Brows), RegionLimit { gain: [0.5, 1.5], offset: 0.0, shape: false });
        assert_eq!(limits.get(Region::Mouth), RegionLimit { gain: [0.25, 2.0], offset: 0.1, shape: true });
        assert_eq!(owner_limits(&[]), OwnerLimits::default());
        for wrong in [
            "",
            "mouth",
            "mouth:1",
            "ears:0..1",
            "mouth:0.5..x",
            "mouth:1.5..2",
            "mouth:0..9",
            "mouth:0.5..1:2",
        ] {
            assert!(wrong.parse::<ViewersMay>().is_err(), "{wrong}");
        }
    }
}
