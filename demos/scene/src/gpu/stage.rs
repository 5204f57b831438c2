//! Finished pictures of people in a room.

use std::sync::Arc;

use visavis::error::{GpuError, scoped};
use visavis::{Engine, Frame, Instance, Surroundings, Target, TargetFormat, View, Viewport, wgpu};
use visavis_shaders::mirror::ScenePresent;

use super::cartoon::{CartoonInstance, CartoonModel};
use super::finish::{self, Finish};
use super::pass::{Renderer, ScenePass};
use super::present::Present;
use super::room::Room;
use super::shadow::SHADOW_FORMAT;
use super::shot::Occluder;
use crate::cartoon::Cartoon;
use crate::error::{RoomError, StageError};
use crate::scene::{Look, Scene};

/// How a stage draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageOptions {
    /// Samples a pixel of the room, 1 or 4; people's edges are smooth without.
    pub samples: u32,
    /// Texels a side of the shadow map; 0 for no shadows.
    pub shadow_size: u32,
    /// What finished pictures are: sRGB, or floating-point for linear ones.
    pub output: wgpu::TextureFormat,
    /// The last pass.
    pub tone: ToneCurve,
    /// Metres to what is sharp and of the lens's opening; None: everything is sharp.
    pub lens: Option<[f32; 2]>,
    /// How the room is drawn; None: as it says itself.
    pub look: Option<Look>,
    /// Whether finished pictures are see-through where nothing is: premultiplied, in linear light before it was encoded.
    pub transparent: bool,
}

impl Default for StageOptions {
    /// Four samples, shadows, 8-bit sRGB, the filmic curve, no lens, the scene's own look.
    fn default() -> Self {
        Self {
            samples: 4,
            shadow_size: 2048,
            output: wgpu::TextureFormat::Rgba8UnormSrgb,
            tone: ToneCurve::default(),
            lens: None,
            look: None,
            transparent: false,
        }
    }
}

/// From linear light to what a screen shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ToneCurve {
    /// As it is; what is brighter than white is clipped.
    Clip,
    /// As it is up to 0.7, then a shoulder towards white, as film has it.
    #[default]
    Filmic,
}

/// A room with people in it, drawn to finished pictures on an engine's device. It records into the host's encoder, and owns
/// its textures.
#[derive(Debug)]
pub struct Stage {
    engine: Engine,
    room: Room,
    options: StageOptions,
    look: Look,
    room_pass: ScenePass,
    people_pass: ScenePass,
    target: Target,
    shadow_target: Target,
    finish: Finish,
    present: Present,
    textures: Option<Textures>,
}

/// What was recorded; keep it until it is submitted.
#[derive(Debug)]
pub struct StageFrame {
    /// The people.
    pub frame: Frame,
}

/// Of one size.
#[derive(Debug)]
struct Textures {
    size: [u32; 2],
    /// Several samples a pixel, if the room has them.
    room: Option<wgpu::TextureView>,
    drawn: wgpu::TextureView,
    room_depth: wgpu::TextureView,
    color: wgpu::TextureView,
    depth: wgpu::TextureView,
}

/// What people are drawn in.
const FORMAT: TargetFormat = TargetFormat {
    color: Some(wgpu::TextureFormat::Rgba16Float),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};
const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

impl Stage {
    /// Puts a scene on the engine's device.
    ///
    /// # Errors
    /// If the device refuses the scene or the options.
    pub fn new(engine: &Engine, scene: &Scene, options: StageOptions) -> Result<Self, StageError> {
        let renderer = Renderer::new(engine.device(), engine.queue())?;
        let mut room = renderer.load(scene, options.shadow_size)?;
        let look = options.look.unwrap_or(scene.look);
        room.set_look(look);
        Ok(Self {
            room,
            look,
            options,
            room_pass: renderer.pass(&TargetFormat { samples: options.samples, ..FORMAT })?,
            people_pass: renderer.pass(&FORMAT)?,
            target: engine.target(&FORMAT)?,
            shadow_target: engine.target(&SHADOW_FORMAT)?,
            finish: Finish::new(engine.device(), options.samples, COLOR, FORMAT.depth)?,
            present: Present::new(engine.device(), options.output)?,
            textures: None,
            engine: engine.clone(),
        })
    }

    /// The room, to move its nodes.
    pub fn room_mut(&mut self) -> &mut Room {
        &mut self.room
    }

    /// The room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The lens from the next picture on: metres to what is sharp, and of its opening.
    pub fn set_lens(&mut self, lens: Option<[f32; 2]>) {
        self.options.lens = lens;
    }

    /// Puts a cartoon on the stage's device, to be drawn by [`record_with`](Self::record_with).
    ///
    /// # Errors
    /// If it is too large for the device, or the device refuses.
    pub fn load_cartoon(&self, cartoon: &Arc<Cartoon>) -> Result<CartoonModel, RoomError> {
        self.room.renderer.load_cartoon(cartoon)
    }

