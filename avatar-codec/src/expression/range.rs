//! What an avatar's decoder was trained on: where a tuned face has to stay.

use crate::avatar::{Avatar, LatentModel, Semantic};
use crate::latent::{FaceUnit, GAZE, UNITS};

use super::contact::{Decoded, Seam, SeamKind};
use super::region::{REGIONS, Region, weight};

/// The limits of one avatar's face.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceRange {
    /// Smallest and largest weight of each unit in the capture.
    pub(super) units: [[f32; 2]; UNITS],
    /// Smallest and largest of each gaze angle, radians.
    pub(super) gaze: [[f32; 2]; GAZE],
    /// How much a region may do at once (see [`load_limit`](Self::load_limit)).
    pub(super) loads: [f32; REGIONS],
    /// Where lips and lids touch; empty if only the latent model is known.
    pub(super) seams: Vec<Seam>,
}

/// The latent has no face units, so that there is nothing to tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this avatar's latent has no readable face units (`semantic: none`): it can't be tuned")]
pub struct NotReadable;

impl FaceRange {
    /// From an avatar: its latent statistics, and the seams of its decoded mesh. Takes a fraction of a second.
    ///
    /// # Errors
    /// If the avatar's latent has no face units.
    pub fn of_avatar(avatar: &Avatar) -> Result<Self, NotReadable> {
        let mut range = Self::of_model(&avatar.manifest.latent)?;
        if let Some(decoded) = Decoded::new(avatar) {
            range.seams = SeamKind::ALL.into_iter().filter_map(|kind| decoded.seam(kind)).collect();
        }
        Ok(range)
    }

    /// From the latent statistics alone: lips and lids aren't watched.
    ///
    /// # Errors
    /// If the model has no face units.
    pub fn of_model(model: &LatentModel) -> Result<Self, NotReadable> {
        if model.semantic != Semantic::FaceUnits || model.axes.len() < UNITS + GAZE {
            return Err(NotReadable);
        }
        let axis = |i: usize| {
            let axis = model.axes[i];
            [axis.min.min(0.0), axis.max.max(0.0)]
        };
        let mut loads = [1.0; REGIONS];
        for unit in FaceUnit::ALL {
            let axis = model.axes[unit as usize];
            if axis.max > 0.0 {
                loads[Region::of(unit) as usize] += weight(unit) * axis.deviation / axis.max;
            }
        }
        let (units, gaze) = (std::array::from_fn(axis), std::array::from_fn(|i| axis(UNITS + i)));
        Ok(Self { units, gaze, loads, seams: Vec::new() })
    }

    /// Smallest and largest weight that a unit had in the capture.
    pub fn unit(&self, unit: FaceUnit) -> [f32; 2] {
        self.units[unit as usize]
    }

    /// How much tuning may let a region do at once: the sum over its units of weight over largest weight, a unit that
    /// has a counterpart on the other side counting half. One unit (or pair) at its end, and all others a standard
    /// deviation beside it, since that is what a capture of a face shows.
    pub fn load_limit(&self, region: Region) -> f32 {
        self.loads[region as usize]
    }

    /// Where lips and lids touch.
    pub fn seams(&self) -> &[Seam] {
        &self.seams
    }
}
