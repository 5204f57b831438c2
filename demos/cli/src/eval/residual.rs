//! The residual of a frame, from the avatar's driver.
//!
//! r of a picture comes from the *other* pictures of its frame: what is judged is never what was encoded. Where a frame
//! has one picture r stays 0; the report says of how many that is so.

use std::path::Path;

use anyhow::{Context as _, Result};
use visavis_codec::encoder::{Driver, Encoder, MAX_DRIVER_BYTES, OnnxRuntime, Unwrapping, unexplained};
use visavis_codec::glam::Vec3;
use visavis_codec::reference::{layers, skin};
use visavis_codec::train::{Capture, CaptureFrame};
use visavis_codec::{Avatar, FaceFrame};

use super::posed_vertices;
use super::truth::{self, image_path};
use crate::avatar_file::{AvatarFile, read_bounded};

/// Where r comes from, and how often from where.
pub(crate) struct Residual {
    encoder: Encoder,
    from_others: usize,
    alone: usize,
}

impl Residual {
    /// The driver that was asked for, or the one beside the avatar if it is this avatar's; `None` if there is none. It
    /// runs in pure Rust, or in the ONNX Runtime at `library`.
    pub(crate) fn open(
        asked: Option<&Path>,
        avatar: &AvatarFile,
        library: Option<&Path>,
    ) -> Result<Option<Self>> {
        let beside = avatar.path.with_extension("driver");
        let path = match asked {
            Some(path) => path,
            None if beside.is_file() => beside.as_path(),
            None => return Ok(None),
        };
        let bytes = read_bounded(path, MAX_DRIVER_BYTES)?;
        let driver =
            Driver::read(&bytes).with_context(|| format!("{}: not a usable driver", path.display()))?;
        let library = library.map(OnnxRuntime::load).transpose()?;
        let encoder = match &library {
            Some(library) => Encoder::open_with(&driver, &avatar.avatar, avatar.root_hash, library),
            None => Encoder::open(&driver, &avatar.avatar, avatar.root_hash),
        };
        let encoder = match encoder {
            Ok(encoder) => encoder,
            // Nobody asked for it: it may be left from an earlier training.
            Err(error) if asked.is_none() => {
                eprintln!("{}: left out: {error}", path.display());
                return Ok(None);
            }
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Some(Self { encoder, from_others: 0, alone: 0 }))
    }

    /// In how many frames r came from pictures.
    pub(crate) fn encoded(&self) -> usize {
        self.from_others
    }

    /// `units` with the residual of what the frame's cameras but `judged` saw. `tracked` are the posed vertices that are
    /// known, by their number in the avatar's mesh, metres.
    pub(crate) fn drive(
        &mut self,
        avatar: &Avatar,
        capture: &Capture,
        frame: &CaptureFrame,
        judged: Option<&str>,
        units: &FaceFrame,
        tracked: (&[u32], &[Vec3]),
    ) -> Result<FaceFrame> {
        let there = |camera: &&String| image_path(&capture.folder, frame, camera).is_file();
        let others: Vec<&String> =
            frame.cameras.iter().filter(|camera| Some(camera.as_str()) != judged).filter(there).collect();
        if others.is_empty() {
            self.alone += 1;
            return Ok(*units);
        }
        self.from_others += 1;

        let mut positions = posed_vertices(avatar, units);
        let mut known = vec![None; positions.len()];
        for (&vertex, &position) in tracked.0.iter().zip(tracked.1) {
            if let Some(slot) = known.get_mut(vertex as usize) {
                *slot = Some(position);
                positions[vertex as usize] = position;
            }
        }
        let normals = skin::normals(&avatar.mesh, &positions);
        let mut unwrapping = Unwrapping::new(self.encoder.texture_size());
        for camera in others {
            let picture = truth::read(capture, frame, camera)?;
            let seen = &capture.cameras[camera]; // it was there when the picture was read
            let layers =
                layers(&avatar.mesh, &avatar.manifest.parts, &positions, &normals, &seen.view, seen.size);
            unwrapping.add(&layers, seen.size, seen.view.eye(), |x, y| {
                let at = (y * seen.size[0] + x) as usize;
                let rgb = &picture.image.pixels[3 * at..3 * at + 3];
                let color = [0, 1, 2].map(|c| f32::from(rgb[c]) / 255.0);
                (picture.matte[at] == 255).then_some((picture.parts[at], color))
            });
        }
        let offsets = if self.encoder.uses_mesh() {
            unexplained(avatar, &units.latent, &units.head, known)
        } else {
            Vec::new()
        };
        let mut face = *units;
        face.latent.residual = self.encoder.encode(&offsets, &unwrapping.finish())?;
        Ok(face)
    }

    /// For the report: what r was made from.
    pub(crate) fn tell(&self) -> String {
        format!(
            "filled by the driver in {} pictures, from the other pictures of the frame; 0 in {} that have no others",
            self.from_others, self.alone
        )
    }
}
