//! A capture of a made-up avatar, rendered by the reference, goes through the whole of the Rust half.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use exr::prelude::{
    AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage,
};
use glam::Vec3;
use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::json;

use super::*;
use crate::avatar::{Avatar, Licence, PIXEL_OUTPUTS};
use crate::latent::{FaceFrame, HeadPose, UNITS};
use crate::reference::{View, decode, layers, pixel_color, render, skin};
use crate::testing::{Preset, random_head, random_latent, synthetic_avatar};

const SIZE: u32 = 48;
const FOCAL: f64 = 190.0;
const DISTANCE_MM: f64 = 1000.0;

/// Three frames: two to train on, one held out; the last training frame isn't rendered.
const FRAMES: [(u64, &str, bool); 3] = [(1, "train", true), (2, "test", true), (3, "train", false)];

struct Fixture {
    folder: tempfile::TempDir,
    avatar: Avatar,
}

fn view() -> View {
    let k = [[FOCAL, 0.0, 24.0], [0.0, FOCAL, 24.0], [0.0, 0.0, 1.0]];
    let r = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
    View::from_opencv(k, r, [0.0, 0.0, DISTANCE_MM], [SIZE, SIZE], 0.05)
}

/// Units, gaze and head rotation as `capture.json` has them; no residual, no translation.
fn frame(seed: u64) -> FaceFrame {
    let mut latent = random_latent(seed);
    latent.residual = [0.0; crate::latent::MAX_RESIDUAL];
    let head = HeadPose { translation: Vec3::ZERO, ..random_head(seed) };
    FaceFrame { latent, head, ..FaceFrame::default() }
}

fn posed(avatar: &Avatar, frame: &FaceFrame) -> Vec<Vec3> {
    let condition = decode::condition(avatar, &frame.latent, &frame.head);
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, frame.latent.gaze, &frame.head);
    skin::skin(&avatar.mesh, &decode::geometry(avatar, &condition), &transforms)
}

fn bytes<T: bytemuck::Pod>(rows: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(rows).to_vec()
}

fn rows<T: bytemuck::Pod>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
}

fn write_tensors(path: &Path, tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)], metadata: Option<&str>) {
    let views = tensors.iter().map(|(n, d, s, b)| (*n, TensorView::new(*d, s.clone(), b).unwrap()));
    let metadata = metadata.map(|facts| [("facts".to_owned(), facts.to_owned())].into());
    fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
}

