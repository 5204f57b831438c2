//! A plain entity of a made-up person: another head shape, another topology, another place and size than the generic
//! face, faces that are known. Only the files say what they are.

use std::f32::consts::{PI, TAU};
use std::fs;
use std::path::Path;

use glam::{DAffine3, DMat3, DQuat, DVec3, Mat3, Quat, Vec3};

use super::*;
use crate::FaceUnit;
use crate::latent::{GAZE, Gaze, UNITS};
use crate::train::{CaptureFrame, open, prepare};

/// Mean error of a performed unit, and of one at rest. The lips have several units for nearly the same: what is pulled
/// down by one may be explained by two others, so single units err more than the mesh does.
const PERFORMED_TOLERANCE: f32 = 0.10;
const REST_TOLERANCE: f32 = 0.07;
/// Radians, on average: the axes of the head are found by likeness to another head.
const GAZE_TOLERANCE: f32 = 0.025;
/// Millimetres.
const NOISE: f32 = 0.05;

const SEGMENTS: [&str; 6] = ["E001_Smile", "E002_Jaw", "E003_Brows", "E004_All", "SEN_one", "SEN_two"];
const FRAMES_A_SEGMENT: u32 = 16;
const CAMERAS: usize = 7;
const SIZE: [u32; 2] = [60, 90];

/// A small generator that is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn signed(&mut self) -> f32 {
        self.next() * 2.0 - 1.0
    }
}

/// Another person's head: a bend of space, metres.
fn identity(p: Vec3) -> Vec3 {
    let bump = |centre: Vec3, width: f32| (-(p - centre).length_squared() / (2.0 * width * width)).exp();
    let mut q = p;
    q.x *= 1.0 + 0.05 * bump(Vec3::new(0.0, -0.07, 0.0), 0.05); // a wider jaw
    q += Vec3::new(0.0, -0.002, -0.005) * bump(Vec3::new(0.0, -0.035, -0.045), 0.016); // a longer nose
    q += Vec3::new(0.0, -0.006, 0.0) * bump(Vec3::new(0.0, -0.10, -0.01), 0.03); // a longer chin
    q += Vec3::new(0.0, 0.0, 0.004) * bump(Vec3::new(0.0, 0.04, -0.02), 0.04); // a flatter forehead
    q
}

/// A made-up person, in a topology of its own.
struct Person {
    /// For each vertex the corners of a triangle of the generic face, and their weights.
    from: Vec<[(u32, f32); 3]>,
    triangles: Vec<[u32; 3]>,
    face: GenericFace,
    /// Vertices of a ball, centred on zero.
    ball: Vec<Vec3>,
    ball_triangles: Vec<[u32; 3]>,
}

/// What a frame shows.
#[derive(Clone)]
struct Performed {
    units: Vec<f32>,
    gaze: [f32; GAZE],
    head: DAffine3,
    wobble: DAffine3,
}

