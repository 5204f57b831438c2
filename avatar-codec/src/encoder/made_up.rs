//! A made-up driver, for tests of this and other crates.

use super::driver::{DRIVER_SCHEMA, Driver, DriverManifest, MeshInput, TextureInput, WhoseDriver, hex};
use super::graph::{Constant, Graph, Node, Operator, Port};
use crate::Avatar;
use crate::testing::Random;

/// Texels a side, coordinates of the mesh, and channels of the convolution.
const SIZE: usize = 8;
const MESH: usize = 2;
const CHANNELS: usize = 3;

/// A constant of random numbers.
fn constant(random: &mut Random, name: &str, shape: &[usize], deviation: f32) -> Constant {
    let values = (0..shape.iter().product()).map(|_| deviation * random.normal()).collect();
    Constant { name: name.into(), shape: shape.to_vec(), values }
}

/// An operator with its inputs and its result.
fn node(operator: Operator, inputs: &[&str], output: &str) -> Node {
    Node { operator, inputs: inputs.iter().map(|&name| name.into()).collect(), output: output.into() }
}

/// A graph of the kind that is trained, as small as can be: k components from 8² texels and two coordinates.
pub fn synthetic_graph(seed: u64, residual: usize) -> Graph {
    let mut random = Random::new(seed);
    let flat = CHANNELS * 4 + MESH;
    Graph {
        inputs: vec![
            Port { name: "texture".into(), shape: vec![1, 4, SIZE, SIZE] },
            Port { name: "mesh".into(), shape: vec![1, MESH] },
        ],
        constants: vec![
            constant(&mut random, "convolution.weight", &[CHANNELS, 4, 4, 4], 0.2),
            constant(&mut random, "convolution.bias", &[CHANNELS], 0.2),
            constant(&mut random, "last.weight", &[residual, flat], 0.2),
            constant(&mut random, "last.bias", &[residual], 0.2),
        ],
        nodes: vec![
            node(
                Operator::Conv { strides: [4, 4], pads: [0; 4], groups: 1 },
                &["texture", "convolution.weight", "convolution.bias"],
                "maps",
            ),
            node(Operator::LeakyRelu { alpha: 0.2 }, &["maps"], "bent"),
            node(Operator::Flatten, &["bent"], "flat"),
            node(Operator::Concat, &["flat", "mesh"], "all"),
            node(Operator::Gemm { transposed: true }, &["all", "last.weight", "last.bias"], "sums"),
            node(Operator::Tanh, &["sums"], "residual"),
        ],
        output: Port { name: "residual".into(), shape: vec![1, residual] },
    }
}

/// The driver of an avatar whose file has this hash, with [`synthetic_graph`]. Panics if the avatar has no residual.
pub fn synthetic_driver(seed: u64, avatar: &Avatar, avatar_root: [u8; 32]) -> Driver {
    let mut random = Random::new(seed ^ 0x5eed);
    let vertices = avatar.mesh.mean.len();
    let manifest = DriverManifest {
        schema: DRIVER_SCHEMA.into(),
        avatar: WhoseDriver { name: avatar.manifest.name.clone(), root_blake3: hex(&avatar_root) },
        residual: avatar.residual(),
        texture: TextureInput { size: SIZE, deviation: 0.25 },
        mesh: MeshInput { vertices, inputs: MESH },
    };
    let mean = (0..SIZE * SIZE).map(|_| [(); 3].map(|()| random.uniform(0.0, 1.0))).collect();
    let seen = (0..SIZE * SIZE).map(|_| u8::from(random.below(4) > 0)).collect();
    let basis = (0..MESH * vertices * 3).map(|_| random.normal()).collect();
    match Driver::new(manifest, synthetic_graph(seed, avatar.residual()), mean, seen, basis) {
        Ok(driver) => driver,
        Err(error) => panic!("the made-up driver: {error}"),
    }
}