fn write_planes(path: &Path, picture: &crate::reference::Image, break_it: bool) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let plane = |name: &str, value: &dyn Fn(usize) -> f32| {
        let samples = (0..picture.rgba.len()).map(|i| f16::from_f32(value(i))).collect();
        AnyChannel::new(name, FlatSamples::F16(samples))
    };
    let mut channels = vec![plane("part.V", &|i| picture.part[i].map_or(0.0, |part| f32::from(part as u8)))];
    for (c, name) in ["R", "G", "B", "A"].into_iter().enumerate() {
        channels.push(plane(name, &|i| if break_it { f32::NAN } else { picture.rgba[i][c] }));
    }
    for name in ["albedo.R", "albedo.G", "albedo.B", "normal.X", "normal.Y", "normal.Z"] {
        channels.push(plane(name, &|_| 0.5));
    }
    let channels = AnyChannels::sort(channels.into_iter().collect());
    let size = (SIZE as usize, SIZE as usize);
    let layer = Layer::new(size, LayerAttributes::default(), Encoding::FAST_LOSSLESS, channels);
    Image::from_layer(layer).write().to_file(path).unwrap();
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let avatar = synthetic_avatar(5, Preset::Tiny);
    let mesh = &avatar.mesh;
    let vertices = mesh.mean.len();
    let millimetres: Vec<[f32; 3]> = mesh.mean.iter().map(|p| p.map(|x| x * 1e3)).collect();
    let weights: Vec<[f32; 4]> = mesh.weights.iter().map(|w| w.map(|x| f32::from(x) / 255.0)).collect();
    let triangles: Vec<[u32; 3]> = mesh.triangles.iter().map(|t| t.map(u32::from)).collect();
    write_tensors(
        &folder.path().join("rig.safetensors"),
        &[
            ("neutral", Dtype::F32, vec![vertices, 3], bytes(&millimetres)),
            ("uv", Dtype::F32, vec![vertices, 2], bytes(&mesh.uv)),
            ("unit_deltas", Dtype::F32, vec![UNITS, vertices, 3], bytes(&vec![0f32; UNITS * vertices * 3])),
            ("skin_weight", Dtype::F32, vec![vertices, 4], bytes(&weights)),
            ("skin_joint", Dtype::U8, vec![vertices, 4], bytes(&mesh.joints)),
            (
                "tracked_index",
                Dtype::U32,
                vec![vertices],
                bytes(&mesh.weld.iter().map(|&w| u32::from(w)).collect::<Vec<_>>()),
            ),
            ("triangles", Dtype::U32, vec![triangles.len(), 3], bytes(&triangles)),
        ],
        None,
    );
    let krt = format!(
        "c\n{FOCAL} 0 24\n0 {FOCAL} 24\n0 0 1\n0 0 0 0 0\n-1 0 0 0\n0 -1 0 0\n0 0 1 {DISTANCE_MM}\n\n"
    );
    fs::write(folder.path().join("KRT"), krt.replace("c\n", "c00\n") + &krt.replace("c\n", "t00\n")).unwrap();

    let joints = &avatar.manifest.skeleton.joints;
    let name = |i: usize| serde_json::to_value(joints[i].role).unwrap();
    let listed: Vec<_> = (FRAMES.iter().enumerate())
        .map(|(number, (seed, split, is_rendered))| {
            let frame = frame(*seed);
            let camera = if *split == "train" { "c00" } else { "t00" };
            let picture = render(&avatar, &frame, &view(), [SIZE, SIZE]);
            let folder = folder.path();
            if *is_rendered {
                write_planes(&folder.join(format!("planes/s/{camera}/{number:06}.exr")), &picture, false);
            }
            let tracked: Vec<[f32; 3]> =
                posed(&avatar, &frame).iter().map(|p| (*p * 1e3).to_array()).collect();
            fs::create_dir_all(folder.join("tracked_mesh/s")).unwrap();
            fs::write(folder.join(format!("tracked_mesh/s/{number:06}.bin")), bytes(&tracked)).unwrap();
            json!({
                "segment": "s", "frame": number, "split": split, "cameras": [camera],
                "units": frame.latent.units.to_vec(), "gaze": frame.latent.gaze.to_array(),
                "head_rotation": frame.head.rotation.to_scaled_axis().to_array(),
            })
        })
        .collect();
    let capture = json!({
        "schema": "visavis.capture/1", "name": "nobody", "frames": listed,
        "unit_names": crate::FaceUnit::ALL.map(|unit| unit.name()).to_vec(),
        "cameras": {"c00": {"split": "train", "width": SIZE, "height": SIZE}, "t00": {"split": "test", "width": SIZE, "height": SIZE}},
        "joints": (0..joints.len()).map(|i| json!({
            "name": name(i), "parent": joints[i].parent.map(|p| name(usize::from(p))),
            "position_mm": (joints[i].position * 1e3).to_array(),
        })).collect::<Vec<_>>(),
        "parts": avatar.manifest.parts.iter().map(|p| json!({
            "name": p.kind, "id": p.kind as u8, "vertices": [p.vertices.start, p.vertices.end],
            "triangles": [p.triangles.start, p.triangles.end],
        })).collect::<Vec<_>>(),
    });
    fs::write(folder.path().join("capture.json"), capture.to_string()).unwrap();
    Fixture { folder, avatar }
}

