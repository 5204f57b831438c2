//! The Rust half of the trainer (feature `train`): a capture becomes training data, trained networks become an avatar.
//!
//! ```text
//! capture folder ─▶ Capture, Rig ─▶ prepare ─▶ shards ─▶ (PyTorch: PYTHON_PACKAGE) ─▶ export ─▶ pack ─▶ Avatar
//! ```
//! The networks themselves train in PyTorch: TRAINING.md beside this crate says why, and what is trained how.
//! Unlike the rest of the crate, this module reads and writes files.

mod capture;
#[cfg(feature = "encoder")]
mod driver;
mod light;
mod pack;
mod plain;
mod planes;
mod prepare;
mod rig;
#[cfg(test)]
mod tests;
mod trim;

use std::path::Path;

pub use capture::{
    Camera, Capture, CaptureCamera, CaptureError, CaptureFrame, CaptureJoint, CapturePart, Description,
};
#[cfg(feature = "encoder")]
pub use driver::{average_texture, pack_driver};
pub use light::CaptureLamp;
pub use pack::{GeometryError, PackError, ResidualFacts, TrainingFacts, check, pack};
pub use plain::{Distance, PlainOptions, Transfer, UnitFit};
pub use planes::Planes;
pub use prepare::{Prepared, prepare};
pub use rig::Rig;

/// Reads any capture: one with `capture.json`, or a plain Multiface entity, to whose tracked meshes units are fitted
/// (TRAINING.md says how, the last of the three how well). `options` are for the latter.
///
/// # Errors
/// If a file is missing, unreadable or not what it should be; the error names it, the field and what would be right.
pub fn open(folder: &Path, options: &PlainOptions) -> Result<(Capture, Rig, Option<UnitFit>), CaptureError> {
    if folder.join("capture.json").is_file() {
        let capture = Capture::read(folder)?;
        let rig = Rig::read(&capture)?;
        return Ok((capture, rig, None));
    }
    if !folder.join("KRT").is_file() {
        let reason = "neither capture.json (a capture of this project) nor KRT, frame_list.txt, tracked_mesh and images \
                      (a plain Multiface entity) are in it";
        return Err(CaptureError::invalid(folder, "capture", reason));
    }
    let (capture, rig, fit) = plain::read(folder, options)?;
    Ok((capture, rig, Some(fit)))
}

/// The files of the Python package that trains the networks: name below the package's folder, and text. Embedded, so
/// that the program needs nothing beside itself.
pub const PYTHON_PACKAGE: &[(&str, &str)] = &[
    ("__init__.py", include_str!("../../train/visavis_train/__init__.py")),
    ("__main__.py", include_str!("../../train/visavis_train/__main__.py")),
    ("batches.py", include_str!("../../train/visavis_train/batches.py")),
    ("composite.py", include_str!("../../train/visavis_train/composite.py")),
    ("corrective.py", include_str!("../../train/visavis_train/corrective.py")),
    ("data.py", include_str!("../../train/visavis_train/data.py")),
    ("encoder.py", include_str!("../../train/visavis_train/encoder.py")),
    ("export.py", include_str!("../../train/visavis_train/export.py")),
    ("fit.py", include_str!("../../train/visavis_train/fit.py")),
    ("geometry.py", include_str!("../../train/visavis_train/geometry.py")),
    ("loss.py", include_str!("../../train/visavis_train/loss.py")),
    ("model.py", include_str!("../../train/visavis_train/model.py")),
    ("onnx_file.py", include_str!("../../train/visavis_train/onnx_file.py")),
    ("schedule.py", include_str!("../../train/visavis_train/schedule.py")),
    ("sheet.py", include_str!("../../train/visavis_train/sheet.py")),
    ("sources.py", include_str!("../../train/visavis_train/sources.py")),
    ("strands.py", include_str!("../../train/visavis_train/strands.py")),
    ("texture.py", include_str!("../../train/visavis_train/texture.py")),
];

/// What the Python package needs, pinned, one requirement a line.
pub const PYTHON_REQUIREMENTS: &str = include_str!("../../train/requirements.txt");
