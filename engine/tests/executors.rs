//! Both executors against the reference, on random faces and views.

mod common;

use common::{Difference, difference, draw, random_frame, random_view, software};
use visavis::codec::FaceFrame;
use visavis::codec::glam::Vec3;
use visavis::codec::reference;
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::{Executor, View};

/// At least so many of the pixels away from edges are within one 8-bit step.
const WITHIN_A_STEP: f64 = 0.999;
/// The most that the whole picture, edges included, may differ in mean ꟻLIP.
const FLIP: f32 = 0.02;

/// At least so many pixels of the solid rim have the reference's depth; whether alpha is at least ½ there may depend on the
/// last bit of a projection.
const RIM_AGREES: f64 = 0.97;

fn agrees_with_the_reference(executor: Executor) {
    let headless = software(executor);
    let target = headless.engine().target(&common::FORMAT).expect("the format is drawable");
    let size = [128, 128];
    for seed in 1..=3 {
        let avatar = synthetic_avatar(seed, Preset::Tiny);
        let person = headless.load(&avatar).expect("the avatar is loaded");
        let mut instance = person.instance();
        let frame = random_frame(seed);
        instance.set_frame(&frame).expect("finite");
        let view = random_view(seed);

        let found = draw(&headless, &target, &[&instance], &view, size);
        let expected = reference::render(&avatar, &frame, &view, size);
        let difference = difference(&found, &expected);
        eprintln!("seed {seed}: {difference:?}");
        if let Some(folder) = std::env::var_os("VISAVIS_TEST_IMAGES") {
            let folder = std::path::Path::new(&folder);
            common::save(&folder.join(format!("{executor:?}-{seed}-found.png")), size, &found.rgba);
            common::save(&folder.join(format!("{executor:?}-{seed}-expected.png")), size, &expected.rgba);
        }
        let Difference { inner, within_a_step, worst: _, flip, rim, partial: _ } = difference;
        assert!(inner > 1000, "the picture shows too little: {inner} pixels");
        assert!(within_a_step >= WITHIN_A_STEP, "{within_a_step}");
        assert!(flip <= FLIP, "{flip}");
        assert!(rim.0 > 30, "the silhouettes have {} pixels of solid rim", rim.0);
        assert!(rim.1 >= RIM_AGREES, "{rim:?}");
    }
    common::driver_log::assert_silent();
}

#[test]
fn the_gpu_executor_agrees_with_the_reference() {
    agrees_with_the_reference(Executor::Gpu);
}

#[test]
fn the_cpu_executor_agrees_with_the_reference() {
    agrees_with_the_reference(Executor::Cpu);
}

/// At least so many of the pixels that are covered in part have the reference's alpha.
const PARTIAL: f64 = 0.95;

/// A camera beside the cheek: the head's silhouette goes from the far end of the picture to behind the eye.
#[test]
fn edges_that_reach_behind_the_eye_keep_their_rim() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("the format is drawable");
        let size = [128, 128];
        let avatar = synthetic_avatar(2, Preset::Tiny);
        let person = headless.load(&avatar).expect("the avatar is loaded");
        let instance = person.instance();
        let frame = FaceFrame::default();
        // Some millimetres from the skin, left and right.
        let eyes = [
            (Vec3::new(0.082, -0.05, 0.085), Vec3::new(0.03, -0.05, -0.2)),
            (Vec3::new(-0.08, -0.06, 0.07), Vec3::new(-0.03, -0.14, -0.15)),
        ];
        for (number, (eye, aim)) in eyes.into_iter().enumerate() {
            let view = View::look_at(eye, aim, 2.4, 1.0, 0.002);
            let found = draw(&headless, &target, &[&instance], &view, size);
            let expected = reference::render(&avatar, &frame, &view, size);
            let difference = difference(&found, &expected);
            eprintln!("{executor:?}, eye {number}: {difference:?}");
            if let Some(folder) = std::env::var_os("VISAVIS_TEST_IMAGES") {
                let folder = std::path::Path::new(&folder);
                common::save(
                    &folder.join(format!("{executor:?}-beside-{number}-found.png")),
                    size,
                    &found.rgba,
                );
                common::save(&folder.join(format!("beside-{number}-expected.png")), size, &expected.rgba);
            }
            let Difference { inner, within_a_step, worst: _, flip, rim, partial } = difference;
            assert!(inner > 500, "the picture shows too little: {inner} pixels");
            assert!(within_a_step >= 0.99, "{within_a_step}");
            assert!(flip <= FLIP, "{flip}");
            assert!(partial >= PARTIAL, "{partial}");
            assert!(rim.0 > 10 && rim.1 >= RIM_AGREES, "{rim:?}");
        }
    }
    common::driver_log::assert_silent();
}