impl Fixture {
    fn prepare(&self) -> Result<(Capture, Rig, Prepared), CaptureError> {
        let capture = Capture::read(self.folder.path())?;
        let rig = Rig::read(&capture)?;
        let prepared = prepare(&capture, &rig, &self.folder.path().join("data"), &|_, _| {})?;
        Ok((capture, rig, prepared))
    }

    fn shards(&self) -> Vec<std::path::PathBuf> {
        let folders = fs::read_dir(self.folder.path().join("data")).unwrap().map(|e| e.unwrap().path());
        let shards = folders.filter(|p| p.is_dir()).flat_map(|p| fs::read_dir(p).unwrap());
        shards.map(|e| e.unwrap().path()).collect()
    }
}

#[test]
fn only_what_is_new_is_prepared() {
    let fixture = fixture();
    let (_, _, first) = fixture.prepare().unwrap();
    assert_eq!(first, Prepared { train: 1, test: 1, missing: 1, made: 2 });
    let (_, _, again) = fixture.prepare().unwrap();
    assert_eq!(again, Prepared { made: 0, ..first });
    let planes = fixture.folder.path().join("planes/s/c00/000000.exr");
    let later = SystemTime::now() + Duration::from_secs(60);
    fs::File::options().write(true).open(planes).unwrap().set_modified(later).unwrap();
    let (_, _, newer) = fixture.prepare().unwrap();
    assert_eq!(newer, Prepared { made: 1, ..first });
}

#[test]
fn a_shard_holds_what_the_reference_rasterises() {
    let fixture = fixture();
    let (_, rig, _) = fixture.prepare().unwrap();
    let shards = fixture.shards();
    let path = shards.iter().find(|p| p.to_string_lossy().contains("c00")).unwrap();
    let file = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let data = |name: &str| file.tensor(name).unwrap().data().to_vec();
    let index: Vec<u32> = rows(&data("pixel.index"));
    let uv: Vec<[u16; 2]> = rows(&data("fragment.uv"));
    let view_direction: Vec<[i16; 3]> = rows(&data("fragment.view"));
    let (counts, kinds) = (data("pixel.fragments"), data("fragment.kind"));

    let positions = posed(&fixture.avatar, &frame(FRAMES[0].0));
    let kept: Vec<Vec3> = rig.tracked_index.iter().map(|&i| positions[i as usize]).collect();
    let normals = skin::normals(&rig.mesh, &kept);
    let seen = layers(&rig.mesh, &rig.parts, &kept, &normals, &view(), [SIZE, SIZE]);
    let mut at = 0;
    for (&index, &count) in index.iter().zip(&counts) {
        let pixel = seen.pixel(index % SIZE, index / SIZE);
        let expected: Vec<_> = (pixel.opaque.iter().map(|f| (0, **f)))
            .chain(pixel.blended.iter().map(|f| (1, *f)))
            .chain(pixel.fringe.iter().map(|f| (2, f.fragment)))
            .collect();
        assert_eq!(expected.len(), usize::from(count));
        for (kind, fragment) in expected {
            assert_eq!(kinds[at], kind);
            // Positions went through millimetres in f32: a part in a thousand of a pixel.
            let stored = uv[at].map(|x| f32::from(x) / 65535.0);
            assert!((fragment.uv - glam::Vec2::from(stored)).abs().max_element() < 1e-4);
            let direction = Vec3::from(view_direction[at].map(|x| f32::from(x) / 32767.0));
            assert!((direction - (view().eye() - fragment.position).normalize()).length() < 1e-4);
            at += 1;
        }
    }
    assert_eq!(at, kinds.len());
    for kind in 0..3 {
        assert!(kinds.contains(&kind), "the made-up avatar has fragments of every kind");
    }
}

