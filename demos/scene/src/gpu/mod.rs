//! Scenes on a GPU.

mod cartoon;
mod finish;
mod layouts;
mod pass;
mod prefilter;
mod present;
mod room;
mod shadow;
mod shot;
mod snapshot;
mod stage;
mod texture;

pub use cartoon::{CartoonError, CartoonInstance, CartoonModel};
pub use pass::{Renderer, ScenePass};
pub use room::Room;
pub use shadow::SHADOW_FORMAT;
pub use shot::{Occluder, Shot};
pub use snapshot::Snapshot;
pub use stage::{Stage, StageFrame, StageOptions, ToneCurve};

use visavis::error::{GpuError, scoped};
use visavis::wgpu;

/// A buffer with these contents, ready to be bound.
fn filled_buffer(
    device: &wgpu::Device,
    label: &str,
    contents: &[u8],
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, GpuError> {
    let size = (contents.len().max(4) as u64).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT);
    let buffer = scoped(device, || {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: true,
        })
    })?;
    {
        // Only a lost device raises no error and yet maps nothing.
        let mut bytes = buffer.get_mapped_range_mut(..).map_err(|_| GpuError::DeviceLost)?;
        bytes.slice(..contents.len()).copy_from_slice(contents);
    }
    buffer.unmap();
    Ok(buffer)
}
