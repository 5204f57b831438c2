//! What goes wrong in mixed reality comes back as a typed error that says what and where, and the host goes on.

mod common;
mod mixed_common;

use mixed_common::{Stage, World, texture};
use visavis::codec::glam::{Affine3A, Mat4, Vec3};
use visavis::codec::light::{Ambient, Lamp, Light};
use visavis::error::GpuError;
use visavis::mixed::{
    Avatars, DepthMap, DepthPixels, DepthUnit, Encoding, Inputs, Intrinsics, InvalidCamera, MixedError,
    MixedView, MixerOptions, Output, Picture, PicturePixels,
};
use visavis::{ShadowMap, View, wgpu};

const SIZE: [u32; 2] = [32, 24];
const CAMERA: Intrinsics = Intrinsics { size: SIZE, focal_px: [30.0, 30.0], centre_px: [16.0, 12.0] };
const HALF: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

fn record(stage: &Stage, view: &mut MixedView, inputs: &Inputs<'_>) -> Result<(), MixedError> {
    let mut encoder = stage.device().create_command_encoder(&Default::default());
    let result = view.record(&mut encoder, inputs);
    stage.headless.engine().queue().submit([encoder.finish()]);
    result
}

#[test]
fn wrong_inputs_are_named_and_the_next_frame_is_fine() {
    let stage = Stage::new(SIZE);
    let engine = stage.headless.engine();
    let device = stage.device();
    let view = CAMERA.view(Affine3A::IDENTITY, 0.05).expect("a camera");
    let [color, depth] = stage.wall(&view, 1.5, wgpu::Color::WHITE);
    let (metres, rgba) = World::default().seen(&CAMERA, Affine3A::IDENTITY);
    let output = stage.output.create_view(&Default::default());
    let mut light = Light::new(Ambient::uniform([0.5; 3]));
    light.lamps.push(Lamp::directional(Vec3::Y, [1.0; 3]));
    let map = DepthMap {
        pixels: DepthPixels::F32(&metres),
        unit: DepthUnit::Metres { scale: 1.0 },
        camera: CAMERA,
    };
    let picture = Picture { pixels: PicturePixels::Rgba8(&rgba), camera: CAMERA };
    let fine = Inputs {
        view: &view,
        avatars: Avatars { color: &color, depth: &depth },
        depth: Some(map),
        picture: Some(picture),
        light: Some(&light),
        shadow: None,
        output: &output,
    };
    let mixer = engine.mixer(HALF, Output::Picture, MixerOptions::default()).expect("pipelines");
    let mut mixed = mixer.view();
    let mut error = |inputs: &Inputs<'_>| {
        let error = record(&stage, &mut mixed, inputs).expect_err("wrong");
        record(&stage, &mut mixed, &fine).expect("the next frame is fine");
        error
    };

    // Sizes.
    let small = texture(device, [16, 24], HALF).create_view(&Default::default());
    let found = error(&Inputs { avatars: Avatars { color: &small, depth: &depth }, ..fine });
    let (found_size, expected) = ([16, 24], SIZE);
    let mismatch = |what, found, expected_by| MixedError::Mismatch { what, found, expected_by, expected };
    assert_eq!(found, mismatch("the avatars' colour", found_size, "the output"));
    let found = error(&Inputs { output: &small, ..fine });
    assert!(matches!(found, MixedError::Mismatch { expected: [16, 24], .. }), "{found}");
    let of_wrong_size = DepthMap { pixels: DepthPixels::Texture(&small), camera: CAMERA, ..map };
    assert_eq!(
        error(&Inputs { depth: Some(of_wrong_size), ..fine }),
        mismatch("the depth map", found_size, "its camera")
    );
    let empty = Intrinsics { size: [0, 24], ..CAMERA };
    assert_eq!(
        error(&Inputs { depth: Some(DepthMap { camera: empty, ..map }), ..fine }),
        MixedError::Camera { what: "depth map", reason: InvalidCamera::Empty([0, 24]) }
    );
    let huge = Intrinsics { size: [1 << 30, 1 << 30], ..CAMERA };
    let found = error(&Inputs { picture: Some(Picture { camera: huge, ..picture }), ..fine });
    assert!(matches!(found, MixedError::Size { what: "the picture", .. }), "{found}");
    let short = DepthMap { pixels: DepthPixels::F32(&metres[1..]), ..map };
    let pixels = (SIZE[0] * SIZE[1]) as usize;
    assert_eq!(
        error(&Inputs { depth: Some(short), ..fine }),
        MixedError::Length { what: "the depth map", found: pixels - 1, expected: pixels }
    );
    let short = Picture { pixels: PicturePixels::Rgba8(&rgba[4..]), ..picture };
    let found = error(&Inputs { picture: Some(short), ..fine });
    assert!(matches!(found, MixedError::Length { what: "the picture", .. }), "{found}");

    // Depth without a distance in it.
    let nothing = vec![f32::NAN; pixels];
    assert_eq!(
        error(&Inputs { depth: Some(DepthMap { pixels: DepthPixels::F32(&nothing), ..map }), ..fine }),
        MixedError::NoDepth { not_a_number: pixels, total: pixels }
    );
    let zeros = vec![0; pixels];
    assert_eq!(
        error(&Inputs { depth: Some(DepthMap { pixels: DepthPixels::U16(&zeros), ..map }), ..fine }),
        MixedError::NoDepth { not_a_number: 0, total: pixels }
    );
    let halves = vec![0.5; pixels];
    for (unit, field) in [
        (DepthUnit::Metres { scale: f32::NAN }, "scale"),
        (DepthUnit::Normalised { near_m: 0.0, far_m: 1.0 }, "near_m"),
        (DepthUnit::Normalised { near_m: 0.1, far_m: f32::NAN }, "far_m"),
    ] {
        let map = DepthMap { pixels: DepthPixels::F32(&halves), unit, ..map };
        let found = error(&Inputs { depth: Some(map), ..fine });
        assert!(matches!(found, MixedError::Unit { field: name, .. } if name == field), "{found}");
    }

    // Formats.
    let whole = texture(device, SIZE, wgpu::TextureFormat::Rgba8Uint).create_view(&Default::default());
    let pixels = PicturePixels::Texture(&whole, Encoding::Linear);
    let found = error(&Inputs { picture: Some(Picture { pixels, ..picture }), ..fine });
    assert!(matches!(found, MixedError::Format { what: "the picture", .. }), "{found}");
    let found = error(&Inputs { avatars: Avatars { color: &color, depth: &color }, ..fine });
    assert!(matches!(found, MixedError::Format { what: "the avatars' depth", .. }), "{found}");
    let other = texture(device, SIZE, wgpu::TextureFormat::Rgba32Float).create_view(&Default::default());
    let found = error(&Inputs { output: &other, ..fine });
    assert!(matches!(found, MixedError::Format { what: "the output", .. }), "{found}");

    // Numbers.
    let lost = View { view_from_world: Affine3A::from_translation(Vec3::NAN), ..view };
    assert_eq!(error(&Inputs { view: &lost, ..fine }), MixedError::View);
    let flat = View { clip_from_view: Mat4::IDENTITY, ..view };
    assert_eq!(error(&Inputs { view: &flat, ..fine }), MixedError::View);
    let shadow = ShadowMap { view: &depth, clip_from_world: view.clip_from_world() };
    assert_eq!(error(&Inputs { shadow: Some(shadow), ..fine }), MixedError::ShadowProjection);
    let mut wrong = light.clone();
    wrong.lamps[0].color[1] = f32::NAN;
    let found = error(&Inputs { light: Some(&wrong), ..fine });
    assert!(found.to_string().contains("lamps[0].color"), "{found}");
    assert_eq!(error(&Inputs { picture: None, ..fine }), MixedError::NoPicture);

    // What pipelines are made with.
    let unorm = wgpu::TextureFormat::Rgba8Unorm;
    let found = engine.mixer(unorm, Output::Overlay, MixerOptions::default()).expect_err("not linear");
    assert!(matches!(found, MixedError::Format { what: "the output", .. }), "{found}");
    let options = MixerOptions { depth_noise: f32::NAN, ..MixerOptions::default() };
    let found = engine.mixer(HALF, Output::Overlay, options).expect_err("no noise is that");
    assert!(found.to_string().contains("depth_noise"), "{found}");
    common::driver_log::assert_silent();
}

