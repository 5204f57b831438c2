//! A capture on disk: the Multiface layout with `capture.json` and `rig.safetensors` beside it
//! (assets/capture/README.md has the format); [`open`](super::open) also takes one without them. Lengths on disk are
//! millimetres; everything here is metres in head space.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use glam::{Affine3A, DMat3, DVec3, Vec3};
use serde::{Deserialize, Serialize};

use super::light::CaptureLamp;
use super::plain::Photographs;
use super::planes::Planes;
use crate::latent::{GAZE, UNITS};
use crate::reference::View;

const METRES_PER_MM: f32 = 1e-3;
pub(super) const NEAR_METRES: f32 = 0.05;
pub(super) const SCHEMA: &str = "visavis.capture/1";

/// What keeps a capture from being read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A file is missing or unreadable.
    #[error("can't read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is there but doesn't hold what it should.
    #[error("{path}: {field}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl CaptureError {
    pub(super) fn invalid(path: &Path, field: impl Into<String>, reason: impl ToString) -> Self {
        Self::Invalid { path: path.to_owned(), field: field.into(), reason: reason.to_string() }
    }
}

/// A capture: who, seen by which cameras, in which frames.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The folder it was read from.
    pub folder: PathBuf,
    /// What `capture.json` says.
    pub description: Description,
    /// Every camera of the description, calibrated.
    pub cameras: BTreeMap<String, Camera>,
    /// Where pictures come from if there are no planes.
    pub(super) photographs: Option<Photographs>,
}

/// `capture.json`; what neither training nor judging has a use for is left out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Description {
    /// Must be `visavis.capture/1`.
    pub schema: String,
    /// The person.
    pub name: String,
    /// Names of the face units, in the order of every frame's weights.
    pub unit_names: Vec<String>,
    /// Joints, parents first.
    pub joints: Vec<CaptureJoint>,
    /// Parts of the render mesh.
    pub parts: Vec<CapturePart>,
    /// Cameras by name.
    pub cameras: BTreeMap<String, CaptureCamera>,
    /// Every planned frame; those that aren't rendered yet have no planes.
    pub frames: Vec<CaptureFrame>,
    /// What lit it; captures that don't say can't be relit.
    #[serde(default)]
    pub lamps: Vec<CaptureLamp>,
    /// What the data were made of.
    #[serde(default)]
    pub licence: serde_json::Value,
    /// PSNR between two seeds of the renderer, dB: what no avatar can exceed. Captures from before it was measured have none.
    #[serde(default)]
    pub noise_ceiling_db: Option<f64>,
}

/// A joint of the rig.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaptureJoint {
    /// One of torso, neck, head, jaw, eye_left, eye_right.
    pub name: String,
    /// Its parent's name.
    pub parent: Option<String>,
    /// Where it turns at rest, mm.
    pub position_mm: [f32; 3],
}

/// A part of the render mesh.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CapturePart {
    /// A [`PartKind`](crate::avatar::PartKind) in snake case.
    pub name: String,
    /// Its identifier in the planes.
    pub id: u8,
    /// First vertex, and the one after the last.
    pub vertices: [u32; 2],
    /// First triangle, and the one after the last.
    pub triangles: [u32; 2],
}

/// A camera as `capture.json` has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaptureCamera {
    /// `train` or `test`.
    pub split: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A frame as `capture.json` has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaptureFrame {
    /// The segment's folder.
    pub segment: String,
    /// Its number, six digits in file names.
    pub frame: u32,
    /// `train` or `test`.
    pub split: String,
    /// The cameras that were rendered.
    pub cameras: Vec<String>,
    /// Weights of the face units.
    pub units: Vec<f32>,
    /// Left yaw and pitch, right yaw and pitch; radians.
    pub gaze: [f32; GAZE],
    /// Rotation vector of the head against the torso, radians.
    pub head_rotation: [f32; 3],
    /// From the space of the tracked mesh to head space at rest; ours are in it.
    #[serde(skip)]
    pub(super) rest_from_tracked: Affine3A,
}

/// A calibrated camera; its world is head space at rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Where it is and what it sees.
    pub view: View,
}

impl Capture {
    /// Reads the description and the calibration, and checks them.
    pub fn read(folder: &Path) -> Result<Self, CaptureError> {
        let path = folder.join("capture.json");
        let description: Description =
            serde_json::from_slice(&read(&path)?).map_err(|e| CaptureError::invalid(&path, "document", e))?;
        description.check(&path)?;
        let cameras = read_krt(&folder.join("KRT"), &description)?;
        Ok(Self { folder: folder.to_owned(), description, cameras, photographs: None })
    }

