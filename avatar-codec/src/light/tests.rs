use std::f32::consts::PI;

use glam::{Quat, Vec3};
use proptest::prelude::*;

use super::*;

fn ambient() -> impl Strategy<Value = Ambient> {
    proptest::array::uniform9(proptest::array::uniform3(-1.0f32..1.0)).prop_map(|mut coefficients| {
        coefficients[0] = [20.0; 3]; // light enough that no direction is clamped to 0
        Ambient { coefficients }
    })
}

fn direction() -> impl Strategy<Value = Vec3> {
    proptest::array::uniform3(-1.0f32..1.0).prop_map(|v| Vec3::from(v).normalize_or(Vec3::X))
}

fn rotation() -> impl Strategy<Value = Quat> {
    (direction(), -PI..PI).prop_map(|(axis, angle)| Quat::from_axis_angle(axis, angle))
}

proptest! {
    #[test]
    fn turned_ambient_light_is_the_same_light_seen_turned(light in ambient(), r in rotation(), d in direction()) {
        let turned = light.rotated(r);
        prop_assert!((turned.radiance(r * d) - light.radiance(d)).abs().max_element() < 2e-4);
        prop_assert!((turned.irradiance(r * d) - light.irradiance(d)).abs().max_element() < 2e-4);
    }

    #[test]
    fn irradiance_is_the_integral_of_radiance_over_the_hemisphere(light in ambient(), n in direction()) {
        let samples = 2_000;
        let mut sum = Vec3::ZERO;
        let _ = Ambient::project(samples, |d| {
            sum += light.radiance(d) * n.dot(d).max(0.0);
            Vec3::ZERO
        });
        let integral = sum * (4.0 / samples as f32); // 4π of solid angle, over π
        prop_assert!((integral - light.irradiance(n)).abs().max_element() < 0.02, "{integral} {}", light.irradiance(n));
    }

    #[test]
    fn light_in_another_frame_makes_white_the_same(light in ambient(), r in rotation(), n in direction(), at in direction()) {
        let mut light = Light::new(light);
        light.lamps.push(Lamp::directional(Vec3::new(1.0, 2.0, -0.5), [1.0, 0.8, 0.5]));
        light.lamps.push(Lamp { kind: LampKind::Point { position_m: Vec3::new(2.0, 1.0, 3.0), radius_m: 0.4 }, color: [3.0; 3] });
        light.lamps.push(Lamp {
            kind: LampKind::Spot { position_m: 3.0 * Vec3::Y, radius_m: 0.1, axis: -Vec3::Y, inner_rad: 0.2, outer_rad: 0.6 },
            color: [2.0; 3],
        });
        prop_assert_eq!(light.validate(), Ok(()));
        let shift = Vec3::new(0.3, -1.0, 0.2);
        let there = light.in_frame(r, shift);
        let (here, moved) = (light.irradiance(at, n), there.irradiance(r * at + shift, r * n));
        prop_assert!((here - moved).abs().max_element() < 2e-3, "{here} {moved}");
    }
}

#[test]
fn strengths_are_the_colour_of_white() {
    let sky = Light::new(Ambient::uniform([0.5, 0.25, 1.0]));
    assert!((sky.irradiance(Vec3::ZERO, Vec3::Z) - Vec3::new(0.5, 0.25, 1.0)).abs().max_element() < 1e-6);
    let lamp = Lamp::directional(3.0 * Vec3::Z, [0.7, 0.6, 0.5]);
    assert!((lamp.irradiance(Vec3::ONE, Vec3::Z) - Vec3::new(0.7, 0.6, 0.5)).abs().max_element() < 1e-6);
    assert_eq!(lamp.irradiance(Vec3::ONE, -Vec3::Z), Vec3::ZERO);
    let point = Lamp::point(2.0 * Vec3::Y, [1.0; 3]);
    assert!((point.irradiance(Vec3::ZERO, Vec3::Y) - Vec3::splat(0.25)).abs().max_element() < 1e-6);
    let above_below = Ambient::sky([1.0; 3], [0.2; 3]);
    assert!(
        (above_below.radiance(Vec3::Y).x - 1.0).abs() < 1e-6
            && (above_below.radiance(-Vec3::Y).x - 0.2).abs() < 1e-6
    );
}

