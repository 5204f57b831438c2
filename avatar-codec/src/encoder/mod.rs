//! The encoder (feature `encoder`): from what is seen of a face to the residual r of its latent.
//!
//! ```text
//! pictures of a frame ─▶ Unwrapping ─▶ AverageTexture ─┐
//! tracked mesh ─▶ unexplained ─▶ offsets ──────────────┴▶ Encoder::encode ─▶ r ─▶ Latent::residual
//! ```
//! The network comes from a [`Driver`], the owner's private half of an avatar (DRIVER.md beside this crate): receivers
//! never need it. A driver's graph is data from a file, so it is parsed and bounded here ([`Graph`]) before a runtime
//! sees any of it.

mod attributes;
mod driver;
mod graph;
#[cfg(any(test, feature = "testing"))]
mod made_up;
mod onnx;
mod onnx_write;
mod protobuf;
mod runtime;
mod shapes;
mod texture;
mod unexplained;

use glam::Vec3;

pub use driver::{
    DRIVER_SCHEMA, Driver, DriverManifest, MAX_DRIVER_BYTES, MAX_DRIVER_HEADER_BYTES, MAX_MESH_INPUTS,
    MeshInput, ReadDriverError, TextureInput, WhoseDriver,
};
pub use graph::{
    Constant, Graph, GraphCost, GraphError, MAX_ACTIVATION_BYTES, MAX_CONSTANTS, MAX_ENCODE_MACS,
    MAX_GRAPH_BYTES, MAX_NAME_BYTES, MAX_NODES, Node, Operator, Port,
};
#[cfg(any(test, feature = "testing"))]
pub use made_up::{synthetic_driver, synthetic_graph};
pub use runtime::{OnnxRuntime, RuntimeError};
pub use texture::{AverageTexture, Unwrapping};
pub use unexplained::unexplained;

use crate::Avatar;
use crate::latent::MAX_RESIDUAL;
use runtime::{Loaded, Runtime, Tract};

/// How far a loaded ONNX Runtime may be from tract on a component of r: far below the noise that r is trained with, far
/// above what another order of summation makes.
const AGREEMENT: f32 = 1e-3;

/// Why a driver can't be used, or a frame can't be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// The driver is another avatar's.
    #[error("the driver belongs to the avatar `{name}` of hash {expected}, this avatar's is {found}")]
    OtherAvatar {
        /// The name of the driver's avatar.
        name: String,
        /// Its hash.
        expected: String,
        /// The given avatar's hash.
        found: String,
    },
    /// The avatar isn't what the driver was made for, though its hash is.
    #[error("the driver has {found} {what}, the avatar {expected}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// The driver's.
        found: usize,
        /// The avatar's.
        expected: usize,
    },
    /// Input of another size than the driver's.
    #[error("{what}: {found} given, the driver takes {expected}")]
    Input {
        /// What was given.
        what: &'static str,
        /// How much.
        found: usize,
        /// How much there should be.
        expected: usize,
    },
    /// An input holds a number that isn't finite.
    #[error("{what}: number {index} isn't finite")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Where in it.
        index: usize,
    },
    /// The runtime failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// A driver's network, ready to run. It keeps what it needs of the driver; one at a time per thread.
pub struct Encoder {
    runtime: Box<dyn Runtime>,
    residual: usize,
    size: usize,
    deviation: f32,
    mean: Vec<[f32; 3]>,
    seen: Vec<u8>,
    vertices: usize,
    /// `[q, V, 3]`.
    basis: Vec<f32>,
    mesh_inputs: usize,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { residual, size, vertices, mesh_inputs, .. } = self;
        write!(
            f,
            "Encoder({residual} components from {size}² texels and {mesh_inputs} of {vertices} vertices)"
        )
    }
}

impl Encoder {
    /// Makes a driver ready, in pure Rust. `avatar_root` is the avatar file's [`Avatar::root_hash`].
    ///
    /// # Errors
    /// If the driver belongs to another avatar, or its graph can't be run.
    pub fn open(driver: &Driver, avatar: &Avatar, avatar_root: [u8; 32]) -> Result<Self, EncoderError> {
        let runtime = Box::new(Tract::new(driver.graph())?);
        Self::new(driver, avatar, avatar_root, runtime)
    }

