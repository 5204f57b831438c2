//! The graphics device and the window's surface on it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};
use visavis::wgpu;
use visavis::{Engine, Executor, Target, TargetFormat};
use winit::window::Window;

use crate::model::Device;

/// Linear, wide enough for many blended layers, premultiplied.
pub(super) const STAGE_COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// What people are drawn in.
pub(super) const STAGE_FORMAT: TargetFormat = TargetFormat {
    color: Some(STAGE_COLOR),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

/// A device, an engine on it, and the window's surface.
pub(super) struct Gpu {
    instance: wgpu::Instance,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) engine: Engine,
    pub(super) target: Target,
    pub(super) about: Device,
    /// Why the device went, once it has.
    lost: Arc<OnceLock<String>>,
    errors: Arc<Mutex<Vec<String>>>,
    /// Whether the surface has a size at present; a minimised window has none.
    is_visible: bool,
}

/// What came of asking for the window's next picture.
pub(super) enum Next {
    Picture(wgpu::SurfaceTexture),
    /// Nothing to draw in now.
    Skip,
    /// The surface was mended; ask again.
    Again,
}

impl Gpu {
    /// Picks an adapter that can show in this window, real ones first, and sets everything up.
    pub(super) fn new(
        window: &Arc<Window>,
        executor: Executor,
        pool: &Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::PRIMARY;
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor.with_env());
        let surface =
            instance.create_surface(window.clone()).context("the window has no surface to draw on")?;
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: Some(&surface),
            ..Default::default()
        }))
        .context(
            "no graphics driver can show in this window (Vulkan, Metal or Direct3D 12). On a machine without a GPU \
             install a software one: `apt-get install mesa-vulkan-drivers libvulkan1` on Debian and Ubuntu",
        )?;
        let info = adapter.get_info();
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("visavis view"),
            required_limits: wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits()),
            ..Default::default()
        }))
        .with_context(|| format!("adapter {} gave no device", info.name))?;

        let lost = Arc::new(OnceLock::new());
        device.set_device_lost_callback({
            let lost = lost.clone();
            move |reason, message| {
                // The first reason stays.
                let _ = lost.set(format!("{reason:?}: {message}"));
            }
        });
        let errors = Arc::new(Mutex::new(Vec::new()));
        device.on_uncaptured_error({
            let errors = errors.clone();
            Arc::new(move |error: wgpu::Error| {
                errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
            })
        });

        let options = visavis::Options { executor, pool: Some(pool.clone()) };
        let engine = Engine::new(&device, &queue, options).context("setting up the engine")?;
        let target = engine.target(&STAGE_FORMAT).context("setting up the engine")?;
        let capabilities = surface.get_capabilities(&adapter);
        let config = configuration(&capabilities, window)?;
        let about = Device {
            adapter: info.name,
            is_software: info.device_type == wgpu::DeviceType::Cpu,
            on_cpu: engine.executor() == Executor::Cpu,
        };
        let mut gpu = Self {
            instance,
            surface,
            config,
            device,
            queue,
            engine,
            target,
            about,
            lost,
            errors,
            is_visible: false,
        };
        let size = window.inner_size();
        gpu.resize([size.width, size.height]);
        Ok(gpu)
    }

    /// The format of what is shown.
    pub(super) fn format(&self) -> wgpu::TextureFormat {
        self.config.format
    }

    pub(super) fn size(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    /// Whether the window has a size.
    pub(super) fn is_visible(&self) -> bool {
        self.is_visible
    }

    pub(super) fn max_side(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }

    /// The window has another size; none at all while it is minimised.
    pub(super) fn resize(&mut self, [width, height]: [u32; 2]) {
        self.is_visible = width > 0 && height > 0;
        if self.is_visible {
            let limit = self.max_side();
            (self.config.width, self.config.height) = (width.min(limit), height.min(limit));
            self.surface.configure(&self.device, &self.config);
        }
    }

    /// The window's next picture to draw in. Surfaces that went are mended here.
    pub(super) fn next(&mut self, window: &Arc<Window>) -> Result<Next> {
        use wgpu::CurrentSurfaceTexture::{
            Lost, Occluded, Outdated, Suboptimal, Success, Timeout, Validation,
        };
        if !self.is_visible {
            return Ok(Next::Skip);
        }
        let size = window.inner_size();
        Ok(match self.surface.get_current_texture() {
            Success(texture) | Suboptimal(texture) => Next::Picture(texture),
            Timeout | Occluded => Next::Skip,
            Outdated => {
                self.resize([size.width, size.height]);
                Next::Again
            }
            Lost => {
                self.surface =
                    self.instance.create_surface(window.clone()).context("the window's surface was lost")?;
                self.resize([size.width, size.height]);
                Next::Again
            }
            Validation => Next::Skip, // on_uncaptured_error tells what it was
        })
    }

    pub(super) fn show(&self, texture: wgpu::SurfaceTexture) {
        self.queue.present(texture);
    }

    /// Why the device was lost, if it was.
    pub(super) fn lost(&self) -> Option<&str> {
        // The driver's word arrives when the device is next asked; that it has none yet is no error.
        let _ = self.device.poll(wgpu::PollType::Poll);
        self.lost.get().map(String::as_str)
    }

    /// What went wrong since it was last asked.
    pub(super) fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How the surface is configured: values encoded by us, so that egui blends as it likes to.
fn configuration(
    capabilities: &wgpu::SurfaceCapabilities,
    window: &Window,
) -> Result<wgpu::SurfaceConfiguration> {
    use wgpu::TextureFormat::{Bgra8Unorm, Rgba8Unorm};
    let preferred = capabilities.formats.iter().copied().find(|f| matches!(f, Bgra8Unorm | Rgba8Unorm));
    let Some(format) = preferred.or_else(|| capabilities.formats.first().copied()) else {
        bail!("the graphics driver can't show anything in this window");
    };
    let size = window.inner_size();
    Ok(wgpu::SurfaceConfiguration {
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        format,
        color_space: Default::default(),
        width: size.width.max(1),
        height: size.height.max(1),
        present_mode: wgpu::PresentMode::AutoVsync,
        desired_maximum_frame_latency: 2,
        alpha_mode: wgpu::CompositeAlphaMode::Auto,
        view_formats: Vec::new(),
    })
}
