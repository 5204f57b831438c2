//! `.driver` files: what an encoder gives, against a plain evaluation of its graph, and what damaged or hostile files do
//! (a typed error, never a panic).
#![cfg(feature = "encoder")]

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::encoder::{
    AverageTexture, Constant, Driver, DriverManifest, Encoder, EncoderError, Graph, GraphError,
    MAX_DRIVER_BYTES, MAX_DRIVER_HEADER_BYTES, Node, OnnxRuntime, Operator, Port, ReadDriverError,
    RuntimeError, synthetic_driver,
};
use visavis_codec::glam::Vec3;
use visavis_codec::testing::{Preset, Random, synthetic_avatar};

fn avatar() -> (Avatar, [u8; 32]) {
    let avatar = synthetic_avatar(5, Preset::Tiny);
    let root = Avatar::root_hash(&avatar.write().unwrap()).unwrap();
    (avatar, root)
}

fn driver() -> Driver {
    let (avatar, root) = avatar();
    synthetic_driver(9, &avatar, root)
}

fn driver_file() -> Vec<u8> {
    driver().write().unwrap()
}

/// A texture and offsets that look random; every third texel isn't seen.
fn sample(seed: u64, size: usize, vertices: usize) -> (Vec<Vec3>, AverageTexture) {
    let mut random = Random::new(seed);
    let color = (0..size * size).map(|_| [(); 3].map(|()| random.uniform(0.0, 1.0))).collect();
    let coverage = (0..size * size).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let offsets = (0..vertices).map(|_| 2e-3 * Vec3::from([(); 3].map(|()| random.normal()))).collect();
    (offsets, AverageTexture { size, color, coverage })
}

/// A tensor: shape and numbers.
type Tensor = (Vec<usize>, Vec<f32>);

/// Every operator as ONNX's document has it, in the plainest loops.
fn evaluate(graph: &Graph, inputs: &[(&str, Tensor)]) -> Vec<f32> {
    let mut values: HashMap<&str, Tensor> = HashMap::new();
    for constant in &graph.constants {
        values.insert(&constant.name, (constant.shape.clone(), constant.values.clone()));
    }
    values.extend(inputs.iter().map(|(name, tensor)| (*name, tensor.clone())));
    for node in &graph.nodes {
        let x: Vec<&Tensor> = node.inputs.iter().map(|name| &values[name.as_str()]).collect();
        let each = |f: &dyn Fn(f32) -> f32| (x[0].0.clone(), x[0].1.iter().map(|&v| f(v)).collect());
        let result = match &node.operator {
            Operator::Conv { strides, pads, groups } => convolve(&x, *strides, *pads, *groups),
            Operator::LeakyRelu { alpha } => each(&|v| if v < 0.0 { alpha * v } else { v }),
            Operator::Relu => each(&|v| v.max(0.0)),
            Operator::Tanh => each(&f32::tanh),
            Operator::Sigmoid => each(&|v| 1.0 / (1.0 + (-v).exp())),
            Operator::Add => (x[0].0.clone(), x[0].1.iter().zip(&x[1].1).map(|(a, b)| a + b).collect()),
            // With a first dimension of 1, axis 1 is the outermost.
            Operator::Concat => {
                let mut shape = x[0].0.clone();
                shape[1] = x.iter().map(|tensor| tensor.0[1]).sum();
                (shape, x.iter().flat_map(|tensor| tensor.1.clone()).collect())
            }
            Operator::Flatten => (vec![1, x[0].1.len()], x[0].1.clone()),
            Operator::Gemm { transposed } => {
                let n = x[0].1.len();
                let m = x[1].1.len() / n;
                let weight = |i: usize, j: usize| x[1].1[if *transposed { j * n + i } else { i * m + j }];
                let bias = |j: usize| x.get(2).map_or(0.0, |bias| bias.1[j]);
                let sum = |j: usize| bias(j) + (0..n).map(|i| x[0].1[i] * weight(i, j)).sum::<f32>();
                (vec![1, m], (0..m).map(sum).collect())
            }
        };
        values.insert(&node.output, result);
    }
    values[graph.output.name.as_str()].1.clone()
}

