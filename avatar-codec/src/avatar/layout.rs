//! Which arrays an avatar is made of: names, types and shapes, for the reader, the writer and validation alike.

use half::f16;
use safetensors::Dtype;

use super::{Avatar, LightTransport, Material, PartKind, Preview, SEED_SIZE, validate::InvalidAvatar};
use crate::avatar::PIXEL_OUTPUTS;
use crate::latent::{GAZE, MAX_RESIDUAL, NECK, UNITS};
use crate::light::MAX_LAMPS;

/// The numbers that every shape follows from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dimensions {
    pub(super) vertices: usize,
    pub(super) triangles: usize,
    pub(super) residual: usize,
    pub(super) geometry_hidden: usize,
    pub(super) rank: usize,
    pub(super) seed_channels: usize,
    /// Output channels of each block.
    pub(super) blocks: Vec<usize>,
    pub(super) static_size: usize,
    pub(super) static_channels: usize,
    pub(super) pixel_hidden: usize,
    /// Sources of the light transport.
    pub(super) sources: Option<usize>,
    pub(super) preview: Option<PreviewDimensions>,
}

/// The numbers that the shapes of a [`Preview`](super::Preview) follow from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PreviewDimensions {
    pub(super) vertices: usize,
    pub(super) triangles: usize,
    pub(super) parts: usize,
    pub(super) color_size: usize,
}

/// The most vertices of a mesh.
pub const MAX_VERTICES: usize = 20_000;
/// The most triangles of a mesh.
pub const MAX_TRIANGLES: usize = 40_000;
/// The most multiply-accumulates of a decode.
pub const MAX_DECODE_MACS: u64 = 250_000_000;
/// The most multiply-accumulates of a shaded pixel.
pub const MAX_PIXEL_MACS: u64 = 1_500;
/// The most bytes of an avatar's file, and of any buffer that a decoder needs (as f32).
pub const MAX_BUFFER_BYTES: usize = 64 << 20;

const MAX_GEOMETRY_HIDDEN: usize = 1024;
const MAX_RANK: usize = 256;
const MAX_CHANNELS: usize = 512;
const MAX_BLOCKS: usize = 7;
const MAX_STATIC_SIZE: usize = 4096;
const MAX_MAP_CHANNELS: usize = 32;
const MAX_PREVIEW_COLOR_SIZE: usize = 256;

impl Dimensions {
    pub(super) fn of(avatar: &Avatar) -> Self {
        let Avatar { manifest, mesh, geometry, texture, static_map, pixel, transport, preview } = avatar;
        Self {
            vertices: mesh.mean.len(),
            triangles: mesh.triangles.len(),
            residual: manifest.latent.residual as usize,
            geometry_hidden: geometry.hidden,
            rank: geometry.rank,
            seed_channels: texture.seed_channels,
            blocks: texture.blocks.iter().map(|block| block.out_channels).collect(),
            static_size: static_map.size,
            static_channels: static_map.channels,
            pixel_hidden: pixel.hidden,
            sources: transport.as_ref().map(LightTransport::sources),
            preview: preview.as_ref().map(|preview| PreviewDimensions {
                vertices: preview.mesh.mean.len(),
                triangles: preview.mesh.triangles.len(),
                parts: preview.ends.len(),
                color_size: preview.color.size,
            }),
        }
    }

    /// Length C of the condition.
    pub(super) fn condition(&self) -> usize {
        UNITS + GAZE + self.residual + NECK
    }

    fn pixel_inputs(&self) -> usize {
        let dynamic = self.blocks.last().copied().unwrap_or(self.seed_channels);
        dynamic + self.static_channels + super::PIXEL_GEOMETRY_INPUTS
    }

