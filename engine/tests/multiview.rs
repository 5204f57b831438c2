//! Several views in one pass, each in a layer of the attachments: what each is by itself. And multisampled passes.

mod common;

use std::num::NonZeroU32;

use common::{FORMAT, Linear, flip, random_frame, software};
use visavis::codec::glam::{Affine3A, Vec3};
use visavis::codec::light::{Ambient, Lamp, Light};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::error::{DrawError, PrepareError, TargetError};
use visavis::{Engine, Executor, Frame, Instance, Options, Target, TargetFormat, View, Viewport, wgpu};

const SIZE: [u32; 2] = [128, 128];
const EXECUTORS: [Executor; 2] = [Executor::Gpu, Executor::Cpu];

fn mask(views: u32) -> Option<NonZeroU32> {
    NonZeroU32::new((1 << views) - 1)
}

/// A software device with multiview.
fn multiview_device() -> (wgpu::Device, wgpu::Queue, u32) {
    common::driver_log::listen();
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    descriptor.flags = wgpu::InstanceFlags::debugging();
    let instance = wgpu::Instance::new(descriptor);
    let adapter = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY))
        .into_iter()
        .find(|adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu)
        .expect("a software adapter: apt-get install mesa-vulkan-drivers");
    assert!(
        adapter.features().contains(wgpu::Features::MULTIVIEW),
        "{:?} lacks multiview",
        adapter.get_info()
    );
    let views = adapter.limits().max_multiview_view_count;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: wgpu::Features::MULTIVIEW,
        required_limits: wgpu::Limits {
            max_multiview_view_count: views,
            ..wgpu::Limits::downlevel_defaults()
        },
        ..Default::default()
    }))
    .expect("a device with multiview");
    (device, queue, views)
}

/// Cameras side by side, as eyes are but wider apart. People are whole in their pictures: llvmpipe (Mesa 22.3) draws
/// triangles that the frustum cuts into the first layer, whichever view they are for.
fn view(index: usize) -> View {
    let target = Vec3::new(0.05, -0.07, 0.1);
    View::look_at(Vec3::new(-0.3 + 0.1 * index as f32, 0.05, -0.9), target, 0.62, 1.0, 0.05)
}

/// Colour and depth of several layers.
struct Layers {
    color: wgpu::Texture,
    depth: wgpu::Texture,
    samples: u32,
}

impl Layers {
    fn new(device: &wgpu::Device, layers: u32, samples: u32) -> Self {
        let texture = |format, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: SIZE[0], height: SIZE[1], depth_or_array_layers: layers },
                mip_level_count: 1,
                sample_count: samples,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
        };
        let readable =
            if samples == 1 { wgpu::TextureUsages::COPY_SRC } else { wgpu::TextureUsages::empty() };
        Self {
            color: texture(wgpu::TextureFormat::Rgba16Float, readable),
            depth: texture(wgpu::TextureFormat::Depth32Float, readable),
            samples,
        }
    }

    /// A pass over transparent black and nothing near, into all layers, resolved into `resolved`.
    fn pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        multiview_mask: Option<NonZeroU32>,
        resolved: Option<&wgpu::Texture>,
        draw: impl FnOnce(&mut wgpu::RenderPass<'_>),
    ) {
        let view = |texture: &wgpu::Texture| texture.create_view(&Default::default());
        let (color, depth) = (view(&self.color), view(&self.depth));
        let resolve = resolved.map(view);
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &color,
                depth_slice: None,
                resolve_target: resolve.as_ref(),
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            multiview_mask,
            ..Default::default()
        });
        draw(&mut pass);
    }

    /// Submits, waits and reads each layer.
    fn read(
        self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mut encoder: wgpu::CommandEncoder,
    ) -> Vec<Linear> {
        assert_eq!(self.samples, 1);
        // One layer at a time through the attachments that other tests read.
        let layers = self.color.depth_or_array_layers();
        let single: Vec<_> = (0..layers).map(|_| common::Attachments::new(device, SIZE)).collect();
        for (layer, single) in (0..).zip(&single) {
            for (from, to) in [(&self.color, &single.color), (&self.depth, &single.depth)] {
                encoder.copy_texture_to_texture(
                    wgpu::TexelCopyTextureInfo {
                        origin: wgpu::Origin3d { x: 0, y: 0, z: layer },
                        ..from.as_image_copy()
                    },
                    copy_target(to),
                    wgpu::Extent3d { width: SIZE[0], height: SIZE[1], depth_or_array_layers: 1 },
                );
            }
        }
        queue.submit([encoder.finish()]);
        single
            .iter()
            .map(|single| single.read(device, queue, device.create_command_encoder(&Default::default())))
            .collect()
    }
}

fn copy_target(texture: &wgpu::Texture) -> wgpu::TexelCopyTextureInfo<'_> {
    texture.as_image_copy()
}

fn prepare(
    engine: &Engine,
    encoder: &mut wgpu::CommandEncoder,
    target: &Target,
    cast: &[&Instance],
    views: &[Viewport],
) -> Frame {
    engine.prepare(encoder, target, cast, views).expect("prepared")
}

