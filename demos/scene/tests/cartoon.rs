//! Cartoon heads: what moves them, against heads and sums written here.

mod common;

use std::sync::Arc;

use common::cartoon::Head;
use serde_json::json;
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::{FaceFrame, FaceUnit, Gaze, HeadPose, Latent};
use visavis_scene::{Cartoon, CartoonPose, PoseCartoonError, UnitState};

/// Between sums in different orders.
const TOLERANCE: f32 = 1e-5;

fn pose(head: &Head) -> CartoonPose {
    let cartoon = Cartoon::from_glb(&head.glb(), "made here").unwrap_or_else(|error| panic!("{error}"));
    CartoonPose::new(Arc::new(cartoon))
}

fn latent(units: &[(FaceUnit, f32)]) -> Latent {
    let mut latent = Latent::NEUTRAL;
    units.iter().for_each(|&(unit, value)| *latent.unit_mut(unit) = value);
    latent
}

/// How far each corner of the face stands out.
fn corners(pose: &CartoonPose) -> [f32; 4] {
    std::array::from_fn(|corner| pose.vertices(0)[corner].position[2])
}

fn assert_near(found: impl AsRef<[f32]>, expected: impl AsRef<[f32]>) {
    let (found, expected) = (found.as_ref(), expected.as_ref());
    assert_eq!(found.len(), expected.len());
    assert!(
        found.iter().zip(expected).all(|(a, b)| (a - b).abs() < TOLERANCE),
        "{found:?}, not {expected:?}"
    );
}

#[test]
fn targets_by_name_are_summed_as_their_units_say() {
    let mut pose =
        pose(&Head::with_targets(&["jawOpen", "MOUTH_SMILE_LEFT", "browInnerUp", "cheek-puff", "tongueOut"]));
    assert_near(corners(&pose), [0.0; 4]);
    let units = pose.cartoon().units().clone();
    assert_eq!(units.units(UnitState::Target).count(), 5);
    assert_eq!(units.state(FaceUnit::MouthSmileLeft), UnitState::Target);
    assert_eq!(units.state(FaceUnit::MouthSmileRight), UnitState::Missing);
    let face = latent(&[
        (FaceUnit::JawOpen, 0.5),
        (FaceUnit::MouthSmileLeft, 1.0),
        (FaceUnit::CheekPuff, 0.25),
        (FaceUnit::TongueOut, 1.0),
        (FaceUnit::MouthSmileRight, 1.0),
    ]);
    pose.set_latent(&face).unwrap();
    // The first and the fifth move the same corner.
    assert_near(corners(&pose), [0.01 * 0.5 + 0.05, 0.02, 0.0, 0.04 * 0.25]);
    pose.set_latent(&Latent::NEUTRAL).unwrap();
    assert_near(corners(&pose), [0.0; 4]);
}

#[test]
fn normals_turn_with_the_surface() {
    let mut pose = pose(&Head::with_targets(&["jawOpen"]));
    pose.set_latent(&latent(&[(FaceUnit::JawOpen, 1.0)])).unwrap();
    // The corner's one triangle that moves: through (-0.1, -0.1, 0.01), and the surface's mean there.
    let place = |corner: usize| Vec3::from(pose.vertices(0)[corner].position);
    let faces = [[0, 1, 2], [0, 2, 3]].map(|[a, b, c]| (place(b) - place(a)).cross(place(c) - place(a)));
    let expected = (faces[0] + faces[1]).normalize();
    assert_near(pose.vertices(0)[0].normal, expected.to_array());
    assert_near(pose.vertices(0)[1].normal, faces[0].normalize().to_array());
}

#[test]
fn what_is_not_finite_changes_nothing() {
    let mut pose = pose(&Head::with_targets(&["jawOpen"]));
    pose.set_latent(&latent(&[(FaceUnit::JawOpen, 1.0)])).unwrap();
    let before = corners(&pose);
    assert_eq!(pose.set_latent(&latent(&[(FaceUnit::JawOpen, f32::NAN)])), Err(PoseCartoonError::Latent));
    let mut frame = FaceFrame::default();
    frame.head.rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 0.5);
    assert_eq!(pose.set_frame(&frame), Err(PoseCartoonError::Head));
    assert_eq!(corners(&pose), before);
}

