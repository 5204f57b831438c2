//! Pictures made from a known light, and the light that is found in them.

use visavis::codec::glam::{Affine3A, Quat, Vec3};
use visavis::codec::light::{Ambient, Lamp, Light};
use visavis::headless::linear_from_srgb as linear;
use visavis::mixed::{Intrinsics, LightEstimator, Observation};

const SIZE: [u32; 2] = [160, 100];
const CAMERA: Intrinsics = Intrinsics { size: SIZE, focal_px: [120.0, 120.0], centre_px: [82.0, 49.0] };
/// The most that the dominant direction may be off, and a lamp's colour (red and blue over green).
const DIRECTION_DEG: f32 = 17.0;
const COLOR_RATIO: f32 = 0.15;

/// What a room is painted with: floor, ceiling, left, right and back wall, two balls.
type Paints = [Vec3; 7];
/// Greys.
const GREY: Paints = [
    Vec3::splat(0.42),
    Vec3::splat(0.7),
    Vec3::splat(0.47),
    Vec3::splat(0.45),
    Vec3::splat(0.43),
    Vec3::splat(0.44),
    Vec3::splat(0.46),
];
/// As people live: a wooden floor, a bright wall, a teal one, a red ball and a dark one.
const COLORFUL: Paints = [
    Vec3::new(0.5, 0.36, 0.25),
    Vec3::splat(0.7),
    Vec3::splat(0.6),
    Vec3::new(0.3, 0.4, 0.42),
    Vec3::new(0.42, 0.45, 0.5),
    Vec3::new(0.6, 0.2, 0.12),
    Vec3::splat(0.3),
];

/// A room 5 m wide with two balls in it, the camera in its middle: distance, normal and albedo along a ray.
fn hit(ray: Vec3, paints: &Paints) -> (f32, Vec3, Vec3) {
    let walls = [(Vec3::Y, 1.2), (Vec3::NEG_Y, 1.5), (Vec3::X, 2.5), (Vec3::NEG_X, 2.5), (Vec3::Z, 4.0)];
    let mut nearest = (f32::INFINITY, Vec3::Z, Vec3::ZERO);
    for ((normal, distance), albedo) in walls.into_iter().zip(paints) {
        let along = -distance / normal.dot(ray);
        if along > 0.0 && along < nearest.0 {
            nearest = (along, normal, *albedo);
        }
    }
    for ((centre, radius), albedo) in BALLS.into_iter().zip(&paints[5..]) {
        if let Some(along) = ball(Vec3::ZERO, ray, centre, radius)
            && along < nearest.0
        {
            nearest = (along, (ray * along - centre) / radius, *albedo);
        }
    }
    nearest
}

const BALLS: [(Vec3, f32); 2] = [(Vec3::new(-0.8, -0.5, -2.6), 0.7), (Vec3::new(0.9, -0.3, -2.8), 0.75)];

fn ball(from: Vec3, ray: Vec3, centre: Vec3, radius: f32) -> Option<f32> {
    let (a, b) = (ray.length_squared(), ray.dot(from - centre));
    let rest = b * b - a * ((from - centre).length_squared() - radius * radius);
    let along = (-b - rest.max(0.0).sqrt()) / a;
    (rest > 0.0 && along > 1e-3).then_some(along)
}

fn code(linear: f32) -> u8 {
    let x = linear.clamp(0.0, 1.0);
    let srgb = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    (srgb * 255.0).round() as u8
}

/// The room in a light, seen by a camera turned so; sRGB and metres with 2 % of noise and 5 % of holes.
fn picture(light: &Light, world_from_view: Quat, paints: &Paints) -> (Vec<u8>, Vec<f32>) {
    let (mut rgba, mut metres) = (Vec::new(), Vec::new());
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    for y in 0..SIZE[1] {
        for x in 0..SIZE[0] {
            let right = (x as f32 + 0.5 - CAMERA.centre_px[0]) / CAMERA.focal_px[0];
            let down = (y as f32 + 0.5 - CAMERA.centre_px[1]) / CAMERA.focal_px[1];
            let ray = world_from_view * Vec3::new(right, -down, -1.0);
            let (along, normal, albedo) = hit(ray, paints);
            let place = ray * along;
            let mut seen = light.ambient.irradiance(normal);
            for lamp in &light.lamps {
                let (to_lamp, _) = lamp.at(place);
                let is_dark =
                    BALLS.iter().any(|(c, r)| ball(place + normal * 0.01, to_lamp, *c, *r).is_some());
                seen += if is_dark { Vec3::ZERO } else { lamp.irradiance(place, normal) };
            }
            // Tiles of different shades.
            let tile = ((place * 9.0).floor() + Vec3::splat(64.0)).dot(Vec3::new(1.0, 7.0, 13.0)) as u32;
            let tint = Vec3::from_array([0, 1, 2].map(|c| 0.8 + 0.4 * (((tile + c) * 7 % 3) as f32 / 2.0)));
            let color = albedo * tint * seen;
            rgba.extend(color.to_array().map(code));
            rgba.push(255);
            let normal_noise = (0..12).map(|_| random()).sum::<f32>() - 6.0;
            metres.push(if random() < 0.05 { f32::NAN } else { along * (1.0 + 0.02 * normal_noise) });
        }
    }
    (rgba, metres)
}