    /// Whether all of it is within the limits. After this no product of dimensions overflows.
    pub(super) fn check(&self) -> Result<(), InvalidAvatar> {
        let Self {
            vertices,
            triangles,
            residual,
            geometry_hidden,
            rank,
            seed_channels,
            blocks,
            static_size,
            static_channels,
            pixel_hidden,
            sources,
            preview,
        } = self;
        within("vertices", *vertices, 3, MAX_VERTICES, 1)?;
        within("triangles", *triangles, 1, MAX_TRIANGLES, 1)?;
        within("latent.residual", *residual, 0, MAX_RESIDUAL, 1)?;
        within("geometry's hidden layer", *geometry_hidden, 1, MAX_GEOMETRY_HIDDEN, 1)?;
        within("geometry's rank", *rank, 1, MAX_RANK, 1)?;
        within("texture's seed channels", *seed_channels, 4, MAX_CHANNELS, 4)?;
        within("texture's blocks", blocks.len(), 1, MAX_BLOCKS, 1)?;
        for &channels in blocks {
            within("channels of a texture block", channels, 4, MAX_CHANNELS, 4)?;
        }
        let dynamic = blocks.last().copied().unwrap_or_default();
        within("channels of the dynamic map", dynamic, 4, MAX_MAP_CHANNELS, 4)?;
        within("size of the static map", *static_size, 1, MAX_STATIC_SIZE, 1)?;
        within("channels of the static map", *static_channels, 4, MAX_MAP_CHANNELS, 4)?;
        within("hidden layers of the pixel decoder", *pixel_hidden, 16, 24, 4)?;
        if let Some(sources) = sources {
            within("sources of the light transport", *sources, 1, MAX_LAMPS + 1, 1)?;
        }
        if let Some(preview) = preview {
            preview.check()?;
        }
        for spec in self.tensors() {
            let bytes = spec.elements().saturating_mul(4); // as f32
            if spec.dtype != Dtype::U8 && spec.dtype != Dtype::I8 && bytes > MAX_BUFFER_BYTES {
                return Err(InvalidAvatar::limit(
                    &spec.name,
                    bytes,
                    format!("at most {MAX_BUFFER_BYTES} bytes as f32"),
                ));
            }
            if spec.elements() > MAX_BUFFER_BYTES {
                return Err(InvalidAvatar::limit(
                    &spec.name,
                    spec.elements(),
                    format!("at most {MAX_BUFFER_BYTES} bytes"),
                ));
            }
        }
        let decode = self.decode_macs();
        if decode > MAX_DECODE_MACS {
            return Err(InvalidAvatar::limit(
                "MACs of a decode",
                decode,
                format!("at most {MAX_DECODE_MACS}"),
            ));
        }
        let pixel = self.pixel_macs();
        if pixel > MAX_PIXEL_MACS {
            return Err(InvalidAvatar::limit("MACs of a pixel", pixel, format!("at most {MAX_PIXEL_MACS}")));
        }
        Ok(())
    }

    /// See [`Avatar::decode_macs`].
    pub(super) fn decode_macs(&self) -> u64 {
        let condition = self.condition();
        let coefficients = self.geometry_hidden * condition + self.rank * (self.geometry_hidden + condition);
        let offsets = self.rank * self.vertices * 3;
        let mut macs = coefficients + offsets + condition * self.seed_channels * SEED_SIZE * SEED_SIZE;
        let mut texels = SEED_SIZE * SEED_SIZE;
        let mut inputs = self.seed_channels;
        for &outputs in &self.blocks {
            macs += texels * inputs * 4 * outputs; // 1×1, before the size doubles
            texels *= 4;
            macs += texels * outputs * 9;
            inputs = outputs;
        }
        macs as u64
    }

    /// See [`Avatar::pixel_macs`].
    pub(super) fn pixel_macs(&self) -> u64 {
        let hidden = self.pixel_hidden;
        (self.pixel_inputs() * hidden + hidden * hidden + hidden * PIXEL_OUTPUTS) as u64
    }

