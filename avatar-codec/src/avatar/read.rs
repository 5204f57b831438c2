//! `.avatar` bytes → [`Avatar`]. Nothing is copied before its type, shape and place in the file are known to be right,
//! so that memory stays within a small multiple of the file's size whatever the file says.

use std::collections::HashSet;
use std::fmt;

use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::layout::{Dimensions, MAX_BUFFER_BYTES, Spec};
use super::validate::InvalidAvatar;
use super::{
    Avatar, GeometryHead, Manifest, Mesh, PixelDecoder, SEED_SIZE, StaticMap, TextureDecoder, UpBlock,
};

/// The most bytes of an `.avatar` file.
pub const MAX_FILE_BYTES: usize = MAX_BUFFER_BYTES;
/// The most bytes of its header, the manifest included.
pub const MAX_HEADER_BYTES: usize = 256 << 10;
/// The manifest's key in the file's metadata.
pub(super) const MANIFEST_KEY: &str = "visavis.avatar";
/// Bytes before the header: its length.
pub(super) const LENGTH_BYTES: usize = 8;

/// Why bytes aren't an avatar.
#[derive(Debug, thiserror::Error)]
pub enum ReadAvatarError {
    /// The file is larger than any avatar.
    #[error("the file has {found} bytes, at most {MAX_FILE_BYTES} are allowed")]
    FileSize {
        /// Its size.
        found: usize,
    },
    /// The header's length is missing, larger than allowed, or larger than the file.
    #[error(
        "the header's length is {found} in a file of {file} bytes, at most {MAX_HEADER_BYTES} are allowed"
    )]
    HeaderSize {
        /// What the first eight bytes say; 0 if there are fewer.
        found: u64,
        /// The file's size.
        file: usize,
    },
    /// The header isn't JSON of the expected form, or names something twice.
    #[error("the header isn't readable: {0}")]
    Header(serde_json::Error),
    /// The header is JSON, but not a list of tensors that fills the rest of the file.
    #[error("not a safetensors file: {0}")]
    Container(safetensors::SafeTensorError),
    /// The file's metadata has no manifest.
    #[error("no `{MANIFEST_KEY}` in the file's metadata: this safetensors file is no avatar")]
    NoManifest,
    /// The manifest isn't as this version has it.
    #[error("the manifest isn't readable: {0}")]
    Manifest(serde_json::Error),
    /// The file is of another version.
    #[error("the file is of version {found}, this program reads version {}", Manifest::VERSION)]
    Version {
        /// The file's version.
        found: u64,
    },
    /// A tensor is missing.
    #[error("tensor `{tensor}` is missing")]
    Missing {
        /// Its name.
        tensor: String,
    },
    /// There is a tensor that an avatar of these dimensions doesn't have.
    #[error("tensor `{tensor}` doesn't belong into an avatar")]
    Unknown {
        /// Its name, shortened and escaped.
        tensor: String,
    },
    /// A tensor has another type.
    #[error("tensor `{tensor}` is of type {found:?}, allowed: {expected:?}")]
    Type {
        /// The tensor.
        tensor: String,
        /// Its type.
        found: Dtype,
        /// The type it must have.
        expected: Dtype,
    },
    /// A tensor has another shape than its fellows demand.
    #[error("tensor `{tensor}` has the shape {found:?}, allowed: {expected}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Its shape, at most eight dimensions of it.
        found: Vec<usize>,
        /// The shape it must have.
        expected: String,
    },
    /// Everything is there, but something in it is out of range.
    #[error(transparent)]
    Invalid(#[from] InvalidAvatar),
}

impl Avatar {
    /// Reads an `.avatar` file.
    ///
    /// # Errors
    /// If the bytes aren't a valid avatar of this version; the error names the tensor or field, what was found and what
    /// is allowed.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadAvatarError> {
        let (manifest, file) = open(bytes)?;
        let tensors = Tensors { file };
        let dimensions = tensors.dimensions(&manifest)?;
        dimensions.check()?;
        manifest.check(dimensions.vertices, dimensions.triangles)?;
        let specs = dimensions.tensors();
        tensors.check(&specs)?;
        let avatar = tensors.avatar(manifest, &dimensions)?;
        avatar.validate()?;
        Ok(avatar)
    }
}

