//! An avatar as it was captured and in five lights, its own shadows on it, as pictures to look at; and what light costs:
//! `cargo run --release -p visavis --example lights NAME.avatar FOLDER [PIXELS] [gpu|cpu]`.

use std::path::Path;
use std::time::Instant;

use visavis::codec::Avatar;
use visavis::codec::glam::Vec3;
use visavis::codec::light::{Ambient, Lamp, LampKind, Light};
use visavis::{
    Engine, Executor, Instance, Options, ShadowMap, Surroundings, Target, TargetFormat, View, Viewport, wgpu,
};

/// Columns and rows of the shadow map.
const SHADOW_SIZE: u32 = 1024;
/// What the camera looks at and lamps point to.
const FACE: Vec3 = Vec3::new(0.0, -0.03, 0.06);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(avatar), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: lights NAME.avatar FOLDER [PIXELS, a multiple of 64] [gpu|cpu]".into());
    };
    let size = arguments.next().map_or(Ok(512), |pixels| pixels.parse())?;
    let executor = match arguments.next().as_deref() {
        Some("gpu") => Executor::Gpu,
        Some("cpu") => Executor::Cpu,
        _ => Executor::Auto,
    };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_limits: wgpu::Limits::downlevel_defaults(),
        ..Default::default()
    }))?;
    let engine = Engine::new(&device, &queue, Options { executor, ..Default::default() })?;
    let person = engine.load(&Avatar::read(&std::fs::read(avatar)?)?)?;
    let mut speaker = person.instance();
    let studio = Studio::new(&engine, size)?;
    std::fs::create_dir_all(&folder)?;
    let file = |name: &str| Path::new(&folder).join(format!("{name}.png"));
    studio.photograph(&speaker, None, &file("captured"))?;
    for (name, light) in lights() {
        speaker.set_light(Some(&light))?;
        studio.photograph(&speaker, light.lamps.first(), &file(name))?;
    }
    cost(&studio, &mut speaker)
}