#[test]
fn each_layer_is_what_its_view_is_by_itself() {
    let (device, queue, most) = multiview_device();
    let lamp = Lamp::point(Vec3::new(0.5, 0.4, -0.7), [1.2, 1.0, 0.8]);
    let light = Light { ambient: Ambient::uniform([0.2; 3]), lamps: vec![lamp] };
    // As captured, and one of the two relit.
    let cases = EXECUTORS.map(|executor| [(executor, None), (executor, Some(&light))]);
    for (executor, light) in cases.into_iter().flatten() {
        let engine = Engine::new(&device, &queue, Options { executor, pool: None }).expect("an engine");
        let one = engine.target(&FORMAT).expect("drawable");
        let person = engine.load(&synthetic_avatar(2, Preset::Tiny)).expect("loaded");
        let mut cast = [person.instance(), person.instance()];
        for (instance, seed) in cast.iter_mut().zip(1..) {
            instance.set_frame(&random_frame(seed)).expect("finite");
        }
        let beside = Affine3A::from_translation(Vec3::new(0.12, 0.0, 0.15));
        cast[1].set_pose(beside).expect("finite");
        cast[1].set_light(light).expect("possible");
        let cast: Vec<&Instance> = cast.iter().collect();
        let alone: Vec<Linear> = (0..most as usize)
            .map(|index| {
                let mut encoder = device.create_command_encoder(&Default::default());
                let viewport = Viewport::new(view(index), SIZE);
                let frame = prepare(&engine, &mut encoder, &one, &cast, &[viewport]);
                let layer = Layers::new(&device, 1, 1);
                layer.pass(&mut encoder, None, None, |pass| frame.draw(pass, 0).expect("view 0"));
                layer.read(&device, &queue, encoder).remove(0)
            })
            .collect();

        for count in if light.is_some() { vec![2] } else { vec![1, 2, most] } {
            let several =
                engine.target(&TargetFormat { view_mask: mask(count), ..FORMAT }).expect("drawable");
            // A shadow's view stands between two passes.
            let mut views: Vec<_> =
                (0..count as usize).map(|index| Viewport::new(view(index), SIZE)).collect();
            views.push(Viewport::depth_only(view(0), [64, 64]));
            views.extend((0..count as usize).map(|index| Viewport::new(view(index), SIZE)));
            let mut encoder = device.create_command_encoder(&Default::default());
            let frame = prepare(&engine, &mut encoder, &several, &cast, &views);
            for first in [0, count as usize + 1] {
                let layers = Layers::new(&device, count, 1);
                layers.pass(&mut encoder, mask(count), None, |pass| {
                    frame.draw(pass, first).expect("a pass begins here");
                });
                let encoder =
                    std::mem::replace(&mut encoder, device.create_command_encoder(&Default::default()));
                let found = layers.read(&device, &queue, encoder);
                for (index, (found, alone)) in found.iter().zip(&alone).enumerate() {
                    let seen = alone.rgba.iter().filter(|texel| texel[3] > 0.5).count();
                    assert!(seen > 2000, "view {index} shows {seen} pixels");
                    let same = found.rgba == alone.rgba && found.depth == alone.depth;
                    assert!(same, "{executor:?}: layer {index} of {count}, views from {first} on");
                }
            }
        }
    }
    common::driver_log::assert_silent();
}

#[test]
fn depth_passes_have_several_views_too() {
    let (device, queue, _) = multiview_device();
    let engine = Engine::new(&device, &queue, Options::default()).expect("an engine");
    let depth = TargetFormat { color: None, ..FORMAT };
    let one = engine.target(&depth).expect("drawable");
    let two = engine.target(&TargetFormat { view_mask: mask(2), ..depth }).expect("drawable");
    let person = engine.load(&synthetic_avatar(2, Preset::Tiny)).expect("loaded");
    let instance = person.instance();
    let views = [0, 3].map(|index| Viewport::depth_only(view(index), SIZE));
    let mut encoder = device.create_command_encoder(&Default::default());
    let frame = prepare(&engine, &mut encoder, &one, &[&instance], &views);
    let read = |encoder: &mut wgpu::CommandEncoder, target: &Target, first: usize| {
        let layers = Layers::new(&device, target.format().views() as u32, 1);
        layers.pass(encoder, target.format().view_mask, None, |_| {}); // defined contents
        {
            let depth = layers.depth.create_view(&Default::default());
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &depth,
                    depth_ops: Some(wgpu::Operations {
                        load: wgpu::LoadOp::Clear(0.0),
                        store: wgpu::StoreOp::Store,
                    }),
                    stencil_ops: None,
                }),
                multiview_mask: target.format().view_mask,
                ..Default::default()
            });
            frame.draw_depth(&mut pass, target, first).expect("the views exist");
        }
        let encoder = std::mem::replace(encoder, device.create_command_encoder(&Default::default()));
        layers.read(&device, &queue, encoder)
    };
    let together = read(&mut encoder, &two, 0);
    for (index, found) in together.iter().enumerate() {
        let alone = read(&mut encoder, &one, index).remove(0);
        assert!(found.depth.iter().filter(|&&depth| depth > 0.0).count() > 2000);
        assert!(found.depth == alone.depth, "layer {index}");
    }
    let layers = Layers::new(&device, 2, 1);
    layers.pass(&mut encoder, mask(2), None, |pass| {
        assert_eq!(frame.draw_depth(pass, &two, 1), Err(DrawError::NotFirst { view: 1, views: 2 }));
    });
    common::driver_log::assert_silent();
}