fn convolve(x: &[&Tensor], strides: [usize; 2], pads: [usize; 4], groups: usize) -> Tensor {
    let (&[_, channels, height, width], &[outputs, per_group, kernel_h, kernel_w]) =
        (&x[0].0[..], &x[1].0[..])
    else {
        panic!("convolutions have four dimensions")
    };
    let out_h = (height + pads[0] + pads[2] - kernel_h) / strides[0] + 1;
    let out_w = (width + pads[1] + pads[3] - kernel_w) / strides[1] + 1;
    let mut out = Vec::new();
    for output in 0..outputs {
        let first = output / (outputs / groups) * per_group;
        for y in 0..out_h {
            for column in 0..out_w {
                let mut sum = x.get(2).map_or(0.0, |bias| bias.1[output]);
                for c in 0..per_group {
                    for (j, i) in (0..kernel_h).flat_map(|j| (0..kernel_w).map(move |i| (j, i))) {
                        let (row, col) = (y * strides[0] + j, column * strides[1] + i);
                        let (Some(row), Some(col)) = (row.checked_sub(pads[0]), col.checked_sub(pads[1]))
                        else {
                            continue;
                        };
                        if row < height && col < width {
                            let weight = x[1].1[((output * per_group + c) * kernel_h + j) * kernel_w + i];
                            sum += weight * x[0].1[((first + c) * height + row) * width + col];
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    assert!(channels == per_group * groups);
    (vec![1, outputs, out_h, out_w], out)
}

/// What the graph is fed with for a sample, by DRIVER.md.
fn inputs(driver: &Driver, offsets: &[Vec3], texture: &AverageTexture) -> Vec<(&'static str, Tensor)> {
    let DriverManifest { texture: input, mesh, .. } = driver.manifest();
    let mut image = Vec::new();
    for channel in 0..4 {
        for texel in 0..input.size * input.size {
            let coverage = texture.coverage[texel] * f32::from(driver.texture_seen()[texel]);
            image.push(match channel {
                3 => coverage,
                c => (texture.color[texel][c] - driver.texture_mean()[texel][c]) / input.deviation * coverage,
            });
        }
    }
    let mut out = vec![("texture", (vec![1, 4, input.size, input.size], image))];
    if mesh.inputs > 0 {
        let rows = driver.mesh_basis().chunks_exact(3 * mesh.vertices);
        let along = |row: &[f32]| {
            (0..mesh.vertices).map(|v| Vec3::from_slice(&row[3 * v..]).dot(offsets[v])).sum::<f32>()
        };
        out.push(("mesh", (vec![1, mesh.inputs], rows.map(along).collect())));
    }
    out
}

#[track_caller]
fn assert_encodes_as_evaluated(driver: &Driver) {
    let (avatar, root) = avatar();
    let mut encoder = Encoder::open(driver, &avatar, root).unwrap();
    for seed in 0..5 {
        let (offsets, texture) = sample(seed, encoder.texture_size(), avatar.mesh.mean.len());
        let found = encoder.encode(&offsets, &texture).unwrap();
        let expected = evaluate(driver.graph(), &inputs(driver, &offsets, &texture));
        assert_eq!(expected.len(), avatar.residual());
        assert!(expected.iter().any(|r| r.abs() > 0.01), "{expected:?} says nothing");
        for (k, r) in found.iter().enumerate() {
            let expected = expected.get(k).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
            assert!((r - expected).abs() < 1e-5, "component {k}: {r} instead of {expected}");
        }
    }
}

#[test]
fn an_encoder_gives_what_its_graph_says() {
    let driver = driver();
    assert_encodes_as_evaluated(&driver);
    let back = Driver::read(&driver.write().unwrap()).unwrap();
    assert_eq!(back, driver);
    assert_encodes_as_evaluated(&back);
}

fn node(operator: Operator, inputs: &[&str], output: &str) -> Node {
    Node { operator, inputs: inputs.iter().map(|&name| name.into()).collect(), output: output.into() }
}

/// A graph with every operator that the made-up one lacks, and without a mesh.
fn all_operators(residual: usize) -> Graph {
    let mut random = Random::new(4);
    let mut constant = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product()).map(|_| 0.3 * random.normal()).collect();
        Constant { name: name.into(), shape: shape.to_vec(), values }
    };
    let conv = |groups, strides, pads| Operator::Conv { strides, pads, groups };
    Graph {
        inputs: vec![Port { name: "texture".into(), shape: vec![1, 4, 8, 8] }],
        constants: vec![
            constant("w1", &[6, 2, 3, 2]),
            constant("w2", &[6, 4, 1, 5]),
            constant("b2", &[6]),
            constant("w3", &[12 * 4 * 4, residual]),
            constant("b3", &[1, residual]),
        ],
        nodes: vec![
            node(conv(2, [2, 2], [1, 0, 1, 1]), &["texture", "w1"], "a"),
            node(Operator::Relu, &["a"], "a1"),
            node(conv(1, [2, 2], [0, 2, 0, 2]), &["texture", "w2", "b2"], "b"),
            node(Operator::Add, &["a1", "b"], "c"),
            node(Operator::Concat, &["c", "a1"], "d"),
            node(Operator::Flatten, &["d"], "e"),
            node(Operator::Gemm { transposed: false }, &["e", "w3", "b3"], "f"),
            node(Operator::Sigmoid, &["f"], "residual"),
        ],
        output: Port { name: "residual".into(), shape: vec![1, residual] },
    }
}

/// The made-up driver with another graph, without a mesh.
fn with_graph(graph: Graph) -> Result<Driver, ReadDriverError> {
    let driver = driver();
    let mut manifest = driver.manifest().clone();
    manifest.mesh.inputs = 0;
    Driver::new(manifest, graph, driver.texture_mean().to_vec(), driver.texture_seen().to_vec(), Vec::new())
}

#[test]
fn every_operator_means_what_onnx_says() {
    let residual = driver().manifest().residual;
    assert_encodes_as_evaluated(&with_graph(all_operators(residual)).unwrap());
}

#[test]
fn what_a_run_costs_is_counted() {
    let cost = all_operators(3).check().unwrap();
    assert_eq!(cost.macs, (6 * 16 * 12 + 6 * 16 * 20 + 192 * 3) as u64);
    assert_eq!(cost.activation_bytes, 4 * (96 * 4 + 192 * 2 + 3 * 2));
    assert_eq!(cost.parameters, 72 + 120 + 6 + 576 + 3);
}

#[test]
fn a_driver_is_for_its_avatar_alone() {
    let (avatar, root) = avatar();
    let driver = driver();
    let error = Encoder::open(&driver, &avatar, [0; 32]).unwrap_err();
    assert!(matches!(error, EncoderError::OtherAvatar { .. }), "{error}");
    let other = synthetic_avatar(5, Preset::Full);
    let error = Encoder::open(&driver, &other, root).unwrap_err();
    assert!(matches!(error, EncoderError::Mismatch { .. }), "{error}");
}

#[test]
fn inputs_of_another_size_or_not_finite_are_refused() {
    let (avatar, root) = avatar();
    let mut encoder = Encoder::open(&driver(), &avatar, root).unwrap();
    let (offsets, texture) = sample(1, 8, avatar.mesh.mean.len());
    let mut refused = |offsets: &[Vec3], texture: &AverageTexture| {
        encoder.encode(offsets, texture).unwrap_err().to_string()
    };
    assert!(refused(&offsets[1..], &texture).contains("mesh offsets"));
    assert!(refused(&[], &texture).contains("mesh offsets"));
    let (_, large) = sample(1, 16, 3);
    assert!(refused(&offsets, &large).contains("texture"));
    let mut short = texture.clone();
    short.coverage.pop();
    assert!(refused(&offsets, &short).contains("coverage"));
    let mut wrong = texture.clone();
    wrong.color[7][1] = f32::NAN;
    assert!(refused(&offsets, &wrong).contains("number 22"));
    let mut wrong = offsets.clone();
    wrong[3].y = f32::INFINITY;
    assert!(refused(&wrong, &texture).contains("number 3"));
}

#[test]
fn a_library_that_is_none_is_refused() {
    let load = |path: &Path| OnnxRuntime::load(path).unwrap_err();
    let missing = load(Path::new("/nowhere/libonnxruntime.so"));
    assert!(matches!(missing, RuntimeError::Library { .. }), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    std::fs::write(&path, b"not a library").unwrap();
    let no_library = load(&path);
    assert!(matches!(no_library, RuntimeError::Library { .. }), "{no_library}");
}

#[test]
#[ignore = "needs an ONNX Runtime: VISAVIS_ONNXRUNTIME=/path/to/libonnxruntime.so"]
fn a_loaded_onnx_runtime_gives_the_same() {
    let path = std::env::var_os("VISAVIS_ONNXRUNTIME").expect("VISAVIS_ONNXRUNTIME names the library");
    let library = OnnxRuntime::load(Path::new(&path)).unwrap();
    assert!(OnnxRuntime::load(Path::new(&path)).is_ok(), "it may be asked for again");
    let (avatar, root) = avatar();
    let residual = avatar.residual();
    for driver in [driver(), with_graph(all_operators(residual)).unwrap()] {
        let mut ours = Encoder::open(&driver, &avatar, root).unwrap();
        let mut theirs = Encoder::open_with(&driver, &avatar, root, &library).unwrap();
        let (offsets, texture) = sample(2, ours.texture_size(), avatar.mesh.mean.len());
        let (ours, theirs) = (ours.encode(&offsets, &texture), theirs.encode(&offsets, &texture));
        let differences = ours.unwrap().into_iter().zip(theirs.unwrap()).map(|(a, b)| (a - b).abs());
        assert!(differences.fold(0.0, f32::max) < 1e-5);
    }
}

fn header_length(file: &[u8]) -> usize {
    u64::from_le_bytes(file[..8].try_into().unwrap()) as usize
}

fn header(file: &[u8]) -> Value {
    serde_json::from_slice(&file[8..8 + header_length(file)]).unwrap()
}

fn edit_header(file: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut header = header(file);
    edit(&mut header);
    let text = header.to_string();
    [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &file[8 + header_length(file)..]].concat()
}

fn edit_manifest(file: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    edit_header(file, |header| {
        let text = &mut header["__metadata__"]["visavis.driver"];
        let mut manifest: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        edit(&mut manifest);
        *text = manifest.to_string().into();
    })
}

#[track_caller]
fn assert_refused(file: &[u8], words: &[&str]) {
    let message = Driver::read(file).unwrap_err().to_string();
    assert!(message.len() < 2000, "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` isn't in: {message}");
    }
}

#[test]
fn truncated_anywhere_and_too_long() {
    let file = driver_file();
    for length in 0..file.len() {
        assert!(Driver::read(&file[..length]).is_err(), "cut to {length}");
    }
    assert!(matches!(Driver::read(&[&file[..], &[0]].concat()), Err(ReadDriverError::Container(_))));
    let huge = vec![0; MAX_DRIVER_BYTES + 1];
    assert!(matches!(Driver::read(&huge), Err(ReadDriverError::FileSize { .. })));
    let long = [&(MAX_DRIVER_HEADER_BYTES as u64 + 1).to_le_bytes()[..], &huge[..1 << 20]].concat();
    assert!(matches!(Driver::read(&long), Err(ReadDriverError::HeaderSize { .. })));
}

#[test]
fn what_is_wrong_is_said() {
    let file = driver_file();
    let manifest = |edit: &dyn Fn(&mut Value)| edit_manifest(&file, edit);
    assert_refused(&manifest(&|m| m["schema"] = json!("visavis.driver/2")), &["visavis.driver/2", "version"]);
    assert_refused(&manifest(&|m| m["residual"] = json!(0)), &["`residual`", "1 to 32"]);
    assert_refused(&manifest(&|m| m["residual"] = json!(5)), &["output"]);
    assert_refused(&manifest(&|m| m["texture"]["size"] = json!(16)), &["texture.mean", "must be"]);
    assert_refused(&manifest(&|m| m["texture"]["size"] = json!(1u64 << 40)), &["texture.size"]);
    assert_refused(&manifest(&|m| m["texture"]["deviation"] = json!(0.0)), &["texture.deviation"]);
    assert_refused(&manifest(&|m| m["mesh"]["inputs"] = json!(0)), &["mesh.basis"]);
    assert_refused(&manifest(&|m| m["mesh"]["vertices"] = json!(u64::MAX)), &["mesh.vertices"]);
    assert_refused(&manifest(&|m| m["avatar"]["root_blake3"] = json!("A")), &["root_blake3", "64"]);
    assert_refused(&manifest(&|m| m["avatar"]["name"] = json!("a\u{7}")), &["avatar.name"]);
    assert_refused(&manifest(&|m| m["more"] = json!(1)), &["more"]);
    assert_refused(&edit_header(&file, |h| h["__metadata__"] = json!({})), &["no driver"]);
    let avatar = synthetic_avatar(5, Preset::Tiny).write().unwrap();
    assert_refused(&avatar, &["no driver"]);
    let missing = edit_header(&file, |h| {
        let mean = h.as_object_mut().unwrap().remove("texture.mean").unwrap();
        h["texture.man"] = mean;
    });
    assert_refused(&missing, &["texture.man"]);
    let tensor = |name: &str, bytes: &[u8]| {
        let start = header(&file)[name]["data_offsets"][0].as_u64().unwrap() as usize;
        let at = 8 + header_length(&file) + start;
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert_refused(&tensor("texture.mean", &1.5f32.to_le_bytes()), &["texture.mean", "1.5"]);
    assert_refused(&tensor("texture.seen", &[2]), &["texture.seen"]);
    assert_refused(&tensor("mesh.basis", &f32::NAN.to_le_bytes()), &["mesh.basis", "finite"]);
    assert_refused(&tensor("graph", &[0xff; 12]), &["graph"]);
}

/// What a graph is refused for.
fn refusal(edit: impl FnOnce(&mut Graph)) -> GraphError {
    let mut graph = all_operators(4);
    edit(&mut graph);
    let error = graph.check().unwrap_err();
    // What checking refuses, reading refuses as well, for the same or an earlier reason.
    Graph::read(&graph.write()).unwrap_err();
    error
}

#[test]
fn graphs_that_do_not_fit_are_refused() {
    let shape = |edit: &dyn Fn(&mut Graph)| match refusal(edit) {
        GraphError::Shape { node, .. } => node,
        other => panic!("{other}"),
    };
    assert_eq!(
        shape(&|g| g.nodes[0].operator = Operator::Conv { strides: [0, 1], pads: [0; 4], groups: 2 }),
        0
    );
    assert_eq!(
        shape(&|g| g.nodes[0].operator = Operator::Conv { strides: [2, 2], pads: [9; 4], groups: 2 }),
        0
    );
    assert_eq!(
        shape(&|g| g.nodes[0].operator = Operator::Conv { strides: [2, 2], pads: [0; 4], groups: 3 }),
        0
    );
    assert_eq!(shape(&|g| g.nodes[1].operator = Operator::LeakyRelu { alpha: f32::NAN }), 1);
    assert_eq!(shape(&|g| g.nodes[3].inputs.truncate(1)), 3);
    assert_eq!(shape(&|g| g.nodes[6].operator = Operator::Gemm { transposed: true }), 6);
    let name = |edit: &dyn Fn(&mut Graph)| assert!(matches!(refusal(edit), GraphError::Name { .. }));
    name(&|g| g.nodes[0].inputs[0] = "residual".into());
    name(&|g| g.nodes.swap(0, 1));
    name(&|g| g.nodes[2].output = "a".into());
    name(&|g| g.constants[2].name = "w1".into());
    name(&|g| g.output.name = "texture".into());
    assert!(matches!(
        refusal(|g| g.constants[1].values[5] = f32::INFINITY),
        GraphError::NotFinite { index: 5, .. }
    ));
    assert!(matches!(refusal(|g| g.output.shape = vec![1, 5]), GraphError::NotAllowed { .. }));
    assert!(matches!(refusal(|g| g.inputs[0].shape[1] = 0), GraphError::NotAllowed { .. }));
    assert!(matches!(refusal(|g| g.inputs[0].shape = vec![1 << 40; 4]), GraphError::NotAllowed { .. }));
    assert!(matches!(refusal(|g| g.constants[0].shape = vec![71]), GraphError::NotAllowed { .. }));
}

#[test]
fn graphs_that_cost_too_much_are_refused() {
    let costly = |side: usize, channels: usize| {
        let conv = Operator::Conv { strides: [1, 1], pads: [1; 4], groups: 1 };
        let weight =
            Constant { name: "w".into(), shape: vec![channels, 4, 3, 3], values: vec![0.0; channels * 36] };
        let graph = Graph {
            inputs: vec![Port { name: "texture".into(), shape: vec![1, 4, side, side] }],
            constants: vec![weight],
            nodes: vec![node(conv, &["texture", "w"], "residual")],
            output: Port { name: "residual".into(), shape: vec![1, channels, side, side] },
        };
        graph.check()
    };
    assert!(costly(128, 8).is_ok());
    let limited = |result| match result {
        Err(GraphError::Limit { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(limited(costly(512, 4)), "multiply-accumulates");
    let mut long = all_operators(4);
    for i in 0..60 {
        long.nodes.insert(0, node(Operator::Relu, &["texture"], &format!("r{i}")));
    }
    assert_eq!(limited(long.check()), "operators");
}

/// Protocol-buffer fields, as other exporters write them.
fn chunk(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

#[test]
fn onnx_is_read_strictly() {
    let graph = all_operators(4);
    let file = graph.write();
    assert_eq!(Graph::read(&file).unwrap(), graph);
    // Documentation, producer and properties mean nothing; functions, training and what is unknown might.
    for harmless in [chunk(6, b"words"), chunk(3, b"2.0"), chunk(14, b"\x0a\x01k")] {
        assert_eq!(Graph::read(&[&file[..], &harmless].concat()).unwrap(), graph);
    }
    for wrong in [chunk(25, b""), vec![20 << 3 & 0x7f | 0x82, 1, 0], chunk(7, b""), chunk(8, &[0x10, 17])] {
        assert!(Graph::read(&[&file[..], &wrong].concat()).is_err(), "{wrong:?}");
    }
    let opset = |version: u8| {
        let end = file.len();
        let mut file = file.clone();
        assert_eq!(file[end - 1], 17);
        file[end - 1] = version;
        Graph::read(&file)
    };
    assert!(opset(13).is_ok() && opset(12).is_err() && opset(18).is_err());
    let replaced = |from: &[u8], to: &[u8]| {
        let at = file.windows(from.len()).position(|window| window == from).unwrap();
        let mut file = file.clone();
        file[at..at + from.len()].copy_from_slice(to);
        Graph::read(&file).unwrap_err().to_string()
    };
    assert!(replaced(b"Relu", b"Loop").contains("Loop"));
    assert!(replaced(b"Sigmoid", b"Softmax").contains("allowed: Conv"));
    assert!(replaced(b"transB", b"gransB").contains("gransB"));
    assert!(replaced(b"texture", b"te tur\x07").contains("letters"));
    // Data in another file: fields 13 and 14 of a tensor.
    let mut body = Vec::new();
    for wrong in [chunk(13, &chunk(1, b"location")), vec![14 << 3, 1]] {
        let tensor = [vec![0x08, 1, 0x10, 1], chunk(8, b"w"), chunk(9, &[0; 4]), wrong].concat();
        body.push([vec![8, 8], chunk(7, &chunk(5, &tensor)), chunk(8, &[0x10, 17])].concat());
    }
    for file in body {
        assert!(Graph::read(&file).unwrap_err().to_string().contains("a constant"));
    }
}

/// A damaged file either is refused, or makes an encoder that answers with numbers in range or a typed error.
fn survives(file: &[u8]) -> bool {
    let driver = match Driver::read(file) {
        Ok(driver) => driver,
        Err(error) => {
            assert!(error.to_string().len() < 2000, "{error}");
            return false;
        }
    };
    let (avatar, root) = avatar();
    if let Ok(mut encoder) = Encoder::open(&driver, &avatar, root) {
        let (offsets, texture) = sample(3, encoder.texture_size(), avatar.mesh.mean.len());
        if let Ok(residual) = encoder.encode(&offsets, &texture) {
            assert!(residual.iter().all(|r| (-1.0..=1.0).contains(r)));
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits(flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4), in_header: bool) {
        let mut file = driver_file();
        let range = if in_header { 8 + header_length(&file) } else { file.len() };
        for (at, bit) in flips {
            file[at.index(range)] ^= 1 << bit;
        }
        survives(&file);
    }

    #[test]
    fn damaged_graphs(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1usize..40), 1..3),
        kind in 0u8..3,
    ) {
        let mut graph = driver().graph().write();
        for (from, to, length) in cuts {
            let (from, to) = (from.index(graph.len()), to.index(graph.len()));
            let length = length.min(graph.len() - from.max(to));
            match kind {
                0 => graph.copy_within(from..from + length, to),
                1 => drop(graph.drain(from..from + length)),
                _ => graph[from..from + length].fill(to as u8),
            }
            if graph.is_empty() {
                break;
            }
        }
        if let Ok(read) = Graph::read(&graph) {
            prop_assert_eq!(Graph::read(&read.write()).unwrap(), read);
        }
    }
}

#[test]
fn most_damage_to_the_header_is_noticed() {
    let file = driver_file();
    let mut random = Random::new(3);
    let refused = (0..400).filter(|_| {
        let mut damaged = file.clone();
        damaged[random.below(8 + header_length(&file))] ^= 1 << random.below(8);
        !survives(&damaged)
    });
    assert!(refused.count() > 300);
}
