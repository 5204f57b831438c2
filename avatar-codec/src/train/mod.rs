//! The Rust half of the trainer (feature `train`): a capture becomes training data, trained networks become an avatar.
//!
//! ```text
//! capture folder ─▶ Capture, Rig ─▶ prepare ─▶ shards ─▶ (PyTorch: PYTHON_PACKAGE) ─▶ export ─▶ pack ─▶ Avatar
//! ```
//! The networks themselves train in PyTorch: TRAINING.md beside this crate says why, and what is trained how.
//! Unlike the rest of the crate, this module reads and writes files.

mod capture;
mod pack;
mod planes;
mod prepare;
mod rig;
#[cfg(test)]
mod tests;
mod trim;

pub use capture::{
    Camera, Capture, CaptureCamera, CaptureError, CaptureFrame, CaptureJoint, CapturePart, Description,
};
pub use pack::{PackError, TrainingFacts, check, pack};
pub use planes::Planes;
pub use prepare::{Prepared, prepare};
pub use rig::Rig;

/// The files of the Python package that trains the networks: name below the package's folder, and text. Embedded, so
/// that the program needs nothing beside itself.
pub const PYTHON_PACKAGE: &[(&str, &str)] = &[
    ("__init__.py", include_str!("../../train/visavis_train/__init__.py")),
    ("__main__.py", include_str!("../../train/visavis_train/__main__.py")),
    ("composite.py", include_str!("../../train/visavis_train/composite.py")),
    ("data.py", include_str!("../../train/visavis_train/data.py")),
    ("export.py", include_str!("../../train/visavis_train/export.py")),
    ("fit.py", include_str!("../../train/visavis_train/fit.py")),
    ("geometry.py", include_str!("../../train/visavis_train/geometry.py")),
    ("loss.py", include_str!("../../train/visavis_train/loss.py")),
    ("model.py", include_str!("../../train/visavis_train/model.py")),
    ("sheet.py", include_str!("../../train/visavis_train/sheet.py")),
];

/// What the Python package needs, pinned, one requirement a line.
pub const PYTHON_REQUIREMENTS: &str = include_str!("../../train/requirements.txt");