/// The tensors that the trainer would have exported for this avatar on this rig.
fn export(avatar: &Avatar, rig: &Rig, path: &Path) {
    let (g, t, s, p) = (&avatar.geometry, &avatar.texture, &avatar.static_map, &avatar.pixel);
    let vertices = avatar.mesh.mean.len();
    // Trimmed vertices go from the basis, too.
    let mut basis = Vec::new();
    for rank in 0..g.rank {
        for &vertex in &rig.tracked_index {
            let at = (rank * vertices + vertex as usize) * 3;
            basis.extend_from_slice(&g.basis[at..at + 3]);
        }
    }
    let (c, h, hidden) = (avatar.condition_size(), g.hidden, p.hidden);
    let f = |name: &str, shape: &[usize], x: &[f32]| (name.to_owned(), Dtype::F32, shape.to_vec(), bytes(x));
    let half = |name: String, shape: &[usize], x: &[f16]| (name, Dtype::F16, shape.to_vec(), bytes(x));
    let mut tensors = vec![
        f("geometry.w1", &[h, c], &g.w1),
        f("geometry.b1", &[h], &g.b1),
        f("geometry.w2", &[g.rank, h], &g.w2),
        f("geometry.w3", &[g.rank, c], &g.w3),
        f("geometry.basis_step", &[g.rank], &g.basis_step),
        ("geometry.basis".into(), Dtype::I8, vec![g.rank, rig.mesh.mean.len(), 3], bytes(&basis)),
        half("texture.seed_weight".into(), &[t.seed_bias.len(), c], &t.seed_weight),
        half("texture.seed_bias".into(), &[t.seed_bias.len()], &t.seed_bias),
        ("static.texels".into(), Dtype::U8, vec![s.size, s.size, s.channels], s.texels.clone()),
        f("static.scale", &[s.channels], &s.scale),
        f("static.offset", &[s.channels], &s.offset),
        f("pixel.w1", &[3, hidden, p.w1.len() / (3 * hidden)], &p.w1),
        f("pixel.b1", &[3, hidden], &p.b1),
        f("pixel.w2", &[3, hidden, hidden], &p.w2),
        f("pixel.b2", &[3, hidden], &p.b2),
        f("pixel.w3", &[3, PIXEL_OUTPUTS, hidden], &p.w3),
        f("pixel.b3", &[3, PIXEL_OUTPUTS], &p.b3),
    ];
    for (i, b) in t.blocks.iter().enumerate() {
        let size = 16 << i;
        tensors.push(half(format!("texture.{i}.expand"), &[4 * b.out_channels, b.in_channels], &b.expand));
        tensors.push(half(format!("texture.{i}.depthwise"), &[b.out_channels, 3, 3], &b.depthwise));
        tensors.push((
            format!("texture.{i}.bias"),
            Dtype::I8,
            vec![b.out_channels, size, size],
            bytes(&b.bias),
        ));
        tensors.push(f(&format!("texture.{i}.bias_step"), &[b.out_channels], &b.bias_step));
    }
    let residual = avatar.residual();
    let codes: Vec<f32> = (0..2 * residual).map(|i| if i < residual { 0.25 } else { -0.75 }).collect();
    tensors.push(f("residual.codes", &[2, residual], &codes));
    let facts = json!({
        "steps": 7, "seconds": 3, "images": 2, "psnr_face_db": 30.5, "psnr_head_db": null,
        "geometry_error_mm": {"mean": 0.1, "worst_frame": 0.2, "p99": 0.3},
    });
    let tensors: Vec<_> = tensors.iter().map(|(n, d, s, b)| (n.as_str(), *d, s.clone(), b.clone())).collect();
    write_tensors(path, &tensors, Some(&facts.to_string()));
}