#[test]
fn what_cannot_be_drawn_in_one_pass_is_refused() {
    let plain = software(Executor::Cpu);
    let two = TargetFormat { view_mask: mask(2), ..FORMAT };
    let error = plain.engine().target(&two).expect_err("the device has no multiview");
    assert_eq!(error, TargetError::NoMultiview);
    assert!(error.to_string().contains("Features::MULTIVIEW"), "{error}");

    let (device, queue, most) = multiview_device();
    let engine = Engine::new(&device, &queue, Options::default()).expect("an engine");
    let format = |bits| TargetFormat { view_mask: NonZeroU32::new(bits), ..FORMAT };
    let error = engine.target(&format(0b101)).expect_err("layer 1 is left out");
    assert!(matches!(error, TargetError::ViewMask(_)) && error.to_string().contains("0b101"), "{error}");
    let error = engine.target(&format(u32::MAX)).expect_err("32 views");
    assert_eq!(error, TargetError::TooManyViews { found: 32, limit: most.min(8) });

    let target = engine.target(&two).expect("drawable");
    let person = engine.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let instance = person.instance();
    let mut encoder = device.create_command_encoder(&Default::default());
    let eye = |index, size| Viewport::new(view(index), size);
    let depth = Viewport::depth_only(view(0), SIZE);
    let wrong = [
        (vec![eye(0, SIZE)], 0),
        (vec![eye(0, SIZE), eye(1, [64, 64])], 0),
        (vec![depth, eye(0, SIZE), depth], 1),
        (vec![eye(0, SIZE), eye(1, SIZE), eye(2, SIZE)], 2),
    ];
    for (views, view) in wrong {
        let error = engine.prepare(&mut encoder, &target, &[&instance], &views).expect_err("no whole pass");
        assert_eq!(error, PrepareError::Views { view, views: 2 });
    }
    let views = [eye(0, SIZE), eye(1, SIZE)];
    let frame = prepare(&engine, &mut encoder, &target, &[&instance], &views);
    let layers = Layers::new(&device, 2, 1);
    layers.pass(&mut encoder, mask(2), None, |pass| {
        assert_eq!(frame.draw(pass, 1), Err(DrawError::NotFirst { view: 1, views: 2 }));
    });
}

/// The most that four samples a pixel may change a picture, mean ꟻLIP: the inside is the same, edges between opaque parts
/// become smooth.
const MULTISAMPLED_FLIP: f32 = 0.03;

#[test]
fn multisampled_passes_show_the_same() {
    for executor in EXECUTORS {
        let headless = software(executor);
        let engine = headless.engine();
        let (device, queue) = (engine.device(), engine.queue());
        let person = engine.load(&synthetic_avatar(3, Preset::Tiny)).expect("loaded");
        let mut instance = person.instance();
        instance.set_frame(&random_frame(3)).expect("finite");
        let pictures = [1, 4].map(|samples| {
            let target = engine.target(&TargetFormat { samples, ..FORMAT }).expect("drawable");
            let mut encoder = device.create_command_encoder(&Default::default());
            let frame = prepare(engine, &mut encoder, &target, &[&instance], &[Viewport::new(view(2), SIZE)]);
            let picture = Layers::new(device, 1, 1);
            if samples == 1 {
                picture.pass(&mut encoder, None, None, |pass| frame.draw(pass, 0).expect("view 0"));
            } else {
                picture.pass(&mut encoder, None, None, |_| {}); // defined depth
                let several = Layers::new(device, 1, samples);
                several.pass(&mut encoder, None, Some(&picture.color), |pass| {
                    frame.draw(pass, 0).expect("view 0");
                });
            }
            picture.read(device, queue, encoder).remove(0)
        });
        let [one, four] = &pictures;
        let seen = one.rgba.iter().filter(|texel| texel[3] > 0.5).count();
        assert!(seen > 2000, "{seen}");
        let apart = flip(SIZE, &four.rgba, &one.rgba);
        eprintln!("{executor:?}: {apart}");
        if let Some(folder) = std::env::var_os("VISAVIS_TEST_IMAGES") {
            for (samples, picture) in [(1, one), (4, four)] {
                let name = format!("{executor:?}-samples-{samples}.png");
                common::save(&std::path::Path::new(&folder).join(name), SIZE, &picture.rgba);
            }
        }
        match executor {
            // The layer is one value a pixel, whatever the samples.
            Executor::Cpu => assert!(one.rgba == four.rgba),
            _ => assert!(apart <= MULTISAMPLED_FLIP, "{apart}"),
        }
    }
    common::driver_log::assert_silent();
}
