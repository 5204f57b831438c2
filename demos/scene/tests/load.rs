//! What a file says is what a scene is; what it says wrongly is told by name.

mod common;

use common::{glb, matt, squares, unlit, with_sun};
use serde_json::{Value, json};
use visavis_codec::glam::Vec3;
use visavis_codec::light::LampKind;
use visavis_scene::{LoadError, Look, Projection, Reason, Scene, Sky, TextureUse};

fn load(json: &Value, binary: &[u8]) -> Result<Scene, LoadError> {
    Scene::from_glb(&glb(json, binary), "test.glb")
}

fn plain() -> (Value, Vec<u8>) {
    let mut material = matt([0.5, 0.25, 1.0, 1.0]);
    material["pbrMetallicRoughness"]["baseColorTexture"] = json!({ "index": 0 });
    material["normalTexture"] = json!({ "index": 0 });
    squares(json!([material]), &[([1.0, 2.0, 3.0], [2.0, 1.0, 1.0], 0)])
}

#[test]
fn a_square_arrives_as_it_was_made() {
    let (mut json, binary) = plain();
    // A quarter turn about X takes −Z, along which a lamp shines, to −Y.
    with_sun(&mut json, [-0.5f32.sqrt(), 0.0, 0.0, 0.5f32.sqrt()], [1.0, 0.5, 0.25]);
    json["cameras"] = json!([{ "type": "perspective", "perspective": { "yfov": 0.5, "znear": 0.1 } }]);
    json["nodes"][0]["children"] = json!([2]);
    json["nodes"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "eye", "camera": 0, "translation": [0, 0, 1] }));
    let scene = load(&json, &binary).expect("a good scene");
    assert!(scene.warnings.is_empty(), "{:?}", scene.warnings);
    let square = scene.node("square 0").expect("by name");
    assert_eq!(scene.nodes[square].meshes.len(), 1);
    assert_eq!(scene.bounds(), [Vec3::new(0.0, 1.5, 3.0), Vec3::new(2.0, 2.5, 3.0)]);
    let material = &scene.materials[scene.meshes[0].material];
    assert_eq!(material.base_color, [0.5, 0.25, 1.0, 1.0]);
    let slot = material.slots[TextureUse::BaseColor as usize].expect("it has a picture");
    assert_eq!(scene.images[scene.textures[slot.texture].image].size, [4, 4]);
    assert_eq!(scene.images.len(), 1, "one picture however many textures show it");
    // The picture's v counts downwards: growing u is +X, and with y up the bitangent is +Y.
    assert_eq!(scene.meshes[0].vertices[0].tangent, [1.0, 0.0, 0.0, 1.0]);

    assert_eq!(scene.cameras[0].name, "eye");
    assert!(matches!(scene.cameras[0].projection, Projection::Perspective { vertical_angle_rad: 0.5, .. }));
    let eye = scene.view(&scene.cameras[0], 1.0).eye();
    assert!((eye - Vec3::new(1.0, 2.0, 4.0)).length() < 1e-5, "{eye}");

    let lamp = scene.lamps[0].lamp;
    let LampKind::Directional { to_lamp, .. } = lamp.kind else { panic!("{lamp:?}") };
    assert!((to_lamp - Vec3::Y).length() < 1e-5, "{to_lamp}");
    // π lux makes white white.
    assert!((Vec3::from(lamp.color) - Vec3::new(1.0, 0.5, 0.25)).length() < 1e-5);
    let light = scene.light_at(Vec3::ZERO);
    light.validate().expect("light that the engine takes");
    assert!(light.irradiance(Vec3::ZERO, Vec3::Y).x > 1.0);
}

#[test]
fn what_is_beyond_gltf_is_read() {
    let (mut json, binary) = plain();
    let mut radiance = [[0.0; 3]; 9];
    radiance[0] = [1.0, 2.0, 3.0];
    json["scenes"][0]["extras"] = json!({ "visavis": {
        "environment": { "gradient": [[1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.0, 0.0, 0.0]], "visible": false },
        "probes": [{ "position_m": [0, 1, 0], "radiance": radiance }],
        "look": { "kind": "toon", "bands": 4 },
    }, "somebody else's": 7 });
    json["materials"][0]["extras"] = json!({ "visavis": {
        "light_map": { "texture": 0, "uv_set": 0, "scale": 3.0 }, "casts_shadow": false
    } });
    let scene = load(&json, &binary).expect("a good scene");
    assert!(matches!(scene.look, Look::Toon { bands: 4, .. }) && !scene.environment.is_visible);
    assert!(matches!(scene.environment.sky, Sky::Gradient([above, ..]) if above == Vec3::ONE));
    let material = &scene.materials[1];
    assert!(material.light_map_scale == 3.0 && !material.casts_shadow);
    assert!(material.slots[TextureUse::LightMap as usize].is_some());
    // At a probe it is that probe's light.
    let at_probe = scene.light_at(Vec3::Y).ambient.coefficients[0];
    assert!((Vec3::from(at_probe) - Vec3::new(1.0, 2.0, 3.0)).length() < 1e-3, "{at_probe:?}");
}

#[test]
fn a_missing_picture_is_a_warning_and_its_factor_is_shown() {
    let (mut json, binary) = plain();
    json["images"][0] = json!({ "uri": "not-there.png" });
    let scene = load(&json, &binary).expect("shown without");
    assert_eq!(scene.warnings.len(), 2, "{:?}", scene.warnings);
    let told = scene.warnings[0].to_string();
    assert!(told.contains("materials[0]") && told.contains("not-there.png"), "{told}");
    assert_eq!(scene.materials[1].slots[0], None);
    // The same of a picture that is no picture.
    json["images"][0] = json!({ "bufferView": 3 });
    assert_eq!(load(&json, &binary).expect("shown without").warnings.len(), 2);
}