    /// How the room is drawn from the next picture on.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
        self.room.set_look(look);
    }

    /// Records a picture of the room with these people in it into `output`, a view of `size` pixels whose format is the
    /// options'. Light on people is theirs to set: [`Scene::light_at`](crate::Scene::light_at).
    ///
    /// # Errors
    /// If the picture has no size or too much, or the engine or the device refuses.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        people: &[&Instance],
        view: &View,
        size: [u32; 2],
        output: &wgpu::TextureView,
    ) -> Result<StageFrame, StageError> {
        self.record_with(encoder, people, &[], view, size, output)
    }

    /// As [`record`](Self::record), with cartoons too: they stand in the room's light and share its depth, shadows, ink and lens.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_with(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        people: &[&Instance],
        cartoons: &[&CartoonInstance],
        view: &View,
        size: [u32; 2],
        output: &wgpu::TextureView,
    ) -> Result<StageFrame, StageError> {
        let device = self.engine.device().clone();
        let textures = match self.textures.take() {
            Some(textures) if textures.size == size => textures,
            _ => Textures::new(&device, size, self.options.samples)?,
        };
        let textures = &*self.textures.insert(textures);

        let viewport = Viewport::new(*view, size);
        let views: Vec<_> = [viewport].into_iter().chain(self.room.shadow_viewport()).collect();
        let surroundings = Surroundings { shadow: self.room.shadow_map() };
        let frame = self.engine.prepare_in(encoder, &self.target, people, &views, &surroundings)?;
        let places =
            people.iter().map(|person| person.pose()).chain(cartoons.iter().map(|person| person.pose()));
        let occluders: Vec<_> = places.flat_map(Occluder::person).collect();
        let shot = self.room.shot_with(&[viewport], &occluders, cartoons)?;

        let clear = if self.options.transparent { wgpu::Color::TRANSPARENT } else { wgpu::Color::BLACK };
        if let Some(mut pass) = self.room.begin_shadow_pass(encoder) {
            shot.draw_shadow(&mut pass);
            frame.draw_shadow(&mut pass, &self.shadow_target, 1)?;
        }
        {
            let (color, resolve) = match &textures.room {
                Some(room) => (room, Some(&textures.drawn)),
                None => (&textures.drawn, None),
            };
            let mut pass = begin(encoder, "visavis room", clear, color, resolve, &textures.room_depth);
            shot.draw_opaque(&mut pass, &self.room_pass, 0);
        }
        {
            let contents = finish::contents(view, size, self.options.lens, self.look);
            let mut pass = begin(encoder, "visavis people", clear, &textures.color, None, &textures.depth);
            self.finish.draw(&device, &mut pass, &contents, &textures.drawn, &textures.room_depth)?;
            frame.draw(&mut pass, 0)?;
            shot.draw_blended(&mut pass, &self.people_pass, 0);
        }
        // sRGB formats have 8 bits.
        let noise = f32::from(u8::from(self.options.output.is_srgb()));
        let tone = match self.options.tone {
            ToneCurve::Clip => [1.0, 1.0, 0.0, noise],
            ToneCurve::Filmic => [1.0, 0.7, 0.35, noise],
        };
        let contents = ScenePresent { tone, origin: [0.0; 2], reserved: [0.0; 2] };
        self.present.record(&device, encoder, &contents, &textures.color, output)?;
        Ok(StageFrame { frame })
    }
}

/// A pass over one colour and nothing near.
fn begin<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    label: &str,
    clear: wgpu::Color,
    color: &wgpu::TextureView,
    resolve_target: Option<&wgpu::TextureView>,
    depth: &wgpu::TextureView,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some(label),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: color,
            depth_slice: None,
            resolve_target,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(clear), store: wgpu::StoreOp::Store },
        })],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: depth,
            depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Store }),
            stencil_ops: None,
        }),
        ..Default::default()
    })
}

impl Textures {
    fn new(device: &wgpu::Device, size: [u32; 2], samples: u32) -> Result<Self, StageError> {
        let [width, height] = size;
        let limit = device.limits().max_texture_dimension_2d;
        if !(1..=limit).contains(&width) || !(1..=limit).contains(&height) {
            return Err(StageError::Size { width, height, limit });
        }
        let made: Result<_, GpuError> = scoped(device, || {
            let texture = |label, format, sample_count| {
                let texture = device.create_texture(&wgpu::TextureDescriptor {
                    label: Some(label),
                    size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                    mip_level_count: 1,
                    sample_count,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                    view_formats: &[],
                });
                texture.create_view(&Default::default())
            };
            Self {
                size,
                room: (samples > 1).then(|| texture("visavis room, samples", COLOR, samples)),
                drawn: texture("visavis room", COLOR, 1),
                room_depth: texture("visavis room depth", FORMAT.depth, samples),
                color: texture("visavis stage", COLOR, 1),
                depth: texture("visavis stage depth", FORMAT.depth, 1),
            }
        });
        Ok(made?)
    }
}