    /// Every tensor of a file of these dimensions, in the file's order, which is that of [`values`]: what a likeness
    /// needs, then the rest; in each of the two by falling size of their numbers, so that all are aligned.
    pub(super) fn tensors(&self) -> Vec<Spec> {
        let mut tensors = self.prefix_tensors();
        let v = self.vertices;
        let (p, inputs) = (self.pixel_hidden, self.pixel_inputs());
        tensors.extend([
            spec("mesh.mean", Dtype::F32, &[v, 3]),
            spec("mesh.uv", Dtype::F32, &[v, 2]),
            spec("static.scale", Dtype::F32, &[self.static_channels]),
            spec("static.offset", Dtype::F32, &[self.static_channels]),
            spec("pixel.w1", Dtype::F32, &[Material::ALL.len(), p, inputs]),
            spec("pixel.b1", Dtype::F32, &[Material::ALL.len(), p]),
            spec("pixel.w2", Dtype::F32, &[Material::ALL.len(), p, p]),
            spec("pixel.b2", Dtype::F32, &[Material::ALL.len(), p]),
            spec("pixel.w3", Dtype::F32, &[Material::ALL.len(), PIXEL_OUTPUTS, p]),
            spec("pixel.b3", Dtype::F32, &[Material::ALL.len(), PIXEL_OUTPUTS]),
        ]);
        if let Some(sources) = self.sources {
            tensors.push(spec("transport.w", Dtype::F32, &[Material::ALL.len(), sources, p]));
            tensors.push(spec("transport.b", Dtype::F32, &[Material::ALL.len(), sources]));
        }
        for (i, &out) in self.blocks.iter().enumerate() {
            tensors.push(spec(&format!("texture.block{i}.bias_step"), Dtype::F32, &[out]));
        }
        tensors.extend([
            spec("mesh.triangles", Dtype::U16, &[self.triangles, 3]),
            spec("mesh.weld", Dtype::U16, &[v]),
        ]);
        let seed = self.seed_channels * SEED_SIZE * SEED_SIZE;
        tensors.push(spec("texture.seed.weight", Dtype::F16, &[seed, self.condition()]));
        tensors.push(spec("texture.seed.bias", Dtype::F16, &[seed]));
        let mut inputs = self.seed_channels;
        for (i, &out) in self.blocks.iter().enumerate() {
            tensors.push(spec(&format!("texture.block{i}.expand"), Dtype::F16, &[4 * out, inputs]));
            tensors.push(spec(&format!("texture.block{i}.depthwise"), Dtype::F16, &[out, 3, 3]));
            inputs = out;
        }
        for (i, &out) in self.blocks.iter().enumerate() {
            let size = SEED_SIZE << (i + 1);
            tensors.push(spec(&format!("texture.block{i}.bias"), Dtype::I8, &[out, size, size]));
        }
        tensors.extend([
            spec("mesh.joints", Dtype::U8, &[v, 4]),
            spec("mesh.weights", Dtype::U8, &[v, 4]),
            spec("geometry.basis", Dtype::I8, &[self.rank, v, 3]),
            spec("static.texels", Dtype::U8, &[self.static_size, self.static_size, self.static_channels]),
        ]);
        tensors
    }

    /// What a [`Likeness`](super::Likeness) is read from: the first of [`tensors`](Self::tensors).
    pub(super) fn prefix_tensors(&self) -> Vec<Spec> {
        let (c, h, r) = (self.condition(), self.geometry_hidden, self.rank);
        let heads = [
            spec("geometry.w1", Dtype::F32, &[h, c]),
            spec("geometry.b1", Dtype::F32, &[h]),
            spec("geometry.w2", Dtype::F32, &[r, h]),
            spec("geometry.w3", Dtype::F32, &[r, c]),
            spec("geometry.basis_step", Dtype::F32, &[r]),
        ];
        let Some(PreviewDimensions { vertices: v, triangles, parts, color_size }) = self.preview else {
            return heads.into();
        };
        let preview = [
            spec("preview.mean", Dtype::F32, &[v, 3]),
            spec("preview.uv", Dtype::F32, &[v, 2]),
            spec("preview.triangles", Dtype::U16, &[triangles, 3]),
            spec("preview.weld", Dtype::U16, &[v]),
            spec("preview.ends", Dtype::U16, &[parts, 2]),
            spec("preview.joints", Dtype::U8, &[v, 4]),
            spec("preview.weights", Dtype::U8, &[v, 4]),
            spec("preview.color", Dtype::U8, &[color_size, color_size, 4]),
            spec("preview.basis", Dtype::I8, &[r, v, 3]),
        ];
        heads.into_iter().chain(preview).collect()
    }
}

impl PreviewDimensions {
    fn check(&self) -> Result<(), InvalidAvatar> {
        let Self { vertices, triangles, parts, color_size } = self;
        within("vertices of the preview", *vertices, 3, MAX_VERTICES, 1)?;
        within("triangles of the preview", *triangles, 1, MAX_TRIANGLES, 1)?;
        within("parts of the preview", *parts, 1, PartKind::ALL.len(), 1)?;
        within("size of the preview's colour", *color_size, 1, MAX_PREVIEW_COLOR_SIZE, 1)
    }
}

