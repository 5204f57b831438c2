//! Both executors against the reference, on random faces and views.

mod common;

use common::{Difference, difference, draw, random_frame, random_view, software};
use visavis::Executor;
use visavis::codec::reference;
use visavis::codec::testing::{Preset, synthetic_avatar};

/// At least so many of the pixels away from edges are within one 8-bit step.
const WITHIN_A_STEP: f64 = 0.999;
/// The most that the whole picture, edges included, may differ in mean ꟻLIP.
const FLIP: f32 = 0.02;

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
        let Difference { inner, within_a_step, worst: _, flip } = difference;
        assert!(inner > 1000, "the picture shows too little: {inner} pixels");
        assert!(within_a_step >= WITHIN_A_STEP, "{within_a_step}");
        assert!(flip <= FLIP, "{flip}");
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
