//! PNG and JPEG, decoded once however many textures show them.

use std::io::Cursor;

use super::{Source, limits};
use crate::error::Reason;
use crate::scene::{Image, Scene};

/// The pictures of a scene while it is read.
#[derive(Default)]
pub(super) struct Pictures {
    images: Vec<Image>,
    /// By the file's number: ours, or why there is none.
    numbers: Vec<(usize, Result<usize, String>)>,
    bytes: u64,
}

impl Pictures {
    /// Our number of the file's picture `index`, or why it can't be shown.
    pub(super) fn get(&mut self, source: &Source<'_>, index: usize) -> Result<usize, String> {
        if let Some((_, known)) = self.numbers.iter().find(|(number, _)| *number == index) {
            return known.clone();
        }
        let found = self.decode(source, index).map_err(|reason| reason.to_string()).map(|image| {
            self.bytes += image.rgba.len() as u64;
            self.images.push(image);
            self.images.len() - 1
        });
        self.numbers.push((index, found.clone()));
        found
    }

    fn decode(&self, source: &Source<'_>, index: usize) -> Result<Image, Reason> {
        let picture = source.root.images.get(index);
        let picture = picture.ok_or_else(|| Reason::Broken(format!("there is no picture {index}")))?;
        let field = format!("images[{index}]");
        let file;
        let bytes: &[u8] = match (&picture.uri, &picture.buffer_view) {
            (Some(uri), _) => {
                file = source.folder.resolve(uri)?;
                &file
            }
            (None, Some(view)) => {
                source.view_bytes(view.value() as u32, &field).map_err(|error| error.reason)?
            }
            (None, None) => return Err(Reason::Broken("it has neither a URI nor a buffer view".to_owned())),
        };
        let format = match bytes {
            [0x89, b'P', b'N', b'G', ..] => image::ImageFormat::Png,
            [0xff, 0xd8, ..] => image::ImageFormat::Jpeg,
            _ => return Err(Reason::Unsupported("a picture that is neither PNG nor JPEG".to_owned())),
        };
        let broken = |error: image::ImageError| Reason::Broken(error.to_string());
        let (width, height) =
            image::ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(broken)?;
        let side = width.max(height);
        if side > limits::IMAGE_SIDE || width.min(height) == 0 {
            let (found, limit) = (u64::from(side), u64::from(limits::IMAGE_SIDE));
            return Err(Reason::TooMuch { what: "pixels a side", found, limit });
        }
        let found = self.bytes + u64::from(width) * u64::from(height) * 4;
        if found > limits::IMAGE_BYTES {
            return Err(Reason::TooMuch { what: "bytes of pictures", found, limit: limits::IMAGE_BYTES });
        }
        let mut reader = image::ImageReader::with_format(Cursor::new(bytes), format);
        let mut bounds = image::Limits::default();
        bounds.max_alloc = Some(limits::IMAGE_BYTES);
        reader.limits(bounds);
        let rgba = reader.decode().map_err(broken)?.into_rgba8();
        let (width, height) = rgba.dimensions();
        Ok(Image { size: [width, height], rgba: rgba.into_raw() })
    }

    /// Hands them over.
    pub(super) fn store(self, scene: &mut Scene) {
        scene.images = self.images;
    }
}
