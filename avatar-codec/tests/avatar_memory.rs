//! What reading an `.avatar` file and drawing it by the reference allocate, whatever the file says. One test: the
//! counter is the whole program's.

use peak_alloc::PeakAlloc;
use visavis_codec::avatar::{MAX_PREFIX_BYTES, Mesh, Part, PartKind, ReadAvatarError};
use visavis_codec::glam::{Vec3, vec3};
use visavis_codec::reference::{View, layers, preview, render};
use visavis_codec::testing::{Preset, Random, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Reading may hold the avatar and one more tensor beside it: twice the file.
const TIMES_THE_FILE: usize = 2;
/// The header is at most 256 KiB; taken apart as JSON it takes up to 25 times as much.
const FOR_THE_HEADER: usize = 8 << 20;

/// Bytes that reading holds at its peak, beyond what was there before, the file's own bytes not counted.
fn peak_of_reading(file: &[u8]) -> (usize, bool) {
    peak_of(|| Avatar::read(file).is_ok())
}

fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let done = work();
    (ALLOCATED.peak_usage() - before, done)
}

/// Bytes a pixel of the reference's picture at its peak: the nearest fragments, the pixels so far, the picture.
const DRAWING_A_PIXEL: usize = 200;
/// Bytes a pixel of [`layers`]' lists at their peak, sorted and unsorted.
const LAYERS_A_PIXEL: usize = 10_000;

/// An avatar whose hair is thousands of triangles, each of which fills the picture.
fn drawing_a_hostile_avatar() {
    const TRIANGLES: u16 = 1_000;
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    let corners = |z: f32| [vec3(-9.0, -9.0, z), vec3(0.0, 9.0, z), vec3(9.0, -9.0, z)];
    let positions: Vec<Vec3> = (0..TRIANGLES).flat_map(|i| corners(-1e-4 * f32::from(i))).collect();
    let vertices = positions.len();
    avatar.mesh = Mesh {
        mean: positions.iter().map(|p| p.to_array()).collect(),
        uv: vec![[0.5; 2]; vertices],
        triangles: (0..TRIANGLES).map(|i| [3 * i, 3 * i + 1, 3 * i + 2]).collect(),
        weld: (0..vertices as u16).collect(),
        joints: vec![[0; 4]; vertices],
        weights: vec![[255, 0, 0, 0]; vertices],
    };
    avatar.geometry.basis = vec![0; avatar.geometry.rank * vertices * 3];
    avatar.manifest.parts =
        vec![Part { kind: PartKind::Hair, vertices: 0..vertices as u32, triangles: 0..u32::from(TRIANGLES) }];
    avatar.validate().unwrap();
    let size = [24, 24];
    let pixels = 24 * 24;
    let view = View::look_at(vec3(0.0, 0.0, -2.0), Vec3::ZERO, 0.5, 1.0, 0.05);
    let (peak, image) = peak_of(|| render(&avatar, &FaceFrame::default(), &view, size));
    assert!(image.rgba.iter().all(|rgba| rgba[3] > 0.0), "the triangles fill the picture");
    let file = avatar.write().unwrap().len();
    assert!(peak <= 2 * file + pixels * DRAWING_A_PIXEL, "{peak} bytes to draw {pixels} pixels of {file}");
    let normals = vec![Vec3::NEG_Z; vertices];
    let parts = &avatar.manifest.parts;
    let (peak, _) = peak_of(|| layers(&avatar.mesh, parts, &positions, &normals, &view, size));
    assert!(peak <= pixels * LAYERS_A_PIXEL, "{peak} bytes for the layers of {pixels} pixels");
}

#[test]
fn memory_is_bounded() {
    let full = synthetic_avatar(1, Preset::Full).write().unwrap();
    let (peak, is_read) = peak_of_reading(&full);
    assert!(is_read);
    assert!(peak > full.len() / 2, "{peak} bytes: the counter doesn't count");
    assert!(peak <= TIMES_THE_FILE * full.len(), "{peak} bytes for a file of {}", full.len());

    let mut tiny = synthetic_avatar(1, Preset::Tiny);
    tiny.preview = preview(&tiny, 16, MAX_PREFIX_BYTES);
    let tiny = tiny.write().unwrap();
    let header = 8 + u64::from_le_bytes(tiny[..8].try_into().unwrap()) as usize;
    let mut random = Random::new(17);
    let mut files = Vec::new();
    for round in 0..1500 {
        // Digits become nines: shapes, offsets and counts of every size that the header has room for.
        let mut damaged = tiny.clone();
        for _ in 0..1 + round % 4 {
            let at = random.below(header);
            match damaged[at] {
                digit if digit.is_ascii_digit() => damaged[at] = b'9',
                _ if round % 3 == 0 => damaged[at] ^= 1 << random.below(8),
                _ => {}
            }
        }
        files.push(damaged);
    }
    let headers = [
        format!("{{\"a\":{}", "[".repeat(250_000)),
        format!("{{\"a\":[{}0]}}", "0,".repeat(125_000)),
        format!(
            "{{\"__metadata__\":{{{}\"z\":\"\"}}}}",
            (0..20_000).map(|i| format!("\"{i}\":\"\",")).collect::<String>()
        ),
        format!("{{{}\"z\":0}}", (0..25_000).map(|i| format!("\"{i}\":0,")).collect::<String>()),
        format!(
            "{{{}\"z\":0}}",
            (0..3_800)
                .map(|i| format!("\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},"))
                .collect::<String>()
        ),
    ];
    for header in headers {
        assert!(header.len() <= 256 << 10, "{} bytes would be refused for their number", header.len());
        files.push([&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat());
    }
    let mut largest = 0;
    for file in &files {
        let (peak, _) = peak_of_reading(file);
        largest = largest.max(peak);
        let allowed = TIMES_THE_FILE * file.len() + FOR_THE_HEADER;
        assert!(peak <= allowed, "{peak} bytes for a file of {}, allowed: {allowed}", file.len());
        let (peak, _) = peak_of(|| Avatar::read_prefix(file).map(drop));
        assert!(peak <= allowed, "{peak} bytes for a likeness of {}, allowed: {allowed}", file.len());
    }
    let (_, error) = peak_of(|| Avatar::read_prefix(&full));
    assert!(matches!(error, Err(ReadAvatarError::NoPreview)));
    assert!(largest > tiny.len(), "some of the files must get far enough to be worth the test");
    drawing_a_hostile_avatar();
}