#[test]
fn one_target_for_both_sides_takes_their_mean() {
    let mut pose = pose(&Head::with_targets(&["mouthSmile", "jawOpen"]));
    assert_eq!(pose.cartoon().units().state(FaceUnit::MouthSmileRight), UnitState::Mapped);
    pose.set_latent(&latent(&[(FaceUnit::MouthSmileLeft, 1.0)])).unwrap();
    assert_near(corners(&pose), [0.005, 0.0, 0.0, 0.0]);
}

/// The eyes' square stands 1 cm before its node: where it is tells where the eye looks. In the rest frame −Z is ahead and +X
/// the person's right.
#[test]
fn positive_yaw_turns_the_eyes_to_the_person_s_left_and_positive_pitch_up() {
    let mut head = Head::with_targets(&["jawOpen", "eyeLookOutLeft"]);
    head.add_eyes();
    let mut pose = pose(&head);
    assert_eq!(pose.cartoon().units().gaze(), Some("the eyes' nodes"));
    let look = |pose: &CartoonPose, part: usize| {
        let middle: Vec3 =
            pose.vertices(part).iter().map(|vertex| Vec3::from(vertex.position)).sum::<Vec3>() / 4.0;
        let rest_from_part = pose.rest_from_part(part);
        (rest_from_part.transform_point3(middle) - Vec3::from(rest_from_part.translation)) / 0.01
    };
    for part in [1, 2] {
        assert_near(look(&pose, part).to_array(), [0.0, 0.0, -1.0]);
    }
    // The middle between them is the origin; the left one is to the person's left.
    assert_near(pose.rest_from_part(1).translation.to_array(), [-0.03, 0.0, 0.0]);
    let mut face = latent(&[]);
    face.gaze = Gaze { left_yaw: 0.3, left_pitch: 0.1, right_yaw: 0.2, right_pitch: 0.0 };
    pose.set_latent(&face).unwrap();
    assert_near(look(&pose, 1).to_array(), (face.gaze.left_rotation() * Vec3::NEG_Z).to_array());
    assert_near(look(&pose, 2).to_array(), (face.gaze.right_rotation() * Vec3::NEG_Z).to_array());
    assert!(look(&pose, 1).x < -0.2 && look(&pose, 1).y > 0.05, "left and up");
}

#[test]
fn eyes_without_nodes_look_by_their_targets() {
    let mut pose =
        pose(&Head::with_targets(&["eyeLookOutLeft", "eyeLookInLeft", "eyeLookUpLeft", "jawOpen"]));
    assert_eq!(pose.cartoon().units().gaze(), Some("targets eyeLook…"));
    let mut face = latent(&[]);
    face.gaze = Gaze { left_yaw: 15f32.to_radians(), left_pitch: 60f32.to_radians(), ..Gaze::default() };
    pose.set_latent(&face).unwrap();
    assert_near(corners(&pose), [0.005, 0.0, 0.03, 0.0]);
}

#[test]
fn a_head_without_bones_turns_as_a_whole_and_moves_with_its_person() {
    let mut pose = pose(&Head::with_targets(&["jawOpen"]));
    let at_rest = pose.rest_from_part(0).transform_point3(Vec3::new(0.1, 0.1, 0.0));
    let turn = Quat::from_rotation_y(0.4);
    let head = HeadPose { rotation: turn, translation: Vec3::new(0.0, 0.1, 0.0) };
    pose.set_frame(&FaceFrame { head, ..FaceFrame::default() }).unwrap();
    let pivot = Vec3::new(0.0, -0.10, 0.09);
    let found = pose.rest_from_part(0).transform_point3(Vec3::new(0.1, 0.1, 0.0));
    assert_near(found.to_array(), (pivot + turn * (at_rest - pivot) + Vec3::new(0.0, 0.1, 0.0)).to_array());
}

