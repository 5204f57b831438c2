//! A host with its own device, pass and depth buffer shows an avatar between its own opaque and transparent things:
//! `cargo run -p visavis --example embed -- assets/avatars/wren.avatar embed.png`.

#[path = "embed/host.rs"]
mod host; // what each host has in its own way: a target, a room, a way to show it

use visavis::codec::{Avatar, FaceFrame, FaceUnit, glam::vec3};
use visavis::{Engine, Options, TargetFormat, View, Viewport, wgpu};

const SIZE: [u32; 2] = [768, 512];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(avatar), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed NAME.avatar OUT.png".into());
    };

    // The host's own: a device with no special feature, and its world.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;
    let host = host::Host::new(&device, SIZE);

    // Once: the engine, a kind of pass, a person.
    let engine = Engine::new(&device, &queue, Options::default())?;
    let target = engine.target(&TargetFormat {
        color: Some(host.color.format()),
        depth: host.depth.format(),
        samples: 1,
        view_mask: None,
    })?;
    let person = engine.load(&Avatar::read(&std::fs::read(avatar)?)?)?;
    let mut speaker = person.instance();

    // Each frame: a face, a camera, and what the engine does outside of passes.
    let mut face = FaceFrame::default();
    *face.latent.unit_mut(FaceUnit::MouthSmileLeft) = 0.5;
    *face.latent.unit_mut(FaceUnit::MouthSmileRight) = 0.5;
    speaker.set_frame(&face)?;
    let aspect = SIZE[0] as f32 / SIZE[1] as f32;
    let view = View::look_at(vec3(0.12, 0.05, -0.95), vec3(0.0, -0.06, 0.0), 0.5, aspect, 0.05);
    let mut encoder = device.create_command_encoder(&Default::default());
    let frame = engine.prepare(&mut encoder, &target, &[&speaker], &[Viewport::new(view, SIZE)])?;

    // The host's own pass, depth cleared to 0: its opaque things, the avatar, its transparent things.
    let mut pass = host.begin_pass(&queue, &mut encoder, &view);
    host.draw_opaque(&mut pass);
    frame.draw(&mut pass, 0)?;
    host.draw_transparent(&mut pass);
    drop(pass);
    queue.submit([encoder.finish()]);
    drop(frame); // its buffers serve the next one
    host.save(&device, &queue, &out)
}
