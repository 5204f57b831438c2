//! A scene hides people and people hide a scene; hair lies right over what is near and what is far; shadows fall both ways.

mod common;

use common::{glb, linear, matt, software, squares, unlit, with_sun};
use visavis::headless::Headless;
use visavis::{Executor, Instance, View};
use visavis_codec::FaceFrame;
use visavis_codec::glam::{Affine3A, Vec3};
use visavis_codec::testing::{Preset, random_latent, synthetic_avatar};
use visavis_scene::{Scene, Stage, StageOptions, ToneCurve};

const SIZE: [u32; 2] = [128, 128];
/// Two steps of 8-bit sRGB, one of them noise, as linear light near white.
const STEP: f32 = 0.02;

fn person(headless: &Headless) -> Instance {
    let mut person = headless.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded").instance();
    let frame = FaceFrame { latent: random_latent(3), ..FaceFrame::default() };
    person.set_frame(&frame).expect("finite");
    person
}

/// Squares that face us (the person's face is towards −Z, so they are turned by a scale), at these places.
fn scene(squares_at: &[([f32; 3], f32, [f32; 4])]) -> Scene {
    let materials: Vec<_> = squares_at.iter().map(|(.., color)| unlit(*color)).collect();
    // Mirrored along z, so that they face −Z.
    let nodes: Vec<_> =
        squares_at.iter().enumerate().map(|(i, (at, side, _))| (*at, [*side, *side, -1.0], i)).collect();
    let (mut json, binary) = squares(serde_json::json!(materials), &nodes);
    json["scenes"][0]["extras"] = serde_json::json!({ "visavis": { "environment": { "gradient": [[0, 0, 0], [0, 0, 0], [0, 0, 0]] } } });
    Scene::from_glb(&glb(&json, &binary), "squares").expect("a good scene")
}

fn view() -> View {
    View::look_at(Vec3::new(0.0, -0.03, -0.9), Vec3::new(0.0, -0.03, 0.08), 0.42, 1.0, 0.05)
}

