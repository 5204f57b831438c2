//! Everything a frame sends to the GPU, in one buffer of its own.
//!
//! A fresh mapped buffer, not `Queue::write_buffer`: what a frame wrote stays true however many frames are recorded
//! before the first is submitted.

use std::sync::Arc;

use crate::error::{GpuError, scoped};
use crate::lists::{List, Lists};

/// What every uniform binding may start at, on every adapter.
const ALIGNMENT: u64 = 256;

/// Collects bytes at aligned offsets.
pub(crate) struct Upload {
    bytes: List<u8>,
}

impl Upload {
    pub(crate) fn new(lists: &Arc<Lists>) -> Self {
        Self { bytes: lists.list() }
    }

    /// Appends plain data and returns where it is.
    pub(crate) fn push(&mut self, data: &[u8]) -> u64 {
        let offset = self.bytes.len().next_multiple_of(ALIGNMENT as usize);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(data);
        offset as u64
    }

    /// The buffer, padded so that a binding of `room` bytes fits at every offset.
    pub(crate) fn finish(
        mut self,
        device: &wgpu::Device,
        usage: wgpu::BufferUsages,
        room: usize,
    ) -> Result<wgpu::Buffer, GpuError> {
        let length = self.bytes.len().next_multiple_of(ALIGNMENT as usize) + room;
        self.bytes.resize(length, 0);
        mapped_buffer(device, "visavis frame", &self.bytes, usage)
    }
}

/// A buffer with these contents, padded to whole words.
pub(crate) fn mapped_buffer(
    device: &wgpu::Device,
    label: &str,
    data: &[u8],
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, GpuError> {
    let size = data.len().next_multiple_of(16).max(16);
    let (buffer, written) = scoped(device, || {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: size as u64,
            usage,
            mapped_at_creation: true,
        });
        let written = match buffer.get_mapped_range_mut(..) {
            Ok(mut view) => {
                view.slice(..data.len()).copy_from_slice(data);
                true
            }
            Err(_) => false,
        };
        if written {
            buffer.unmap();
        }
        (buffer, written)
    })?;
    // Only a lost device raises no error and yet maps nothing.
    if written { Ok(buffer) } else { Err(GpuError::DeviceLost) }
}