/// Frames as captured, in light, and in light with shadows, in turns; medians on stderr.
fn cost(studio: &Studio, person: &mut Instance) -> Result<(), Box<dyn std::error::Error>> {
    const ROUNDS: usize = 30;
    let [(_, light), ..] = lights();
    let kinds = [(None, None), (Some(&light), None), (Some(&light), light.lamps.first())];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((light, lamp), times) in kinds.into_iter().zip(&mut times) {
            person.set_light(light)?;
            let start = Instant::now();
            let encoder = studio.record(person, lamp)?;
            studio.engine.queue().submit([encoder.finish()]);
            studio.engine.device().poll(wgpu::PollType::wait_indefinitely())?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [captured, relit, shadowed] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    eprintln!(
        "{:?} executor, {}²: captured {captured:.1} ms, relit {:.2} × that, with its own shadow {:.2} ×",
        studio.engine.executor(),
        studio.size,
        relit / captured,
        shadowed / captured
    );
    Ok(())
}

/// Left and right are the picture's: the face looks along −Z, so that +X is to the left.
fn lights() -> [(&'static str, Light); 5] {
    let soft_box = |position_m: [f32; 3], radius_m, color| Lamp {
        kind: LampKind::Point { position_m: position_m.into(), radius_m },
        color,
    };
    let sun = |to_lamp: [f32; 3], angular_radius_rad, color| Lamp {
        kind: LampKind::Directional { to_lamp: Vec3::from(to_lamp).normalize(), angular_radius_rad },
        color,
    };
    [
        (
            "key-left",
            Light {
                ambient: Ambient::uniform([0.05, 0.055, 0.065]),
                lamps: vec![soft_box([0.7, 0.35, -0.65], 0.12, [1.1, 1.05, 0.95])],
            },
        ),
        (
            "key-right",
            Light {
                ambient: Ambient::sky([0.10, 0.13, 0.2], [0.05, 0.045, 0.04]),
                lamps: vec![sun([-0.8, 0.5, -0.55], 0.01, [1.0, 0.95, 0.85])],
            },
        ),
        (
            "warm-below",
            Light {
                ambient: Ambient::uniform([0.02, 0.025, 0.04]),
                lamps: vec![soft_box([0.08, -0.45, -0.45], 0.06, [0.42, 0.22, 0.08])],
            },
        ),
        ("blue-sky", Light::new(Ambient::sky([0.55, 0.8, 1.3], [0.12, 0.11, 0.10]))),
        (
            "window",
            Light {
                ambient: Ambient::uniform([0.10, 0.085, 0.07]),
                lamps: vec![soft_box([1.3, 0.2, -0.55], 0.6, [1.5, 1.65, 1.9])],
            },
        ),
    ]
}

/// A camera, a shadow map, and somewhere to draw.
struct Studio {
    engine: Engine,
    target: Target,
    shadow_target: Target,
    color: wgpu::Texture,
    depth: wgpu::Texture,
    shadow: wgpu::Texture,
    size: u32,
}

impl Studio {
    fn new(engine: &Engine, size: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let texture = |size, format, usage| {
            engine.device().create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
        };
        let format = TargetFormat {
            color: Some(wgpu::TextureFormat::Rgba8UnormSrgb),
            depth: wgpu::TextureFormat::Depth32Float,
            samples: 1,
            view_mask: None,
        };
        Ok(Self {
            target: engine.target(&format)?,
            shadow_target: engine.target(&TargetFormat { color: None, ..format })?,
            color: texture(size, wgpu::TextureFormat::Rgba8UnormSrgb, wgpu::TextureUsages::COPY_SRC),
            depth: texture(size, format.depth, wgpu::TextureUsages::empty()),
            shadow: texture(SHADOW_SIZE, format.depth, wgpu::TextureUsages::TEXTURE_BINDING),
            engine: engine.clone(),
            size,
        })
    }

    /// Draws a person, with their own shadow on them if a lamp is given.
    fn record(
        &self,
        person: &Instance,
        lamp: Option<&Lamp>,
    ) -> Result<wgpu::CommandEncoder, Box<dyn std::error::Error>> {
        let camera = View::look_at(Vec3::new(0.12, 0.0, -0.95), FACE, 0.36, 1.0, 0.05);
        let mut views = vec![Viewport::new(camera, [self.size; 2])];
        let from_lamp = lamp.map(as_camera);
        views.extend(from_lamp.map(|view| Viewport::depth_only(view, [SHADOW_SIZE; 2])));
        let map = self.shadow.create_view(&Default::default());
        let shadow = from_lamp.map(|view| ShadowMap { view: &map, clip_from_world: view.clip_from_world() });

        let mut encoder = self.engine.device().create_command_encoder(&Default::default());
        let surroundings = Surroundings { shadow };
        let frame = self.engine.prepare_in(&mut encoder, &self.target, &[person], &views, &surroundings)?;
        if shadow.is_some() {
            frame.draw_shadow(&mut pass(&mut encoder, None, &self.shadow), &self.shadow_target, 1)?;
        }
        frame.draw(&mut pass(&mut encoder, Some(&self.color), &self.depth), 0)?;
        Ok(encoder)
    }

    /// A picture of what [`record`](Self::record) draws.
    fn photograph(
        &self,
        person: &Instance,
        lamp: Option<&Lamp>,
        path: &Path,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (device, queue) = (self.engine.device(), self.engine.queue());
        let mut encoder = self.record(person, lamp)?;
        let pixels = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(self.size * self.size * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let bytes_per_row = Some(self.size * 4);
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row, rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.color.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &pixels, layout },
            self.color.size(),
        );
        queue.submit([encoder.finish()]);
        // A failure shows in `get_mapped_range`.
        pixels.map_async(wgpu::MapMode::Read, .., |_| {});
        device.poll(wgpu::PollType::wait_indefinitely())?;
        let rgba = pixels.get_mapped_range(..)?;
        image::save_buffer(path, &rgba, self.size, self.size, image::ColorType::Rgba8)?;
        Ok(())
    }
}

/// What a lamp sees of the face.
fn as_camera(lamp: &Lamp) -> View {
    let (to_lamp, _) = lamp.at(FACE);
    let distance = match lamp.kind {
        LampKind::Directional { .. } => 20.0,
        LampKind::Point { position_m, .. } | LampKind::Spot { position_m, .. } => FACE.distance(position_m),
    };
    // Wide enough for head and shoulders.
    View::look_at(FACE + to_lamp * distance, FACE, 2.0 * (0.3 / distance).atan(), 1.0, 0.1)
}

/// A pass over dark grey, nothing near.
fn pass<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    color: Option<&wgpu::Texture>,
    depth: &wgpu::Texture,
) -> wgpu::RenderPass<'a> {
    let gray = wgpu::Color { r: 0.04, g: 0.042, b: 0.046, a: 1.0 };
    let color = color.map(|color| color.create_view(&Default::default()));
    let color = color.as_ref().map(|view| wgpu::RenderPassColorAttachment {
        view,
        depth_slice: None,
        resolve_target: None,
        ops: wgpu::Operations { load: wgpu::LoadOp::Clear(gray), store: wgpu::StoreOp::Store },
    });
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: if color.is_some() { std::slice::from_ref(&color) } else { &[] },
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: &depth.create_view(&Default::default()),
            depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Store }),
            stencil_ops: None,
        }),
        ..Default::default()
    })
}