/// A face carried by a head's bone over a neck's: of a turn each takes a half, and the shoulders stay.
#[test]
fn skins_bend_at_the_neck() {
    let mut head = Head::with_targets(&["jawOpen"]);
    let joints = head.view(&[0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]);
    let weights = head
        .view(&[1.0f32, 0.0, 0.0, 0.0].repeat(4).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
    let joints =
        head.accessor(json!({ "bufferView": joints, "componentType": 5121, "count": 4, "type": "VEC4" }));
    let weights =
        head.accessor(json!({ "bufferView": weights, "componentType": 5126, "count": 4, "type": "VEC4" }));
    head.json["meshes"][0]["primitives"][0]["attributes"]["JOINTS_0"] = joints.into();
    head.json["meshes"][0]["primitives"][0]["attributes"]["WEIGHTS_0"] = weights.into();
    head.json["nodes"] = json!([
        { "name": "face", "mesh": 0, "skin": 0, "translation": [9.0, 9.0, 9.0] },
        { "name": "mixamorig:Spine", "translation": [0.0, -0.3, 0.0], "children": [2] },
        { "name": "mixamorig:Neck", "translation": [0.0, 0.1, 0.0], "children": [3] },
        { "name": "mixamorig:Head", "translation": [0.0, 0.1, 0.0] },
    ]);
    head.json["scenes"][0]["nodes"] = json!([0, 1]);
    let bind: Vec<f32> = [0.3, 0.2, 0.1]
        .iter()
        .flat_map(|y| [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, *y, 0.0, 1.0])
        .collect();
    let bind = head.view(&bind.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
    let bind =
        head.accessor(json!({ "bufferView": bind, "componentType": 5126, "count": 3, "type": "MAT4" }));
    head.json["skins"] = json!([{ "joints": [1, 2, 3], "inverseBindMatrices": bind }]);
    let mut pose = pose(&head);
    assert_eq!(pose.cartoon().units().head(), "head and neck");
    let place = |pose: &CartoonPose, corner: usize| Vec3::from(pose.vertices(0)[corner].position);
    let rest: Vec<Vec3> = (0..4).map(|corner| place(&pose, corner)).collect();
    assert_near(rest[2].to_array(), [0.1, 0.1, 0.0]);
    // In the rest frame −Z is ahead; the file looks along +Z, so that a turn about +X is one about −X there.
    let turn = Quat::from_rotation_x(0.6);
    pose.set_frame(&FaceFrame {
        head: HeadPose { rotation: turn, ..HeadPose::REST },
        ..FaceFrame::default()
    })
    .unwrap();
    let (half, all) = (Quat::from_rotation_x(-0.3), Quat::from_rotation_x(-0.6));
    let neck = Vec3::new(0.0, -0.2, 0.0);
    let head_at = neck + half * Vec3::new(0.0, 0.1, 0.0);
    for corner in [0, 1] {
        assert_near(place(&pose, corner).to_array(), rest[corner].to_array());
    }
    for corner in [2, 3] {
        let expected = head_at + all * (rest[corner] - Vec3::new(0.0, -0.1, 0.0));
        assert_near(place(&pose, corner).to_array(), expected.to_array());
    }
}

/// VRM 1.0: expressions called as units, presets for what is left, eyes by bones.
#[test]
fn vrm_1_is_driven_by_its_expressions() {
    let mut head = Head::with_targets(&["Fcl_A", "Fcl_Blink", "Fcl_Sync", "Fcl_Joy"]);
    head.add_eyes();
    let bind = |index: usize, weight: f32| json!({ "morphTargetBinds": [{ "node": 0, "index": index, "weight": weight }] });
    head.json["extensionsUsed"] = json!(["VRMC_vrm"]);
    head.json["extensions"] = json!({ "VRMC_vrm": {
        "specVersion": "1.0",
        "humanoid": { "humanBones": { "leftEye": { "node": 1 }, "rightEye": { "node": 2 } } },
        "lookAt": { "type": "bone", "rangeMapHorizontalOuter": { "inputMaxValue": 90.0, "outputScale": 15.0 } },
        "expressions": {
            "preset": { "aa": bind(0, 1.0), "blink": bind(1, 0.5), "happy": bind(3, 1.0), "neutral": bind(3, 1.0) },
            "custom": { "CheekPuff": bind(2, 1.0), "Wink": bind(3, 1.0) },
        },
    } });
    let mut pose = pose(&head);
    let units = pose.cartoon().units();
    assert_eq!(units.state(FaceUnit::CheekPuff), UnitState::Target);
    assert_eq!(units.state(FaceUnit::JawOpen), UnitState::Mapped);
    assert_eq!(units.state(FaceUnit::EyeBlinkLeft), UnitState::Mapped);
    assert_eq!(units.state(FaceUnit::BrowInnerUp), UnitState::Missing);
    let mut face = latent(&[
        (FaceUnit::JawOpen, 0.6),
        (FaceUnit::EyeBlinkLeft, 1.0),
        (FaceUnit::EyeBlinkRight, 1.0),
        (FaceUnit::CheekPuff, 0.5),
    ]);
    face.gaze.left_yaw = 15f32.to_radians();
    pose.set_latent(&face).unwrap();
    assert_near(corners(&pose), [0.01, 0.02 * 0.5, 0.03 * 0.5, 0.0]);
    let (axis, angle) = pose.eye_turn(0).expect("it turns").to_axis_angle();
    assert!(
        axis.y > 0.99 && (angle.to_degrees() - 7.5).abs() < 0.01,
        "half of the way to its 15° at half of 30°"
    );
}

/// VRM 0.x: groups of meshes' targets in hundredths, and a face along −Z.
#[test]
fn vrm_0_is_driven_by_its_groups() {
    let mut head = Head::with_targets(&["a", "b", "c", "d"]);
    let group = |preset: &str, name: &str, index: i64| json!({ "presetName": preset, "name": name, "binds": [{ "mesh": 0, "index": index, "weight": 100.0 }] });
    head.json["extensions"] = json!({ "VRM": {
        "blendShapeMaster": { "blendShapeGroups": [
            group("o", "O", 0), group("blink_l", "Blink_L", 1), group("unknown", "BrowInnerUp", 2), group("lookleft", "LookLeft", 3),
        ] },
        "firstPerson": { "lookAtTypeName": "BlendShape" },
        "humanoid": { "humanBones": [{ "bone": "leftEye", "node": -1 }] },
    } });
    let mut pose = pose(&head);
    let units = pose.cartoon().units();
    assert_eq!(units.state(FaceUnit::EyeBlinkLeft), UnitState::Target);
    assert_eq!(units.gaze(), Some("VRM's expressions look…"));
    let mut face =
        latent(&[(FaceUnit::MouthFunnel, 0.6), (FaceUnit::EyeBlinkLeft, 0.5), (FaceUnit::BrowInnerUp, 1.0)]);
    face.gaze = Gaze { left_yaw: 15f32.to_radians(), right_yaw: 15f32.to_radians(), ..Gaze::default() };
    pose.set_latent(&face).unwrap();
    assert_near(corners(&pose), [0.01, 0.02 * 0.5, 0.03, 0.04 * 0.5]);
    // It already looks along −Z.
    assert_near((pose.rest_from_part(0).transform_vector3(Vec3::Z)).to_array(), [0.0, 0.0, 1.0]);
}

#[test]
fn a_head_that_no_face_moves_is_refused_with_what_helps() {
    let error = Cartoon::from_glb(&Head::with_targets(&["smirk"]).glb(), "x.glb").unwrap_err().to_string();
    assert!(error.starts_with("x.glb: meshes[].extras.targetNames: ") && error.contains("ARKit"), "{error}");
}
