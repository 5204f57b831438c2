//! For tests: a capture of a made-up avatar on disk, its pictures drawn by the reference.

use std::path::Path;

use exr::prelude::{
    AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage,
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use visavis::headless::linear_from_srgb;
use visavis_codec::avatar::PartKind;
use visavis_codec::glam::Vec3;
use visavis_codec::latent::{MAX_RESIDUAL, UNITS};
use visavis_codec::reference::{View, decode, render, skin};
use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis_codec::train::{Capture, Rig};
use visavis_codec::{Avatar, FaceFrame, FaceUnit, HeadPose};

use super::MID_GREY;
use crate::srgb::SrgbTable;

const SIZE: u32 = 96;
const FOCAL: f64 = 380.0;
const DISTANCE_MM: f64 = 1000.0;
/// Segment, split, cameras; the number of a frame is its place.
const FRAMES: [(&str, &str, &[&str]); 3] =
    [("talk", "test", &["t00", "t01"]), ("talk", "train", &["t00"]), ("emotion", "test", &["t00"])];

/// A capture folder, and who is in it.
pub(crate) struct MadeUp {
    pub(crate) folder: tempfile::TempDir,
    /// With the whole mesh, as captures have it.
    pub(crate) raw: Avatar,
    /// As it would be trained: without the backs of the eyeballs. A residual of 0 shows exactly what was captured.
    pub(crate) avatar: Avatar,
}

/// The posed mesh of an avatar, metres.
pub(crate) fn posed(avatar: &Avatar, face: &FaceFrame) -> Vec<Vec3> {
    let condition = decode::condition(avatar, &face.latent, &face.head);
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, face.latent.gaze, &face.head);
    skin::skin(&avatar.mesh, &decode::geometry(avatar, &condition), &transforms)
}

fn bytes<'a, const N: usize>(numbers: impl IntoIterator<Item = [u8; N]> + 'a) -> Vec<u8> {
    numbers.into_iter().flatten().collect()
}

fn floats<const N: usize>(rows: &[[f32; N]]) -> Vec<u8> {
    bytes(rows.iter().flatten().map(|x| x.to_le_bytes()))
}

fn write(path: &Path, contents: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

impl MadeUp {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let raw = synthetic_avatar(5, Preset::Tiny);
        write_description(folder.path(), &raw);
        write_rig(folder.path(), &raw);
        for (number, (segment, _, cameras)) in FRAMES.into_iter().enumerate() {
            let face = face(number);
            let mesh: Vec<[f32; 3]> = posed(&raw, &face).iter().map(|p| (*p * 1e3).to_array()).collect();
            write(&folder.path().join(format!("tracked_mesh/{segment}/{number:06}.bin")), &floats(&mesh));
            for camera in cameras {
                write_picture(folder.path(), &format!("{segment}/{camera}/{number:06}"), &raw, &face, camera);
            }
        }
        let rig = Rig::read(&Capture::read(folder.path()).unwrap()).unwrap();
        let avatar = trimmed(&raw, &rig);
        write(&folder.path().join("nobody.avatar"), &avatar.write().unwrap());
        Self { folder, raw, avatar }
    }

    pub(crate) fn capture(&self) -> Capture {
        Capture::read(self.folder.path()).unwrap()
    }
}

/// Units, gaze and head rotation as `capture.json` has them; no residual, no translation.
fn face(number: usize) -> FaceFrame {
    let mut latent = random_latent(number as u64 + 1);
    latent.residual = [0.0; MAX_RESIDUAL];
    let head = HeadPose { translation: Vec3::ZERO, ..random_head(number as u64 + 1) };
    FaceFrame { latent, head, ..FaceFrame::default() }
}

/// Rows of [R | t] of a camera in front, or a little to the side.
fn extrinsics(camera: &str) -> [[f64; 4]; 3] {
    let (sin, cos) = if camera == "t01" { 0.5f64.sin_cos() } else { (0.0, 1.0) };
    [[-cos, 0.0, sin, 0.0], [0.0, -1.0, 0.0, 0.0], [sin, 0.0, cos, DISTANCE_MM]]
}

fn intrinsics() -> [[f64; 3]; 3] {
    let middle = f64::from(SIZE) / 2.0;
    [[FOCAL, 0.0, middle], [0.0, FOCAL, middle], [0.0, 0.0, 1.0]]
}

fn write_description(folder: &Path, avatar: &Avatar) {
    let rows = |rows: &[&[f64]]| -> String {
        let line = |row: &&[f64]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(" ") + "\n";
        rows.iter().map(line).collect()
    };
    let krt = ["t00", "t01"].map(|camera| {
        let (k, rt) = (intrinsics(), extrinsics(camera));
        format!(
            "{camera}\n{}0 0 0 0 0\n{}\n",
            rows(&k.each_ref().map(|row| &row[..])),
            rows(&rt.each_ref().map(|row| &row[..]))
        )
    });
    write(&folder.join("KRT"), krt.concat().as_bytes());
    let joints = &avatar.manifest.skeleton.joints;
    let joint = |i: usize| {
        json!({
            "name": joints[i].role, "parent": joints[i].parent.map(|p| json!(joints[usize::from(p)].role)),
            "position_mm": (joints[i].position * 1e3).to_array(),
        })
    };
    let frames = FRAMES.iter().enumerate().map(|(number, (segment, split, cameras))| {
        let face = face(number);
        json!({
            "segment": segment, "frame": number, "split": split, "cameras": cameras,
            "units": face.latent.units.to_vec(), "gaze": face.latent.gaze.to_array(),
            "head_rotation": face.head.rotation.to_scaled_axis().to_array(),
        })
    });
    let camera = json!({ "split": "test", "width": SIZE, "height": SIZE });
    let description = json!({
        "schema": "visavis.capture/1", "name": "nobody", "noise_ceiling_db": 41.5,
        "unit_names": FaceUnit::ALL.map(|unit| unit.name()).to_vec(),
        "cameras": { "t00": camera, "t01": camera }, "frames": frames.collect::<Vec<_>>(),
        "joints": (0..joints.len()).map(joint).collect::<Vec<_>>(),
        "parts": avatar.manifest.parts.iter().map(|part| json!({
            "name": part.kind, "id": part.kind as u8, "vertices": [part.vertices.start, part.vertices.end],
            "triangles": [part.triangles.start, part.triangles.end],
        })).collect::<Vec<_>>(),
    });
    write(&folder.join("capture.json"), description.to_string().as_bytes());
}