fn draw(headless: &Headless, scene: &Scene, people: &[&Instance]) -> Vec<[f32; 3]> {
    let options = StageOptions { tone: ToneCurve::Clip, shadow_size: 0, ..StageOptions::default() };
    let mut stage = Stage::new(headless.engine(), scene, options).expect("on the device");
    linear(headless, &mut stage, people, &view(), SIZE)
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.into_iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn compose(executor: Executor) {
    let headless = software(executor);
    let person = person(&headless);
    let people = [&person];
    let nothing = scene(&[]);
    let white = |z: f32| scene(&[([0.0, 0.0, z], 40.0, [1.0; 4])]);
    let over_black = draw(&headless, &nothing, &people);
    let (far, near) = (draw(&headless, &white(30.0), &people), draw(&headless, &white(0.35), &people));
    // Each texel is the person's light and what their alpha lets through of what is behind, so black and white tell alpha.
    let alpha: Vec<f32> = far.iter().zip(&over_black).map(|(w, b)| 1.0 - (w[1] - b[1])).collect();
    let soft = alpha.iter().filter(|alpha| (0.1..0.9).contains(*alpha)).count();
    let solid = alpha.iter().filter(|alpha| **alpha > 0.97).count();
    assert!(soft > 100 && solid > 1500, "{soft} soft, {solid} solid");
    let worst = far.iter().zip(&near).map(|(a, b)| apart(*a, *b)).fold(0.0, f32::max);
    assert!(worst < STEP, "hair over what is near and far differs by {worst}");
    let red = draw(&headless, &scene(&[([0.0, 0.0, 2.0], 40.0, [1.0, 0.0, 0.0, 1.0])]), &people);
    for ((red, black), alpha) in red.iter().zip(&over_black).zip(&alpha) {
        let expected = [(black[0] + 1.0 - alpha).min(1.0), black[1], black[2]];
        assert!(apart(*red, expected) < 2.0 * STEP, "{red:?} {expected:?}");
    }

    // A square before the left half of the picture hides the person there, and only there. From behind the camera's eye +X
    // is to the left.
    let green = [0.0, 1.0, 0.0, 1.0];
    let half = draw(
        &headless,
        &scene(&[([0.5, 0.0, -0.4], 1.0, green), ([0.0, 0.0, 30.0], 40.0, [1.0; 4])]),
        &people,
    );
    let (mut hidden, mut shown) = (0, 0);
    for (i, texel) in half.iter().enumerate() {
        let x = i % SIZE[0] as usize;
        if (4..60).contains(&x) {
            assert!(apart(*texel, [0.0, 1.0, 0.0]) < STEP, "{x}: {texel:?}");
            hidden += usize::from(alpha[i] > 0.97);
        } else if (68..124).contains(&x) {
            assert!(apart(*texel, far[i]) < STEP, "{x}: {texel:?} {:?}", far[i]);
            shown += usize::from(alpha[i] > 0.97);
        }
    }
    assert!(hidden > 500 && shown > 500, "{hidden} hidden, {shown} shown");
}

#[test]
fn depth_and_hair_on_the_gpu_executor() {
    compose(Executor::Gpu);
}

#[test]
fn depth_and_hair_on_the_cpu_executor() {
    compose(Executor::Cpu);
}

/// A floor under the person, a roof over half of the world, a sun straight above.
fn under_a_sun(roof_over_person: bool) -> Scene {
    let (mut json, binary) = squares(
        serde_json::json!([matt([0.8, 0.8, 0.8, 1.0]), matt([0.8, 0.8, 0.8, 1.0])]),
        &[
            ([0.0, -0.8, 0.0], [4.0, 4.0, 1.0], 0),
            ([if roof_over_person { 0.0 } else { 9.0 }, 3.0, 0.0], [3.0, 3.0, 1.0], 1),
        ],
    );
    // Flat on the ground, looking up; the roof is seen by the lamp from its back.
    // This turns +Z to +Y, and −Z, along which the lamp shines, to −Y.
    let up = [-0.5f32.sqrt(), 0.0, 0.0, 0.5f32.sqrt()];
    json["nodes"][0]["rotation"] = serde_json::json!(up);
    json["nodes"][1]["rotation"] = serde_json::json!(up);
    json["scenes"][0]["extras"] = serde_json::json!({ "visavis": { "environment": { "gradient": [[0.05, 0.05, 0.05], [0.05, 0.05, 0.05], [0.05, 0.05, 0.05]] } } });
    with_sun(&mut json, up, [1.0; 3]);
    Scene::from_glb(&glb(&json, &binary), "sun").expect("a good scene")
}

fn shadows(executor: Executor) {
    let headless = software(executor);
    let mut person = person(&headless);
    person.set_pose(Affine3A::IDENTITY).expect("finite");
    // The floor under the person from above and aside.
    let view = View::look_at(Vec3::new(2.5, 1.6, 0.0), Vec3::new(0.0, -0.6, 0.0), 0.9, 1.0, 0.05);
    let draw = |scene: &Scene, people: &[&Instance]| {
        let options = StageOptions { tone: ToneCurve::Clip, samples: 1, ..StageOptions::default() };
        let mut stage = Stage::new(headless.engine(), scene, options).expect("on the device");
        linear(&headless, &mut stage, people, &view, SIZE)
    };
    let open = under_a_sun(false);
    let empty = draw(&open, &[]);
    let cast = draw(&open, &[&person]);
    // Where the floor was lit and is dark now, and isn't the person, who is far lighter than that.
    let dark = empty
        .iter()
        .zip(&cast)
        .filter(|(a, b)| a[1] > 0.6 && b[1] < 0.1 && (b[0] - b[2]).abs() < 0.02)
        .count();
    assert!(dark > 60, "{dark} texels of shadow");

    // The roof's shadow falls on the person.
    let mean_of_person = |scene: &Scene| {
        let mut person = self::person(&headless);
        person.set_light(Some(&scene.light_at(Vec3::ZERO))).expect("it says how it was captured");
        let view = self::view();
        let options = StageOptions { tone: ToneCurve::Clip, samples: 1, ..StageOptions::default() };
        let mut stage = Stage::new(headless.engine(), scene, options).expect("on the device");
        let with = linear(&headless, &mut stage, &[&person], &view, SIZE);
        let middle: Vec<_> = (40..88).flat_map(|y| (40..88).map(move |x| y * 128 + x)).collect();
        middle.iter().map(|&i: &usize| with[i].iter().sum::<f32>()).sum::<f32>() / middle.len() as f32
    };
    let (lit, shaded) = (mean_of_person(&open), mean_of_person(&under_a_sun(true)));
    assert!(lit > 1.5 * shaded, "in the sun {lit}, under the roof {shaded}");
}

#[test]
fn shadows_fall_both_ways_on_the_gpu_executor() {
    shadows(Executor::Gpu);
}

#[test]
fn shadows_fall_both_ways_on_the_cpu_executor() {
    shadows(Executor::Cpu);
}
