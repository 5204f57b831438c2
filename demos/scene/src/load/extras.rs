//! What `SCENE.md` adds to glTF, in `extras.visavis`.

use std::f32::consts::PI;

use glam::Vec3;
use gltf::json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use visavis_codec::light::{Ambient, BANDS, MAX_STRENGTH};

use super::picture::Pictures;
use super::{Source, limits, warn};
use crate::error::{LoadError, Reason};
use crate::scene::{Environment, Look, Probe, Scene, Sky};

/// Of a scene.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SceneExtras {
    environment: Option<EnvironmentExtras>,
    probes: Vec<ProbeExtras>,
    look: Option<LookExtras>,
    /// What lamps and glow are multiplied with, to units of diffuse white.
    exposure: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentExtras {
    /// Number of the file's picture.
    image: Option<usize>,
    #[serde(default = "one")]
    scale: f32,
    /// Up, horizon, down.
    gradient: Option<[[f32; 3]; 3]>,
    #[serde(default = "yes")]
    visible: bool,
    room: Option<RoomExtras>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomExtras {
    min: [f32; 3],
    max: [f32; 3],
    seen_from: [f32; 3],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeExtras {
    position_m: [f32; 3],
    radiance: [[f32; 3]; BANDS],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
enum LookExtras {
    Photoreal,
    Toon {
        #[serde(default = "three")]
        bands: u32,
        #[serde(default = "ink_width")]
        ink_px: f32,
        #[serde(default)]
        ink_color: [f32; 3],
    },
}

/// Of a material.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MaterialExtras {
    pub(super) light_map: Option<LightMapExtras>,
    pub(super) casts_shadow: bool,
}

impl Default for MaterialExtras {
    fn default() -> Self {
        Self { light_map: None, casts_shadow: true }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LightMapExtras {
    /// Number of the file's texture.
    pub(super) texture: usize,
    #[serde(default = "second")]
    pub(super) uv_set: u32,
    #[serde(default = "one")]
    pub(super) scale: f32,
}

/// Of a camera's node.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LensExtras {
    focus_m: Option<f32>,
    aperture_m: Option<f32>,
}

fn one() -> f32 {
    1.0
}

fn yes() -> bool {
    true
}

fn second() -> u32 {
    1
}

fn three() -> u32 {
    3
}

fn ink_width() -> f32 {
    1.5
}

impl Source<'_> {
    fn own<T: DeserializeOwned + Default>(&self, extras: &json::Extras, field: &str) -> Result<T, LoadError> {
        let Some(text) = extras else { return Ok(T::default()) };
        let field = format!("{field}.extras.visavis");
        let broken = |error: serde_json::Error| self.broken(&field, error.to_string());
        let all: serde_json::Value = serde_json::from_str(text.get()).map_err(broken)?;
        match all.get("visavis") {
            Some(ours) => T::deserialize(ours).map_err(broken),
            None => Ok(T::default()),
        }
    }

    pub(super) fn scene_extras(&self) -> Result<SceneExtras, LoadError> {
        let index = self.root.scene.as_ref().map_or(0, |index| index.value());
        match self.root.scenes.get(index) {
            Some(scene) => self.own(&scene.extras, &format!("scenes[{index}]")),
            None => Ok(SceneExtras::default()),
        }
    }

    pub(super) fn material_extras(
        &self,
        material: &json::Material,
        field: &str,
    ) -> Result<MaterialExtras, LoadError> {
        self.own(&material.extras, field)
    }

    pub(super) fn lens_extras(&self, node: &json::Node, field: &str) -> Result<Option<[f32; 2]>, LoadError> {
        let LensExtras { focus_m, aperture_m } = self.own(&node.extras, field)?;
        let (Some(focus), Some(aperture)) = (focus_m, aperture_m) else { return Ok(None) };
        let focus =
            self.within(&format!("{field}.focus_m"), focus, 0.01, limits::DISTANCE_M, "0.01 and more")?;
        let aperture = self.within(&format!("{field}.aperture_m"), aperture, 0.0, 1.0, "0 to 1")?;
        Ok(Some([focus, aperture]))
    }

    /// From the file's lux and candela to units of diffuse white.
    pub(super) fn exposure(&self, extras: &SceneExtras) -> f32 {
        if let Some(exposure) = extras.exposure.filter(|exposure| (1e-9..=1e9).contains(exposure)) {
            return exposure;
        }
        let strongest = (self.lights().iter())
            .map(|light| light.intensity * light.color.iter().copied().fold(0.0, f32::max))
            .filter(|strength| strength.is_finite())
            .fold(0.0, f32::max);
        // Lamps as strong as real ones: the strongest makes white a little more than white.
        if strongest > REAL_LUX { 1.2 * PI / strongest } else { 1.0 }
    }

    pub(super) fn surroundings(
        &self,
        scene: &mut Scene,
        pictures: &mut Pictures,
        extras: SceneExtras,
    ) -> Result<(), LoadError> {
        let SceneExtras { environment, probes, look, exposure } = extras;
        if exposure.is_some_and(|exposure| !(1e-9..=1e9).contains(&exposure)) {
            warn(
                scene,
                "extras.visavis.exposure",
                "it is no positive number; the exposure was chosen by the lamps",
            );
        }
        if let Some(environment) = environment {
            scene.environment = self.environment(scene, pictures, environment)?;
        }
        let field = "extras.visavis.probes";
        if probes.len() as u64 > limits::PROBES {
            let (found, limit) = (probes.len() as u64, limits::PROBES);
            return Err(self.error(field, Reason::TooMuch { what: "probes", found, limit }));
        }
        for ProbeExtras { position_m, radiance } in probes {
            let is_fine = radiance.iter().flatten().all(|x| x.is_finite() && x.abs() <= MAX_STRENGTH)
                && position_m.iter().all(|x| x.abs() <= limits::DISTANCE_M);
            if !is_fine {
                return Err(self.value(field, &position_m, "finite numbers"));
            }
            let ambient = Ambient { coefficients: radiance };
            scene.probes.push(Probe { position_m: position_m.into(), ambient });
        }
        if let Some(LookExtras::Toon { bands, ink_px, ink_color }) = look {
            let ink_px = self.within("extras.visavis.look.ink_px", ink_px, 0.0, 16.0, "0 to 16 pixels")?;
            if !(2..=8).contains(&bands) {
                return Err(self.value("extras.visavis.look.bands", &bands, "2 to 8"));
            }
            for c in ink_color {
                self.within("extras.visavis.look.ink_color", c, 0.0, 1.0, "0 to 1")?;
            }
            scene.look = Look::Toon { bands, ink_px, ink_color };
        }
        Ok(())
    }

    fn environment(
        &self,
        scene: &mut Scene,
        pictures: &mut Pictures,
        extras: EnvironmentExtras,
    ) -> Result<Environment, LoadError> {
        let field = "extras.visavis.environment";
        let EnvironmentExtras { image, scale, gradient, visible, room } = extras;
        let mut sky = Environment::default().sky;
        if let Some(colors) = gradient {
            for c in colors.iter().flatten() {
                self.within(&format!("{field}.gradient"), *c, 0.0, MAX_STRENGTH, "0 to 10,000")?;
            }
            sky = Sky::Gradient(colors.map(Vec3::from));
        }
        if let Some(image) = image {
            let scale = self.within(&format!("{field}.scale"), scale, 0.0, MAX_STRENGTH, "0 to 10,000")?;
            match pictures.get(self, image) {
                Ok(image) => sky = Sky::Picture { image, scale },
                Err(reason) => warn(scene, field, format!("{reason}; a grey sky instead")),
            }
        }
        let room = match room {
            None => None,
            Some(RoomExtras { min, max, seen_from }) => {
                let corners = [min, max, seen_from].map(Vec3::from);
                let is_fine = corners.iter().all(|p| p.is_finite())
                    && corners[0].cmplt(corners[2]).all()
                    && corners[2].cmplt(corners[1]).all();
                if !is_fine {
                    return Err(self.value(
                        &format!("{field}.room"),
                        &corners,
                        "`seen_from` between `min` and `max`",
                    ));
                }
                Some(corners)
            }
        };
        Ok(Environment { sky, is_visible: visible, room, ambient: Ambient::default() })
    }
}

/// Lamps stronger than this are in real lux or candela.
const REAL_LUX: f32 = 60.0;
