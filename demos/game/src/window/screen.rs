//! A window's picture: the theatre at some size, stretched to the window's, the score over it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use visavis::Executor;
use visavis::wgpu::util::{TextureBlitter, TextureBlitterBuilder};
use visavis::wgpu::{self, TextureFormat};
use visavis_scene::{Scene, StageOptions};
use visavis_window::Gpu;
use winit::window::Window;

use crate::hud::{Hud, Words};
use crate::show::{Player, Show, Theatre};

/// What the theatre is drawn into: encoded, and read as it is where the window's surface is not sRGB.
const INNER: TextureFormat = TextureFormat::Rgba8UnormSrgb;
const RAW: TextureFormat = TextureFormat::Rgba8Unorm;

/// A window with its device and everything on it.
pub(super) struct Screen {
    pub(super) window: Arc<Window>,
    pub(super) gpu: Gpu,
    theatre: Theatre,
    hud: Hud,
    stretch: TextureBlitter,
    inner: Option<Inner>,
}

/// A texture of the theatre's size.
struct Inner {
    size: [u32; 2],
    drawn: wgpu::TextureView,
    read: wgpu::TextureView,
}

impl Screen {
    pub(super) fn new(
        window: Arc<Window>,
        scene: &Scene,
        players: &[Player; 2],
        executor: Executor,
        pool: &Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        // sRGB where it can be, as pictures without a window are, so that both look alike.
        let gpu = Gpu::new(&window, "visavis game", TextureFormat::is_srgb, executor, pool)?;
        // Where the processor draws, samples and shadows are what costs.
        let options = if gpu.is_software {
            StageOptions { samples: 1, shadow_size: 1024, output: INNER, ..StageOptions::default() }
        } else {
            StageOptions { output: INNER, ..StageOptions::default() }
        };
        let theatre =
            Theatre::new(&gpu.engine, scene, players, options).context("setting up the game's room")?;
        let hud = Hud::new(&gpu.device, gpu.format());
        let stretch = TextureBlitterBuilder::new(&gpu.device, gpu.format())
            .sample_type(wgpu::FilterMode::Linear)
            .build();
        Ok(Self { window, gpu, theatre, hud, stretch, inner: None })
    }

    /// Draws the show as it is, in `sides` of the window's size.
    pub(super) fn draw(&mut self, show: &Show, words: &Words<'_>, sides: f32) -> Result<()> {
        let Some(texture) = self.gpu.next(&self.window)? else { return Ok(()) };
        let whole = self.gpu.size();
        let size = whole.map(|side| ((side as f32 * sides).round() as u32).max(2));
        let is_srgb = self.gpu.format().is_srgb();
        let inner = match self.inner.take() {
            Some(inner) if inner.size == size => inner,
            _ => Inner::new(&self.gpu.device, size, is_srgb),
        };
        let inner = &*self.inner.insert(inner);
        let Self { gpu, theatre, hud, stretch, window, .. } = self;
        let hidden = show.camera().hides();
        theatre.set(show.moment(), hidden)?;
        let view = show.view(whole[0] as f32 / whole[1] as f32);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let frame = theatre.record(&mut encoder, &view, hidden, size, &inner.drawn)?;
        let output = texture.texture.create_view(&wgpu::TextureViewDescriptor::default());
        stretch.copy(&gpu.device, &mut encoder, &inner.read, &output);
        let mut buffers = hud.record(&gpu.device, &gpu.queue, &mut encoder, whole, &output, show, words);
        buffers.push(encoder.finish());
        gpu.queue.submit(buffers);
        drop(frame);
        window.pre_present_notify();
        gpu.show(texture);
        Ok(())
    }
}

impl Inner {
    fn new(device: &wgpu::Device, size: [u32; 2], is_srgb: bool) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("game"),
            size: wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: INNER,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[RAW],
        });
        let view = |format, usage| {
            texture.create_view(&wgpu::TextureViewDescriptor {
                format: Some(format),
                usage: Some(usage),
                ..Default::default()
            })
        };
        Self {
            size,
            drawn: view(INNER, wgpu::TextureUsages::RENDER_ATTACHMENT),
            read: view(if is_srgb { INNER } else { RAW }, wgpu::TextureUsages::TEXTURE_BINDING),
        }
    }
}
