//! Files that something went wrong with never panic, whatever it was: each gives a scene or an error that names the file.

mod common;

use common::{glb, matt, squares, with_sun};
use proptest::prelude::*;
use serde_json::{Value, json};
use visavis_scene::Scene;

/// A small file with a bit of everything.
fn file() -> Vec<u8> {
    let mut material = matt([0.5, 0.25, 1.0, 1.0]);
    material["pbrMetallicRoughness"]["baseColorTexture"] = json!({ "index": 0, "extensions": { "KHR_texture_transform": { "scale": [2, 2], "rotation": 0.5 } } });
    material["normalTexture"] = json!({ "index": 0, "scale": 0.5 });
    material["alphaMode"] = json!("MASK");
    material["extras"] = json!({ "visavis": { "light_map": { "texture": 0, "uv_set": 0, "scale": 2 } } });
    let (mut json, binary) =
        squares(json!([material, matt([1.0; 4])]), &[([0.0; 3], [1.0; 3], 0), ([1.0; 3], [1.0; 3], 1)]);
    json["accessors"][2]["sparse"] = json!({
        "count": 1,
        "indices": { "bufferView": 3, "componentType": 5123 },
        "values": { "bufferView": 1 },
    });
    json["cameras"] = json!([{ "type": "perspective", "perspective": { "yfov": 0.5, "znear": 0.1 } }]);
    json["nodes"][1]["camera"] = json!(0);
    json["scenes"][0]["extras"] = json!({ "visavis": {
        "environment": { "image": 0, "scale": 2, "room": { "min": [-1, -1, -1], "max": [1, 1, 1], "seen_from": [0, 0, 0] } },
        "probes": [{ "position_m": [0, 1, 0], "radiance": vec![vec![0.5; 3]; 9] }],
        "look": { "kind": "toon", "bands": 3, "ink_px": 2, "ink_color": [0, 0, 0] },
    } });
    with_sun(&mut json, [0.0, 0.0, 0.0, 1.0], [1.0; 3]);
    glb(&json, &binary)
}

/// Numbers that loaders trip over.
const NUMBERS: [&str; 12] = [
    "-1",
    "0",
    "1",
    "2",
    "255",
    "65535",
    "4294967295",
    "18446744073709551615",
    "1e308",
    "-1e-300",
    "0.5",
    "1e40",
];

fn check(bytes: &[u8]) {
    match Scene::from_glb(bytes, "mutated.glb") {
        Err(error) => assert!(error.to_string().starts_with("mutated.glb: "), "{error}"),
        // What is accepted can be used.
        Ok(scene) => {
            let [low, high] = scene.bounds();
            assert!(low.is_finite() && high.is_finite());
            for mesh in &scene.meshes {
                assert!(mesh.indices.iter().all(|&index| (index as usize) < mesh.vertices.len()));
                assert!(mesh.material < scene.materials.len());
            }
            let light = scene.light_at((low + high) / 2.0);
            assert!(light.ambient.coefficients.iter().flatten().all(|c| c.is_finite()));
        }
    }
}

#[test]
fn the_file_itself_is_good() {
    let scene = Scene::from_glb(&file(), "file").expect("good");
    assert!(scene.warnings.is_empty(), "{:?}", scene.warnings);
}

/// Replaces the numbers of JSON, one after the other, by `number`; which one is told by `at`.
fn with_number(json: &mut Value, at: &mut usize, number: &Value) -> bool {
    match json {
        Value::Number(_) => {
            *at -= usize::from(*at > 0);
            if *at == 0 {
                *json = number.clone();
                return true;
            }
            false
        }
        Value::Array(all) => all.iter_mut().any(|value| with_number(value, at, number)),
        Value::Object(all) => all.values_mut().any(|value| with_number(value, at, number)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_that_flipped(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = file();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check(&bytes);
    }

    #[test]
    fn files_cut_short_or_with_a_hole(start in any::<prop::sample::Index>(), length in 0usize..400) {
        let mut bytes = file();
        let start = start.index(bytes.len());
        check(&bytes[..start]);
        let end = (start + length).min(bytes.len());
        bytes.drain(start..end);
        check(&bytes);
    }

    #[test]
    fn numbers_in_the_json(at in 1usize..260, number in prop::sample::select(&NUMBERS[..])) {
        let bytes = file();
        let length = u32::from_le_bytes(bytes[12..16].try_into().expect("four")) as usize;
        let mut json: Value = serde_json::from_slice(&bytes[20..20 + length]).expect("our own");
        let number: Value = serde_json::from_str(number).unwrap_or_else(|_| json!(0));
        with_number(&mut json, &mut { at }, &number);
        check(&glb(&json, &bytes[28 + length..]));
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..200), is_glb in any::<bool>()) {
        let mut file = if is_glb { b"glTF\x02\0\0\0".to_vec() } else { Vec::new() };
        file.extend(bytes);
        check(&file);
    }
}