/// A field is set, and the error is expected to name one.
fn refused(path: &str, value: Value, named: &str) -> LoadError {
    let (mut json, binary) = plain();
    *json.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
    let error = load(&json, &binary).expect_err(path);
    let told = error.to_string();
    assert!(told.starts_with("test.glb: ") && told.contains(named), "{path}: {told}");
    error
}

#[test]
fn every_error_names_file_field_and_fix() {
    let too_much = |error: LoadError| assert!(matches!(error.reason, Reason::TooMuch { .. }), "{error}");
    too_much(refused("/accessors/0/count", json!(1u64 << 60), "POSITION"));
    too_much(refused("/accessors/3/count", json!(4_000_000_000u64), "indices"));
    too_much(refused("/buffers/0/byteLength", json!(1u64 << 62), "buffers[0]"));
    refused("/accessors/0/count", json!(5), "POSITION");
    refused("/accessors/0/bufferView", json!(77), "POSITION");
    refused("/accessors/2/type", json!("VEC3"), "TEXCOORD_0");
    refused("/bufferViews/0/byteOffset", json!(u64::MAX), "bufferViews[0]");
    refused("/bufferViews/0/buffer", json!(3), "POSITION");
    refused("/meshes/0/primitives/0/material", json!(9), "primitives[0]");
    refused("/meshes/0/primitives/0/mode", json!(99), "primitives[0]");
    refused("/materials/0/pbrMetallicRoughness/roughnessFactor", json!(7.0), "roughnessFactor");
    refused("/nodes/0/mesh", json!(4), "nodes[0]");
    refused("/nodes/0/translation", json!([1e9, 0, 0]), "nodes[0]");
    refused("/asset/version", json!("1.0"), "asset.version");
    refused("/scene", json!(12), "scene");
    refused("/nodes/0", json!({ "rotation": [0, 0, 0, 0] }), "nodes[0].rotation");
}

#[test]
fn nodes_in_a_ring_or_with_two_parents_are_refused() {
    for children in [json!([0]), json!([1, 1]), json!([5])] {
        let (mut json, binary) = plain();
        json["nodes"].as_array_mut().unwrap().push(json!({}));
        json["nodes"][0]["children"] = children;
        let error = load(&json, &binary).expect_err("no tree");
        assert!(error.field.starts_with("nodes["), "{error}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for bad in [f32::NAN, f32::INFINITY] {
        let (json, mut binary) = plain();
        binary[4..8].copy_from_slice(&bad.to_le_bytes());
        let error = load(&json, &binary).expect_err("no position");
        assert!(matches!(error.reason, Reason::Value { .. }) && error.field.contains("POSITION"), "{error}");
    }
}

#[test]
fn a_required_extension_that_is_not_known_is_named() {
    let (mut json, binary) = squares(json!([unlit([1.0; 4])]), &[([0.0; 3], [1.0; 3], 0)]);
    json["extensionsRequired"] = json!(["KHR_draco_mesh_compression"]);
    let error = load(&json, &binary).expect_err("compressed");
    assert!(error.to_string().contains("KHR_draco_mesh_compression"), "{error}");
    json["extensionsRequired"] = json!(["KHR_materials_unlit"]);
    assert!(load(&json, &binary).expect("known").materials[1].unlit);
}

#[test]
fn files_beside_a_scene_are_found_and_no_others() {
    let folder = std::env::temp_dir().join(format!("visavis-scene-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("parts")).expect("a folder");
    let (mut json, binary) = plain();
    std::fs::write(folder.join("parts/a b.bin"), &binary).expect("written");
    json["buffers"][0]["uri"] = json!("parts/a%20b.bin");
    let path = folder.join("scene.gltf");
    std::fs::write(&path, json.to_string()).expect("written");
    let scene = Scene::read(&path).expect("a good scene");
    assert_eq!(scene.meshes[0].indices.len(), 6);
    json["buffers"][0]["uri"] = json!("../secret.bin");
    std::fs::write(&path, json.to_string()).expect("written");
    let error = Scene::read(&path).expect_err("outside");
    assert!(matches!(error.reason, Reason::Outside(_)) && error.field == "buffers[0]", "{error}");
    #[cfg(unix)]
    {
        let secret = std::env::temp_dir().join(format!("visavis-secret-{}", std::process::id()));
        std::fs::write(&secret, &binary).expect("written");
        std::os::unix::fs::symlink(&secret, folder.join("link.bin")).expect("linked");
        json["buffers"][0]["uri"] = json!("link.bin");
        std::fs::write(&path, json.to_string()).expect("written");
        assert!(matches!(Scene::read(&path).expect_err("outside").reason, Reason::Outside(_)));
        std::fs::remove_file(secret).expect("removed");
    }
    let error = Scene::read(&folder.join("nothing.glb")).expect_err("not there");
    assert!(error.to_string().contains("nothing.glb"), "{error}");
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn lamps_in_real_lux_are_exposed() {
    let (mut json, binary) = plain();
    with_sun(&mut json, [0.0, 0.0, 0.0, 1.0], [1.0; 3]);
    json["extensions"]["KHR_lights_punctual"]["lights"][0]["intensity"] = json!(100_000.0);
    let scene = load(&json, &binary).expect("a good scene");
    assert!((scene.lamps[0].lamp.color[0] - 1.2).abs() < 1e-3, "{:?}", scene.lamps[0]);
}
