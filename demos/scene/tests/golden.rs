//! The rooms of `assets/scenes` with a made-up person in them, against the pictures they made when somebody last looked.
//!
//! `VISAVIS_UPDATE_GOLDEN=1` writes new ones: look at them before committing. On failure the found picture and the
//! difference are put beside each other in the target's `tmp` folder.

mod common;

use std::path::{Path, PathBuf};

use common::{picture, software};
use visavis::Executor;
use visavis_codec::FaceFrame;
use visavis_codec::glam::{Affine3A, Vec3};
use visavis_codec::testing::{Preset, random_latent, synthetic_avatar};
use visavis_scene::{Scene, Stage, StageOptions};

const SIZE: [u32; 2] = [160, 90];
/// No golden file is larger.
const MAX_BYTES: u64 = 40_000;
/// The most that drivers and executors may differ, mean ꟻLIP.
const FLIP: f32 = 0.03;

fn golden(executor: Executor, room: &str) {
    let headless = software(executor);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scene =
        Scene::read(&folder.join("../../assets/scenes").join(format!("{room}.glb"))).expect("a good scene");
    assert!(scene.warnings.is_empty(), "{:?}", scene.warnings);
    let place = scene.nodes[scene.node("person").expect("a place for a person")].world_from_node;
    let (_, rotation, translation) = place.to_scale_rotation_translation();
    let mut person = headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded").instance();
    person.set_frame(&FaceFrame { latent: random_latent(3), ..FaceFrame::default() }).expect("finite");
    person.set_pose(Affine3A::from_rotation_translation(rotation, translation)).expect("finite");
    person.set_light(Some(&scene.light_at(translation))).expect("it says how it was captured");
    assert!(scene.light_at(translation).irradiance(translation, Vec3::Y).min_element() > 0.05, "a dark room");

    let camera = &scene.cameras[0];
    let options = StageOptions { lens: camera.lens, shadow_size: 1024, ..StageOptions::default() };
    let mut stage = Stage::new(headless.engine(), &scene, options).expect("on the device");
    let view = scene.view(camera, SIZE[0] as f32 / SIZE[1] as f32);
    let rgba = picture(&headless, &mut stage, &[&person], &view, SIZE);
    let found = image::RgbaImage::from_raw(SIZE[0], SIZE[1], rgba).expect("it has its size");
    let found = image::DynamicImage::ImageRgba8(found).into_rgb8();

    let name = format!("{room}.png");
    let path = folder.join("tests/golden").join(&name);
    if std::env::var_os("VISAVIS_UPDATE_GOLDEN").is_some() && executor == Executor::Cpu {
        found.save(&path).expect("the golden image is written");
    }
    let bytes = std::fs::metadata(&path).expect("the golden image is there").len();
    assert!(bytes <= MAX_BYTES, "{} has {bytes} bytes", path.display());
    let expected = image::open(&path).expect("the golden image is an image").to_rgb8();
    assert_eq!(expected.dimensions(), found.dimensions());
    let flip = |image: &image::RgbImage| nv_flip::FlipImageRgb8::with_data(SIZE[0], SIZE[1], image);
    let map = nv_flip::flip(flip(&expected), flip(&found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    let apart = nv_flip::FlipPool::from_image(&map).mean();
    if apart > FLIP {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        found.save(folder.join(&name)).expect("the found picture is written");
        let map = map.apply_color_lut(&nv_flip::magma_lut()).to_vec();
        let map = image::RgbImage::from_raw(SIZE[0], SIZE[1], map).expect("it has its size");
        map.save(folder.join(format!("difference-{name}"))).expect("the difference is written");
        panic!("{name}: mean ꟻLIP {apart}; see {}", folder.display());
    }
}

#[test]
fn living_room_on_the_cpu_executor() {
    golden(Executor::Cpu, "living_room");
}

#[test]
fn living_room_on_the_gpu_executor() {
    golden(Executor::Gpu, "living_room");
}

#[test]
fn cartoon_table_on_the_cpu_executor() {
    golden(Executor::Cpu, "cartoon_table");
}

#[test]
fn cartoon_table_on_the_gpu_executor() {
    golden(Executor::Gpu, "cartoon_table");
}
