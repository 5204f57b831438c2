//! Light that falls on an avatar: what must hold whatever the avatar.

use visavis_codec::avatar::InvalidAvatar;
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::light::{Ambient, Lamp, Light, MAX_LAMPS};
use visavis_codec::reference::{Image, View, render, render_lit};
use visavis_codec::testing::{Preset, random_latent, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame, HeadPose, Timestamp};

const SIZE: [u32; 2] = [48, 48];

fn frame() -> FaceFrame {
    let head = HeadPose { rotation: Quat::from_rotation_y(0.2), ..HeadPose::REST };
    FaceFrame { time: Timestamp::default(), latent: random_latent(3), head }
}

fn front() -> View {
    View::look_at(Vec3::new(0.1, 0.0, -0.9), Vec3::new(0.0, -0.03, 0.06), 0.45, 1.0, 0.05)
}

fn lit(avatar: &Avatar, light: &Light) -> Image {
    render_lit(avatar, &frame(), light, &front(), SIZE).expect("it says its light")
}

fn captured(avatar: &Avatar) -> Light {
    avatar.manifest.capture_light.clone().expect("synthetic avatars have one")
}

/// Mean colour of the columns.
fn mean(image: &Image, columns: std::ops::Range<usize>) -> Vec3 {
    let width = image.size[0] as usize;
    let rgba = || image.rgba.chunks_exact(width).flat_map(|row| &row[columns.clone()]);
    let sum: Vec3 = rgba().map(|&[r, g, b, _]| Vec3::new(r, g, b)).sum();
    sum / rgba().map(|rgba| rgba[3]).sum::<f32>()
}

#[test]
fn the_captured_light_gives_the_captured_picture_bit_for_bit() {
    for seed in 0..4 {
        let mut avatar = synthetic_avatar(seed, Preset::Tiny);
        for has_transport in [true, false] {
            if !has_transport {
                avatar.transport = None;
            }
            let plain = render(&avatar, &frame(), &front(), SIZE);
            assert!(plain.rgba.iter().any(|rgba| rgba[3] > 0.9), "something is drawn");
            assert_eq!(lit(&avatar, &captured(&avatar)), plain);
        }
    }
}

#[test]
fn light_twice_as_strong_is_twice_as_bright_and_darkness_dark() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    let plain = render(&avatar, &frame(), &front(), SIZE);
    let twice = lit(&avatar, &captured(&avatar).scaled(2.0));
    for (once, twice) in plain.rgba.iter().zip(&twice.rgba) {
        for c in 0..3 {
            assert!((twice[c] - 2.0 * once[c]).abs() <= 1e-5 * twice[c], "{once:?} {twice:?}");
        }
        assert_eq!(once[3], twice[3]);
    }
    assert!(lit(&avatar, &Light::default()).rgba.iter().all(|rgba| rgba[..3] == [0.0; 3]));
}

#[test]
fn a_lamp_is_bright_on_its_side_and_in_its_colour() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    // +X, the person's right, is on the left of a picture from the front.
    let from = |x: f32| {
        let mut light = Light::new(Ambient::uniform([0.02; 3]));
        light.lamps.push(Lamp::directional(Vec3::new(x, 0.1, -0.2), [1.0, 0.5, 0.1]));
        lit(&avatar, &light)
    };
    let halves = |image: &Image| [mean(image, 0..24), mean(image, 24..48)];
    let ([near, far], [far_too, near_too]) = (halves(&from(1.0)), halves(&from(-1.0)));
    // The avatar's own colours are random: what counts is the change from one lamp to the other.
    assert!(near.x / far.x > 1.5 * far_too.x / near_too.x, "{near} {far} {far_too} {near_too}");
    let plain = mean(&render(&avatar, &frame(), &front(), SIZE), 0..48);
    let warm = mean(&from(1.0), 0..48);
    assert!(warm.z / warm.x < 0.4 * plain.z / plain.x, "{warm} {plain}");
}

#[test]
fn light_is_finite_whatever_it_is() {
    let avatar = synthetic_avatar(2, Preset::Tiny);
    let mut light = Light::new(Ambient { coefficients: [[1e4, -1e4, 0.0]; 9] });
    light.lamps = vec![Lamp::point(Vec3::new(0.0, 0.0, 0.0), [1e4; 3]); MAX_LAMPS];
    light.validate().expect("strong, and inside the head, but light");
    assert!(lit(&avatar, &light).rgba.iter().flatten().all(|x| x.is_finite() && *x >= 0.0));
}

#[test]
fn an_avatar_of_unknown_light_cannot_be_relit() {
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    (avatar.manifest.capture_light, avatar.transport) = (None, None);
    avatar.validate().expect("an avatar all the same");
    assert!(render_lit(&avatar, &frame(), &Light::default(), &front(), SIZE).is_none());
}

#[test]
fn light_and_its_transport_are_kept_in_the_file() {
    let avatar = synthetic_avatar(5, Preset::Tiny);
    let read = Avatar::read(&avatar.write().expect("valid")).expect("our own");
    assert_eq!(read, avatar);
    assert_eq!(read.transport_macs(), 3 * 16);
    let mut without = avatar.clone();
    (without.manifest.capture_light, without.transport) = (None, None);
    assert_eq!(Avatar::read(&without.write().expect("valid")).expect("our own"), without);
}

#[test]
fn transport_that_does_not_fit_the_light_is_refused() {
    let whole = synthetic_avatar(1, Preset::Tiny);
    let mut dark = whole.clone();
    dark.manifest.capture_light = None;
    let mut more = whole.clone();
    more.manifest.capture_light.as_mut().expect("there").lamps.pop();
    for avatar in [dark, more] {
        let error = avatar.validate().expect_err("3 sources").to_string();
        assert!(
            error.contains("sources of the light transport") && error.contains("capture_light"),
            "{error}"
        );
    }
    let mut odd = whole.clone();
    odd.manifest.capture_light.as_mut().expect("there").lamps[1].color[2] = -1.0;
    let error = odd.validate().expect_err("negative light");
    assert!(matches!(&error, InvalidAvatar::Field { field, .. } if field == "capture_light"), "{error}");
    let mut short = whole;
    short.transport.as_mut().expect("there").w.pop();
    assert!(matches!(short.validate(), Err(InvalidAvatar::Length { tensor, .. }) if tensor == "transport.w"));
}
