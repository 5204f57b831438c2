//! A person in a room, with the host's own loop left out: reads an avatar and a scene, draws one picture, writes a PNG.
//!
//! `cargo run --release --package visavis-scene --example room -- assets/avatars/wren.avatar assets/scenes/living_room.glb room.png`

use std::path::Path;

use visavis::headless::{Headless, HeadlessOptions};
use visavis::wgpu;
use visavis_codec::glam::Affine3A;
use visavis_codec::{Avatar, FaceFrame};
use visavis_scene::{Scene, Snapshot, Stage, StageOptions};

const SIZE: [u32; 2] = [1280, 720];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [avatar, room, picture] = arguments.as_slice() else {
        return Err("usage: room AVATAR SCENE PICTURE.png".into());
    };
    let scene = Scene::read(Path::new(room))?;
    for warning in &scene.warnings {
        eprintln!("{room}: {warning}");
    }
    let place = scene.node("person").ok_or("the scene has no node `person`")?;
    let camera = scene.cameras.first().ok_or("the scene has no camera")?;

    // A host has a device of its own, and an engine on it.
    let headless = Headless::new(&HeadlessOptions::default())?;
    let engine = headless.engine();
    let mut person = engine.load(&Avatar::read(&std::fs::read(avatar)?)?)?.instance();
    let (_, rotation, translation) = scene.nodes[place].world_from_node.to_scale_rotation_translation();
    person.set_frame(&FaceFrame::default())?;
    person.set_pose(Affine3A::from_rotation_translation(rotation, translation))?;
    person.set_light(Some(&scene.light_at(translation)))?;

    let mut stage =
        Stage::new(engine, &scene, StageOptions { lens: camera.lens, ..StageOptions::default() })?;
    let view = scene.view(camera, SIZE[0] as f32 / SIZE[1] as f32);
    let mut snapshot = Snapshot::new(engine.device(), SIZE)?;
    let mut encoder = engine.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let frame = stage.record(&mut encoder, &[&person], &view, SIZE, snapshot.view())?;
    let rgba = snapshot.read(engine.device(), engine.queue(), encoder)?;
    drop(frame);
    image::save_buffer(picture, rgba, SIZE[0], SIZE[1], image::ColorType::Rgba8)?;
    Ok(())
}
