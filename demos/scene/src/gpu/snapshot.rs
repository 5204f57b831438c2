//! Pictures back to memory, for programs without a window.

use std::sync::mpsc;

use visavis::error::{GpuError, scoped};
use visavis::wgpu;

/// A texture to record a [`Stage`](crate::Stage)'s 8-bit picture into, and its way to memory. The one thing here that waits.
#[derive(Debug)]
pub struct Snapshot {
    size: [u32; 2],
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    staging: wgpu::Buffer,
    stride: u32,
    rgba: Vec<u8>,
}

impl Snapshot {
    /// For pictures of so many columns and rows, at least one of each.
    ///
    /// # Errors
    /// If the device refuses that size.
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let [width, height] = size.map(|n| n.max(1));
        let stride = width.saturating_mul(4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        scoped(device, || {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis snapshot"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8UnormSrgb,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            let view = texture.create_view(&Default::default());
            let staging = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis snapshot"),
                size: u64::from(stride) * u64::from(height),
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            });
            Self { size: [width, height], texture, view, staging, stride, rgba: Vec::new() }
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
            encoder.copy_texture_to_buffer(
                self.texture.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &self.staging,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(self.stride),
                        rows_per_image: None,
                    },
                },
                self.texture.size(),
            );
            queue.submit([encoder.finish()]);
        })?;
        let (sender, receiver) = mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if this function returned early.
            let _ = sender.send(result.is_ok());
        });
        let _ = device.poll(wgpu::PollType::wait_indefinitely());
        if receiver.try_recv() != Ok(true) {
            return Err(GpuError::DeviceLost);
        }
        {
            let Ok(bytes) = self.staging.get_mapped_range(..) else { return Err(GpuError::DeviceLost) };
            self.rgba.clear();
            for row in bytes.chunks_exact(self.stride as usize) {
                self.rgba.extend_from_slice(&row[..4 * self.size[0] as usize]);
            }
        }
        self.staging.unmap();
        Ok(&self.rgba)
    }
}
