//! From the target into the caller's memory.

use crate::engine::{State, VisavisEngine};
use crate::pointer;
use crate::status::{Failure, VISAVIS_ERROR_NOTHING_DRAWN, VISAVIS_ERROR_TOO_SMALL, VisavisStatus, call};
use crate::target::Texture;

/// Red, green, blue, alpha, a byte each: premultiplied in linear light, then colour is encoded as sRGB; for PNG over an
/// opaque background, and for textures that are sampled as sRGB. 4 bytes a pixel.
pub const VISAVIS_PLANE_RGBA8_SRGB: u32 = 0;
/// Red, green, blue, alpha, a half float each: linear light, 1 is diffuse white, premultiplied. 8 bytes a pixel.
pub const VISAVIS_PLANE_RGBA16F: u32 = 1;
/// Reversed-Z depth, a float: 1 at the near plane, falling with distance, 0 where nothing is. Of what is at least half
/// opaque. 4 bytes a pixel.
pub const VISAVIS_PLANE_DEPTH32F: u32 = 2;

/// Reads a picture of the last draw into the caller's memory, rows from the top. Waits until the GPU has drawn it.
///
/// `view`: its number in the draw. `plane`: VISAVIS_PLANE_…. `row_bytes`: from the start of a row to the start of the next,
/// or 0 for rows without gaps; at least a row's bytes. `pixels_size`: how many bytes may be written from `pixels` on, at
/// least `row_bytes` · (height − 1) and a row. Gaps are left as they are. After a failure the contents are of no meaning.
///
/// Threads: any; waits for other calls on this engine.
///
/// # Safety
/// `engine` is null or a live handle; `pixels` is null or `pixels_size` bytes may be written there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_engine_read(
    engine: *const VisavisEngine,
    view: u32,
    plane: u32,
    pixels: *mut u8,
    pixels_size: usize,
    row_bytes: usize,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { pointer::get(engine, "engine")? };
        pointer::check(pixels, "pixels")?;
        if isize::try_from(pixels_size).is_err() {
            return Err(Failure::argument(format!("`pixels_size` is {pixels_size}, more than memory has")));
        }
        let mut state = engine.lock();
        let layout = Layout::new(&state, view, plane, pixels_size, row_bytes)?;
        // SAFETY: the caller lends us this memory, and no more of it is touched than they said is there. It may hold no
        // values yet: whole rows are written through a pointer, and never read.
        let write_row = |row: usize, fill: &mut dyn FnMut(&mut [u8])| unsafe {
            let start = pixels.add(row * layout.stride);
            start.write_bytes(0, layout.row);
            fill(std::slice::from_raw_parts_mut(start, layout.row));
        };
        let State { headless, sheets, srgb, .. } = &mut *state;
        let (device, queue) = (headless.engine().device(), headless.engine().queue());
        let sheet = &mut sheets[view as usize];
        match plane {
            VISAVIS_PLANE_RGBA8_SRGB => sheet.read(device, queue, Texture::Color, |row, texels| {
                write_row(row, &mut |out| srgb.encode(texels, out));
            })?,
            VISAVIS_PLANE_RGBA16F => sheet.read(device, queue, Texture::Color, |row, texels| {
                write_row(row, &mut |out| out.copy_from_slice(texels));
            })?,
            _ => sheet.read(device, queue, Texture::Depth, |row, texels| {
                write_row(row, &mut |out| out.copy_from_slice(texels));
            })?,
        }
        Ok(())
    })
}

/// Where rows go.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of a row.
    row: usize,
    /// Bytes from row to row.
    stride: usize,
}

impl Layout {
    fn new(
        state: &State,
        view: u32,
        plane: u32,
        pixels_size: usize,
        row_bytes: usize,
    ) -> Result<Self, Failure> {
        let texel = match plane {
            VISAVIS_PLANE_RGBA8_SRGB | VISAVIS_PLANE_DEPTH32F => 4,
            VISAVIS_PLANE_RGBA16F => 8,
            other => return Err(Failure::argument(format!("`plane`: no VISAVIS_PLANE_ is {other}"))),
        };
        let sheet = state.sheets.get(view as usize).filter(|_| (view as usize) < state.drawn);
        let Some(sheet) = sheet else {
            let text = format!("`view` is {view}, and the last draw has {} views", state.drawn);
            return Err(Failure::new(VISAVIS_ERROR_NOTHING_DRAWN, text));
        };
        let [width, height] = sheet.canvas.size().map(|side| side as usize);
        let row = width * texel;
        let stride = if row_bytes == 0 { row } else { row_bytes };
        if stride < row {
            let text = format!("`row_bytes` is {row_bytes}, and a row has {row}");
            return Err(Failure::new(VISAVIS_ERROR_TOO_SMALL, text));
        }
        let needed = stride.checked_mul(height - 1).and_then(|above| above.checked_add(row));
        match needed {
            Some(needed) if needed <= pixels_size => Ok(Self { row, stride }),
            _ => {
                let text = format!(
                    "`pixels_size` is {pixels_size}; {width} × {height} pixels with {stride} bytes a row need {}",
                    needed.map_or("more than memory has".to_owned(), |needed| needed.to_string())
                );
                Err(Failure::new(VISAVIS_ERROR_TOO_SMALL, text))
            }
        }
    }
}
