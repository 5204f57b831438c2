//! The tensors of a file as what they are: names, types and shapes checked, then numbers.

use std::collections::HashSet;

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::cartoon::{MODEL, check_model};
use super::layout::{Dimensions, PreviewDimensions, Spec, Values};
use super::read::{MANIFEST_KEY, ReadAvatarError, shown};
use super::validate::InvalidAvatar;
use super::{
    Avatar, AvatarForm, BaseColor, GeometryHead, LightTransport, Likeness, Manifest, Mesh, PixelDecoder,
    Preview, SEED_SIZE, StaticMap, TextureDecoder, UpBlock,
};

/// Typed access to the tensors of a file, or of its beginning.
pub(super) struct Tensors<'a> {
    pub(super) metadata: Metadata,
    pub(super) data: &'a [u8],
}

impl Tensors<'_> {
    /// The manifest and the dimensions, once all that the header says was checked.
    pub(super) fn open(&self) -> Result<(Manifest, Dimensions), ReadAvatarError> {
        let manifest = self.manifest(AvatarForm::Photoreal)?;
        let dimensions = self.dimensions(&manifest)?;
        dimensions.check()?;
        manifest.check(dimensions.vertices, dimensions.triangles)?;
        self.check(&dimensions.tensors())?;
        Ok((manifest, dimensions))
    }

    /// The manifest of a cartoon and where its model lies in the data, once all that the header says was checked.
    pub(super) fn open_cartoon(&self) -> Result<(Manifest, [usize; 2]), ReadAvatarError> {
        let manifest = self.manifest(AvatarForm::Cartoon)?;
        manifest.check_cartoon()?;
        let [bytes] = self.shape(MODEL, "[bytes]")?;
        check_model(bytes)?;
        self.check(&[Spec { name: MODEL.to_owned(), dtype: Dtype::U8, shape: vec![bytes] }])?;
        let (start, end) = self.info(MODEL)?.data_offsets;
        Ok((manifest, [start, end]))
    }

    /// The manifest, of this version and form.
    fn manifest(&self, form: AvatarForm) -> Result<Manifest, ReadAvatarError> {
        let manifest = (self.metadata.metadata().as_ref())
            .and_then(|metadata| metadata.get(MANIFEST_KEY))
            .ok_or(ReadAvatarError::NoManifest)?;
        // The version first: a newer file may have fields that this program would take for mistakes.
        let version = serde_json::from_str::<Version>(manifest).map_err(ReadAvatarError::Manifest)?.version;
        if version != u64::from(Manifest::VERSION) {
            return Err(ReadAvatarError::Version { found: version });
        }
        let manifest: Manifest = serde_json::from_str(manifest).map_err(ReadAvatarError::Manifest)?;
        if manifest.form != form {
            return Err(ReadAvatarError::Form { found: manifest.form });
        }
        Ok(manifest)
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, ReadAvatarError> {
        self.metadata.info(name).ok_or_else(|| ReadAvatarError::Missing { tensor: name.to_owned() })
    }

    /// The dimensions that the tensors' shapes tell; not yet that all of them agree.
    fn dimensions(&self, manifest: &Manifest) -> Result<Dimensions, ReadAvatarError> {
        let [vertices, _] = self.shape("mesh.mean", "[vertices, 3]")?;
        let [triangles, _] = self.shape("mesh.triangles", "[triangles, 3]")?;
        let [geometry_hidden] = self.shape("geometry.b1", "[hidden]")?;
        let [rank] = self.shape("geometry.basis_step", "[rank]")?;
        let [seed] = self.shape("texture.seed.bias", "[channels · 64]")?;
        let [static_size, _, static_channels] = self.shape("static.texels", "[size, size, channels]")?;
        let [_, pixel_hidden] = self.shape("pixel.b1", "[3, hidden]")?;
        let mut blocks = Vec::new();
        let names = self.metadata.offset_keys();
        let preview = match names.iter().any(|name| name.starts_with("preview.")) {
            true => Some(self.preview_dimensions()?),
            false => None,
        };
        let sources = match names.iter().any(|name| name.starts_with("transport.")) {
            true => {
                let [_, sources] = self.shape("transport.b", "[3, sources]")?;
                Some(sources)
            }
            false => None,
        };
        while names.iter().any(|name| name.starts_with(&format!("texture.block{}.", blocks.len()))) {
            let name = format!("texture.block{}.depthwise", blocks.len());
            let [channels, _, _] = self.shape(&name, "[channels, 3, 3]")?;
            blocks.push(channels);
        }
        Ok(Dimensions {
            vertices,
            triangles,
            residual: manifest.latent.residual as usize,
            geometry_hidden,
            rank,
            seed_channels: seed / (SEED_SIZE * SEED_SIZE), // a remainder shows when the shapes are compared
            blocks,
            static_size,
            static_channels,
            pixel_hidden,
            sources,
            preview,
        })
    }

    fn preview_dimensions(&self) -> Result<PreviewDimensions, ReadAvatarError> {
        let [vertices, _] = self.shape("preview.mean", "[vertices, 3]")?;
        let [triangles, _] = self.shape("preview.triangles", "[triangles, 3]")?;
        let [parts, _] = self.shape("preview.ends", "[parts, 2]")?;
        let [color_size, _, _] = self.shape("preview.color", "[size, size, 4]")?;
        Ok(PreviewDimensions { vertices, triangles, parts, color_size })
    }

    fn shape<const N: usize>(&self, name: &str, expected: &str) -> Result<[usize; N], ReadAvatarError> {
        let shape = self.info(name)?.shape.as_slice();
        <[usize; N]>::try_from(shape).map_err(|_| shape_error(name, shape, expected.to_owned()))
    }

    /// Whether exactly these tensors are there.
    fn check(&self, specs: &[Spec]) -> Result<(), ReadAvatarError> {
        for Spec { name, dtype, shape } in specs {
            let info = self.info(name)?;
            if info.dtype != *dtype {
                let (found, expected) = (info.dtype, *dtype);
                return Err(ReadAvatarError::Type { tensor: name.clone(), found, expected });
            }
            if info.shape != *shape {
                return Err(shape_error(name, &info.shape, format!("{shape:?}")));
            }
        }
        let names = self.metadata.offset_keys();
        if names.len() != specs.len() {
            let known: HashSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            if let Some(name) = names.iter().filter(|name| !known.contains(name.as_str())).min() {
                return Err(ReadAvatarError::Unknown { tensor: shown(name) });
            }
        }
        Ok(())
    }

    pub(super) fn likeness(
        &self,
        manifest: Manifest,
        dimensions: &Dimensions,
    ) -> Result<Likeness, ReadAvatarError> {
        for Spec { name, dtype, .. } in dimensions.prefix_tensors() {
            self.check_finite(&name, dtype)?;
        }
        let preview = self.preview(dimensions)?.ok_or(ReadAvatarError::NoPreview)?;
        preview.check(&manifest)?;
        let geometry = self.geometry(dimensions, preview.basis.clone())?;
        Ok(Likeness::new(manifest, geometry, preview))
    }

    /// Whether a tensor of floats holds no NaN or infinity.
    fn check_finite(&self, name: &str, dtype: Dtype) -> Result<(), ReadAvatarError> {
        if dtype == Dtype::F32 {
            let numbers = self.numbers(name, f32::from_le_bytes)?;
            if let Some(error) = InvalidAvatar::not_finite(name, Values::F32(&numbers)) {
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn mesh(&self, tensors: &str) -> Result<Mesh, ReadAvatarError> {
        let named = |name: &str| format!("{tensors}.{name}");
        Ok(Mesh {
            mean: self.numbers(&named("mean"), f32::from_le_bytes)?.as_chunks().0.to_vec(),
            uv: self.numbers(&named("uv"), f32::from_le_bytes)?.as_chunks().0.to_vec(),
            triangles: self.numbers(&named("triangles"), u16::from_le_bytes)?.as_chunks().0.to_vec(),
            weld: self.numbers(&named("weld"), u16::from_le_bytes)?,
            joints: self.numbers(&named("joints"), u8::from_le_bytes)?.as_chunks().0.to_vec(),
            weights: self.numbers(&named("weights"), u8::from_le_bytes)?.as_chunks().0.to_vec(),
        })
    }

    fn geometry(&self, dimensions: &Dimensions, basis: Vec<i8>) -> Result<GeometryHead, ReadAvatarError> {
        Ok(GeometryHead {
            hidden: dimensions.geometry_hidden,
            rank: dimensions.rank,
            w1: self.numbers("geometry.w1", f32::from_le_bytes)?,
            b1: self.numbers("geometry.b1", f32::from_le_bytes)?,
            w2: self.numbers("geometry.w2", f32::from_le_bytes)?,
            w3: self.numbers("geometry.w3", f32::from_le_bytes)?,
            basis,
            basis_step: self.numbers("geometry.basis_step", f32::from_le_bytes)?,
        })
    }

    fn preview(&self, dimensions: &Dimensions) -> Result<Option<Preview>, ReadAvatarError> {
        let Some(PreviewDimensions { color_size, .. }) = dimensions.preview else { return Ok(None) };
        let texels = self.numbers("preview.color", u8::from_le_bytes)?.as_chunks().0.to_vec();
        Ok(Some(Preview {
            ends: self.numbers("preview.ends", u16::from_le_bytes)?.as_chunks().0.to_vec(),
            mesh: self.mesh("preview")?,
            basis: self.numbers("preview.basis", i8::from_le_bytes)?,
            color: BaseColor { size: color_size, texels },
        }))
    }

    pub(super) fn avatar(
        &self,
        manifest: Manifest,
        dimensions: &Dimensions,
    ) -> Result<Avatar, ReadAvatarError> {
        let mesh = self.mesh("mesh")?;
        let basis = self.numbers("geometry.basis", i8::from_le_bytes)?;
        let geometry = self.geometry(dimensions, basis)?;
        let mut in_channels = dimensions.seed_channels;
        let mut blocks = Vec::with_capacity(dimensions.blocks.len());
        for (i, &out_channels) in dimensions.blocks.iter().enumerate() {
            blocks.push(UpBlock {
                in_channels,
                out_channels,
                expand: self.numbers(&format!("texture.block{i}.expand"), f16::from_le_bytes)?,
                depthwise: self.numbers(&format!("texture.block{i}.depthwise"), f16::from_le_bytes)?,
                bias: self.numbers(&format!("texture.block{i}.bias"), i8::from_le_bytes)?,
                bias_step: self.numbers(&format!("texture.block{i}.bias_step"), f32::from_le_bytes)?,
            });
            in_channels = out_channels;
        }
        let texture = TextureDecoder {
            seed_channels: dimensions.seed_channels,
            seed_weight: self.numbers("texture.seed.weight", f16::from_le_bytes)?,
            seed_bias: self.numbers("texture.seed.bias", f16::from_le_bytes)?,
            blocks,
        };
        let static_map = StaticMap {
            size: dimensions.static_size,
            channels: dimensions.static_channels,
            texels: self.numbers("static.texels", u8::from_le_bytes)?,
            scale: self.numbers("static.scale", f32::from_le_bytes)?,
            offset: self.numbers("static.offset", f32::from_le_bytes)?,
        };
        let pixel = PixelDecoder {
            hidden: dimensions.pixel_hidden,
            w1: self.numbers("pixel.w1", f32::from_le_bytes)?,
            b1: self.numbers("pixel.b1", f32::from_le_bytes)?,
            w2: self.numbers("pixel.w2", f32::from_le_bytes)?,
            b2: self.numbers("pixel.b2", f32::from_le_bytes)?,
            w3: self.numbers("pixel.w3", f32::from_le_bytes)?,
            b3: self.numbers("pixel.b3", f32::from_le_bytes)?,
        };
        let transport = match dimensions.sources {
            Some(_) => Some(LightTransport {
                w: self.numbers("transport.w", f32::from_le_bytes)?,
                b: self.numbers("transport.b", f32::from_le_bytes)?,
            }),
            None => None,
        };
        let preview = self.preview(dimensions)?;
        Ok(Avatar { manifest, mesh, geometry, texture, static_map, pixel, transport, preview })
    }

    /// All numbers of a tensor, whose type was checked.
    fn numbers<T, const N: usize>(
        &self,
        name: &str,
        from_le_bytes: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, ReadAvatarError> {
        let (start, end) = self.info(name)?.data_offsets;
        let needed = || ReadAvatarError::TooShort { found: self.data.len(), needed: end };
        let bytes = self.data.get(start..end).ok_or_else(needed)?;
        Ok(bytes.as_chunks::<N>().0.iter().map(|&bytes| from_le_bytes(bytes)).collect())
    }
}

fn shape_error(name: &str, shape: &[usize], expected: String) -> ReadAvatarError {
    let found = shape.iter().copied().take(8).collect();
    ReadAvatarError::Shape { tensor: name.to_owned(), found, expected }
}

#[derive(serde::Deserialize)]
struct Version {
    version: u64,
}
