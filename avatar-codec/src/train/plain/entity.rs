//! A plain Multiface entity on disk: which frames and cameras there are, and which of them are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use glam::{DAffine3, DMat3, DVec3, Vec3};

use super::super::capture::{CaptureError, Krt, krt, positions_mm, read};
use super::obj::Topology;
use super::{METRES_PER_MM, PlainOptions};

/// Cameras of one frame that are used, where there are enough: the encoder learns from those that the loss doesn't see.
const CAMERAS_A_FRAME: usize = 3;
/// With at least so many cameras, two are held out.
const CAMERAS_TO_HOLD_OUT: usize = 6;
/// One segment in so many is held out; with fewer than three segments, so much of the end of each.
const HELD_OUT_PART: usize = 8;
/// Frames of neutral segments that are used at least.
const NEUTRAL_FRAMES: usize = 8;

/// A frame that is used.
#[derive(Clone, Debug)]
pub(super) struct EntityFrame {
    pub(super) segment: String,
    pub(super) number: u32,
    /// Whether it is trained on.
    pub(super) is_train: bool,
    /// Whether its segment shows the neutral face, by name or because somebody said so.
    pub(super) is_neutral: bool,
    pub(super) cameras: Vec<String>,
    /// Lengths in metres.
    pub(super) world_from_tracked: DAffine3,
}

/// A camera that took pictures.
#[derive(Clone, Debug)]
pub(super) struct EntityCamera {
    pub(super) krt: Krt,
    pub(super) size: [u32; 2],
    pub(super) is_train: bool,
}

/// What is on disk, checked.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) folder: PathBuf,
    pub(super) topology: Topology,
    /// The file it came from.
    pub(super) topology_path: PathBuf,
    pub(super) frames: Vec<EntityFrame>,
    pub(super) cameras: BTreeMap<String, EntityCamera>,
    /// Frames of the list without a mesh.
    pub(super) without_mesh: usize,
}

impl Entity {
    pub(super) fn read(folder: &Path, options: &PlainOptions) -> Result<Self, CaptureError> {
        let list_path = folder.join("frame_list.txt");
        let listed = frame_list(&list_path)?;
        let krt_path = folder.join("KRT");
        let krts = krt(&krt_path)?;
        let (tracked, without_mesh): (Vec<_>, Vec<_>) = listed
            .into_iter()
            .partition(|(segment, number)| mesh_path(folder, segment, *number, ".bin").is_file());
        if tracked.is_empty() {
            let reason = "none of the listed frames has a mesh in tracked_mesh/<segment>/<frame>.bin";
            return Err(CaptureError::invalid(&list_path, "frames", reason));
        }
        let topology_path = find_obj(folder, &tracked)?;
        let topology = Topology::read(&topology_path)?;

        let is_neutral = |segment: &str, number: u32| match &options.neutral {
            Some(name) => name == segment || *name == format!("{segment}/{number:06}"),
            None => {
                let name = segment.to_lowercase();
                name.contains("neutral") && !name.contains("close") // eyes that are closed aren't at rest
            }
        };
        if let Some(name) = &options.neutral
            && !tracked.iter().any(|(segment, number)| is_neutral(segment, *number))
        {
            let reason = format!("no tracked frame is called {name:?} (SEGMENT or SEGMENT/FRAME)");
            return Err(CaptureError::invalid(&list_path, "neutral", reason));
        }
        let test_segments = held_out_segments(&tracked, &|segment| is_neutral(segment, u32::MAX));
        let chosen = choose(&tracked, options.max_images.div_ceil(CAMERAS_A_FRAME), &|s, n| is_neutral(s, n));
        let mut frames = Vec::new();
        for at in chosen {
            let (segment, number) = &tracked[at];
            let is_neutral = is_neutral(segment, *number);
            let is_held_out = match &test_segments {
                Some(held_out) => held_out.contains(segment),
                None => is_at_the_end(&tracked, at),
            };
            frames.push(EntityFrame {
                segment: segment.clone(),
                number: *number,
                is_train: is_neutral || !is_held_out,
                is_neutral,
                cameras: cameras_of(folder, segment, *number, &krts),
                world_from_tracked: transform(&mesh_path(folder, segment, *number, "_transform.txt"))?,
            });
        }
        let mut entity = Self {
            folder: folder.to_owned(),
            topology,
            topology_path,
            frames,
            cameras: BTreeMap::new(),
            without_mesh: without_mesh.len(),
        };
        entity.find_cameras(&krts, &krt_path)?;
        entity.share_out_cameras(options.max_images);
        Ok(entity)
    }

