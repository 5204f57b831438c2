//! Faces of a cartoon head beside each other: `cargo run --release --example cartoon -- HEAD.glb OUT.png [SIZE [toon]]`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use visavis::View;
use visavis::headless::{Headless, HeadlessOptions};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::{FaceFrame, FaceUnit, Gaze};
use visavis_scene::{Cartoon, Look, Scene, Snapshot, Stage, StageOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [head, out, rest @ ..] = arguments.as_slice() else {
        return Err("HEAD.glb OUT.png [SIZE [toon]]".into());
    };
    let side: u32 = rest.first().map_or(Ok(384), |text| text.parse())?;
    let look = rest.get(1).map(|_| Look::Toon { bands: 3, ink_px: 1.5, ink_color: [0.02, 0.015, 0.03] });

    let cartoon = Arc::new(Cartoon::read(Path::new(head))?);
    for warning in cartoon.warnings() {
        eprintln!("{warning}");
    }
    let headless = Headless::new(&HeadlessOptions::default())?;
    let options = StageOptions { transparent: true, look, ..StageOptions::default() };
    let mut stage = Stage::new(headless.engine(), &Scene::studio(), options)?;
    let mut person = stage.load_cartoon(&cartoon)?.instance()?;
    let (device, queue) = (headless.engine().device(), headless.engine().queue());
    let mut snapshot = Snapshot::new(device, [side; 2])?;

    let faces = faces();
    let mut sheet = image::RgbaImage::from_pixel(side * 4, side * 2, image::Rgba([150, 158, 170, 255]));
    for (n, (frame, azimuth)) in (0..).zip(&faces) {
        person.set_frame(frame)?;
        let eye = Quat::from_rotation_y(azimuth.to_radians()) * Vec3::new(0.0, 0.0, -1.0);
        let target = Vec3::new(0.0, -0.03, 0.05);
        let view_from_world = View::look_at(target + eye, target, 24f32.to_radians(), 1.0, 0.05);
        let mut encoder = device.create_command_encoder(&Default::default());
        let drawn =
            stage.record_with(&mut encoder, &[], &[&person], &view_from_world, [side; 2], snapshot.view())?;
        let rgba = snapshot.read(device, queue, encoder)?.to_vec();
        drop(drawn);
        let picture = image::RgbaImage::from_raw(side, side, rgba).ok_or("a picture of another size")?;
        for (x, y, pixel) in picture.enumerate_pixels() {
            let below = sheet.get_pixel_mut(n % 4 * side + x, n / 4 * side + y);
            let left = 255 - u32::from(pixel[3]);
            for c in 0..3 {
                below[c] = (u32::from(pixel[c]) + u32::from(below[c]) * left / 255).min(255) as u8;
            }
        }
    }
    sheet.save(out)?;
    Ok(())
}

/// Neutral, smile, blink, open jaw; looking about, surprise, a puckered mouth, neutral from the side.
fn faces() -> Vec<(FaceFrame, f32)> {
    use FaceUnit as U;
    let of = |units: &[(U, f32)]| {
        let mut frame = FaceFrame::default();
        units.iter().for_each(|&(unit, value)| *frame.latent.unit_mut(unit) = value);
        frame
    };
    let mut looking = of(&[(U::MouthSmileLeft, 0.3), (U::MouthSmileRight, 0.3)]);
    looking.latent.gaze = Gaze::from_array([0.4, 0.12, 0.4, 0.12]);
    looking.head.rotation = Quat::from_rotation_y(0.25) * Quat::from_rotation_z(0.1);
    vec![
        (of(&[]), 0.0),
        (
            of(&[
                (U::MouthSmileLeft, 0.9),
                (U::MouthSmileRight, 0.9),
                (U::CheekSquintLeft, 0.6),
                (U::CheekSquintRight, 0.6),
                (U::JawOpen, 0.2),
                (U::MouthUpperUpLeft, 0.3),
                (U::MouthUpperUpRight, 0.3),
            ]),
            -20.0,
        ),
        (of(&[(U::EyeBlinkLeft, 1.0), (U::EyeBlinkRight, 0.55)]), 0.0),
        (of(&[(U::JawOpen, 0.8)]), 15.0),
        (looking, 0.0),
        (
            of(&[
                (U::BrowInnerUp, 0.8),
                (U::BrowOuterUpLeft, 0.9),
                (U::BrowOuterUpRight, 0.9),
                (U::EyeWideLeft, 0.8),
                (U::EyeWideRight, 0.8),
                (U::JawOpen, 0.4),
                (U::MouthFunnel, 0.4),
            ]),
            0.0,
        ),
        (of(&[(U::MouthPucker, 0.9), (U::BrowDownLeft, 0.9), (U::BrowDownRight, 0.9)]), 0.0),
        (of(&[]), 65.0),
    ]
}
