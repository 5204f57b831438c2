//! The kind of pass that a host draws avatars in.

use std::sync::Arc;

use crate::engine::{Engine, Shared};
use crate::error::{TargetError, scoped};
use crate::raster;

/// The attachments of a pass: one of these for each kind of pass, as window, eye buffers, shadow map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TargetFormat {
    /// Where colour goes: floating-point or sRGB, since colours are linear light. None for depth-only passes.
    pub color: Option<wgpu::TextureFormat>,
    /// Reversed-Z depth: 1 near, cleared to 0.
    pub depth: wgpu::TextureFormat,
    /// Samples a pixel; 1 unless the host multisamples. Edges are smooth without.
    pub samples: u32,
}

/// A kind of pass, made ready by [`Engine::target`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) format: TargetFormat,
    pub(crate) depth_only: Arc<wgpu::RenderPipeline>,
    /// Of the engine that made it.
    pub(crate) shared: Arc<Shared>,
}

impl Target {
    /// What it was made of.
    pub fn format(&self) -> TargetFormat {
        self.format
    }
}

impl Engine {
    /// Makes ready for passes of this kind.
    pub fn target(&self, format: &TargetFormat) -> Result<Target, TargetError> {
        if let Some(color) = format.color
            && !(color.is_srgb() || is_float(color))
        {
            return Err(TargetError::ColorFormat(color));
        }
        if !format.depth.has_depth_aspect() {
            return Err(TargetError::DepthFormat(format.depth));
        }
        let device = &self.shared.device;
        let depth_only = scoped(device, || raster::depth_only(device, &self.shared.layouts, format))?;
        Ok(Target { format: *format, depth_only: Arc::new(depth_only), shared: self.shared.clone() })
    }
}

fn is_float(format: wgpu::TextureFormat) -> bool {
    use wgpu::TextureFormat::{Rg11b10Ufloat, Rgba16Float, Rgba32Float};
    matches!(format, Rgba16Float | Rgba32Float | Rg11b10Ufloat)
}
