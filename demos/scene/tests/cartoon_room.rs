//! Cartoons in rooms: the light, the shadow and the depth that photoreal people have, in one picture with them.
//!
//! `VISAVIS_UPDATE_GOLDEN=1` writes new golden pictures: look at them before committing.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::cartoon::Head;
use common::{matt, software, squares, with_sun};
use visavis::headless::Headless;
use visavis::{Executor, Instance, View, wgpu};
use visavis_codec::FaceFrame;
use visavis_codec::FaceUnit;
use visavis_codec::glam::{Affine3A, Vec3};
use visavis_codec::testing::{Preset, random_latent, synthetic_avatar};
use visavis_scene::{
    Cartoon, CartoonError, CartoonInstance, Look, RoomError, Scene, Snapshot, Stage, StageOptions, ToneCurve,
};

const SIZE: [u32; 2] = [160, 90];
/// No golden file is larger.
const MAX_BYTES: u64 = 40_000;
/// The most that drivers and executors may differ, mean ꟻLIP.
const FLIP: f32 = 0.03;

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets").join(name)
}

fn picture(
    headless: &Headless,
    stage: &mut Stage,
    people: &[&Instance],
    cartoons: &[&CartoonInstance],
    view: &View,
    size: [u32; 2],
) -> Vec<u8> {
    let (device, queue) = (headless.engine().device(), headless.engine().queue());
    let mut snapshot = Snapshot::new(device, size).expect("a small picture");
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let frame =
        stage.record_with(&mut encoder, people, cartoons, view, size, snapshot.view()).expect("recorded");
    let rgba = snapshot.read(device, queue, encoder).expect("drawn").to_vec();
    drop(frame);
    rgba
}

