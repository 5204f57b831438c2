//! Pictures back to memory, for programs without a window.

use visavis::error::{GpuError, scoped};
use visavis::headless::ReadBack;
use visavis::wgpu;

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

/// A texture to record a [`Stage`](crate::Stage)'s 8-bit picture into, and its way to memory. The one thing here that waits.
#[derive(Debug)]
pub struct Snapshot {
    size: [u32; 2],
    view: wgpu::TextureView,
    read_back: ReadBack,
    rgba: Vec<u8>,
}

impl Snapshot {
    /// For pictures of so many columns and rows, at least one of each.
    ///
    /// # Errors
    /// If the device refuses that size.
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let [width, height] = size.map(|n| n.max(1));
        let read_back = ReadBack::new(device, [width, height], FORMAT)?;
        scoped(device, || {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis snapshot"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            let view = texture.create_view(&Default::default());
            Self { size: [width, height], view, read_back, rgba: Vec::new() }
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// What is to be drawn into; `Rgba8UnormSrgb`.
    pub fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Records the copy, submits everything and waits. Red, green, blue, alpha, row by row from the top left, until the next.
    ///
    /// # Errors
    /// If the device refused what was recorded, or is gone.
    pub fn read(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mut encoder: wgpu::CommandEncoder,
    ) -> Result<&[u8], GpuError> {
        scoped(device, || {
            self.read_back.record(&mut encoder, self.view.texture());
            queue.submit([encoder.finish()]);
        })?;
        self.read_back.read(device, &mut self.rgba)?;
        Ok(&self.rgba)
    }
}