#[test]
fn a_projected_sky_gives_its_irradiance_back() {
    // Half a sphere of light is the worst that a smooth room has, and order 2 not far off even then.
    let half = Ambient::project(20_000, |d| Vec3::splat(f32::from(u8::from(d.y > 0.0))));
    for (normal, truth) in [(Vec3::Y, 1.0), (Vec3::X, 0.5), (-Vec3::Y, 0.0)] {
        assert!((half.irradiance(normal).x - truth).abs() < 0.07, "{normal}: {}", half.irradiance(normal).x);
    }
    // A lamp that was added keeps its power: the mean over all normals is a quarter of what faces it.
    let lamp = Lamp::directional(Vec3::X, [2.0, 1.0, 0.5]);
    let mut ambient = Ambient::default();
    ambient.add_lamp(&lamp, Vec3::ZERO);
    let mean = ambient.coefficients[0].map(|c| c * 0.282_094_8);
    assert!((mean[0] - 0.5).abs() < 1e-5 && (mean[2] - 0.125).abs() < 1e-5, "{mean:?}");
}

#[test]
fn a_soft_terminator_has_no_kink_and_no_light_behind() {
    for width in [0.0, 0.1, 0.5, 1.0] {
        assert_eq!(lamp::soft_cosine(-width - 1e-3, width), 0.0);
        assert!((lamp::soft_cosine(1.0, width) - 1.0).abs() < 1e-6);
        for i in -1000..1000 {
            let [a, b, c] = [0, 1, 2].map(|k| lamp::soft_cosine((i + k) as f32 * 1e-3, width.max(0.02)));
            assert!(b >= a && (a + c - 2.0 * b).abs() < 1e-4, "{width} at {i}");
        }
    }
}

#[test]
fn what_light_cannot_be_is_said_by_name() {
    let lamp = Lamp::directional(Vec3::Y, [1.0; 3]);
    let spot = |axis, inner_rad, outer_rad| LampKind::Spot {
        position_m: Vec3::Y,
        radius_m: 0.0,
        axis,
        inner_rad,
        outer_rad,
    };
    let wrong: [(&str, Lamp); 7] = [
        ("lamps[0].color", Lamp { color: [f32::NAN, 0.0, 0.0], ..lamp }),
        ("lamps[0].color", Lamp { color: [-1.0, 0.0, 0.0], ..lamp }),
        (
            "to_lamp",
            Lamp { kind: LampKind::Directional { to_lamp: Vec3::ZERO, angular_radius_rad: 0.0 }, ..lamp },
        ),
        (
            "angular_radius_rad",
            Lamp { kind: LampKind::Directional { to_lamp: Vec3::Y, angular_radius_rad: 4.0 }, ..lamp },
        ),
        ("position_m", Lamp::point(Vec3::new(0.0, f32::INFINITY, 0.0), [1.0; 3])),
        ("axis", Lamp { kind: spot(Vec3::NAN, 0.0, 0.1), ..lamp }),
        ("inner_rad", Lamp { kind: spot(Vec3::Y, 0.5, 0.1), ..lamp }),
    ];
    for (field, lamp) in wrong {
        let light = Light { ambient: Ambient::default(), lamps: vec![lamp] };
        let error = light.validate().expect_err(field).to_string();
        assert!(error.contains(field) && error.contains("allowed"), "{error}");
    }
    let mut light = Light::new(Ambient::uniform([1.0; 3]));
    light.ambient.coefficients[4][1] = f32::INFINITY;
    assert!(light.validate().expect_err("infinite").to_string().contains("ambient.coefficients[4]"));
    let many = Light { ambient: Ambient::default(), lamps: vec![lamp; MAX_LAMPS + 1] };
    assert_eq!(many.validate(), Err(InvalidLight::TooManyLamps { found: MAX_LAMPS + 1 }));
}

#[test]
fn light_is_kept_as_text() {
    let mut light = Light::new(Ambient::uniform([0.1, 0.2, 0.3]));
    light.lamps.push(Lamp {
        kind: LampKind::Point { position_m: Vec3::ONE, radius_m: 0.3 },
        color: [1.0, 0.9, 0.8],
    });
    let text = serde_json::to_string(&light).expect("plain data");
    assert_eq!(serde_json::from_str::<Light>(&text).expect("our own text"), light);
    assert!(serde_json::from_str::<Light>(&text.replace("radius_m", "radius")).is_err());
}
