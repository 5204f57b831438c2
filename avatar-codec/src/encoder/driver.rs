//! `.driver` files: the owner's private half of an avatar. The format stands in DRIVER.md beside this crate.

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::graph::{Graph, GraphError, MAX_GRAPH_BYTES};
use crate::avatar::{MAX_VERTICES, UniqueKeys, shown};
use crate::latent::MAX_RESIDUAL;
use crate::quoted::quoted;

/// What a driver's manifest says of its version.
pub const DRIVER_SCHEMA: &str = "visavis.driver/1";
/// The most bytes of a `.driver` file.
pub const MAX_DRIVER_BYTES: usize = 32 << 20;
/// The most bytes of its header, the manifest included.
pub const MAX_DRIVER_HEADER_BYTES: usize = 64 << 10;
/// The most coordinates of the mesh that a graph may read.
pub const MAX_MESH_INPUTS: usize = 64;
const MANIFEST_KEY: &str = "visavis.driver";
const LENGTH_BYTES: usize = 8;
const MIN_TEXTURE: usize = 8;
const MAX_TEXTURE: usize = 512;
const MAX_NAME: usize = 64;
/// Bytes of a float's place in the file.
const FLOAT: usize = 4;

/// The manifest of a driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverManifest {
    /// [`DRIVER_SCHEMA`].
    pub schema: String,
    /// Whose private half it is.
    pub avatar: WhoseDriver,
    /// k, 1 to 32.
    pub residual: usize,
    /// The graph's input `texture`.
    pub texture: TextureInput,
    /// The graph's input `mesh`.
    pub mesh: MeshInput,
}

/// Which avatar a driver belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhoseDriver {
    /// The avatar's name, to be shown.
    pub name: String,
    /// 64 lower-case hexadecimal digits: [`Avatar::root_hash`](crate::Avatar::root_hash) of its file.
    pub root_blake3: String,
}

/// `[1, 4, size, size]`: (sRGB − mean) / deviation where seen, and coverage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextureInput {
    /// Texels a side, 8 to 512.
    pub size: usize,
    /// One number for all colours, 0.0001 to 10.
    pub deviation: f32,
}

/// `[1, inputs]`: coordinates of what units don't explain of the tracked mesh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeshInput {
    /// Vertices of the avatar's mesh.
    pub vertices: usize,
    /// Coordinates, 0 to 64; 0: the graph has no such input.
    pub inputs: usize,
}

/// Why bytes aren't a driver, or values don't make one.
#[derive(Debug, thiserror::Error)]
pub enum ReadDriverError {
    /// The file is larger than any driver.
    #[error("the file has {found} bytes, at most {MAX_DRIVER_BYTES} are allowed")]
    FileSize {
        /// Its size.
        found: usize,
    },
    /// The header's length is missing, larger than allowed, or larger than the file.
    #[error(
        "the header's length is {found} in a file of {file} bytes, at most {MAX_DRIVER_HEADER_BYTES} are allowed"
    )]
    HeaderSize {
        /// What the first eight bytes say; 0 if there are fewer.
        found: u64,
        /// The file's size.
        file: usize,
    },
    /// The header isn't JSON of the expected form, or names something twice.
    #[error("the header isn't readable: {}", quoted(.0))]
    Header(serde_json::Error),
    /// The header isn't a list of tensors that fills the rest of the file.
    #[error("not a safetensors file: {}", quoted(.0))]
    Container(safetensors::SafeTensorError),
    /// The file's metadata has no manifest.
    #[error("no `{MANIFEST_KEY}` in the file's metadata: this safetensors file is no driver")]
    NoManifest,
    /// The manifest isn't as this version has it.
    #[error("the manifest isn't readable: {}", quoted(.0))]
    Manifest(serde_json::Error),
    /// The file is of another version.
    #[error("the file is of version `{found}`, this program reads `{DRIVER_SCHEMA}`")]
    Version {
        /// The file's version.
        found: String,
    },
    /// A field of the manifest has a value that it must not have.
    #[error("manifest field `{field}` is {found}, allowed: {allowed}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: String,
    },
    /// A tensor is missing, or isn't of this type and shape.
    #[error("tensor `{tensor}` is {found}, must be {expected}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A number is out of range.
    #[error("tensor `{tensor}`, number {index} is {found}, allowed: {allowed}")]
    Value {
        /// The tensor.
        tensor: &'static str,
        /// Where in it.
        index: usize,
        /// The number.
        found: f32,
        /// What it may be.
        allowed: &'static str,
    },
    /// The graph may not run.
    #[error("the encoder's graph: {0}")]
    Graph(#[from] GraphError),
}

