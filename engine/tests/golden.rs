//! A picture each executor made, against the one it made when a person last looked at it.
//!
//! `VISAVIS_UPDATE_GOLDEN=1` writes new ones: look at them before committing. On failure the found picture and the
//! difference are put beside each other in the target's `tmp` folder.

mod common;

use std::path::{Path, PathBuf};

use common::{random_frame, software};
use visavis::Executor;
use visavis::View;
use visavis::codec::glam::Vec3;
use visavis::codec::light::{Ambient, Lamp, Light};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::headless::Background;

/// Columns and rows: enough to see what is wrong.
const SIZE: [u32; 2] = [128, 128];
/// No golden file is larger.
const MAX_BYTES: u64 = 40_000;
/// The most that drivers may differ, mean ꟻLIP.
const FLIP: f32 = 0.02;

fn golden(executor: Executor, light: Option<&Light>, name: &str) {
    let mut headless = software(executor);
    let person = headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded");
    let mut instance = person.instance();
    instance.set_frame(&random_frame(3)).expect("finite");
    instance.set_light(light).expect("possible");
    let view = View::look_at(Vec3::new(0.25, 0.1, -0.8), Vec3::new(0.0, -0.04, 0.08), 0.42, 1.0, 0.05);
    let background = Background::Gradient([0.25, 0.27, 0.3], [0.05, 0.05, 0.06]);
    let picture = headless.render(&[&instance], &view, SIZE, background).expect("rendered");
    let found = image::RgbaImage::from_raw(SIZE[0], SIZE[1], picture.rgba.to_vec()).expect("it has its size");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("VISAVIS_UPDATE_GOLDEN").is_some() {
        found.save(&path).expect("the golden image is written");
    }
    let bytes = std::fs::metadata(&path).expect("the golden image is there").len();
    assert!(bytes <= MAX_BYTES, "{} has {bytes} bytes", path.display());
    let expected = image::open(&path).expect("the golden image is an image").to_rgba8();
    assert_eq!(expected.dimensions(), found.dimensions());

    let rgb = |image: &image::RgbaImage| {
        let bytes = image::DynamicImage::ImageRgba8(image.clone()).to_rgb8().into_raw();
        nv_flip::FlipImageRgb8::with_data(SIZE[0], SIZE[1], &bytes)
    };
    let map = nv_flip::flip(rgb(&expected), rgb(&found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    let apart = nv_flip::FlipPool::from_image(&map).mean();
    if apart > FLIP {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        found.save(folder.join(name)).expect("the found picture is written");
        let map = map.apply_color_lut(&nv_flip::magma_lut()).to_vec();
        let map = image::RgbImage::from_raw(SIZE[0], SIZE[1], map).expect("it has its size");
        map.save(folder.join(format!("difference-{name}"))).expect("the difference is written");
        panic!("{name}: mean ꟻLIP {apart}; see {}", folder.display());
    }
    common::driver_log::assert_silent();
}

#[test]
fn gpu_executor() {
    golden(Executor::Gpu, None, "gpu.png");
}

#[test]
fn cpu_executor() {
    golden(Executor::Cpu, None, "cpu.png");
}

/// A warm lamp from the left of the picture, a dim blue sky.
fn evening() -> Light {
    let lamp = Lamp::point(Vec3::new(0.8, 0.1, -0.4), [1.1, 0.7, 0.35]);
    Light { ambient: Ambient::sky([0.08, 0.11, 0.2], [0.03, 0.03, 0.04]), lamps: vec![lamp] }
}

#[test]
fn gpu_executor_relit() {
    golden(Executor::Gpu, Some(&evening()), "gpu_relit.png");
}

#[test]
fn cpu_executor_relit() {
    golden(Executor::Cpu, Some(&evening()), "cpu_relit.png");
}