/// The manifest (version checked, nothing else) and the container (offsets checked against the file's size).
fn open(bytes: &[u8]) -> Result<(Manifest, SafeTensors<'_>), ReadAvatarError> {
    let header = header(bytes)?;
    serde_json::from_str::<UniqueKeys>(header).map_err(ReadAvatarError::Header)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(ReadAvatarError::Container)?;
    let manifest = (metadata.metadata().as_ref())
        .and_then(|metadata| metadata.get(MANIFEST_KEY))
        .ok_or(ReadAvatarError::NoManifest)?;
    // The version first: a newer file may have fields that this program would take for mistakes.
    let version = serde_json::from_str::<Version>(manifest).map_err(ReadAvatarError::Manifest)?.version;
    if version != u64::from(Manifest::VERSION) {
        return Err(ReadAvatarError::Version { found: version });
    }
    let manifest = serde_json::from_str(manifest).map_err(ReadAvatarError::Manifest)?;
    let file = SafeTensors::deserialize(bytes).map_err(ReadAvatarError::Container)?;
    Ok((manifest, file))
}

/// The header's text, its length checked.
pub(super) fn header(bytes: &[u8]) -> Result<&str, ReadAvatarError> {
    let file = bytes.len();
    if file > MAX_FILE_BYTES {
        return Err(ReadAvatarError::FileSize { found: file });
    }
    let (length, rest) =
        bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(ReadAvatarError::HeaderSize { found: 0, file })?;
    let found = u64::from_le_bytes(*length);
    let header = usize::try_from(found)
        .ok()
        .filter(|&length| length <= MAX_HEADER_BYTES)
        .and_then(|length| rest.get(..length))
        .ok_or(ReadAvatarError::HeaderSize { found, file })?;
    std::str::from_utf8(header).map_err(|error| ReadAvatarError::Header(serde::de::Error::custom(error)))
}

#[derive(serde::Deserialize)]
struct Version {
    version: u64,
}

/// A JSON object that names nothing twice, nor does the metadata inside it: of two entries of one name, readers would
/// differ in which one they believe.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = UniqueKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
                let mut seen = HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "__metadata__" {
                        map.next_value::<UniqueKeys>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    if let Some(twice) = seen.replace(key) {
                        return Err(serde::de::Error::custom(format_args!(
                            "`{}` stands in it twice",
                            shown(&twice)
                        )));
                    }
                }
                Ok(UniqueKeys)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// A name from the file, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

/// Typed access to the tensors of a file.
struct Tensors<'a> {
    file: SafeTensors<'a>,
}

