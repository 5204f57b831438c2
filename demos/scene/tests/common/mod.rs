//! What the tests share: small GLB files written here, a software device picked on purpose, linear pictures.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod cartoon;

use serde_json::{Value, json};
use visavis::headless::{AdapterChoice, Headless, HeadlessOptions};
use visavis::{Executor, Instance, View, wgpu};
use visavis_scene::{Snapshot, Stage};

/// JSON and a binary chunk as GLB.
pub(crate) fn glb(json: &Value, binary: &[u8]) -> Vec<u8> {
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut binary = binary.to_vec();
    binary.resize(binary.len().next_multiple_of(4), 0);
    let mut out = b"glTF".to_vec();
    let length = 12 + 8 + text.len() + 8 + binary.len();
    for word in [2, length as u32, text.len() as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend(b"JSON");
    out.extend(&text);
    out.extend((binary.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(&binary);
    out
}

/// A unit square at z = 0 that faces +Z, its middle at the origin, with a checkered picture; one node for each transform
/// `(translation, scale, material)`. Materials by their glTF.
pub(crate) fn squares(materials: Value, nodes: &[([f32; 3], [f32; 3], usize)]) -> (Value, Vec<u8>) {
    let mut binary = Vec::new();
    let mut views = Vec::new();
    let mut view = |bytes: &[u8]| {
        binary.resize(binary.len().next_multiple_of(4), 0);
        views.push(json!({ "buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len() }));
        binary.extend(bytes);
    };
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    view(&bytes(&[-0.5, -0.5, 0.0, 0.5, -0.5, 0.0, 0.5, 0.5, 0.0, -0.5, 0.5, 0.0]));
    view(&bytes(&[0.0, 0.0, 1.0].repeat(4)));
    view(&bytes(&[0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]));
    view(&[0u16, 1, 2, 0, 2, 3].iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>());
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_fn(4, 4, |x, y| {
        image::Rgba([255, if (x + y) % 2 == 0 { 255 } else { 128 }, 200, 255])
    })
    .write_to(&mut png, image::ImageFormat::Png)
    .expect("a small PNG");
    view(png.get_ref());
    let count = materials.as_array().map_or(0, Vec::len);
    let meshes: Vec<Value> = (0..count)
        .map(|material| {
            json!({ "primitives": [{
                "attributes": { "POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2 }, "indices": 3, "material": material, "mode": 4
            }] })
        })
        .collect();
    let placed: Vec<Value> = nodes
        .iter()
        .map(|(translation, scale, material)| {
            json!({ "name": format!("square {material}"), "mesh": material, "translation": translation, "scale": scale })
        })
        .collect();
    let json = json!({
        "asset": { "version": "2.0" },
        "scene": 0,
        "scenes": [{ "nodes": (0..nodes.len()).collect::<Vec<_>>() }],
        "nodes": placed, "meshes": meshes, "materials": materials,
        "textures": [{ "source": 0, "sampler": 0 }], "samplers": [{ "magFilter": 9728 }],
        "images": [{ "bufferView": 4, "mimeType": "image/png" }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [-0.5, -0.5, 0.0], "max": [0.5, 0.5, 0.0] },
            { "bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC3" },
            { "bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC2" },
            { "bufferView": 3, "componentType": 5123, "count": 6, "type": "SCALAR" },
        ],
        "bufferViews": views,
        "buffers": [{ "byteLength": binary.len() }],
    });
    (json, binary)
}

/// A material that shows its colour whatever the light.
pub(crate) fn unlit(color: [f32; 4]) -> Value {
    json!({ "pbrMetallicRoughness": { "baseColorFactor": color }, "extensions": { "KHR_materials_unlit": {} } })
}

/// A matt material.
pub(crate) fn matt(color: [f32; 4]) -> Value {
    json!({ "pbrMetallicRoughness": { "baseColorFactor": color, "metallicFactor": 0.0, "roughnessFactor": 1.0 } })
}

/// A directional lamp that shines along a node's −Z, white becomes 1; on the node of this number.
pub(crate) fn with_sun(json: &mut Value, rotation: [f32; 4], color: [f32; 3]) {
    json["extensions"] = json!({ "KHR_lights_punctual": {
        "lights": [{ "type": "directional", "color": color, "intensity": std::f32::consts::PI }]
    } });
    let nodes = json["nodes"].as_array_mut().expect("nodes");
    nodes.push(json!({ "rotation": rotation, "extensions": { "KHR_lights_punctual": { "light": 0 } } }));
    let number = nodes.len() - 1;
    json["scenes"][0]["nodes"].as_array_mut().expect("roots").push(number.into());
}

/// A software device with no more than the downlevel limits. Fails loudly where there is none.
pub(crate) fn software(executor: Executor) -> Headless {
    let options =
        HeadlessOptions { adapter: AdapterChoice::Software, executor, downlevel: true, ..Default::default() };
    let headless = Headless::new(&options).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("adapter: {}, executor: {:?}", headless.adapter().name, headless.engine().executor());
    headless
}

/// A stage's picture as linear light, 0..=1, red, green, blue.
pub(crate) fn linear(
    headless: &Headless,
    stage: &mut Stage,
    people: &[&Instance],
    view: &View,
    size: [u32; 2],
) -> Vec<[f32; 3]> {
    picture(headless, stage, people, view, size)
        .chunks_exact(4)
        .map(|rgba| [rgba[0], rgba[1], rgba[2]].map(visavis::headless::linear_from_srgb))
        .collect()
}

/// A stage's picture.
pub(crate) fn picture(
    headless: &Headless,
    stage: &mut Stage,
    people: &[&Instance],
    view: &View,
    size: [u32; 2],
) -> Vec<u8> {
    let (device, queue) = (headless.engine().device(), headless.engine().queue());
    let mut snapshot = Snapshot::new(device, size).expect("a small picture");
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let frame = stage.record(&mut encoder, people, view, size, snapshot.view()).expect("recorded");
    let rgba = snapshot.read(device, queue, encoder).expect("drawn").to_vec();
    drop(frame);
    rgba
}
