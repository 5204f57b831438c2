//! The graphics device and the window's surface on it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};
use visavis::wgpu::{self, TextureFormat};
use visavis::{Engine, Executor};
use winit::window::Window;

/// A device, an engine on it, and the window's surface.
pub(super) struct Gpu {
    instance: wgpu::Instance,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) engine: Engine,
    pub(super) adapter: String,
    /// Whether the processor does the graphics processor's work.
    pub(super) is_software: bool,
    lost: Arc<OnceLock<String>>,
    errors: Arc<Mutex<Vec<String>>>,
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
        let request = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: Some(&surface),
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&request)).context(
            "no graphics driver can show in this window (Vulkan, Metal or Direct3D 12). On a machine without a GPU \
             install a software one: `apt-get install mesa-vulkan-drivers libvulkan1` on Debian and Ubuntu",
        )?;
        let info = adapter.get_info();
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("visavis game"),
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
        let config = configuration(&surface.get_capabilities(&adapter))?;
        let mut gpu = Self {
            instance,
            surface,
            config,
            device,
            queue,
            engine,
            adapter: info.name,
            is_software: info.device_type == wgpu::DeviceType::Cpu,
            lost,
            errors,
            is_visible: false,
        };
        let size = window.inner_size();
        gpu.resize([size.width, size.height]);
        Ok(gpu)
    }

    pub(super) fn format(&self) -> TextureFormat {
        self.config.format
    }

    pub(super) fn size(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    /// Whether the window has a size; a minimised one has none.
    pub(super) fn is_visible(&self) -> bool {
        self.is_visible
    }

    pub(super) fn resize(&mut self, [width, height]: [u32; 2]) {
        self.is_visible = width > 0 && height > 0;
        if self.is_visible {
            let limit = self.device.limits().max_texture_dimension_2d;
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
            Timeout | Occluded | Validation => Next::Skip,
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

/// How the surface is configured: sRGB where it can be, as pictures without a window are, so that both look alike.
fn configuration(capabilities: &wgpu::SurfaceCapabilities) -> Result<wgpu::SurfaceConfiguration> {
    let preferred = capabilities.formats.iter().copied().find(TextureFormat::is_srgb);
    let Some(format) = preferred.or_else(|| capabilities.formats.first().copied()) else {
        bail!("the graphics driver can't show anything in this window");
    };
    Ok(wgpu::SurfaceConfiguration {
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        format,
        color_space: Default::default(),
        width: 1,
        height: 1,
        present_mode: wgpu::PresentMode::AutoVsync,
        desired_maximum_frame_latency: 2,
        alpha_mode: wgpu::CompositeAlphaMode::Auto,
        view_formats: Vec::new(),
    })
}