fn golden(executor: Executor, name: &str, look: Option<Look>) {
    let headless = software(executor);
    let scene = Scene::read(&asset("scenes/cartoon_table.glb")).expect("a good scene");
    let places = ["person", "person_2"].map(|name| {
        let place = scene.nodes[scene.node(name).expect("a place for a person")].world_from_node;
        let (_, rotation, translation) = place.to_scale_rotation_translation();
        Affine3A::from_rotation_translation(rotation, translation)
    });
    let camera = &scene.cameras[0];
    let options = StageOptions { lens: camera.lens, shadow_size: 1024, look, ..StageOptions::default() };
    let mut stage = Stage::new(headless.engine(), &scene, options).expect("on the device");

    let mut person = headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded").instance();
    person.set_frame(&FaceFrame { latent: random_latent(3), ..FaceFrame::default() }).expect("finite");
    person.set_pose(places[0]).expect("finite");
    person
        .set_light(Some(&scene.light_at(places[0].translation.into())))
        .expect("it was captured in some light");
    let mia = Arc::new(Cartoon::read(&asset("cartoons/mia.glb")).expect("a good head"));
    let mut cartoon = stage.load_cartoon(&mia).and_then(|model| model.instance()).expect("on the device");
    let mut frame = FaceFrame::default();
    *frame.latent.unit_mut(FaceUnit::JawOpen) = 0.4;
    cartoon.set_frame(&frame).expect("finite");
    cartoon.set_pose(places[1]).expect("finite");

    let view = scene.view(camera, SIZE[0] as f32 / SIZE[1] as f32);
    let rgba = picture(&headless, &mut stage, &[&person], &[&cartoon], &view, SIZE);
    let found = image::RgbaImage::from_raw(SIZE[0], SIZE[1], rgba).expect("it has its size");
    let found = image::DynamicImage::ImageRgba8(found).into_rgb8();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("VISAVIS_UPDATE_GOLDEN").is_some() && executor == Executor::Cpu {
        found.save(&path).expect("the golden image is written");
    }
    let bytes = std::fs::metadata(&path).expect("the golden image is there").len();
    assert!(bytes <= MAX_BYTES, "{} has {bytes} bytes", path.display());
    let expected = image::open(&path).expect("the golden image is an image").to_rgb8();
    let flip = |image: &image::RgbImage| nv_flip::FlipImageRgb8::with_data(SIZE[0], SIZE[1], image);
    let map = nv_flip::flip(flip(&expected), flip(&found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    let apart = nv_flip::FlipPool::from_image(&map).mean();
    if apart > FLIP {
        let found_at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        found.save(&found_at).expect("the found picture is written");
        panic!("{name}: mean ꟻLIP {apart}; see {}", found_at.display());
    }
}

#[test]
fn both_forms_at_a_toon_table_on_the_cpu_executor() {
    golden(Executor::Cpu, "both_forms_toon.png", None);
}

#[test]
fn both_forms_at_a_toon_table_on_the_gpu_executor() {
    golden(Executor::Gpu, "both_forms_toon.png", None);
}

#[test]
fn both_forms_in_photoreal_light() {
    golden(Executor::Cpu, "both_forms_photoreal.png", Some(Look::Photoreal));
}

/// A square of 20 cm whose jaw opens, under a sun straight ahead, seen from before it.
fn simple(shadow_size: u32) -> (Headless, Stage, CartoonInstance, View) {
    let headless = software(Executor::Gpu);
    // A wall of 4 m, 1 m behind the head, and something else before it: the shadow map reaches as far as the room.
    let (mut json, binary) = squares(
        serde_json::json!([matt([0.2, 0.2, 0.2, 1.0])]),
        &[([0.0, 0.0, -1.0], [4.0; 3], 0), ([1.8, 0.0, 1.0], [0.1; 3], 0)],
    );
    with_sun(&mut json, [0.0, 0.0, 0.0, 1.0], [1.0; 3]);
    let scene = Scene::from_glb(&common::glb(&json, &binary), "wall").expect("a scene");
    let options = StageOptions { tone: ToneCurve::Clip, samples: 1, shadow_size, ..StageOptions::default() };
    let stage = Stage::new(headless.engine(), &scene, options).expect("on the device");
    let head = Cartoon::from_glb(&Head::with_targets(&["jawOpen"]).glb(), "head").expect("a head");
    let mut cartoon =
        stage.load_cartoon(&Arc::new(head)).and_then(|model| model.instance()).expect("on the device");
    // The head looks along −Z; the camera and the sun are at +Z.
    cartoon.set_pose(Affine3A::from_rotation_y(std::f32::consts::PI)).expect("finite");
    let view = View::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, 0.6, 1.0, 0.1);
    (headless, stage, cartoon, view)
}

#[test]
fn it_hides_what_is_behind_and_throws_its_shadow_on_it() {
    let (headless, mut stage, cartoon, _) = simple(512);
    // From above, so that the shadow on the wall isn't behind the head.
    let view = View::look_at(Vec3::new(0.0, 0.9, 1.2), Vec3::new(0.0, 0.0, -0.5), 0.9, 1.0, 0.1);
    let side = 96;
    let without = picture(&headless, &mut stage, &[], &[], &view, [side; 2]);
    let with = picture(&headless, &mut stage, &[], &[&cartoon], &view, [side; 2]);
    let pixel = |image: &[u8], place: Vec3| {
        let clip = view.clip_from_world() * place.extend(1.0);
        let at = |ndc: f32| ((ndc * 0.5 + 0.5) * side as f32) as usize;
        let (x, y) = (at(clip.x / clip.w), at(-clip.y / clip.w));
        i32::from(image[4 * (y * side as usize + x)])
    };
    let on_wall = Vec3::new(0.0, 0.0, -1.0);
    assert!(pixel(&with, on_wall) < pixel(&without, on_wall) - 40, "shadow on the wall");
    let beside = Vec3::new(0.4, 0.0, -1.0);
    assert!((pixel(&with, beside) - pixel(&without, beside)).abs() < 4, "none beside it");
    assert!(
        pixel(&with, Vec3::ZERO) > pixel(&without, Vec3::ZERO) + 40,
        "the white head hides the grey wall"
    );
}

#[test]
fn two_frames_may_be_recorded_before_one_is_submitted() {
    let (headless, mut stage, mut cartoon, _) = simple(0);
    // From the side: how far a corner stands out is seen.
    let view = View::look_at(Vec3::new(2.0, -0.1, 0.0), Vec3::new(0.0, -0.1, 0.0), 0.2, 1.0, 0.1);
    let (device, queue) = (headless.engine().device().clone(), headless.engine().queue().clone());
    let mut open = FaceFrame::default();
    *open.latent.unit_mut(FaceUnit::JawOpen) = 2.0;
    let mut frames = Vec::new();
    let mut snapshots: Vec<_> = (0..2).map(|_| Snapshot::new(&device, [64; 2]).expect("small")).collect();
    let mut encoders = Vec::new();
    for (face, snapshot) in [open, FaceFrame::default()].iter().zip(&snapshots) {
        cartoon.set_frame(face).expect("finite");
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        frames.push(
            stage
                .record_with(&mut encoder, &[], &[&cartoon], &view, [64; 2], snapshot.view())
                .expect("recorded"),
        );
        encoders.push(encoder);
    }
    let images: Vec<Vec<u8>> = snapshots
        .iter_mut()
        .zip(encoders)
        .map(|(snapshot, encoder)| snapshot.read(&device, &queue, encoder).expect("drawn").to_vec())
        .collect();
    assert_ne!(images[0], images[1], "each has its own face");
    cartoon.set_frame(&open).expect("finite");
    let alone = picture(&headless, &mut stage, &[], &[&cartoon], &view, [64; 2]);
    assert_eq!(images[0], alone, "the first kept its face");
}

#[test]
fn alone_it_stands_on_nothing() {
    let headless = software(Executor::Gpu);
    let options = StageOptions { transparent: true, ..StageOptions::default() };
    let mut stage = Stage::new(headless.engine(), &Scene::studio(), options).expect("on the device");
    let mia = Arc::new(Cartoon::read(&asset("cartoons/mia.glb")).expect("a good head"));
    let cartoon = stage.load_cartoon(&mia).and_then(|model| model.instance()).expect("on the device");
    let view = View::look_at(Vec3::new(0.0, 0.0, -1.0), Vec3::ZERO, 0.5, 1.0, 0.1);
    let rgba = picture(&headless, &mut stage, &[], &[&cartoon], &view, [64; 2]);
    assert_eq!(rgba[..4], [0; 4], "the corner is empty");
    let middle = &rgba[4 * (32 * 64 + 32)..][..4];
    assert!(middle[3] == 255 && middle[0] > 60, "{middle:?}");
}

#[test]
fn a_place_that_is_none_is_refused() {
    let (_, _, mut cartoon, _) = simple(0);
    let nowhere = Affine3A::from_translation(Vec3::new(f32::NAN, 0.0, 0.0));
    assert_eq!(cartoon.set_pose(nowhere), Err(CartoonError::Room(RoomError::NotFinite)));
    assert!(cartoon.pose().is_finite());
}
