//! A window that people are drawn in: the graphics device, an engine on it, and the window's surface.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};
use visavis::wgpu::{self, TextureFormat};
use visavis::{Engine, Executor};
use winit::window::Window;

/// A device, an engine on it, and the window's surface.
pub struct Gpu {
    instance: wgpu::Instance,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// The engine on it.
    pub engine: Engine,
    /// The adapter's name.
    pub adapter: String,
    /// Whether the processor does the graphics processor's work.
    pub is_software: bool,
    lost: Arc<OnceLock<String>>,
    errors: Arc<Mutex<Vec<String>>>,
    is_visible: bool,
}

impl Gpu {
    /// Picks an adapter that can show in this window, real ones first, and sets everything up. `label`: the device's name, for
    /// debuggers; `prefers`: which format the surface should have if it can.
    ///
    /// # Errors
    /// If nothing can show in this window, or the engine can't be set up: says what helps.
    pub fn new(
        window: &Arc<Window>,
        label: &str,
        prefers: impl Fn(&TextureFormat) -> bool,
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
            label: Some(label),
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
        let config = configuration(&surface.get_capabilities(&adapter), prefers)?;
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
        gpu.resize(window.inner_size().into());
        Ok(gpu)
    }

    /// The surface's format.
    #[must_use]
    pub fn format(&self) -> TextureFormat {
        self.config.format
    }

    /// The surface's width and height, pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    /// Whether the window has a size; a minimised one has none.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.is_visible
    }

    /// The longest side that a texture may have, pixels.
    #[must_use]
    pub fn max_side(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }

    /// The window has another size; none at all while it is minimised.
    pub fn resize(&mut self, [width, height]: [u32; 2]) {
        self.is_visible = width > 0 && height > 0;
        if self.is_visible {
            let limit = self.max_side();
            (self.config.width, self.config.height) = (width.min(limit), height.min(limit));
            self.surface.configure(&self.device, &self.config);
        }
    }

    /// The window's next picture to draw in; none while it can't be seen. Surfaces that went are mended.
    ///
    /// # Errors
    /// If the window has no surface any more.
    pub fn next(&mut self, window: &Arc<Window>) -> Result<Option<wgpu::SurfaceTexture>> {
        use wgpu::CurrentSurfaceTexture::{
            Lost, Occluded, Outdated, Suboptimal, Success, Timeout, Validation,
        };
        for _ in 0..2 {
            if !self.is_visible {
                return Ok(None);
            }
            match self.surface.get_current_texture() {
                Success(texture) | Suboptimal(texture) => return Ok(Some(texture)),
                // What didn't validate is told by `take_errors`.
                Timeout | Occluded | Validation => return Ok(None),
                Outdated => {}
                Lost => {
                    let surface = self.instance.create_surface(window.clone());
                    self.surface = surface.context("the window's surface was lost")?;
                }
            }
            self.resize(window.inner_size().into());
        }
        Ok(None)
    }

    /// Shows a picture that was drawn.
    pub fn show(&self, texture: wgpu::SurfaceTexture) {
        self.queue.present(texture);
    }

    /// Why the device was lost, if it was.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        // The driver's word arrives when the device is next asked; that it has none yet is no error.
        let _ = self.device.poll(wgpu::PollType::Poll);
        self.lost.get().map(String::as_str)
    }

    /// What went wrong since it was last asked.
    #[must_use]
    pub fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn configuration(
    capabilities: &wgpu::SurfaceCapabilities,
    prefers: impl Fn(&TextureFormat) -> bool,
) -> Result<wgpu::SurfaceConfiguration> {
    let preferred = capabilities.formats.iter().copied().find(prefers);
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
