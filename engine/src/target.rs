//! The kind of pass that a host draws avatars in.

use std::num::NonZeroU32;
use std::sync::Arc;

use visavis_shaders::mirror::MAX_VIEWS;

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
    /// For passes that draw several views at once, each into a layer of the attachments (multiview): the pass's own
    /// mask, the lowest n bits, n from 1 to 8. None for one view a pass. Needs [`wgpu::Features::MULTIVIEW`].
    pub view_mask: Option<NonZeroU32>,
}

impl TargetFormat {
    /// How many views a pass draws.
    pub fn views(&self) -> usize {
        self.view_mask.map_or(1, |mask| mask.get().count_ones() as usize)
    }
}

/// A kind of pass, made ready by [`Engine::target`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) format: TargetFormat,
    pub(crate) depth_only: wgpu::RenderPipeline,
    pub(crate) shadow: wgpu::RenderPipeline,
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
        if let Some(mask) = format.view_mask {
            check_views(device, mask)?;
        }
        let [depth_only, shadow] = scoped(device, || {
            [false, true].map(|casts| raster::depth_only(device, &self.shared.layouts, format, casts))
        })?;
        Ok(Target { format: *format, depth_only, shadow, shared: self.shared.clone() })
    }
}

/// Whether the device and the shaders can draw these views in one pass.
fn check_views(device: &wgpu::Device, mask: NonZeroU32) -> Result<(), TargetError> {
    let found = u32::BITS - mask.leading_zeros();
    if mask.get().count_ones() != found {
        return Err(TargetError::ViewMask(mask));
    }
    if !device.features().contains(wgpu::Features::MULTIVIEW) {
        return Err(TargetError::NoMultiview);
    }
    let limit = device.limits().max_multiview_view_count.min(MAX_VIEWS as u32);
    if found > limit {
        return Err(TargetError::TooManyViews { found, limit });
    }
    Ok(())
}

fn is_float(format: wgpu::TextureFormat) -> bool {
    use wgpu::TextureFormat::{Rg11b10Ufloat, Rgba16Float, Rgba32Float};
    matches!(format, Rgba16Float | Rgba32Float | Rg11b10Ufloat)
}
