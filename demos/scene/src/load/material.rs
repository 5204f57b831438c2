//! Materials and their textures.

use gltf::json;
use gltf::json::validation::Checked;

use super::picture::Pictures;
use super::{Source, warn};
use crate::error::LoadError;
use crate::scene::{AlphaMode, Material, Scene, Slot, Texture, TextureUse, Wrap};

/// A texture as materials mention it.
struct Mention<'a> {
    index: usize,
    uv_set: u32,
    transform: Option<&'a json::extensions::texture::TextureTransform>,
}

impl Mention<'_> {
    fn of(info: &json::texture::Info) -> Mention<'_> {
        let transform = info.extensions.as_ref().and_then(|all| all.texture_transform.as_ref());
        Mention { index: info.index.value(), uv_set: info.tex_coord, transform }
    }
}

impl Source<'_> {
    /// All materials, after glTF's default one.
    pub(super) fn materials(
        &self,
        scene: &mut Scene,
        pictures: &mut Pictures,
        exposure: f32,
    ) -> Result<(), LoadError> {
        scene.materials.push(Material::default());
        for (i, material) in self.root.materials.iter().enumerate() {
            let material = self.material(scene, pictures, material, &format!("materials[{i}]"), exposure)?;
            scene.materials.push(material);
        }
        Ok(())
    }

    fn material(
        &self,
        scene: &mut Scene,
        pictures: &mut Pictures,
        material: &json::Material,
        field: &str,
        exposure: f32,
    ) -> Result<Material, LoadError> {
        let pbr = &material.pbr_metallic_roughness;
        let share = |name: &str, x: f32| self.within(&format!("{field}.{name}"), x, 0.0, 1.0, "0 to 1");
        let base_color = pbr.base_color_factor.0;
        for c in base_color {
            share("pbrMetallicRoughness.baseColorFactor", c)?;
        }
        let extensions = material.extensions.as_ref();
        let strength = extensions
            .and_then(|all| all.emissive_strength.as_ref())
            .map_or(1.0, |strength| strength.emissive_strength.0);
        let strength =
            self.within(&format!("{field}.emissiveStrength"), strength, 0.0, 1e6, "0 to 1,000,000")?;
        let mut emissive = [0.0; 3];
        for (to, c) in emissive.iter_mut().zip(material.emissive_factor.0) {
            *to = (share("emissiveFactor", c)? * strength * exposure).min(1e4);
        }
        let alpha = match material.alpha_mode {
            Checked::Valid(json::material::AlphaMode::Opaque) => AlphaMode::Opaque,
            Checked::Valid(json::material::AlphaMode::Blend) => AlphaMode::Blend,
            Checked::Valid(json::material::AlphaMode::Mask) => {
                let cutoff = material.alpha_cutoff.map_or(0.5, |cutoff| cutoff.0);
                AlphaMode::Mask(self.within(
                    &format!("{field}.alphaCutoff"),
                    cutoff,
                    0.0,
                    1e6,
                    "0 and more",
                )?)
            }
            Checked::Invalid => return Err(self.broken(field, "its alphaMode is none of glTF's".to_owned())),
        };
        let extras = self.material_extras(material, field)?;
        let normal_scale = material.normal_texture.as_ref().map_or(1.0, |texture| texture.scale);
        let occlusion = material.occlusion_texture.as_ref().map_or(1.0, |texture| texture.strength.0);
        let mut out = Material {
            name: material.name.clone().unwrap_or_default(),
            base_color,
            metallic: share("pbrMetallicRoughness.metallicFactor", pbr.metallic_factor.0)?,
            roughness: share("pbrMetallicRoughness.roughnessFactor", pbr.roughness_factor.0)?,
            emissive,
            normal_scale: self.within(
                &format!("{field}.normalTexture.scale"),
                normal_scale,
                -100.0,
                100.0,
                "-100 to 100",
            )?,
            occlusion_strength: share("occlusionTexture.strength", occlusion)?,
            alpha,
            double_sided: material.double_sided,
            unlit: extensions.is_some_and(|all| all.unlit.is_some()),
            casts_shadow: extras.casts_shadow,
            light_map_scale: 1.0,
            slots: [None; TextureUse::COUNT],
        };
        let mut mentions = [
            pbr.base_color_texture.as_ref().map(Mention::of),
            material.normal_texture.as_ref().map(|texture| Mention {
                index: texture.index.value(),
                uv_set: texture.tex_coord,
                transform: None,
            }),
            pbr.metallic_roughness_texture.as_ref().map(Mention::of),
            material.occlusion_texture.as_ref().map(|texture| Mention {
                index: texture.index.value(),
                uv_set: texture.tex_coord,
                transform: None,
            }),
            material.emissive_texture.as_ref().map(Mention::of),
            None,
        ];
        if let Some(map) = &extras.light_map {
            let name = format!("{field}.extras.visavis.light_map.scale");
            out.light_map_scale = self.within(&name, map.scale, 1e-6, 1e4, "0 to 10,000")?;
            mentions[TextureUse::LightMap as usize] =
                Some(Mention { index: map.texture, uv_set: map.uv_set, transform: None });
        }
        for (usage, mention) in TextureUse::ALL.into_iter().zip(mentions) {
            let Some(mention) = mention else { continue };
            match self.slot(scene, pictures, &mention) {
                Ok(slot) => out.slots[usage as usize] = Some(slot),
                Err(reason) => {
                    warn(
                        scene,
                        &format!("{field}: {usage:?}"),
                        format!("{reason}; shown without this texture"),
                    );
                }
            }
        }
        Ok(out)
    }

    fn slot(
        &self,
        scene: &mut Scene,
        pictures: &mut Pictures,
        mention: &Mention<'_>,
    ) -> Result<Slot, String> {
        let texture = self.root.textures.get(mention.index);
        let texture = texture.ok_or_else(|| format!("there is no texture {}", mention.index))?;
        let image = pictures.get(self, texture.source.value())?;
        let sampler = match &texture.sampler {
            None => None,
            Some(index) => {
                let sampler = self.root.samplers.get(index.value());
                Some(sampler.ok_or_else(|| format!("there is no sampler {}", index.value()))?)
            }
        };
        let wrap = |mode: Checked<json::texture::WrappingMode>| match mode {
            Checked::Valid(json::texture::WrappingMode::ClampToEdge) => Wrap::Clamp,
            Checked::Valid(json::texture::WrappingMode::MirroredRepeat) => Wrap::Mirror,
            _ => Wrap::Repeat,
        };
        let made = Texture {
            image,
            wrap: sampler.map_or([Wrap::Repeat; 2], |sampler| [wrap(sampler.wrap_s), wrap(sampler.wrap_t)]),
            nearest: sampler.is_some_and(|sampler| {
                matches!(sampler.mag_filter, Some(Checked::Valid(json::texture::MagFilter::Nearest)))
            }),
        };
        let texture = scene.textures.iter().position(|other| *other == made).unwrap_or_else(|| {
            scene.textures.push(made);
            scene.textures.len() - 1
        });
        let uv_set = mention.transform.and_then(|transform| transform.tex_coord).unwrap_or(mention.uv_set);
        if uv_set > 1 {
            return Err(format!("texture coordinates {uv_set}, of which there are 0 and 1"));
        }
        Ok(Slot { texture, uv_set: uv_set as u8, transform: rows(mention.transform)? })
    }
}

/// Two rows of KHR_texture_transform.
fn rows(transform: Option<&json::extensions::texture::TextureTransform>) -> Result<[[f32; 3]; 2], String> {
    let Some(transform) = transform else { return Ok([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) };
    let ([x, y], [sx, sy]) = (transform.offset.0, transform.scale.0);
    let (sin, cos) = transform.rotation.0.sin_cos();
    let rows = [[cos * sx, sin * sy, x], [-sin * sx, cos * sy, y]];
    let is_fine = rows.iter().flatten().all(|x| x.is_finite() && x.abs() < 1e6);
    if is_fine { Ok(rows) } else { Err("its transform is not finite".to_owned()) }
}