#[test]
fn cameras_that_cannot_be_are_named() {
    let place = Affine3A::IDENTITY;
    let wrong = |camera: Intrinsics| camera.view(place, 0.1).expect_err("wrong").to_string();
    assert!(wrong(Intrinsics { size: [0, 1], ..CAMERA }).contains("size"));
    assert!(wrong(Intrinsics { focal_px: [30.0, -1.0], ..CAMERA }).contains("focal_px"));
    assert!(wrong(Intrinsics { centre_px: [f32::NAN, 1.0], ..CAMERA }).contains("centre_px"));
    assert!(CAMERA.view(place, 0.0).expect_err("wrong").to_string().contains("near_m"));
    let lost = Affine3A::from_translation(Vec3::splat(f32::INFINITY));
    assert!(CAMERA.view(lost, 0.1).expect_err("wrong").to_string().contains("pose"));
}

#[test]
fn a_view_is_of_its_camera_and_back() {
    let camera = Intrinsics { focal_px: [31.0, 29.5], centre_px: [17.25, 11.5], ..CAMERA };
    let view = camera.view(Affine3A::IDENTITY, 0.1).expect("a camera");
    let back = Intrinsics::of_view(&view, SIZE);
    for i in 0..2 {
        assert!((back.focal_px[i] - camera.focal_px[i]).abs() < 1e-4, "{back:?}");
        assert!((back.centre_px[i] - camera.centre_px[i]).abs() < 1e-4, "{back:?}");
    }
    // A place, projected by the pinhole's own equations.
    let place = Vec3::new(0.3, -0.2, -1.7);
    let clip = view.clip_from_view.project_point3(place);
    let pixel = [(clip.x * 0.5 + 0.5) * SIZE[0] as f32, (0.5 - clip.y * 0.5) * SIZE[1] as f32];
    let truth = [31.0 * 0.3 / 1.7 + 17.25, 29.5 * 0.2 / 1.7 + 11.5];
    assert!((pixel[0] - truth[0]).abs() < 1e-3 && (pixel[1] - truth[1]).abs() < 1e-3, "{pixel:?} {truth:?}");
}