/// The owner's private half of an avatar: the network from what is seen of their face to r.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    manifest: DriverManifest,
    graph: Graph,
    texture_mean: Vec<[f32; 3]>,
    texture_seen: Vec<u8>,
    mesh_basis: Vec<f32>,
}

impl Driver {
    /// Puts a driver together: `texture_mean` are `size²` texels of sRGB, `texture_seen` says where (1 or 0),
    /// `mesh_basis` is `[inputs, vertices, 3]`, a coordinate a metre.
    ///
    /// # Errors
    /// If something doesn't fit, or is outside the limits of the format.
    pub fn new(
        manifest: DriverManifest,
        graph: Graph,
        texture_mean: Vec<[f32; 3]>,
        texture_seen: Vec<u8>,
        mesh_basis: Vec<f32>,
    ) -> Result<Self, ReadDriverError> {
        manifest.check()?;
        graph.check()?;
        let driver = Self { manifest, graph, texture_mean, texture_seen, mesh_basis };
        driver.check()?;
        Ok(driver)
    }

    /// Reads a `.driver` file.
    ///
    /// # Errors
    /// If the bytes aren't a valid driver of this version; the error names the tensor or field, what was found and what
    /// is allowed.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadDriverError> {
        let header = header(bytes)?;
        serde_json::from_str::<UniqueKeys>(header).map_err(ReadDriverError::Header)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(ReadDriverError::Container)?;
        let manifest = (metadata.metadata().as_ref())
            .and_then(|metadata| metadata.get(MANIFEST_KEY))
            .ok_or(ReadDriverError::NoManifest)?;
        // The version first: a newer file may have fields that this program would take for mistakes.
        let schema = serde_json::from_str::<Schema>(manifest).map_err(ReadDriverError::Manifest)?.schema;
        if schema != DRIVER_SCHEMA {
            return Err(ReadDriverError::Version { found: shown(&schema) });
        }
        let manifest: DriverManifest = serde_json::from_str(manifest).map_err(ReadDriverError::Manifest)?;
        manifest.check()?;
        let file = SafeTensors::deserialize(bytes).map_err(ReadDriverError::Container)?;
        let specs = manifest.tensors();
        if let Some(name) =
            file.names().into_iter().filter(|name| specs.iter().all(|spec| spec.0 != *name)).min()
        {
            return Err(wrong(&shown(name), "not part of a driver", "absent"));
        }
        let mut data = HashMap::new();
        for (name, dtype, shape) in &specs {
            data.insert(*name, tensor(&file, name, *dtype, shape)?);
        }
        let take = |name: &str| data.get(name).copied().unwrap_or_default();
        let graph = Graph::read(take("graph"))?;
        let floats = |name: &str| -> Vec<f32> {
            take(name).as_chunks::<FLOAT>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
        };
        let driver = Self {
            graph,
            texture_mean: floats("texture.mean").as_chunks().0.to_vec(),
            texture_seen: take("texture.seen").to_vec(),
            mesh_basis: floats("mesh.basis"),
            manifest,
        };
        driver.check()?;
        Ok(driver)
    }

    /// The bytes of the driver's file: the same for equal drivers. They are for their owner alone: a file of them should
    /// be readable by nobody else.
    ///
    /// # Errors
    /// If the file would be larger than a reader accepts.
    pub fn write(&self) -> Result<Vec<u8>, ReadDriverError> {
        let text = serde_json::to_string(&self.manifest).map_err(ReadDriverError::Manifest)?;
        let graph = self.graph.write();
        if graph.len() > MAX_GRAPH_BYTES {
            return Err(GraphError::limit("bytes of the graph", graph.len(), MAX_GRAPH_BYTES).into());
        }
        let mean: &[u8] = bytemuck::cast_slice(&self.texture_mean);
        let mut views = Vec::new();
        for (name, dtype, shape) in self.manifest.tensors() {
            let (data, shape) = match name {
                "graph" => (&graph[..], vec![graph.len()]),
                "texture.mean" => (mean, shape),
                "texture.seen" => (&self.texture_seen[..], shape),
                _ => (bytemuck::cast_slice(&self.mesh_basis), shape),
            };
            views.push((name, TensorView::new(dtype, shape, data).map_err(ReadDriverError::Container)?));
        }
        let metadata = HashMap::from([(MANIFEST_KEY.to_owned(), text)]);
        let file = safetensors::serialize(views, Some(metadata)).map_err(ReadDriverError::Container)?;
        header(&file)?;
        Ok(file)
    }

    /// The same driver for an avatar whose file was written anew without changing what its decoder computes.
    pub fn for_root(mut self, root: [u8; 32]) -> Self {
        self.manifest.avatar.root_blake3 = root.iter().map(|byte| format!("{byte:02x}")).collect();
        self
    }

    /// What the file says of itself.
    pub fn manifest(&self) -> &DriverManifest {
        &self.manifest
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// sRGB of the mean texture, `size²` texels.
    pub fn texture_mean(&self) -> &[[f32; 3]] {
        &self.texture_mean
    }

    /// 1 where the mean texture is known, else 0; `size²` texels.
    pub fn texture_seen(&self) -> &[u8] {
        &self.texture_seen
    }

    /// `[inputs, vertices, 3]`: coordinates a metre.
    pub fn mesh_basis(&self) -> &[f32] {
        &self.mesh_basis
    }

    /// Everything but what `manifest` and `graph` say by themselves.
    fn check(&self) -> Result<(), ReadDriverError> {
        let Self { manifest, graph, texture_mean, texture_seen, mesh_basis } = self;
        let (size, inputs) = (manifest.texture.size, manifest.mesh.inputs);
        for (tensor, found, expected) in [
            ("texture.mean", texture_mean.len(), size * size),
            ("texture.seen", texture_seen.len(), size * size),
            ("mesh.basis", mesh_basis.len(), inputs * manifest.mesh.vertices * 3),
        ] {
            if found != expected {
                return Err(wrong(tensor, &format!("of {found} rows"), &format!("of {expected}")));
            }
        }
        let value = |tensor, index: Option<usize>, values: &[f32], allowed| match index {
            None => Ok(()),
            Some(index) => Err(ReadDriverError::Value { tensor, index, found: values[index], allowed }),
        };
        let mean = texture_mean.as_flattened();
        let outside = mean.iter().position(|x| !(0.0..=1.0).contains(x));
        value("texture.mean", outside, mean, "0 to 1")?;
        value("mesh.basis", mesh_basis.iter().position(|x| !x.is_finite()), mesh_basis, "finite numbers")?;
        if let Some(index) = texture_seen.iter().position(|&x| x > 1) {
            let found = f32::from(texture_seen[index]);
            return Err(ReadDriverError::Value { tensor: "texture.seen", index, found, allowed: "0 or 1" });
        }
        let mut ports = vec![("texture", vec![1, 4, size, size])];
        if inputs > 0 {
            ports.push(("mesh", vec![1, inputs]));
        }
        let found: Vec<_> =
            graph.inputs.iter().map(|port| (port.name.as_str(), port.shape.clone())).collect();
        if found != ports {
            return Err(
                GraphError::not_allowed("the inputs", format!("{found:?}"), format!("{ports:?}")).into()
            );
        }
        let expected = ("residual", [1, manifest.residual]);
        let output = &graph.output;
        if output.name != expected.0 || output.shape != expected.1 {
            let found = format!("{} {:?}", output.name, output.shape);
            return Err(GraphError::not_allowed("the output", found, format!("{expected:?}")).into());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

impl DriverManifest {
    fn check(&self) -> Result<(), ReadDriverError> {
        let Self { schema, avatar, residual, texture, mesh } = self;
        let field = |fits: bool, field, found: &dyn ToString, allowed: String| {
            if fits {
                Ok(())
            } else {
                Err(ReadDriverError::Field { field, found: shown(&found.to_string()), allowed })
            }
        };
        field(schema == DRIVER_SCHEMA, "schema", schema, DRIVER_SCHEMA.into())?;
        let count = avatar.name.chars().take(MAX_NAME + 1).count();
        let plain = (1..=MAX_NAME).contains(&count) && !avatar.name.chars().any(char::is_control);
        field(plain, "avatar.name", &avatar.name, format!("1 to {MAX_NAME} characters, none of control"))?;
        let digits = avatar.root_blake3.len() == 64
            && avatar.root_blake3.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        field(digits, "avatar.root_blake3", &avatar.root_blake3, "64 lower-case hexadecimal digits".into())?;
        field((1..=MAX_RESIDUAL).contains(residual), "residual", residual, format!("1 to {MAX_RESIDUAL}"))?;
        let allowed = format!("{MIN_TEXTURE} to {MAX_TEXTURE}");
        field((MIN_TEXTURE..=MAX_TEXTURE).contains(&texture.size), "texture.size", &texture.size, allowed)?;
        let fits = (1e-4..=10.0).contains(&texture.deviation);
        field(fits, "texture.deviation", &texture.deviation, "0.0001 to 10".into())?;
        let fits = (3..=MAX_VERTICES).contains(&mesh.vertices);
        field(fits, "mesh.vertices", &mesh.vertices, format!("3 to {MAX_VERTICES}"))?;
        field(mesh.inputs <= MAX_MESH_INPUTS, "mesh.inputs", &mesh.inputs, format!("0 to {MAX_MESH_INPUTS}"))
    }

    /// Name, type and shape of each tensor; the graph's may have any length.
    fn tensors(&self) -> Vec<(&'static str, Dtype, Vec<usize>)> {
        let (size, mesh) = (self.texture.size, &self.mesh);
        let mut out = vec![
            ("graph", Dtype::U8, Vec::new()),
            ("texture.mean", Dtype::F32, vec![size, size, 3]),
            ("texture.seen", Dtype::U8, vec![size, size]),
        ];
        if mesh.inputs > 0 {
            out.push(("mesh.basis", Dtype::F32, vec![mesh.inputs, mesh.vertices, 3]));
        }
        out
    }
}

fn wrong(tensor: &str, found: &str, expected: &str) -> ReadDriverError {
    ReadDriverError::Tensor { tensor: tensor.into(), found: found.into(), expected: expected.into() }
}

/// A tensor's bytes, its type and shape checked; an empty shape stands for any list.
fn tensor<'a>(
    file: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], ReadDriverError> {
    let expected = || {
        if shape.is_empty() { format!("{dtype:?} of one dimension") } else { format!("{dtype:?} {shape:?}") }
    };
    let view = file.tensor(name).map_err(|_| wrong(name, "missing", &expected()))?;
    let fits = if shape.is_empty() { view.shape().len() == 1 } else { view.shape() == shape };
    if view.dtype() != dtype || !fits {
        let shape: Vec<usize> = view.shape().iter().copied().take(8).collect();
        return Err(wrong(name, &format!("{:?} {shape:?}", view.dtype()), &expected()));
    }
    Ok(view.data())
}

/// The header's text, its length and the file's checked.
fn header(bytes: &[u8]) -> Result<&str, ReadDriverError> {
    let file = bytes.len();
    if file > MAX_DRIVER_BYTES {
        return Err(ReadDriverError::FileSize { found: file });
    }
    let (length, rest) =
        bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(ReadDriverError::HeaderSize { found: 0, file })?;
    let found = u64::from_le_bytes(*length);
    let header = usize::try_from(found)
        .ok()
        .filter(|&length| length <= MAX_DRIVER_HEADER_BYTES)
        .and_then(|length| rest.get(..length))
        .ok_or(ReadDriverError::HeaderSize { found, file })?;
    std::str::from_utf8(header).map_err(|error| ReadDriverError::Header(serde::de::Error::custom(error)))
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