    /// As [`open`](Self::open), but runs in a loaded ONNX Runtime, after it has shown that it computes what tract does.
    ///
    /// # Errors
    /// As `open`, and if the two differ.
    pub fn open_with(
        driver: &Driver,
        avatar: &Avatar,
        avatar_root: [u8; 32],
        library: &OnnxRuntime,
    ) -> Result<Self, EncoderError> {
        let graph = driver.graph();
        let (mut ours, mut theirs) = (Tract::new(graph)?, Loaded::new(graph, library)?);
        let mut difference = 0f32;
        for seed in 0..4 {
            let inputs: Vec<Vec<f32>> = graph.inputs.iter().map(|port| noise(seed, &port.shape)).collect();
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let (ours, theirs) = (ours.run(&inputs)?, theirs.run(&inputs)?);
            if ours.len() != theirs.len() || theirs.iter().any(|x| !x.is_finite()) {
                return Err(RuntimeError::Result { expected: ours.len() }.into());
            }
            let differences = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs());
            difference = differences.fold(difference, f32::max);
        }
        if difference > AGREEMENT {
            let path = library.path().to_owned();
            return Err(RuntimeError::Disagrees { path, difference, allowed: AGREEMENT }.into());
        }
        Self::new(driver, avatar, avatar_root, Box::new(theirs))
    }

    fn new(
        driver: &Driver,
        avatar: &Avatar,
        avatar_root: [u8; 32],
        runtime: Box<dyn Runtime>,
    ) -> Result<Self, EncoderError> {
        let DriverManifest { avatar: whose, residual, texture, mesh, .. } = driver.manifest();
        let root = driver::hex(&avatar_root);
        if whose.root_blake3 != root {
            let (name, expected) = (whose.name.clone(), whose.root_blake3.clone());
            return Err(EncoderError::OtherAvatar { name, expected, found: root });
        }
        for (what, found, expected) in [
            ("residual components", *residual, avatar.residual()),
            ("vertices", mesh.vertices, avatar.mesh.mean.len()),
        ] {
            if found != expected {
                return Err(EncoderError::Mismatch { what, found, expected });
            }
        }
        Ok(Self {
            runtime,
            residual: *residual,
            size: texture.size,
            deviation: texture.deviation,
            mean: driver.texture_mean().to_vec(),
            seen: driver.texture_seen().to_vec(),
            vertices: mesh.vertices,
            basis: driver.mesh_basis().to_vec(),
            mesh_inputs: mesh.inputs,
        })
    }

    /// Texels a side of the texture that [`encode`](Self::encode) takes.
    pub fn texture_size(&self) -> usize {
        self.size
    }

    /// Whether the mesh says anything beside the texture; if not, `encode` takes an empty slice for it as well.
    pub fn uses_mesh(&self) -> bool {
        self.mesh_inputs > 0
    }

    /// r of a frame: k numbers in −1 to 1, the rest 0. `mesh_offsets` are V offsets in metres as [`unexplained`] makes
    /// them; `texture` is the frame's [`AverageTexture`].
    ///
    /// # Errors
    /// If an input has another size than the driver's, isn't finite, or the runtime fails.
    pub fn encode(
        &mut self,
        mesh_offsets: &[Vec3],
        texture: &AverageTexture,
    ) -> Result<[f32; MAX_RESIDUAL], EncoderError> {
        let needs_mesh = self.uses_mesh() || !mesh_offsets.is_empty();
        if needs_mesh && mesh_offsets.len() != self.vertices {
            let (found, expected) = (mesh_offsets.len(), self.vertices);
            return Err(EncoderError::Input { what: "mesh offsets", found, expected });
        }
        finite("mesh offsets", mesh_offsets.iter().position(|x| !x.is_finite()))?;
        let mesh = self.coordinates(mesh_offsets);
        self.encode_coordinates(&mesh, texture)
    }

    /// [`encode`](Self::encode) with the mesh's coordinates in the driver's basis.
    pub(crate) fn encode_coordinates(
        &mut self,
        mesh: &[f32],
        texture: &AverageTexture,
    ) -> Result<[f32; MAX_RESIDUAL], EncoderError> {
        let texels = self.size * self.size;
        for (what, found, expected) in [
            ("colours of the texture", texture.color.len(), texels),
            ("coverage", texture.coverage.len(), texels),
            ("coordinates of the mesh", mesh.len(), self.mesh_inputs),
        ] {
            if found != expected {
                return Err(EncoderError::Input { what, found, expected });
            }
        }
        finite("colours of the texture", texture.color.as_flattened().iter().position(|x| !x.is_finite()))?;
        finite("coverage", texture.coverage.iter().position(|x| !x.is_finite()))?;

        let image = self.normalised(texture);
        let inputs: &[&[f32]] = if self.uses_mesh() { &[&image, mesh] } else { &[&image] };
        let result = self.runtime.run(inputs)?;
        if result.len() != self.residual || result.iter().any(|x| !x.is_finite()) {
            return Err(RuntimeError::Result { expected: self.residual }.into());
        }
        let mut out = [0.0; MAX_RESIDUAL];
        out.iter_mut().zip(result).for_each(|(out, r)| *out = r.clamp(-1.0, 1.0));
        Ok(out)
    }

    /// `[4, S, S]`: (texture − mean) / deviation where both are known, and whether they are.
    fn normalised(&self, texture: &AverageTexture) -> Vec<f32> {
        let texels = self.size * self.size;
        let mut image = vec![0.0; 4 * texels];
        for (i, (color, mean)) in texture.color.iter().zip(&self.mean).enumerate() {
            let coverage = texture.coverage[i].clamp(0.0, 1.0) * f32::from(self.seen[i]);
            for c in 0..3 {
                image[c * texels + i] = (color[c] - mean[c]) / self.deviation * coverage;
            }
            image[3 * texels + i] = coverage;
        }
        image
    }

    /// Coordinates of the offsets in the driver's basis.
    fn coordinates(&self, offsets: &[Vec3]) -> Vec<f32> {
        let row = |row: &[f32]| {
            row.as_chunks::<3>().0.iter().zip(offsets).map(|(&b, o)| Vec3::from(b).dot(*o)).sum()
        };
        self.basis.chunks_exact((3 * self.vertices).max(1)).map(row).collect()
    }
}

fn finite(what: &'static str, index: Option<usize>) -> Result<(), EncoderError> {
    index.map_or(Ok(()), |index| Err(EncoderError::NotFinite { what, index }))
}

/// Numbers between −2 and 2 that look random, the same for the same seed; zeros for seed 0.
fn noise(seed: u32, shape: &[usize]) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        // Numerical Recipes' linear congruential generator: quality doesn't matter here.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if seed == 0 { 0.0 } else { (state >> 8) as f32 / (1 << 22) as f32 - 2.0 }
    };
    (0..shape.iter().product()).map(|_| next()).collect()
}