fn room_light(to_lamp: Vec3, color: [f32; 3]) -> Light {
    let mut light = Light::new(Ambient::sky([0.32; 3], [0.2; 3]));
    light.lamps.push(Lamp::directional(to_lamp, color));
    light
}

fn observation<'a>(rgba: &'a [u8], metres: Option<&'a [f32]>, world_from_view: Quat) -> Observation<'a> {
    Observation {
        rgba,
        camera: CAMERA,
        world_from_view: Affine3A::from_quat(world_from_view),
        depth: metres.map(|metres| (metres, CAMERA)),
        seconds: 0.1,
    }
}

/// Degrees between the lamp that was found and the true one, and by how much its colour is off.
fn errors(found: &Light, truth: &Light) -> (f32, f32) {
    let direction = |light: &Light| light.lamps[0].at(Vec3::ZERO).0;
    let [r, g, b] = found.lamps[0].color;
    let [tr, tg, tb] = truth.lamps[0].color;
    let ratio = |a: f32, b: f32| (a / b - 1.0).abs();
    (
        direction(found).angle_between(direction(truth)).to_degrees(),
        ratio(r / g, tr / tg).max(ratio(b / g, tb / tg)),
    )
}

/// The most that direction and colour are off, over five lamps and two views of a room painted so.
fn worst_errors(paints: &Paints) -> (f32, f32) {
    let mut worst = (0.0f32, 0.0f32);
    let turns = [Quat::IDENTITY, Quat::from_rotation_y(0.5) * Quat::from_rotation_x(-0.15)];
    for (to_lamp, color) in [
        (Vec3::new(-0.7, 0.6, 0.35), [0.9, 0.75, 0.55]),
        (Vec3::new(0.9, 0.35, 0.2), [0.6, 0.7, 0.9]),
        (Vec3::new(0.1, 1.0, 0.15), [0.8, 0.8, 0.7]),
        (Vec3::new(0.2, 0.5, 0.9), [1.0, 0.8, 0.6]),
        (Vec3::new(-0.6, 0.5, -0.4), [0.9, 0.8, 0.65]),
    ] {
        for turn in turns {
            let truth = room_light(to_lamp, color);
            let (rgba, metres) = picture(&truth, turn, paints);
            let mut estimator = LightEstimator::new(0.0);
            let start = std::time::Instant::now();
            let found = estimator.observe(&observation(&rgba, Some(&metres), turn)).expect("valid");
            let took = start.elapsed();
            let (degrees, ratio) = errors(found, &truth);
            eprintln!(
                "{to_lamp}: {degrees:.1}° and {ratio:.3} off, {:?} for {color:?}; {took:.1?}",
                found.lamps[0].color
            );
            assert_eq!(found.validate(), Ok(()));
            worst = (worst.0.max(degrees), worst.1.max(ratio));
        }
    }
    worst
}

#[test]
fn a_known_light_is_found_by_the_shading_of_a_room() {
    let (degrees, ratio) = worst_errors(&GREY);
    assert!(degrees <= DIRECTION_DEG, "{degrees}° off");
    assert!(ratio <= COLOR_RATIO, "colour off by {ratio}");
}

/// What is paint and what is light can't be told apart wholly: the direction is nearly as sure, the lamp's colour is not.
#[test]
fn and_in_a_room_of_many_paints() {
    let (degrees, ratio) = worst_errors(&COLORFUL);
    assert!(degrees <= 1.5 * DIRECTION_DEG, "{degrees}° off");
    assert!(ratio <= 0.5, "colour off by {ratio}");
}