impl Person {
    /// The front of the generic face; every triangle gets a vertex in its middle, every edge is turned (Kobbelt's √3
    /// subdivision without its smoothing), and vertices are shuffled.
    fn new() -> Self {
        let face = GenericFace::embedded().unwrap();
        let is_front = |t: &&[u32; 3]| t.iter().all(|&v| face.shape.positions[v as usize].z < 0.06);
        let old: Vec<[u32; 3]> = face.shape.triangles.iter().filter(is_front).copied().collect();
        let mut from: Vec<[(u32, f32); 3]> = Vec::new();
        let mut number = std::collections::HashMap::new();
        let mut corner = |v: u32, from: &mut Vec<[(u32, f32); 3]>| {
            *number.entry(v).or_insert_with(|| {
                from.push([(v, 1.0), (v, 0.0), (v, 0.0)]);
                from.len() as u32 - 1
            })
        };
        let mut sides = std::collections::BTreeMap::<[u32; 2], Vec<(u32, bool)>>::new();
        for t in &old {
            let [a, b, c] = t.map(|v| corner(v, &mut from));
            let middle = from.len() as u32;
            from.push(t.map(|v| (v, 1.0 / 3.0)));
            for (x, y) in [(a, b), (b, c), (c, a)] {
                sides.entry([x.min(y), x.max(y)]).or_default().push((middle, x < y));
            }
        }
        let mut triangles = Vec::new();
        for ([x, y], of) in sides {
            match of[..] {
                [(p, true), (q, false)] | [(q, false), (p, true)] => triangles.extend([[x, q, p], [y, p, q]]),
                [(p, forward)] => triangles.push(if forward { [x, y, p] } else { [y, x, p] }),
                _ => {}
            }
        }
        // Shuffled by a step that shares no factor with the count.
        let count = from.len();
        let step = (count * 5 / 8..).find(|s| gcd(*s, count) == 1).unwrap();
        let place = |v: u32| (v as usize * step % count) as u32;
        let mut shuffled = from.clone();
        from.iter().enumerate().for_each(|(v, source)| shuffled[place(v as u32) as usize] = *source);
        triangles.iter_mut().for_each(|t| *t = t.map(place));

        let (rings, around) = (9u32, 12u32);
        let ball = (0..=rings)
            .flat_map(|r| (0..around).map(move |a| (r, a)))
            .map(|(r, a)| {
                let (polar, turn) = (r as f32 / rings as f32 * PI, a as f32 / around as f32 * TAU);
                let bulge = 1.0 + 0.06 * (-(polar / 0.4).powi(2)).exp(); // a cornea, looking along -Z
                0.0122 * bulge * Vec3::new(polar.sin() * turn.cos(), polar.sin() * turn.sin(), -polar.cos())
            })
            .collect();
        let at = |r: u32, a: u32| r * around + a % around;
        let quads = (0..rings).flat_map(|r| (0..around).map(move |a| (r, a)));
        let ball_triangles = quads.flat_map(|(r, a)| {
            [[at(r, a), at(r, a + 1), at(r + 1, a)], [at(r, a + 1), at(r + 1, a + 1), at(r + 1, a)]]
        });
        let ball_triangles = ball_triangles.collect();
        Self { from: shuffled, triangles, face, ball, ball_triangles }
    }

    fn triangles(&self) -> Vec<[u32; 3]> {
        let mut out = self.triangles.clone();
        for ball in 0..2 {
            let first = (self.from.len() + ball * self.ball.len()) as u32;
            out.extend(self.ball_triangles.iter().map(|t| t.map(|v| v + first)));
        }
        out
    }

