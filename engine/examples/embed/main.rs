//! A host with its own device, pass and depth buffer shows an avatar:
//! `cargo run -p visavis --example embed NAME.avatar OUT.png`.

mod offscreen;

use visavis::codec::{Avatar, glam::Vec3};
use visavis::{Engine, Options, TargetFormat, View, Viewport, wgpu};

const SIZE: u32 = 512;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(avatar), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed NAME.avatar OUT.png".into());
    };

    // What every host has: a device, somewhere to draw.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;
    let offscreen = offscreen::Offscreen::new(&device, SIZE);

    // Once: the engine, a kind of pass, a person.
    let engine = Engine::new(&device, &queue, Options::default())?;
    let target = engine.target(&TargetFormat {
        color: Some(offscreen.color.format()),
        depth: offscreen.depth.format(),
        samples: 1,
        view_mask: None,
    })?;
    let person = engine.load(&Avatar::read(&std::fs::read(avatar)?)?)?;
    let speaker = person.instance();

    // Each frame: prepare, then draw inside the host's own pass.
    let face = Vec3::new(0.0, -0.03, 0.05);
    let view = View::look_at(Vec3::new(0.1, 0.02, -0.8), face, 0.5, 1.0, 0.05);
    let mut encoder = device.create_command_encoder(&Default::default());
    let views = [Viewport::new(view, [SIZE, SIZE])];
    let frame = engine.prepare(&mut encoder, &target, &[&speaker], &views)?;
    let mut pass = offscreen.begin_pass(&mut encoder);
    frame.draw(&mut pass, 0)?;
    drop(pass);
    offscreen.save(&device, &queue, encoder, &out)
}