    /// What a camera saw of a frame: half-float planes, or the photograph of a capture that has no planes.
    pub fn picture_path(&self, frame: &CaptureFrame, camera: &str) -> PathBuf {
        let (kind, ending) = if self.photographs.is_some() { ("images", "png") } else { ("planes", "exr") };
        let file = format!("{:06}.{ending}", frame.frame);
        self.folder.join(kind).join(&frame.segment).join(camera).join(file)
    }

    /// Reads [`picture_path`](Self::picture_path), at the size of the camera.
    pub fn planes(&self, frame: &CaptureFrame, camera: &str) -> Result<Planes, CaptureError> {
        let path = self.picture_path(frame, camera);
        let planes = match &self.photographs {
            Some(photographs) => photographs.read(&path, camera)?,
            None => Planes::read(&path)?,
        };
        let size = self.cameras.get(camera).map_or([0, 0], |camera| camera.size);
        if [planes.width, planes.height] == size.map(|n| n as usize) {
            Ok(planes)
        } else {
            let found = format!("{}×{} instead of {}×{}", planes.width, planes.height, size[0], size[1]);
            Err(CaptureError::invalid(&path, "size", found))
        }
    }

    /// Where the tracked mesh of a frame is.
    pub(super) fn mesh_path(&self, frame: &CaptureFrame) -> PathBuf {
        self.folder.join("tracked_mesh").join(&frame.segment).join(format!("{:06}.bin", frame.frame))
    }

    /// The tracked mesh of a frame, posed: metres in head space at rest.
    pub fn tracked_mesh(&self, frame: &CaptureFrame) -> Result<Vec<Vec3>, CaptureError> {
        let vertices = positions_mm(&self.mesh_path(frame))?;
        let place = |v: Vec3| frame.rest_from_tracked.transform_point3(v * METRES_PER_MM);
        Ok(vertices.into_iter().map(place).collect())
    }
}

/// The vertices of a tracked mesh, as they stand in the file.
pub(super) fn positions_mm(path: &Path) -> Result<Vec<Vec3>, CaptureError> {
    let bytes = read(path)?;
    let (vertices, rest) = bytes.as_chunks::<12>();
    if vertices.is_empty() || !rest.is_empty() {
        return Err(CaptureError::invalid(path, "length", "must be a whole number of xyz triples in f32"));
    }
    let vertices: Vec<Vec3> = vertices
        .iter()
        .map(|b| {
            let at = |i: usize| f32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]]);
            Vec3::new(at(0), at(4), at(8))
        })
        .collect();
    // Beyond a kilometre, numbers are as wrong as those that aren't finite.
    if vertices.iter().all(|v| v.is_finite() && v.abs().max_element() < 1e6) {
        Ok(vertices)
    } else {
        Err(CaptureError::invalid(path, "vertices", "a coordinate isn't finite, or beyond a kilometre"))
    }
}

impl Description {
    fn check(&self, path: &Path) -> Result<(), CaptureError> {
        let invalid = |field: String, reason: String| Err(CaptureError::invalid(path, field, reason));
        if self.schema != SCHEMA {
            return invalid("schema".into(), format!("is {:?}, this version reads {SCHEMA:?}", self.schema));
        }
        let expected: Vec<&str> = crate::FaceUnit::ALL.iter().map(|unit| unit.name()).collect();
        if self.unit_names != expected {
            return invalid("unit_names".into(), "must be ARKit's 52 names in ARKit's order".into());
        }
        for (number, frame) in self.frames.iter().enumerate() {
            let at = |what: &str| format!("frames[{number}].{what}");
            if frame.units.len() != UNITS {
                return invalid(at("units"), format!("{} weights instead of {UNITS}", frame.units.len()));
            }
            let mut numbers = frame.units.iter().chain(&frame.gaze).chain(&frame.head_rotation);
            if !numbers.all(|x| x.is_finite()) {
                return invalid(at("units"), "a weight or an angle isn't finite".into());
            }
            for name in [&frame.segment].into_iter().chain(&frame.cameras) {
                if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                    return invalid(at("segment"), format!("{name:?} can't be a folder's name"));
                }
            }
            if let Some(unknown) = frame.cameras.iter().find(|name| !self.cameras.contains_key(*name)) {
                return invalid(at("cameras"), format!("no camera is called {unknown:?}"));
            }
        }
        Ok(())
    }
}

