//! Cartoon heads by strangers: everything is either read or refused with a reason, and nothing takes more than it may.

mod common;

use std::sync::Arc;

use common::cartoon::Head;
use common::glb;
use proptest::prelude::*;
use serde_json::{Value, json};
use visavis_codec::{FaceFrame, FaceUnit};
use visavis_scene::{Cartoon, CartoonPose, LoadError, Reason};

fn head() -> Head {
    let mut head = Head::with_targets(&["jawOpen", "eyeBlinkLeft", "eyeLookOutLeft"]);
    head.add_eyes();
    head
}

/// What is read can be posed, and stays finite.
fn read(bytes: &[u8]) -> Result<(), LoadError> {
    let cartoon = Cartoon::from_glb(bytes, "hostile.glb")?;
    let mut pose = CartoonPose::new(Arc::new(cartoon));
    let mut frame = FaceFrame::default();
    frame.latent.units.fill(1.0);
    frame.latent.gaze.left_yaw = 0.3;
    pose.set_frame(&frame).expect("a face");
    for part in 0..pose.parts() {
        assert!(pose.rest_from_part(part).is_finite());
        for vertex in pose.vertices(part) {
            assert!(vertex.position.iter().chain(&vertex.normal).all(|x| x.is_finite()), "{vertex:?}");
        }
        assert!(pose.indices(part).iter().all(|&index| (index as usize) < pose.vertices(part).len()));
    }
    Ok(())
}

fn refused(change: impl FnOnce(&mut Head)) -> LoadError {
    let mut head = head();
    change(&mut head);
    read(&head.glb()).expect_err("it is refused")
}

#[test]
fn the_head_itself_is_read() {
    read(&head().glb()).unwrap();
}

#[test]
fn sparse_targets_out_of_range_are_named() {
    let error = refused(|head| {
        // The first target's place is corner 9 of 4.
        let view =
            head.json["accessors"][3]["sparse"]["indices"]["bufferView"].as_u64().expect("a view") as usize;
        let at = head.json["bufferViews"][view]["byteOffset"].as_u64().expect("an offset") as usize;
        head.binary[at] = 9;
    });
    assert!(
        error.to_string().contains("targets[0].POSITION") && error.to_string().contains("element 9 of 4"),
        "{error}"
    );
}

#[test]
fn displacements_that_are_no_numbers_are_named() {
    let error = refused(|head| {
        let view =
            head.json["accessors"][3]["sparse"]["values"]["bufferView"].as_u64().expect("a view") as usize;
        let at = head.json["bufferViews"][view]["byteOffset"].as_u64().expect("an offset") as usize;
        head.binary[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(matches!(error.reason, Reason::Value { .. }), "{error}");
}

#[test]
fn counts_beyond_memory_are_refused_before_it_is_taken() {
    for count in [5u64, 1 << 24, 1 << 40, u64::MAX] {
        let error = refused(|head| head.json["accessors"][3]["count"] = count.into());
        assert!(matches!(error.reason, Reason::TooMuch { .. } | Reason::Broken(_)), "{error}");
    }
    // Many targets of one accessor that has no bytes of its own.
    let error = refused(|head| {
        let target = head.json["meshes"][0]["primitives"][0]["targets"][0].clone();
        head.json["meshes"][0]["primitives"][0]["targets"] = vec![target; 9000].into();
    });
    assert!(matches!(error.reason, Reason::TooMuch { what: "morph targets", .. }), "{error}");
}

#[test]
fn missing_buffers_joints_and_matrices_are_named() {
    let error = refused(|head| head.json["buffers"][0]["byteLength"] = (1 << 20).into());
    assert!(error.field.starts_with("buffers[0]"), "{error}");
    let error = refused(|head| head.json["nodes"][0]["skin"] = 0.into());
    assert!(error.to_string().contains("there is no skin 0"), "{error}");
    let error = refused(|head| {
        head.json["skins"] = json!([{ "joints": [] }]);
        head.json["nodes"][0]["skin"] = 0.into();
    });
    assert!(error.to_string().contains("it has no joints"), "{error}");
    let error = refused(|head| {
        head.json["skins"] = json!([{ "joints": [1] }]);
        head.json["nodes"][0]["skin"] = 0.into();
    });
    assert!(error.field.ends_with("JOINTS_0"), "{error}");
    let error = refused(|head| head.json["skins"] = json!([{ "joints": [77] }]));
    assert!(error.to_string().contains("joint 77"), "{error}");
}

#[test]
fn vrm_that_is_none_is_named() {
    let with = |vrm: Value| {
        let mut head = head();
        head.json["extensions"] = json!({ "VRMC_vrm": vrm });
        read(&head.glb())
    };
    assert!(with(json!({ "expressions": 7 })).unwrap_err().field.contains("VRM"));
    let bind = |weight: f64| {
        json!({ "expressions": { "custom": { "jawOpen": { "morphTargetBinds": [
        { "node": 0, "index": 1, "weight": weight }, { "node": 0, "index": 999, "weight": 1.0 }, { "node": 999, "index": 0, "weight": 1.0 },
    ] } } } })
    };
    assert!(with(bind(1e30)).unwrap_err().to_string().contains("weight"));
    with(bind(1.0)).unwrap();
    let many: serde_json::Map<String, Value> = (0..17_000).map(|n| (format!("e{n}"), json!({}))).collect();
    assert!(matches!(
        with(json!({ "expressions": { "custom": many } })).unwrap_err().reason,
        Reason::TooMuch { what: "expressions", .. }
    ));
}

/// Some value of a document, by counting through it, is replaced.
fn replace(value: &mut Value, at: &mut usize, by: &Value) -> bool {
    if *at == 0 {
        *value = by.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(all) => all.iter_mut().any(|value| replace(value, at, by)),
        Value::Object(all) => all.values_mut().any(|value| replace(value, at, by)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_never_panic(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = head().glb();
        let place = at.index(bytes.len());
        bytes[place] = to;
        let _ = read(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = read(&bytes);
    }

    #[test]
    fn damaged_documents_never_panic(mut at in 1usize..400, by in prop::sample::select(vec![
        json!(null), json!(0), json!(-1), json!(1), json!(3), json!(1e38), json!(-7.5), json!(4_294_967_296u64), json!("x"),
        json!([]), json!({}), json!([0, 0, 0, 0]), json!(true),
    ])) {
        let mut head = head();
        replace(&mut head.json, &mut at, &by);
        let _ = read(&glb(&head.json, &head.binary));
    }
}

#[test]
fn the_shipped_head_survives_damage() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/cartoons/mia.glb");
    let whole = std::fs::read(path).expect("it is there");
    // Where its numbers are, and in its text.
    for at in (24..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let _ = read(&bytes);
        let _ = read(&whole[..at]);
    }
    assert_eq!(
        Cartoon::from_glb(&whole, "mia").expect("whole").units().state(FaceUnit::JawOpen),
        visavis_scene::UnitState::Target
    );
}