#[test]
fn what_was_exported_is_packed_and_checked() {
    let fixture = fixture();
    let (capture, rig, _) = fixture.prepare().unwrap();
    let path = fixture.folder.path().join("export.safetensors");
    export(&fixture.avatar, &rig, &path);
    let licence = Licence { spdx: "CC0-1.0".into(), consent: "nobody".into() };
    let (packed, facts) = pack(&capture, &rig, &path, licence).unwrap();
    assert_eq!(facts.psnr_face_db, Some(30.5));
    assert_eq!(packed.texture, fixture.avatar.texture);
    assert_eq!(packed.static_map, fixture.avatar.static_map);
    assert_eq!(packed.pixel, fixture.avatar.pixel);
    assert_eq!(packed.geometry.w3, fixture.avatar.geometry.w3);
    assert_eq!(packed.manifest.latent.axes.len(), 56 + packed.residual());
    assert!(packed.residual() > 0, "the made-up avatar has a residual");
    for axis in &packed.manifest.latent.axes[56..] {
        assert_eq!((axis.min, axis.max, axis.deviation), (-1.0, 1.0, 0.5));
    }

    // What the trainer would have seen: the held-out frame on its tracked mesh.
    let number = 1;
    let frame = frame(FRAMES[number].0);
    let condition = decode::condition(&packed, &frame.latent, &frame.head);
    let dynamic = decode::texture(&packed, &condition);
    let positions =
        rig.posed(&capture.tracked_mesh(&capture.description.frames[number]).unwrap(), &path).unwrap();
    let normals = skin::normals(&rig.mesh, &positions);
    let seen = layers(&rig.mesh, &rig.parts, &positions, &normals, &view(), [SIZE, SIZE]);
    let index: Vec<u32> = (0..SIZE * SIZE).collect();
    let rgba: Vec<[f32; 4]> = index
        .iter()
        .map(|i| pixel_color(&packed, &dynamic, seen.pixel(i % SIZE, i / SIZE), view().eye()))
        .collect();
    let color: Vec<[f32; 3]> = rgba.iter().map(|c| [c[0], c[1], c[2]]).collect();
    let write_check = |color: &[[f32; 3]]| {
        let alpha: Vec<f32> = rgba.iter().map(|c| c[3]).collect();
        let path = fixture.folder.path().join("check.safetensors");
        let tensors = [
            ("condition", Dtype::F32, vec![condition.len()], bytes(&condition)),
            ("color", Dtype::F32, vec![color.len(), 3], bytes(color)),
            ("alpha", Dtype::F32, vec![alpha.len()], bytes(&alpha)),
            ("index", Dtype::U32, vec![index.len()], bytes(&index)),
            ("frame", Dtype::U32, vec![1], bytes(&[number as u32])),
            ("camera", Dtype::U8, vec![3], b"t00".to_vec()),
        ];
        write_tensors(&path, &tensors, None);
        path
    };
    assert_eq!(check(&capture, &rig, &packed, &write_check(&color)).unwrap(), index.len());
    let wrong: Vec<[f32; 3]> = color.iter().map(|c| c.map(|x| x + 0.05)).collect();
    let error = check(&capture, &rig, &packed, &write_check(&wrong)).unwrap_err();
    assert!(matches!(error, PackError::Differs { share, .. } if share > 0.5), "{error}");
}

#[test]
fn what_is_wrong_with_a_capture_is_said() {
    let fixture = fixture();
    let path = fixture.folder.path().join("capture.json");
    let good = fs::read_to_string(&path).unwrap();
    let said = |text: String| {
        fs::write(&path, text).unwrap();
        let error = fixture.prepare().unwrap_err();
        fs::write(&path, &good).unwrap();
        error.to_string()
    };
    assert!(said(good.replace("visavis.capture/1", "visavis.capture/9")).contains("schema"));
    assert!(said(good.replace("jawOpen", "jawopen")).contains("unit_names"));
    assert!(said(good.replace("\"segment\":\"s\"", "\"segment\":\"../s\"")).contains("folder"));
    assert!(said(good[..good.len() / 2].to_owned()).contains("capture.json"));

    let picture = render(&fixture.avatar, &frame(1), &view(), [SIZE, SIZE]);
    write_planes(&fixture.folder.path().join("planes/s/c00/000000.exr"), &picture, true);
    let error = fixture.prepare().unwrap_err().to_string();
    assert!(error.contains("000000.exr") && error.contains("finite"), "{error}");
}