#[test]
fn a_window_in_the_picture_is_found_without_depth() {
    let to_window = Vec3::new(0.45, 0.15, -1.0).normalize();
    let (mut rgba, color) = (Vec::new(), Vec3::new(1.0, 0.93, 0.85));
    for y in 0..SIZE[1] {
        for x in 0..SIZE[0] {
            let right = (x as f32 + 0.5 - CAMERA.centre_px[0]) / CAMERA.focal_px[0];
            let down = (y as f32 + 0.5 - CAMERA.centre_px[1]) / CAMERA.focal_px[1];
            let angle = Vec3::new(right, -down, -1.0).angle_between(to_window);
            let radiance = if angle < 0.15 { color } else { color * (0.12 + 0.1 * (-angle).exp()) };
            rgba.extend(radiance.to_array().map(code));
            rgba.push(255);
        }
    }
    let mut estimator = LightEstimator::new(0.0);
    let turn = Quat::from_rotation_y(1.0);
    let found = estimator.observe(&observation(&rgba, None, turn)).expect("valid");
    let truth = room_light(turn * to_window, color.to_array());
    let (degrees, ratio) = errors(found, &truth);
    eprintln!("{degrees:.1}° and {ratio:.3} off");
    assert!(degrees <= DIRECTION_DEG && ratio <= COLOR_RATIO, "{degrees}° {ratio}");
}

#[test]
fn a_picture_of_one_colour_is_light_of_that_colour() {
    let rgba = [186, 186, 186, 255].repeat((SIZE[0] * SIZE[1]) as usize);
    let mut estimator = LightEstimator::new(0.0);
    let light = estimator.observe(&observation(&rgba, None, Quat::IDENTITY)).expect("valid");
    for normal in [Vec3::X, Vec3::NEG_Y, Vec3::new(0.6, 0.0, -0.8)] {
        let white = light.irradiance(Vec3::ZERO, normal);
        assert!((white - Vec3::splat(linear(186))).abs().max_element() < 0.02, "{white}");
    }
}

#[test]
fn light_changes_smoothly_and_settles() {
    let [dark, bright] = [40u8, 186].map(|grey| [grey, grey, grey, 255].repeat((SIZE[0] * SIZE[1]) as usize));
    let mut estimator = LightEstimator::new(0.5);
    let white = |estimator: &LightEstimator| estimator.light().irradiance(Vec3::ZERO, Vec3::Y).x;
    estimator.observe(&observation(&dark, None, Quat::IDENTITY)).expect("valid");
    let mut before = white(&estimator);
    for n in 1..=30 {
        estimator.observe(&observation(&bright, None, Quat::IDENTITY)).expect("valid");
        let now = white(&estimator);
        assert!(now > before && now - before < 0.25 * linear(186), "step {n}: {before} to {now}");
        if n == 5 {
            let share = (now - linear(40)) / (linear(186) - linear(40));
            assert!((share - 0.632).abs() < 0.03, "after its time constant: {share}");
        }
        before = now;
    }
    assert!((before - linear(186)).abs() < 0.01);
    estimator.reset();
    assert_eq!(estimator.light(), &Light::default());
}

#[test]
fn what_is_wrong_is_said() {
    let rgba = vec![0; 4 * (SIZE[0] * SIZE[1]) as usize];
    let fine = observation(&rgba, None, Quat::IDENTITY);
    let mut estimator = LightEstimator::new(0.3);
    let mut error =
        |observation: &Observation<'_>| estimator.observe(observation).expect_err("wrong").to_string();
    assert!(error(&Observation { rgba: &rgba[4..], ..fine }).contains("picture has 63996 elements"));
    let empty = Intrinsics { size: [0, 5], ..CAMERA };
    assert!(error(&Observation { camera: empty, ..fine }).contains("size"));
    let lost = Affine3A::from_translation(Vec3::NAN);
    assert!(error(&Observation { world_from_view: lost, ..fine }).contains("pose"));
    assert!(error(&Observation { depth: Some((&[1.0], CAMERA)), ..fine }).contains("depth map"));
    assert!(error(&Observation { seconds: f32::NAN, ..fine }).contains("seconds"));
    // Black, and depth of nothing but holes, are no errors.
    let holes = vec![f32::NAN; (SIZE[0] * SIZE[1]) as usize];
    let light = estimator.observe(&Observation { depth: Some((&holes, CAMERA)), ..fine }).expect("valid");
    assert_eq!(light.validate(), Ok(()));
}
