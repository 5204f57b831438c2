//! A person in a room, with the host's own loop left out: reads an avatar and a scene, draws one picture, writes a PNG.
//!
//! `cargo run --release --package visavis-scene --example room -- assets/avatars/wren.avatar assets/scenes/living_room.glb room.png`

use std::path::Path;

use visavis::headless::{Headless, HeadlessOptions};
use visavis::wgpu;
use visavis_codec::glam::Affine3A;
use visavis_codec::{Avatar, FaceFrame};
use visavis_scene::{Scene, Snapshot, Stage, StageOptions};

static SIZE: std::sync::LazyLock<[u32; 2]> = std::sync::LazyLock::new(|| {
    let w: u32 = std::env::var("W").map_or(1280, |w| w.parse().unwrap());
    [w, w * 9 / 16]
});

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [avatar, room, picture, ..] = arguments.as_slice() else {
        return Err("usage: room AVATAR SCENE PICTURE.png".into());
    };
    let scene = Scene::read(Path::new(room))?;
    for warning in &scene.warnings {
        eprintln!("{room}: {warning}");
    }
    let place = scene.node("person").ok_or("the scene has no node `person`")?;
    let camera = scene
        .cameras
        .get(std::env::var("CAM").map_or(0, |c| c.parse().unwrap()))
        .ok_or("the scene has no camera")?;

    // A host has a device of its own, and an engine on it.
    let headless = Headless::new(&HeadlessOptions::default())?;
    let engine = headless.engine();
    let mut avatar = Avatar::read(&std::fs::read(avatar)?)?;
    if let Ok(rig) = std::env::var("RIG") {
        avatar.manifest.capture_light = Some(serde_json::from_str(&std::fs::read_to_string(rig)?)?);
    }
    let mut person = engine.load(&avatar)?.instance();
    let (_, rotation, translation) = scene.nodes[place].world_from_node.to_scale_rotation_translation();
    person.set_frame(&FaceFrame::default())?;
    person.set_pose(Affine3A::from_rotation_translation(rotation, translation))?;
    let light = scene.light_at(translation);
    eprintln!(
        "ambient up {:?} toward camera {:?}, lamps {:?}",
        light.ambient.irradiance(visavis_codec::glam::Vec3::Y),
        light.ambient.irradiance(visavis_codec::glam::Vec3::Z),
        light.lamps
    );
    if let Err(e) = person.set_light(Some(&light)) {
        eprintln!("{e}")
    }

    let mut stage =
        Stage::new(engine, &scene, StageOptions { lens: camera.lens, ..StageOptions::default() })?;
    let view = scene.view(camera, SIZE[0] as f32 / SIZE[1] as f32);
    let mut snapshot = Snapshot::new(engine.device(), *SIZE)?;
    let mut encoder = engine.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let frame = stage.record(&mut encoder, &[&person], &view, *SIZE, snapshot.view())?;
    let rgba = snapshot.read(engine.device(), engine.queue(), encoder)?;
    drop(frame);
    image::save_buffer(picture, rgba, SIZE[0], SIZE[1], image::ColorType::Rgba8)?;
    Ok(())
}
