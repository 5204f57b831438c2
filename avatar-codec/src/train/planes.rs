//! The half-float planes of one image.

use std::path::Path;

use exr::prelude::{AnyChannels, FlatSamples, Layer, ReadChannels, ReadLayers, read};
use half::f16;

use super::capture::CaptureError;

/// What the camera saw: linear light, premultiplied by alpha. All planes have `width × height` entries.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Premultiplied red, green, blue, alpha.
    pub color: Vec<[f16; 4]>,
    /// Diffuse colour of what is seen.
    pub albedo: Vec<[f16; 3]>,
    /// Its normal, head space at rest; zero over the background.
    pub normal: Vec<[f16; 3]>,
    /// Identifier of the part that fills the pixel; 0 over the background.
    pub part: Vec<u8>,
}

impl Planes {
    /// Reads an EXR file with the channels `R G B A albedo.* normal.* part.V`, in half floats.
    pub fn read(path: &Path) -> Result<Self, CaptureError> {
        let exr = Exr::read(path)?;
        let channel = |name: &str| exr.channel(name);
        let [r, g, b, a] = [channel("R")?, channel("G")?, channel("B")?, channel("A")?];
        let vector =
            |x: Vec<f16>, y: Vec<f16>, z: Vec<f16>| (0..x.len()).map(|i| [x[i], y[i], z[i]]).collect();
        Ok(Self {
            width: exr.layer.size.width(),
            height: exr.layer.size.height(),
            color: (0..r.len()).map(|i| [r[i], g[i], b[i], a[i]]).collect(),
            albedo: vector(channel("albedo.R")?, channel("albedo.G")?, channel("albedo.B")?),
            normal: vector(channel("normal.X")?, channel("normal.Y")?, channel("normal.Z")?),
            part: channel("part.V")?
                .into_iter()
                .map(|x| x.to_f32().round().clamp(0.0, 255.0) as u8)
                .collect(),
        })
    }
}

/// An EXR file's first layer.
pub(super) struct Exr<'a> {
    path: &'a Path,
    layer: Layer<AnyChannels<FlatSamples>>,
}

impl<'a> Exr<'a> {
    pub(super) fn read(path: &'a Path) -> Result<Self, CaptureError> {
        let image = read()
            .no_deep_data()
            .largest_resolution_level()
            .all_channels()
            .first_valid_layer()
            .all_attributes()
            .non_parallel()
            .from_file(path)
            .map_err(|e| CaptureError::invalid(path, "EXR", e))?;
        Ok(Self { path, layer: image.layer_data })
    }

    fn samples(&self, name: &str) -> Option<&FlatSamples> {
        let found = self.layer.channel_data.list.iter().find(|c| c.name.eq_case_insensitive(name))?;
        Some(&found.sample_data)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.samples(name).is_some()
    }

    /// A channel's finite samples, one for every pixel.
    pub(super) fn channel(&self, name: &str) -> Result<Vec<f16>, CaptureError> {
        let wrong = |what: &str| CaptureError::invalid(self.path, name, what);
        let samples = match self.samples(name) {
            Some(FlatSamples::F16(samples)) => samples.clone(),
            Some(FlatSamples::F32(samples)) => samples.iter().map(|&x| f16::from_f32(x)).collect(),
            Some(FlatSamples::U32(_)) => return Err(wrong("must be floating point")),
            None => return Err(wrong("is missing")),
        };
        match samples.iter().position(|x| !x.is_finite()) {
            Some(at) => Err(wrong(&format!("isn't finite at pixel {at}"))),
            None if samples.len() == self.layer.size.area() => Ok(samples),
            None => Err(wrong("must have a sample for every pixel")),
        }
    }
}