/// The rig of the whole mesh. The jaw moves everything but the clothes by 2 mm, so that all of that is judged.
fn write_rig(folder: &Path, avatar: &Avatar) {
    let mesh = &avatar.mesh;
    let vertices = mesh.mean.len();
    let neutral: Vec<[f32; 3]> = mesh.mean.iter().map(|p| p.map(|x| x * 1e3)).collect();
    let weights: Vec<[f32; 4]> = mesh.weights.iter().map(|w| w.map(|x| f32::from(x) / 255.0)).collect();
    let clothes = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Clothes);
    let delta = |i: usize| {
        let moves = clothes.is_none_or(|part| !part.vertices.contains(&((i % vertices) as u32)));
        let is_jaw = i / vertices == FaceUnit::JawOpen as usize;
        if is_jaw && moves { [0.0, -2.0, 0.0] } else { [0.0; 3] }
    };
    let deltas: Vec<[f32; 3]> = (0..UNITS * vertices).map(delta).collect();
    let triangles = mesh.triangles.iter().flatten().map(|&v| u32::from(v).to_le_bytes());
    let tensors = [
        ("neutral", Dtype::F32, vec![vertices, 3], floats(&neutral)),
        ("uv", Dtype::F32, vec![vertices, 2], floats(&mesh.uv)),
        ("unit_deltas", Dtype::F32, vec![UNITS, vertices, 3], floats(&deltas)),
        ("skin_weight", Dtype::F32, vec![vertices, 4], floats(&weights)),
        ("skin_joint", Dtype::U8, vec![vertices, 4], mesh.joints.as_flattened().to_vec()),
        (
            "tracked_index",
            Dtype::U32,
            vec![vertices],
            bytes(mesh.weld.iter().map(|&weld| u32::from(weld).to_le_bytes())),
        ),
        ("triangles", Dtype::U32, vec![mesh.triangles.len(), 3], bytes(triangles)),
    ];
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (*name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    write(&folder.join("rig.safetensors"), &safetensors::serialize(views, None).unwrap());
}

/// Picture and planes of one frame from one camera.
fn write_picture(folder: &Path, name: &str, avatar: &Avatar, face: &FaceFrame, camera: &str) {
    let rt = extrinsics(camera);
    let rotation = rt.map(|[a, b, c, _]| [a, b, c]);
    let view = View::from_opencv(intrinsics(), rotation, rt.map(|row| row[3]), [SIZE; 2], 0.05);
    let picture = render(avatar, face, &view, [SIZE; 2]);
    let table = SrgbTable::new();
    let grey = linear_from_srgb(MID_GREY[0]);
    let pixels: Vec<u8> = (picture.rgba.iter())
        .flat_map(|rgba| [0, 1, 2].map(|c| (table.code(rgba[c] + (1.0 - rgba[3]) * grey) + 0.5) as u8))
        .collect();
    let path = folder.join("images").join(name).with_extension("png");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::save_buffer(&path, &pixels, SIZE, SIZE, image::ColorType::Rgb8).unwrap();

    let plane = |name: &str, value: &dyn Fn(usize) -> f32| {
        AnyChannel::new(name, FlatSamples::F32((0..picture.rgba.len()).map(value).collect()))
    };
    let mut channels = vec![plane("part.V", &|i| picture.part[i].map_or(0.0, |part| f32::from(part as u8)))];
    for (c, name) in ["R", "G", "B", "A"].into_iter().enumerate() {
        channels.push(plane(name, &|i| picture.rgba[i][c]));
    }
    for name in ["albedo.R", "albedo.G", "albedo.B", "normal.X", "normal.Y", "normal.Z"] {
        channels.push(plane(name, &|_| 0.5));
    }
    let channels = AnyChannels::sort(channels.into_iter().collect());
    let path = folder.join("planes").join(name).with_extension("exr");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let size = (SIZE as usize, SIZE as usize);
    let layer = Layer::new(size, LayerAttributes::default(), Encoding::FAST_LOSSLESS, channels);
    Image::from_layer(layer).write().to_file(path).unwrap();
}

/// The same person on the mesh that training uses.
fn trimmed(raw: &Avatar, rig: &Rig) -> Avatar {
    let mut avatar = raw.clone();
    let vertices = raw.mesh.mean.len();
    avatar.mesh = rig.mesh.clone();
    avatar.manifest.parts = rig.parts.clone();
    avatar.geometry.basis = (0..raw.geometry.rank)
        .flat_map(|rank| rig.tracked_index.iter().map(move |&vertex| (rank * vertices + vertex as usize) * 3))
        .flat_map(|at| raw.geometry.basis[at..at + 3].to_vec())
        .collect();
    avatar
}
