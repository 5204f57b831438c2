//! A texture's way to memory.

use std::sync::mpsc;

use crate::error::{GpuError, scoped};

/// A buffer that textures of one size and format are copied into, to be read from the CPU.
///
/// [`record`](Self::record) the copy, submit, then [`read`](Self::read): the one thing that waits.
#[derive(Debug)]
pub struct ReadBack {
    /// Columns and rows.
    size: [u32; 2],
    row_bytes: usize,
    /// From a row's beginning to the next's, as wgpu wants it.
    stride: u32,
    staging: wgpu::Buffer,
}

impl ReadBack {
    /// For textures of so many columns and rows, at least one of each, in a format of one aspect that isn't compressed.
    ///
    /// # Errors
    /// If the format has no fixed size a texel, or the device has no room.
    pub fn new(device: &wgpu::Device, size: [u32; 2], format: wgpu::TextureFormat) -> Result<Self, GpuError> {
        let texel_bytes = (format.block_copy_size(None).filter(|_| format.block_dimensions() == (1, 1)))
            .ok_or_else(|| GpuError::Rejected(format!("{format:?} can't be read back texel by texel")))?;
        let row_bytes = size[0].saturating_mul(texel_bytes);
        let stride = row_bytes
            .checked_next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
            .ok_or_else(|| GpuError::Rejected(format!("a row of {row_bytes} bytes is too long")))?;
        let staging = scoped(device, || {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis read-back"),
                size: u64::from(stride) * u64::from(size[1]),
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        })?;
        Ok(Self { size, row_bytes: row_bytes as usize, stride, staging })
    }

    /// Records the copy of a whole texture of that size and format, which has the usage `COPY_SRC`.
    pub fn record(&self, encoder: &mut wgpu::CommandEncoder, texture: &wgpu::Texture) {
        let [width, height] = self.size;
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &self.staging,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(self.stride),
                    rows_per_image: None,
                },
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
    }

    /// Waits for what was submitted and replaces `texels` by the texture's bytes, row by row from the top.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn read(&self, device: &wgpu::Device, texels: &mut Vec<u8>) -> Result<(), GpuError> {
        texels.clear();
        self.read_rows(device, |_, row| texels.extend_from_slice(row))
    }

    /// The same, one row after the other: its number from the top, and its bytes.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn read_rows(
        &self,
        device: &wgpu::Device,
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<(), GpuError> {
        let (sender, receiver) = mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if this function returned early.
            let _ = sender.send(result.is_ok());
        });
        // A wait fails only by time-out, and this one has none.
        let _ = device.poll(wgpu::PollType::wait_indefinitely());
        if receiver.try_recv() != Ok(true) {
            return Err(GpuError::DeviceLost);
        }
        {
            let Ok(bytes) = self.staging.get_mapped_range(..) else { return Err(GpuError::DeviceLost) };
            for (row, padded) in bytes.chunks_exact(self.stride as usize).enumerate() {
                each(row, &padded[..self.row_bytes]);
            }
        }
        self.staging.unmap();
        Ok(())
    }
}
