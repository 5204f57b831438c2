//! The engine: a host's device, an executor, and what all avatars on it share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::detail::Detail;
use crate::error::EngineError;
use crate::gpu::Kernels;
use crate::layer::LayerPool;
use crate::raster::{RasterKey, RasterLayouts};

/// What decodes and shades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executor {
    /// [`Gpu`](Self::Gpu), unless the adapter is a software one: those run neural shaders tens of times slower than
    /// [`Cpu`](Self::Cpu) does.
    #[default]
    Auto,
    /// Compute shaders decode, the fragment shader runs the pixel decoder.
    Gpu,
    /// SIMD code decodes and rasterises on the host's threads; its layer is drawn as a quad.
    Cpu,
}

/// How an engine works. The default: [`Executor::Auto`], no thread but the caller's.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What decodes and shades; the default chooses by the adapter.
    pub executor: Executor,
    /// Threads for the CPU executor. Without, [`Engine::prepare`] does everything on the thread that calls it.
    pub pool: Option<Arc<rayon::ThreadPool>>,
}

/// Borrows a device and records avatars into the host's command encoders and passes. It never submits, waits or reads
/// back. Cheap to clone; clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// Behind every handle.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) pool: Option<Arc<rayon::ThreadPool>>,
    /// The compute pipelines; none on the CPU executor.
    pub(crate) kernels: Option<Arc<Kernels>>,
    pub(crate) layouts: RasterLayouts,
    pub(crate) pipelines: Mutex<HashMap<RasterKey, wgpu::RenderPipeline>>,
    /// Of the CPU executor.
    pub(crate) layers: LayerPool,
    detail: Mutex<Detail>,
}

impl Engine {
    /// An engine on the host's device. `device` needs no feature, and storage buffers as
    /// [`wgpu::Limits::downlevel_defaults`] has them. Both handles are cloned.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, options: Options) -> Result<Self, EngineError> {
        let Options { executor, pool } = options;
        require_limits(&device.limits())?;
        let on_gpu = match executor {
            Executor::Gpu => true,
            Executor::Cpu => false,
            Executor::Auto => device.adapter_info().device_type != wgpu::DeviceType::Cpu,
        };
        let kernels = if on_gpu { Some(Arc::new(Kernels::new(device)?)) } else { None };
        let layouts = crate::error::scoped(device, || RasterLayouts::new(device))?;
        let shared = Shared {
            device: device.clone(),
            queue: queue.clone(),
            pool,
            kernels,
            layouts,
            pipelines: Mutex::default(),
            layers: LayerPool::default(),
            detail: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What decodes and shades: [`Executor::Gpu`] or [`Executor::Cpu`].
    pub fn executor(&self) -> Executor {
        if self.shared.kernels.is_some() { Executor::Gpu } else { Executor::Cpu }
    }

    /// At which level of detail avatars are drawn from now on, but for instances with a word of their own
    /// ([`Instance::set_detail`](crate::Instance::set_detail)). [`Detail::Full`] until then.
    pub fn set_detail(&self, detail: Detail) {
        *self.shared.detail.lock().unwrap_or_else(PoisonError::into_inner) = detail;
    }

    /// At which level of detail avatars are drawn.
    pub fn detail(&self) -> Detail {
        *self.shared.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's device.
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// The host's queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }
}

fn require_limits(limits: &wgpu::Limits) -> Result<(), EngineError> {
    let decoder = size_of::<visavis_shaders::mirror::PixelDecoder>() as u64;
    let needs = [
        ("max_bind_groups", u64::from(limits.max_bind_groups), 3),
        ("max_storage_buffers_per_shader_stage", u64::from(limits.max_storage_buffers_per_shader_stage), 4),
        ("max_storage_textures_per_shader_stage", u64::from(limits.max_storage_textures_per_shader_stage), 1),
        ("max_compute_workgroup_size_x", u64::from(limits.max_compute_workgroup_size_x), 64),
        (
            "max_compute_invocations_per_workgroup",
            u64::from(limits.max_compute_invocations_per_workgroup),
            64,
        ),
        ("max_uniform_buffer_binding_size", limits.max_uniform_buffer_binding_size, decoder),
        (
            "max_dynamic_uniform_buffers_per_pipeline_layout",
            u64::from(limits.max_dynamic_uniform_buffers_per_pipeline_layout),
            1,
        ),
    ];
    for (limit, available, needed) in needs {
        if available < needed {
            return Err(EngineError::Insufficient { limit, needed, available });
        }
    }
    Ok(())
}