fn spec(name: &str, dtype: Dtype, shape: &[usize]) -> Spec {
    Spec { name: name.into(), dtype, shape: shape.into() }
}

fn within(what: &str, found: usize, low: usize, high: usize, multiple: usize) -> Result<(), InvalidAvatar> {
    if (low..=high).contains(&found) && found.is_multiple_of(multiple) {
        return Ok(());
    }
    let allowed = match multiple {
        1 => format!("{low} to {high}"),
        _ => format!("{low} to {high}, a multiple of {multiple}"),
    };
    Err(InvalidAvatar::limit(what, found, allowed))
}

/// A tensor as the file must hold it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

impl Spec {
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().fold(1usize, |product, &n| product.saturating_mul(n))
    }

    /// How many the file has of it, once the dimensions were checked.
    pub(super) fn bytes(&self) -> usize {
        self.elements() * self.dtype.bitsize() / 8
    }
}

/// The numbers of one tensor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    U16(&'a [u16]),
    U8(&'a [u8]),
    I8(&'a [i8]),
}

impl Values<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I8(values) => values.len(),
        }
    }

    /// The first NaN or infinity, and where it is.
    pub(super) fn first_not_finite(&self) -> Option<(usize, f32)> {
        match self {
            Self::F32(values) => values.iter().position(|x| !x.is_finite()).map(|i| (i, values[i])),
            Self::F16(values) => values.iter().position(|x| !x.is_finite()).map(|i| (i, values[i].to_f32())),
            Self::U16(_) | Self::U8(_) | Self::I8(_) => None,
        }
    }

    /// As the file has them: little-endian.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::U16(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::U8(values) => values.to_vec(),
            Self::I8(values) => values.iter().map(|x| x.cast_unsigned()).collect(),
        }
    }
}

/// Every array of an avatar, in the order of [`Dimensions::tensors`].
pub(super) fn values(avatar: &Avatar) -> Vec<Values<'_>> {
    let Avatar { manifest: _, mesh, geometry, texture, static_map, pixel, transport, preview } = avatar;
    let mut values = vec![
        Values::F32(&geometry.w1),
        Values::F32(&geometry.b1),
        Values::F32(&geometry.w2),
        Values::F32(&geometry.w3),
        Values::F32(&geometry.basis_step),
    ];
    if let Some(Preview { ends, mesh, basis, color }) = preview {
        values.extend([
            Values::F32(mesh.mean.as_flattened()),
            Values::F32(mesh.uv.as_flattened()),
            Values::U16(mesh.triangles.as_flattened()),
            Values::U16(&mesh.weld),
            Values::U16(ends.as_flattened()),
            Values::U8(mesh.joints.as_flattened()),
            Values::U8(mesh.weights.as_flattened()),
            Values::U8(color.texels.as_flattened()),
            Values::I8(basis),
        ]);
    }
    values.extend([
        Values::F32(mesh.mean.as_flattened()),
        Values::F32(mesh.uv.as_flattened()),
        Values::F32(&static_map.scale),
        Values::F32(&static_map.offset),
        Values::F32(&pixel.w1),
        Values::F32(&pixel.b1),
        Values::F32(&pixel.w2),
        Values::F32(&pixel.b2),
        Values::F32(&pixel.w3),
        Values::F32(&pixel.b3),
    ]);
    if let Some(LightTransport { w, b }) = transport {
        values.extend([Values::F32(w), Values::F32(b)]);
    }
    values.extend(texture.blocks.iter().map(|block| Values::F32(&block.bias_step)));
    values.extend([
        Values::U16(mesh.triangles.as_flattened()),
        Values::U16(&mesh.weld),
        Values::F16(&texture.seed_weight),
        Values::F16(&texture.seed_bias),
    ]);
    for block in &texture.blocks {
        values.extend([Values::F16(&block.expand), Values::F16(&block.depthwise)]);
    }
    values.extend(texture.blocks.iter().map(|block| Values::I8(&block.bias)));
    values.extend([
        Values::U8(mesh.joints.as_flattened()),
        Values::U8(mesh.weights.as_flattened()),
        Values::I8(&geometry.basis),
        Values::U8(&static_map.texels),
    ]);
    values
}