    /// The tracked mesh of a frame: metres, as the file has it.
    pub(super) fn mesh(&self, frame: &EntityFrame) -> Result<Vec<Vec3>, CaptureError> {
        let path = mesh_path(&self.folder, &frame.segment, frame.number, ".bin");
        let vertices = positions_mm(&path)?;
        if vertices.len() != self.topology.vertices {
            let reason = format!(
                "{} instead of the {} of {}: every mesh must have the topology of the .obj",
                vertices.len(),
                self.topology.vertices,
                self.topology_path.display()
            );
            return Err(CaptureError::invalid(&path, "vertices", reason));
        }
        Ok(vertices.into_iter().map(|v| v * METRES_PER_MM).collect())
    }

    /// Sizes of the cameras that have pictures, and which two are held out.
    fn find_cameras(&mut self, krts: &BTreeMap<String, Krt>, path: &Path) -> Result<(), CaptureError> {
        for frame in &self.frames {
            for name in &frame.cameras {
                if self.cameras.contains_key(name) {
                    continue;
                }
                let picture = picture_path(&self.folder, &frame.segment, name, frame.number);
                let size = super::photograph::size(&picture)?;
                self.cameras.insert(name.clone(), EntityCamera { krt: krts[name], size, is_train: true });
            }
        }
        if self.cameras.is_empty() {
            let reason =
                "no frame has a picture in images/<segment>/<camera>/<frame>.png of a camera listed here";
            return Err(CaptureError::invalid(path, "cameras", reason));
        }
        if self.cameras.len() >= CAMERAS_TO_HOLD_OUT {
            let by_angle = self.cameras_from_the_middle();
            for held_out in [by_angle.len() / 8, by_angle.len() / 3] {
                if let Some(camera) = self.cameras.get_mut(&by_angle[held_out]) {
                    camera.is_train = false;
                }
            }
        }
        Ok(())
    }