    /// Head space, metres, in the generic face's axes.
    fn mesh(&self, performed: &Performed) -> Vec<Vec3> {
        let mut posed = self.face.shape.positions.clone();
        for (deltas, weight) in self.face.deltas.iter().zip(&performed.units) {
            deltas.iter().for_each(|(v, delta)| posed[*v as usize] += *delta * *weight);
        }
        let skin =
            self.from.iter().map(|source| source.iter().map(|&(v, w)| identity(posed[v as usize]) * w).sum());
        let turns = [0, 2]
            .map(|i| Quat::from_rotation_y(performed.gaze[i]) * Quat::from_rotation_x(performed.gaze[i + 1]));
        let balls = self.face.eyes.iter().zip(turns);
        skin.chain(balls.flat_map(|(eye, turn)| self.ball.iter().map(move |p| *eye + turn * *p))).collect()
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The place and size of the person's tracked meshes: metres.
fn tracked_from_generic() -> Similarity {
    Similarity {
        rotation: DQuat::from_scaled_axis(DVec3::new(2.2, 0.5, -0.7)),
        scale: 1.06,
        translation: DVec3::new(0.03, -0.02, 0.05),
    }
}

/// Everything that is performed: a few units a frame, the rest of the face at rest.
fn performance() -> Vec<(&'static str, u32, Performed)> {
    let mut random = Random(7);
    let mut out = Vec::new();
    for segment in SEGMENTS {
        for number in 0..FRAMES_A_SEGMENT {
            let mut units = vec![0.0; UNITS];
            for _ in 0..4 {
                let unit = FaceUnit::ALL[(random.next() * UNITS as f32) as usize];
                // mouthClose is seen with an open jaw only; tongueOut moves nothing outside; eyes have a gaze.
                let is_seen = !matches!(unit, FaceUnit::MouthClose | FaceUnit::TongueOut);
                if is_seen && !eyes::LOOKS.contains(&unit) {
                    units[unit as usize] = 0.2 + 0.75 * random.next();
                }
            }
            units[FaceUnit::JawOpen as usize] = (random.signed() * 0.8).max(0.0);
            let look = [random.signed() * 0.3, random.signed() * 0.2];
            let gaze = Gaze::from_array([look[0], look[1], look[0], look[1]]);
            eyes::LOOKS.iter().zip(eyes::looks(gaze)).for_each(|(unit, value)| units[*unit as usize] = value);
            let rigid = |random: &mut Random, turn: f32, shift: f32| {
                let mut vector = || Vec3::new(random.signed(), random.signed(), random.signed()).as_dvec3();
                DAffine3::from_rotation_translation(
                    DQuat::from_scaled_axis(vector() * f64::from(turn)),
                    vector() * f64::from(shift),
                )
            };
            let head = rigid(&mut random, 0.2, 0.02);
            let wobble = rigid(&mut random, 0.006, 0.0008);
            out.push((segment, number, Performed { units, gaze: gaze.to_array(), head, wobble }));
        }
    }
    out
}

/// Writes all files; returns what they show.
fn write(folder: &Path, person: &Person) -> Vec<(&'static str, u32, Performed)> {
    let performance = performance();
    let place = tracked_from_generic();
    let mut random = Random(3);
    let mut list = String::new();
    for (segment, number, performed) in &performance {
        let tracked: Vec<[f32; 3]> = (person.mesh(performed).into_iter())
            .map(|p| {
                let wobbled = performed.wobble.transform_point3(p.as_dvec3()).as_vec3();
                let noise = Vec3::new(random.signed(), random.signed(), random.signed()) * NOISE;
                (place.apply(wobbled) * 1e3 + noise).to_array()
            })
            .collect();
        // The head's pose is of head space; the tracked space is fixed to it.
        let rows = performed.head.matrix3.transpose().to_cols_array_2d();
        let shift = performed.head.translation * 1e3 + DVec3::new(10.0, 20.0, 1000.0);
        let text: String =
            (0..3).map(|i| format!("{} {} {} {}\n", rows[i][0], rows[i][1], rows[i][2], shift[i])).collect();
        let base = folder.join("tracked_mesh").join(segment);
        fs::create_dir_all(&base).unwrap();
        fs::write(base.join(format!("{number:06}.bin")), bytemuck::cast_slice::<[f32; 3], u8>(&tracked))
            .unwrap();
        fs::write(base.join(format!("{number:06}_transform.txt")), text).unwrap();
        list += &format!("{segment} {number:06}\n");
    }
    fs::write(folder.join("frame_list.txt"), list).unwrap();
    write_obj(folder, person);
    write_pictures(folder, &performance);
    performance
}

fn write_obj(folder: &Path, person: &Person) {
    let neutral = Performed {
        units: vec![0.0; UNITS],
        gaze: [0.0; GAZE],
        head: DAffine3::IDENTITY,
        wobble: DAffine3::IDENTITY,
    };
    let mesh = person.mesh(&neutral);
    let mut text = String::new();
    mesh.iter().for_each(|p| text += &format!("v {} {} {}\n", p.x, p.y, p.z));
    // A cylinder unrolled; the balls beside it.
    mesh.iter().enumerate().for_each(|(v, p)| {
        let (u, w) = (0.5 + p.x.atan2(0.12 - p.z) / 4.0, 0.5 + p.y * 2.5);
        text += &if v < person.from.len() {
            format!("vt {u} {w}\n")
        } else {
            format!("vt {} 0.02\n", 0.02 + 0.0001 * (v % 7) as f32)
        };
    });
    for [a, b, c] in person.triangles() {
        text += &format!("f {0}/{0} {1}/{1} {2}/{2}\n", a + 1, b + 1, c + 1);
    }
    fs::write(folder.join("tracked_mesh").join(SEGMENTS[0]).join("000000.obj"), text).unwrap();
}

/// Cameras on an arc before the face, and a few pictures of nothing in particular.
fn write_pictures(folder: &Path, performance: &[(&'static str, u32, Performed)]) {
    let place = tracked_from_generic();
    let head = place.translation * 1e3 + DVec3::new(10.0, 20.0, 1000.0);
    let mut krt = String::new();
    for camera in 0..CAMERAS {
        let angle = (camera as f64 - 3.0) * 0.35;
        // In the generic face's axes the camera is in front, at −Z, and looks back.
        let eye = DVec3::new(angle.sin(), 0.1, -angle.cos()) * 900.0;
        let z = -eye.normalize();
        let x = z.cross(DVec3::Y).normalize();
        let axes = [x, z.cross(x), z].map(|axis| place.rotation * axis);
        let centre = head + place.rotation * eye;
        let rows: String = (axes.iter())
            .map(|axis| format!("{} {} {} {}\n", axis.x, axis.y, axis.z, -axis.dot(centre)))
            .collect();
        krt += &format!("40{camera}\n280 0 30\n0 280 45\n0 0 1\n0 0 0 0 0\n{rows}\n");
    }
    fs::write(folder.join("KRT"), krt).unwrap();
    let picture =
        image::RgbImage::from_fn(SIZE[0], SIZE[1], |x, y| image::Rgb([100 + x as u8, 90, 60 + y as u8]));
    for (segment, number, _) in performance.iter().filter(|(_, number, _)| number % 8 == 1) {
        for camera in 0..CAMERAS {
            let base = folder.join(format!("images/{segment}/40{camera}"));
            fs::create_dir_all(&base).unwrap();
            picture.save(base.join(format!("{number:06}.png"))).unwrap();
        }
    }
}

fn options() -> PlainOptions {
    PlainOptions { max_size: 45, max_images: 300, ..PlainOptions::default() }
}

#[test]
fn what_was_performed_is_found_in_meshes_of_another_topology() {
    let folder = tempfile::tempdir().unwrap();
    let person = Person::new();
    let performance = write(folder.path(), &person);
    let (capture, rig, fit) = open(folder.path(), &options()).unwrap();
    let fit = fit.expect("a plain entity");

    // Units.
    let frames = &capture.description.frames;
    assert_eq!(frames.len(), performance.len());
    let (mut performed, mut resting) = (Vec::new(), Vec::new());
    let mut by_unit = vec![Vec::new(); UNITS];
    for (frame, (segment, number, truth)) in frames.iter().zip(&performance) {
        assert_eq!((frame.segment.as_str(), frame.frame), (*segment, *number));
        for unit in 0..UNITS {
            let error = (frame.units[unit] - truth.units[unit]).abs();
            assert!((0.0..=1.0).contains(&frame.units[unit]));
            if truth.units[unit] > 0.0 { &mut performed } else { &mut resting }.push(error);
            if truth.units[unit] > 0.0 {
                by_unit[unit].push(error);
            }
        }
    }
    let mean = |errors: &[f32]| errors.iter().sum::<f32>() / errors.len().max(1) as f32;
    assert!(mean(&performed) < PERFORMED_TOLERANCE, "{}", mean(&performed));
    assert!(mean(&resting) < REST_TOLERANCE, "{}", mean(&resting));
    assert!(mean(&by_unit[FaceUnit::JawOpen as usize]) < 0.06);
    assert!(fit.error_mm.mean < 0.35 * fit.neutral_error_mm.mean, "{fit:?}");
    let (test, test_neutral) = (fit.test_error_mm.unwrap(), fit.test_neutral_error_mm.unwrap());
    assert!(test.mean < 0.35 * test_neutral.mean && test.p99 < 0.5 * test_neutral.p99, "{fit:?}");
    assert!((fit.scale - 1.06).abs() < 0.02, "{}", fit.scale);

    // Gaze, against the mean of the training frames.
    assert!(fit.has_gaze);
    let trained: Vec<usize> = (0..frames.len()).filter(|&at| frames[at].split == "train").collect();
    for angle in 0..GAZE {
        let rest =
            trained.iter().map(|&at| performance[at].2.gaze[angle]).sum::<f32>() / trained.len() as f32;
        let error = |(frame, (_, _, truth)): (&CaptureFrame, &(&str, u32, Performed))| {
            (frame.gaze[angle] - (truth.gaze[angle] - rest)).abs()
        };
        let errors: Vec<f32> = frames.iter().zip(&performance).map(error).collect();
        assert!(mean(&errors) < GAZE_TOLERANCE, "angle {angle}: {}", mean(&errors));
    }

    // The head: poses differ from one another as they were made, whatever the rest frame.
    let rotation = |at: usize| Quat::from_scaled_axis(Vec3::from(frames[at].head_rotation));
    let truth = |at: usize| {
        let Performed { head, wobble, .. } = &performance[at].2;
        let place = DMat3::from_quat(tracked_from_generic().rotation);
        DQuat::from_mat3(&(head.matrix3 * place * wobble.matrix3)).as_quat()
    };
    for (a, b) in [(0, 40), (7, 90), (33, 61)] {
        let found = (rotation(a).inverse() * rotation(b)).to_axis_angle().1;
        let made = (truth(a).inverse() * truth(b)).to_axis_angle().1;
        assert!((found - made).abs() < 0.02, "{found} {made}");
    }

    // The render mesh: three parts, outwards, as large as the person.
    assert_eq!(rig.parts.len(), 3);
    assert!(rig.mesh.mean.iter().all(|p| p.iter().all(|x| x.abs() < 0.3)));
    let nose = rig.mesh.mean.iter().map(|p| Vec3::from(*p)).min_by(|a, b| a.z.total_cmp(&b.z)).unwrap();
    assert!(nose.x.abs() < 0.01 && nose.y < -0.01 && nose.z < -0.04, "{nose}");

    // Pictures: prepared where the mesh is, the background left out, units' leftovers beside them.
    let data = folder.path().join("data");
    let prepared = prepare(&capture, &rig, &data, &|_, _| {}).unwrap();
    assert!(prepared.train > 20 && prepared.test > 2, "{prepared:?}");
    check_prepared(&data, &rig, frames.len());
    let held_out = frames.iter().filter(|f| f.split == "test");
    let cameras = &capture.description.cameras;
    assert!(held_out.clone().count() > 0);
    assert!(held_out.flat_map(|f| &f.cameras).all(|name| cameras[name].split == "test"));
    assert_eq!(cameras.values().filter(|c| c.split == "test").count(), 2);
    assert!(cameras.values().all(|c| [c.width, c.height] == [30, 45]));
}

fn check_prepared(data: &Path, rig: &Rig, frames: usize) {
    let bytes = fs::read(data.join("unexplained.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("millimetres").unwrap().shape(), [frames, rig.mesh.mean.len(), 3]);
    let folders = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let shards: Vec<_> = folders
        .filter(|p| p.is_dir())
        .flat_map(|p| fs::read_dir(p).unwrap())
        .map(|e| e.unwrap().path())
        .collect();
    let mut covered = 0;
    for shard in &shards {
        let bytes = fs::read(shard).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |name: &str| file.tensor(name).unwrap().data().to_vec();
        let (parts, normals) = (tensor("pixel.part"), tensor("pixel.normal"));
        assert!(parts.iter().all(|part| (1..=3).contains(part)) && normals.iter().all(|n| *n == 0));
        covered += parts.len();
    }
    // A face of 150 × 220 mm at 900 mm, 140 pixels of focal length: some 25 × 35 of 30 × 45 pixels.
    let share = covered as f32 / (shards.len() * 30 * 45) as f32;
    assert!((0.25..0.75).contains(&share), "{share}");
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, &Person::new());
    let fails = |words: &[&str]| {
        let message = open(folder, &options()).map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message} lacks one of {words:?}");
    };
    let spoil = |name: &str, contents: &[u8], words: &[&str]| {
        let path = folder.join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, contents).unwrap();
        fails(words);
        fs::write(&path, before).unwrap();
    };
    let bin = "tracked_mesh/E003_Brows/000005.bin";
    let mesh = fs::read(folder.join(bin)).unwrap();
    let mut nan = mesh.clone();
    nan[400..404].copy_from_slice(&f32::NAN.to_le_bytes());
    spoil(bin, &mesh[..mesh.len() - 5], &[bin, "length"]);
    spoil(bin, &mesh[..mesh.len() - 12], &[bin, "vertices", ".obj"]);
    spoil(bin, &[], &[bin, "length"]);
    spoil(bin, &nan, &[bin, "finite"]);
    let pose = "tracked_mesh/E003_Brows/000005_transform.txt";
    spoil(pose, b"1 0 0 0\n0 1 0 0\n0 0 1\n", &[pose, "3 rows of 4"]);
    spoil(pose, b"1 0 0 0\n0 1 0 0\n0 0 1 nan\n", &[pose, "finite"]);
    spoil(pose, b"1 0 0 0\n0 2 0 0\n0 0 1 0\n", &[pose, "rotation"]);
    let obj = "tracked_mesh/E001_Smile/000000.obj";
    spoil(obj, b"v 0 0 0\nvt 0 0\nf 1/1 2/1 3/1\n", &[obj, "line 3"]);
    spoil(obj, b"v 0 0 0\n", &[obj, "no f line"]);
    spoil(obj, &[0xff, 0xfe, 0x00], &[obj, "text"]);
    let list = fs::read(folder.join("frame_list.txt")).unwrap();
    spoil("frame_list.txt", b"", &["frame_list.txt", "lists none"]);
    spoil("frame_list.txt", b"E001_Smile 12\n", &["frame_list.txt", "line 1", "six digits"]);
    spoil("frame_list.txt", b"../../etc 000001\n", &["frame_list.txt", "folder's name"]);
    spoil("frame_list.txt", b"E001_Smile\n", &["frame_list.txt", "line 1"]);
    spoil("frame_list.txt", b"E009 000001\n", &["frame_list.txt", "none of the listed"]);
    spoil("frame_list.txt", &list[..list.len() / 2 * 2 - 3], &["frame_list.txt", "six digits"]);
    let krt = fs::read_to_string(folder.join("KRT")).unwrap();
    spoil("KRT", b"400 1 2 3", &["KRT", "400", "finite numbers"]);
    spoil("KRT", krt.replace("280 0 30", "280 0 inf").as_bytes(), &["KRT", "400"]);
    spoil("KRT", krt.replace("0 0 0 0 0", "0.1 0 0 0 0").as_bytes(), &["KRT", "undistort"]);
    spoil("KRT", krt.replace("0 0 1\n", "0 1 1\n").as_bytes(), &["KRT", "intrinsics"]);
    spoil("KRT", b"", &["KRT", "images/"]);
    let png = "images/E001_Smile/400/000001.png";
    spoil(png, b"\x89PNG\r\n\x1a\n", &[png]);
    for name in ["KRT", "frame_list.txt", obj, pose] {
        let before = fs::read(folder.join(name)).unwrap();
        fs::remove_file(folder.join(name)).unwrap();
        fails(&[match name {
            "KRT" => "capture.json",
            _ if name == obj => "topology",
            other => other,
        }]);
        fs::write(folder.join(name), before).unwrap();
    }
    let options = PlainOptions { neutral: Some("E001_Nobody".into()), ..options() };
    assert!(open(folder, &options).unwrap_err().to_string().contains("E001_Nobody"));
    // Metres instead of millimetres, and a rod instead of a head.
    for (factor, flatten, word) in [(1e-3, false, "millimetres"), (1.0, true, "look like a head")] {
        for (segment, number, _) in performance() {
            let path = folder.join(format!("tracked_mesh/{segment}/{number:06}.bin"));
            let mut mesh: Vec<Vec3> = bytemuck::pod_collect_to_vec(&fs::read(&path).unwrap());
            let squeeze =
                if flatten { Mat3::from_diagonal(Vec3::new(1.0, 0.02, 0.02)) } else { Mat3::IDENTITY };
            mesh.iter_mut().for_each(|p| *p = squeeze * *p * if flatten { 1e3 } else { factor });
            fs::write(path, bytemuck::cast_slice::<Vec3, u8>(&mesh)).unwrap();
        }
        fails(&[word]);
    }
}
