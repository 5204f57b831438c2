//! The light of a capture: its lamps as a [`Light`], and what each of them alone showed.

use std::f32::consts::PI;
use std::path::Path;

use glam::Vec3;
use half::f16;
use serde::{Deserialize, Serialize};

use super::capture::{Capture, CaptureError};
use super::planes::Exr;
use crate::light::{Ambient, Lamp, LampKind, Light};

/// A lamp as `capture.json` has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaptureLamp {
    /// Its name; the planes `light.NAME.R`, `.G`, `.B` are what it alone lights.
    pub name: String,
    /// `rectangle`, or `environment`: the same from everywhere.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its centre, mm.
    #[serde(default)]
    pub position_mm: Option<[f32; 3]>,
    /// What it faces, mm.
    #[serde(default)]
    pub target_mm: Option<[f32; 3]>,
    /// Width and height, mm.
    #[serde(default)]
    pub size_mm: Option<[f32; 2]>,
    /// Linear RGB.
    pub colour: [f32; 3],
    /// Watts, of a rectangle; it gives them off by the cosine law, to one side.
    #[serde(default)]
    pub power_w: Option<f32>,
    /// Radiance, of an environment.
    #[serde(default)]
    pub strength: Option<f32>,
}

impl Capture {
    /// The light of the capture in head space at rest, in the exposure of its pictures, and the names of its sources: the
    /// lamps in order, then the ambient light. `None` if the capture doesn't say, or isn't lit by rectangles and one even
    /// environment.
    ///
    /// A rectangle becomes a disc of its area `πr²`; white at its target, a distance `d` away, is then `P / (π² (r² + d²))`:
    /// a plane of white in the dome's own renderer shows that within 1 % (assets/capture/dome/relight.py).
    pub fn light(&self) -> Option<(Light, Vec<String>)> {
        light_of(&self.description.lamps)
    }
}

fn light_of(lamps: &[CaptureLamp]) -> Option<(Light, Vec<String>)> {
    let (mut light, mut names, mut ambient) = (Light::default(), Vec::new(), None);
    for lamp in lamps {
        let color = Vec3::from(lamp.colour);
        match (lamp.kind.as_str(), lamp.position_mm, lamp.target_mm, lamp.size_mm) {
            ("rectangle", Some(position), Some(target), Some([width, height])) => {
                let (position_m, target_m) = (Vec3::from(position) * 1e-3, Vec3::from(target) * 1e-3);
                let squared = width * height * 1e-6 / PI;
                let distance = position_m.distance_squared(target_m);
                // Watts are those of a world in decimetres, which the dome is modelled in.
                let facing = lamp.power_w? / (PI * PI * (squared + distance) * 100.0);
                light.lamps.push(Lamp {
                    kind: LampKind::Point { position_m, radius_m: squared.sqrt() },
                    color: (color * facing * distance).to_array(),
                });
                names.push(lamp.name.clone());
            }
            ("environment", ..) if ambient.is_none() => {
                light.ambient = Ambient::uniform((color * lamp.strength?).to_array());
                ambient = Some(lamp.name.clone());
            }
            _ => return None,
        }
    }
    names.push(ambient?);
    light.validate().ok()?;
    Some((light, names))
}

/// What each source alone lights, `[sources, width · height]` of linear RGB, premultiplied; `None` if the file has no planes
/// of all of these names.
pub(super) fn light_planes(
    path: &Path,
    names: &[String],
) -> Result<Option<Vec<Vec<[f16; 3]>>>, CaptureError> {
    let exr = Exr::read(path)?;
    let mut sources = Vec::with_capacity(names.len());
    for name in names {
        let names = ["R", "G", "B"].map(|channel| format!("light.{name}.{channel}"));
        if !names.iter().all(|name| exr.has(name)) {
            return Ok(None);
        }
        let [r, g, b] = [exr.channel(&names[0])?, exr.channel(&names[1])?, exr.channel(&names[2])?];
        sources.push((0..r.len()).map(|i| [r[i], g[i], b[i]]).collect());
    }
    Ok(Some(sources))
}