/// One camera of a `KRT` file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Krt {
    /// Rows of the intrinsics, pixels.
    pub(super) k: [[f64; 3]; 3],
    /// Rows of camera from world, OpenCV's axes.
    pub(super) rotation: [[f64; 3]; 3],
    /// Camera from world, mm.
    pub(super) translation: [f64; 3],
}

impl Krt {
    /// Camera from world.
    pub(super) fn rotation(&self) -> DMat3 {
        DMat3::from_cols_array_2d(&self.rotation).transpose()
    }

    /// Where the camera is, in the world, mm.
    pub(super) fn center_mm(&self) -> DVec3 {
        -(self.rotation().transpose() * DVec3::from(self.translation))
    }
}

/// Whether a matrix only turns: orthogonal within a hundredth, not mirrored.
pub(super) fn is_rotation(m: &DMat3) -> bool {
    let product = *m * m.transpose();
    let off = (0..3)
        .flat_map(|i| (0..3).map(move |j| (i, j)))
        .map(|(i, j)| (product.col(i)[j] - f64::from(u8::from(i == j))).abs());
    off.fold(0.0, f64::max) < 1e-2 && m.determinant() > 0.0
}

/// Blocks of a name, three rows of K, a row of distortion and three rows of [R | t] in mm.
pub(super) fn krt(path: &Path) -> Result<BTreeMap<String, Krt>, CaptureError> {
    let text = String::from_utf8(read(path)?).map_err(|e| CaptureError::invalid(path, "text", e))?;
    let mut words = text.split_whitespace();
    let mut cameras = BTreeMap::new();
    while let Some(name) = words.next() {
        let invalid = |reason: &str| Err(CaptureError::invalid(path, name, reason));
        let mut numbers = [0f64; 26];
        for number in &mut numbers {
            match words.next().and_then(|word| word.parse().ok()).filter(|x: &f64| x.is_finite()) {
                Some(found) => *number = found,
                None => return invalid("needs 9 + 5 + 12 finite numbers after its name"),
            }
        }
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return invalid("can't be a folder's name");
        }
        let (k, distortion, rt) = (&numbers[..9], &numbers[9..14], &numbers[14..]);
        let camera = Krt {
            k: [[k[0], k[1], k[2]], [k[3], k[4], k[5]], [k[6], k[7], k[8]]],
            rotation: [[rt[0], rt[1], rt[2]], [rt[4], rt[5], rt[6]], [rt[8], rt[9], rt[10]]],
            translation: [rt[3], rt[7], rt[11]],
        };
        if k[0] <= 0.0 || k[4] <= 0.0 || k[3] != 0.0 || k[6..] != [0.0, 0.0, 1.0] {
            return invalid("its first three rows must be intrinsics: fx s cx, 0 fy cy, 0 0 1");
        }
        if !is_rotation(&camera.rotation()) {
            return invalid("the left 3×3 of its last three rows must be a rotation");
        }
        if distortion.iter().any(|&d| d != 0.0) {
            return invalid("has lens distortion: undistort its images first, and write 0 0 0 0 0 here");
        }
        if cameras.insert(name.to_owned(), camera).is_some() {
            return invalid("stands twice");
        }
    }
    Ok(cameras)
}

/// The cameras of the description.
fn read_krt(path: &Path, description: &Description) -> Result<BTreeMap<String, Camera>, CaptureError> {
    let calibrated = krt(path)?;
    let camera = |(name, seen): (&String, &CaptureCamera)| {
        let Some(krt) = calibrated.get(name) else {
            return Err(CaptureError::invalid(path, name, "is in capture.json but not in KRT"));
        };
        if !(1..=8192).contains(&seen.width) || !(1..=8192).contains(&seen.height) {
            return Err(CaptureError::invalid(path, name, "width and height must be 1..=8192"));
        }
        let size = [seen.width, seen.height];
        let view = View::from_opencv(krt.k, krt.rotation, krt.translation, size, NEAR_METRES);
        Ok((name.clone(), Camera { size, view }))
    };
    description.cameras.iter().map(camera).collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CaptureError> {
    fs::read(path).map_err(|source| CaptureError::Io { path: path.to_owned(), source })
}