impl Tensors<'_> {
    /// The dimensions that the tensors' shapes tell; not yet that all of them agree.
    fn dimensions(&self, manifest: &Manifest) -> Result<Dimensions, ReadAvatarError> {
        let [vertices, _] = self.shape("mesh.mean", "[vertices, 3]")?;
        let [triangles, _] = self.shape("mesh.triangles", "[triangles, 3]")?;
        let [geometry_hidden] = self.shape("geometry.b1", "[hidden]")?;
        let [rank] = self.shape("geometry.basis_step", "[rank]")?;
        let [seed] = self.shape("texture.seed.bias", "[channels · 64]")?;
        let [static_size, _, static_channels] = self.shape("static.texels", "[size, size, channels]")?;
        let [pixel_hidden] = self.shape("pixel.b1", "[hidden]")?;
        let mut blocks = Vec::new();
        let names = self.file.names();
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
        })
    }

    fn shape<const N: usize>(&self, name: &str, expected: &str) -> Result<[usize; N], ReadAvatarError> {
        let tensor =
            self.file.tensor(name).map_err(|_| ReadAvatarError::Missing { tensor: name.to_owned() })?;
        let shape = tensor.shape();
        <[usize; N]>::try_from(shape).map_err(|_| shape_error(name, shape, expected.to_owned()))
    }

    /// Whether exactly these tensors are there.
    fn check(&self, specs: &[Spec]) -> Result<(), ReadAvatarError> {
        for Spec { name, dtype, shape } in specs {
            let tensor =
                self.file.tensor(name).map_err(|_| ReadAvatarError::Missing { tensor: name.clone() })?;
            if tensor.dtype() != *dtype {
                let (found, expected) = (tensor.dtype(), *dtype);
                return Err(ReadAvatarError::Type { tensor: name.clone(), found, expected });
            }
            if tensor.shape() != shape {
                return Err(shape_error(name, tensor.shape(), format!("{shape:?}")));
            }
        }
        if self.file.len() != specs.len() {
            let known: HashSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            if let Some(name) = self.file.names().into_iter().filter(|name| !known.contains(name)).min() {
                return Err(ReadAvatarError::Unknown { tensor: shown(name) });
            }
        }
        Ok(())
    }

    fn avatar(&self, manifest: Manifest, dimensions: &Dimensions) -> Result<Avatar, ReadAvatarError> {
        let mesh = Mesh {
            mean: self.numbers("mesh.mean", f32::from_le_bytes)?.as_chunks().0.to_vec(),
            uv: self.numbers("mesh.uv", f32::from_le_bytes)?.as_chunks().0.to_vec(),
            triangles: self.numbers("mesh.triangles", u16::from_le_bytes)?.as_chunks().0.to_vec(),
            weld: self.numbers("mesh.weld", u16::from_le_bytes)?,
            joints: self.numbers("mesh.joints", u8::from_le_bytes)?.as_chunks().0.to_vec(),
            weights: self.numbers("mesh.weights", u8::from_le_bytes)?.as_chunks().0.to_vec(),
        };
        let geometry = GeometryHead {
            hidden: dimensions.geometry_hidden,
            rank: dimensions.rank,
            w1: self.numbers("geometry.w1", f32::from_le_bytes)?,
            b1: self.numbers("geometry.b1", f32::from_le_bytes)?,
            w2: self.numbers("geometry.w2", f32::from_le_bytes)?,
            w3: self.numbers("geometry.w3", f32::from_le_bytes)?,
            basis: self.numbers("geometry.basis", i8::from_le_bytes)?,
            basis_step: self.numbers("geometry.basis_step", f32::from_le_bytes)?,
        };
        let mut in_channels = dimensions.seed_channels;
        let mut blocks = Vec::with_capacity(dimensions.blocks.len());
        for (i, &out_channels) in dimensions.blocks.iter().enumerate() {
            blocks.push(UpBlock {
                in_channels,
                out_channels,
                expand: self.numbers(&format!("texture.block{i}.expand"), f16::from_le_bytes)?,
                depthwise: self.numbers(&format!("texture.block{i}.depthwise"), f16::from_le_bytes)?,
                bias: self.numbers(&format!("texture.block{i}.bias"), f16::from_le_bytes)?,
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
        Ok(Avatar { manifest, mesh, geometry, texture, static_map, pixel })
    }

    /// All numbers of a tensor, whose type was checked.
    fn numbers<T, const N: usize>(
        &self,
        name: &str,
        from_le_bytes: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, ReadAvatarError> {
        let tensor =
            self.file.tensor(name).map_err(|_| ReadAvatarError::Missing { tensor: name.to_owned() })?;
        Ok(tensor.data().as_chunks::<N>().0.iter().map(|&bytes| from_le_bytes(bytes)).collect())
    }
}

fn shape_error(name: &str, shape: &[usize], expected: String) -> ReadAvatarError {
    let found = shape.iter().copied().take(8).collect();
    ReadAvatarError::Shape { tensor: name.to_owned(), found, expected }
}