#[test]
fn a_lost_device_is_a_typed_error() {
    let stage = Stage::new(SIZE);
    let view = CAMERA.view(Affine3A::IDENTITY, 0.05).expect("a camera");
    let [color, depth] = stage.wall(&view, 1.5, wgpu::Color::WHITE);
    let (metres, _) = World::default().seen(&CAMERA, Affine3A::IDENTITY);
    let output = stage.output.create_view(&Default::default());
    let mixer =
        (stage.headless.engine()).mixer(HALF, Output::Overlay, MixerOptions::default()).expect("pipelines");
    let mut mixed = mixer.view();
    let inputs = Inputs {
        view: &view,
        avatars: Avatars { color: &color, depth: &depth },
        depth: Some(DepthMap {
            pixels: DepthPixels::F32(&metres),
            unit: DepthUnit::Metres { scale: 1.0 },
            camera: CAMERA,
        }),
        picture: None,
        light: None,
        shadow: None,
        output: &output,
    };
    record(&stage, &mut mixed, &inputs).expect("it works before");
    stage.device().destroy();
    let mut encoder = stage.device().create_command_encoder(&Default::default());
    let error = mixed.record(&mut encoder, &inputs).expect_err("the device is gone");
    assert_eq!(error, MixedError::Gpu(GpuError::DeviceLost));
}