    /// Names of the cameras by their angle, seen from the head, from the mean of all: those in front first.
    fn cameras_from_the_middle(&self) -> Vec<String> {
        let heads = self.frames.iter().map(|f| f.world_from_tracked.translation);
        let head = heads.sum::<DVec3>() / self.frames.len().max(1) as f64;
        let towards = |camera: &EntityCamera| (camera.krt.center_mm() * 1e-3 - head).normalize_or_zero();
        let middle = self.cameras.values().map(towards).sum::<DVec3>().normalize_or_zero();
        let mut names: Vec<(&String, f64)> =
            self.cameras.iter().map(|(n, c)| (n, -towards(c).dot(middle))).collect();
        names.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Leaves each frame the cameras it is used with: those to train on, or of a held-out frame the held-out ones if any
    /// of them saw it.
    fn share_out_cameras(&mut self, max_images: usize) {
        let frames = self.frames.iter().filter(|frame| !frame.cameras.is_empty()).count();
        let each = max_images.div_ceil(frames.max(1)).max(1);
        for frame in &mut self.frames {
            let is_held_out = |name: &String| !self.cameras[name].is_train;
            if frame.is_train {
                frame.cameras.retain(|name| !is_held_out(name));
            } else if frame.cameras.iter().any(is_held_out) {
                frame.cameras.retain(is_held_out);
            }
            let (segment, number) = (frame.segment.clone(), frame.number);
            frame.cameras.sort_by_key(|name| rank(&format!("{segment}/{number}/{name}")));
            frame.cameras.truncate(each);
            frame.cameras.sort();
        }
    }
}

/// `tracked_mesh/<segment>/<frame><ending>`.
pub(super) fn mesh_path(folder: &Path, segment: &str, number: u32, ending: &str) -> PathBuf {
    folder.join("tracked_mesh").join(segment).join(format!("{number:06}{ending}"))
}

/// `images/<segment>/<camera>/<frame>.png`.
pub(super) fn picture_path(folder: &Path, segment: &str, camera: &str, number: u32) -> PathBuf {
    folder.join("images").join(segment).join(camera).join(format!("{number:06}.png"))
}

/// Segments and frames in the order of the file, each once.
fn frame_list(path: &Path) -> Result<Vec<(String, u32)>, CaptureError> {
    let text = String::from_utf8(read(path)?).map_err(|e| CaptureError::invalid(path, "text", e))?;
    let (mut out, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let invalid = |reason: String| CaptureError::invalid(path, format!("line {}", number + 1), reason);
        let mut words = line.split_whitespace();
        let (Some(segment), Some(frame)) = (words.next(), words.next()) else {
            return Err(invalid("must be a segment and a frame, separated by a space".into()));
        };
        if segment.contains(['/', '\\']) || segment.starts_with('.') {
            return Err(invalid(format!("{segment:?} can't be a folder's name")));
        }
        let digits = frame.len() == 6 && frame.bytes().all(|b| b.is_ascii_digit());
        let Some(frame) = frame.parse().ok().filter(|_| digits) else {
            return Err(invalid(format!(
                "{frame:?} must be a frame's number of six digits, as its files are named"
            )));
        };
        if seen.insert((segment.to_owned(), frame)) {
            out.push((segment.to_owned(), frame));
        }
    }
    if out.is_empty() {
        return Err(CaptureError::invalid(
            path,
            "frames",
            "lists none: a line for each, its segment and its number",
        ));
    }
    Ok(out)
}

/// The first frame's `.obj` that is there, or one directly in `tracked_mesh`.
fn find_obj(folder: &Path, tracked: &[(String, u32)]) -> Result<PathBuf, CaptureError> {
    let of_frames = tracked.iter().map(|(segment, number)| mesh_path(folder, segment, *number, ".obj"));
    if let Some(path) = of_frames.into_iter().find(|path| path.is_file()) {
        return Ok(path);
    }
    let base = folder.join("tracked_mesh");
    let beside = fs::read_dir(&base).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut objs: Vec<PathBuf> = beside.filter(|path| path.extension().is_some_and(|e| e == "obj")).collect();
    objs.sort();
    objs.into_iter().next().ok_or_else(|| {
        let reason =
            "there is no <segment>/<frame>.obj with triangles and texture coordinates beside the meshes";
        CaptureError::invalid(&base, "topology", reason)
    })
}

/// Rows of a rigid 3×4 `world_from_head`, mm.
fn transform(path: &Path) -> Result<DAffine3, CaptureError> {
    let text = String::from_utf8(read(path)?).map_err(|e| CaptureError::invalid(path, "text", e))?;
    let numbers: Vec<f64> =
        text.split_whitespace().filter_map(|w| w.parse().ok()).filter(|x: &f64| x.is_finite()).collect();
    let (&[a, b, c, x, d, e, f, y, g, h, i, z], 12) =
        (&numbers[..12.min(numbers.len())], text.split_whitespace().count())
    else {
        return Err(CaptureError::invalid(
            path,
            "matrix",
            "must be 3 rows of 4 finite numbers: world from head, mm",
        ));
    };
    let rotation = DMat3::from_cols_array(&[a, d, g, b, e, h, c, f, i]);
    if !super::super::capture::is_rotation(&rotation) {
        return Err(CaptureError::invalid(
            path,
            "rotation",
            "its left 3×3 must be a rotation (no scale, no mirror)",
        ));
    }
    Ok(DAffine3::from_mat3_translation(rotation, DVec3::new(x, y, z) * f64::from(METRES_PER_MM)))
}

/// Calibrated cameras with a picture of a frame.
fn cameras_of(folder: &Path, segment: &str, number: u32, krts: &BTreeMap<String, Krt>) -> Vec<String> {
    krts.keys().filter(|name| picture_path(folder, segment, name, number).is_file()).cloned().collect()
}

/// A number that depends on the text only, for choices that look random and never change.
fn rank(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// One segment in eight, at least one; none if there are fewer than three to choose from.
fn held_out_segments(
    tracked: &[(String, u32)],
    is_neutral: &dyn Fn(&str) -> bool,
) -> Option<BTreeSet<String>> {
    let names: BTreeSet<&String> = tracked.iter().map(|(segment, _)| segment).collect();
    let mut names: Vec<&String> = names.into_iter().filter(|name| !is_neutral(name)).collect();
    if names.len() < 3 {
        return None;
    }
    names.sort_by_key(|name| rank(name));
    let count = (names.len() + HELD_OUT_PART / 2) / HELD_OUT_PART;
    Some(names.into_iter().take(count.max(1)).cloned().collect())
}

/// Whether a frame is in the last eighth of its segment.
fn is_at_the_end(tracked: &[(String, u32)], at: usize) -> bool {
    let same = |other: &&(String, u32)| other.0 == tracked[at].0;
    let after = tracked[at..].iter().filter(same).count();
    after * HELD_OUT_PART <= tracked.iter().filter(same).count()
}

/// About `count` frames, evenly over the list, and some of the neutral ones in any case; ascending.
fn choose(tracked: &[(String, u32)], count: usize, is_neutral: &dyn Fn(&str, u32) -> bool) -> Vec<usize> {
    let spread = |candidates: &[usize], count: usize| -> Vec<usize> {
        let count = count.clamp(1, candidates.len().max(1)).min(candidates.len());
        (0..count).map(|i| candidates[(2 * i + 1) * candidates.len() / (2 * count)]).collect()
    };
    let all: Vec<usize> = (0..tracked.len()).collect();
    let neutral: Vec<usize> =
        all.iter().copied().filter(|&at| is_neutral(&tracked[at].0, tracked[at].1)).collect();
    let mut chosen: BTreeSet<usize> = spread(&all, count).into_iter().collect();
    chosen.extend(spread(&neutral, NEUTRAL_FRAMES));
    chosen.into_iter().collect()
}
