//! The first bytes of an avatar's file: what they hold, that they are enough, and what damaged ones do.

use std::path::Path;

use serde_json::Value;
use visavis_codec::avatar::{MAX_PREFIX_BYTES, PartKind, ReadAvatarError, WriteAvatarError};
use visavis_codec::glam::{Vec3, vec3};
use visavis_codec::reference::{Image, PREVIEW_COLOR_SIZE, View, preview, render, render_likeness};
use visavis_codec::testing::{Preset, Random, random_head, random_latent, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame, Timestamp};

fn with_preview(mut avatar: Avatar, color_size: usize) -> Avatar {
    avatar.preview = preview(&avatar, color_size, MAX_PREFIX_BYTES);
    assert!(avatar.preview.is_some(), "a preview fits");
    avatar
}

fn header_end(file: &[u8]) -> usize {
    8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize
}

#[test]
fn a_likeness_is_read_from_its_first_bytes_alone() {
    for (preset, color_size) in [(Preset::Tiny, 32), (Preset::Full, PREVIEW_COLOR_SIZE)] {
        let avatar = with_preview(synthetic_avatar(4, preset), color_size);
        let file = avatar.write().unwrap();
        assert!(Avatar::read(&file).unwrap() == avatar, "{preset:?}: the preview is lost on the way");
        let needed = Avatar::prefix_bytes(&file[..header_end(&file)]).unwrap();
        assert!(needed <= MAX_PREFIX_BYTES && needed < file.len(), "{needed} bytes");
        let likeness = Avatar::read_prefix(&file[..needed]).unwrap();
        assert!(likeness == avatar.likeness().unwrap(), "{preset:?}");
        assert!(Avatar::read_prefix(&file).unwrap() == likeness, "more bytes change nothing");
        if preset == Preset::Full {
            // As fine as fits: a fiftieth of the room is left at most.
            assert!(
                needed > MAX_PREFIX_BYTES / 50 * 49,
                "{needed} bytes, {} vertices",
                likeness.mesh.mean.len()
            );
        }
    }
}

#[test]
fn tensors_of_the_likeness_come_first_and_all_are_aligned() {
    let file = with_preview(synthetic_avatar(4, Preset::Tiny), 32).write().unwrap();
    let header: Value = serde_json::from_slice(&file[8..header_end(&file)]).unwrap();
    let needed = Avatar::prefix_bytes(&file).unwrap() - header_end(&file);
    for (name, tensor) in header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__") {
        let start = tensor["data_offsets"][0].as_u64().unwrap() as usize;
        let size = match tensor["dtype"].as_str().unwrap() {
            "F32" => 4,
            "F16" | "U16" => 2,
            _ => 1,
        };
        assert!((header_end(&file) + start).is_multiple_of(size), "{name} begins at {start}");
        let is_first =
            name.starts_with("preview.") || name.starts_with("geometry.") && name != "geometry.basis";
        assert_eq!(start < needed, is_first, "{name}");
    }
}

#[test]
fn without_a_preview_the_whole_file_is_needed() {
    let avatar = synthetic_avatar(4, Preset::Tiny);
    let file = avatar.write().unwrap();
    assert!(Avatar::read(&file).unwrap() == avatar, "files without one are files");
    assert!(avatar.likeness().is_none());
    for error in [Avatar::read_prefix(&file).unwrap_err(), Avatar::prefix_bytes(&file).unwrap_err()] {
        assert!(matches!(error, ReadAvatarError::NoPreview), "{error}");
    }
}

#[test]
fn too_few_bytes_say_how_many_are_needed() {
    let file = with_preview(synthetic_avatar(4, Preset::Tiny), 16).write().unwrap();
    let (header, end) = (header_end(&file), Avatar::prefix_bytes(&file).unwrap());
    for length in (0..200).chain(header - 20..header + 20).chain((header..end).step_by(997)).chain([end - 1])
    {
        match Avatar::read_prefix(&file[..length]).unwrap_err() {
            ReadAvatarError::HeaderSize { .. } => assert!(length < header),
            ReadAvatarError::TooShort { found, needed } => {
                assert!(length >= header && (found, needed) == (length, end), "{found} of {needed}");
            }
            error => panic!("cut to {length}: {error}"),
        }
    }
}

#[test]
fn damaged_beginnings_are_refused_or_whole() {
    let file = with_preview(synthetic_avatar(4, Preset::Tiny), 16).write().unwrap();
    let end = Avatar::prefix_bytes(&file).unwrap();
    let view = View::look_at(-Vec3::Z, Vec3::ZERO, 0.4, 1.0, 0.05);
    let mut random = Random::new(31);
    let mut refused = 0;
    for round in 0..2000 {
        let mut damaged = file[..end].to_vec();
        let range = if round % 2 == 0 { header_end(&file) } else { end };
        for _ in 0..1 + round % 3 {
            damaged[random.below(range)] ^= 1 << random.below(8);
        }
        match Avatar::read_prefix(&damaged) {
            // What is accepted can be drawn.
            Ok(likeness) if round % 20 == 0 => {
                render_likeness(&likeness, &FaceFrame::default(), &view, [8, 8]);
            }
            Ok(_) => {}
            Err(error) => {
                refused += 1;
                assert!(error.to_string().len() < 2000, "{error}");
            }
        }
    }
    assert!(refused > 700, "only {refused} of 2000 were refused");
}

#[test]
fn a_preview_that_does_not_fit_is_not_written() {
    let mut avatar = with_preview(synthetic_avatar(4, Preset::Tiny), 16);
    let room = preview(&avatar, 256, MAX_PREFIX_BYTES).unwrap();
    avatar.preview = Some(room);
    avatar.write().unwrap();
    // The whole mesh of a large avatar, where the coarse one should be.
    let mut full = synthetic_avatar(4, Preset::Full);
    let mut whole = preview(&full, 1, MAX_PREFIX_BYTES).unwrap();
    whole.mesh = full.mesh.clone();
    whole.basis = full.geometry.basis.clone();
    whole.ends =
        full.manifest.parts.iter().map(|p| [p.vertices.end as u16, p.triangles.end as u16]).collect();
    full.preview = Some(whole);
    full.validate().unwrap();
    let error = full.write().unwrap_err();
    assert!(matches!(error, WriteAvatarError::TooLarge { allowed: MAX_PREFIX_BYTES, .. }), "{error}");
    assert!(error.to_string().contains("preview"), "{error}");
    // Nor is one made of a geometry head that fills the room by itself.
    let mut heavy = synthetic_avatar(4, Preset::Tiny);
    let (hidden, condition) = (1024, heavy.condition_size());
    heavy.geometry.hidden = hidden;
    heavy.geometry.w1 = vec![0.0; hidden * condition];
    heavy.geometry.b1 = vec![0.0; hidden];
    heavy.geometry.rank = 256;
    heavy.geometry.w2 = vec![0.0; 256 * hidden];
    heavy.geometry.w3 = vec![0.0; 256 * condition];
    heavy.geometry.basis = vec![0; 256 * heavy.mesh.mean.len() * 3];
    heavy.geometry.basis_step = vec![0.0; 256];
    heavy.validate().unwrap();
    assert_eq!(preview(&heavy, 16, MAX_PREFIX_BYTES), None);
}

/// Share of the pixels, of those that either picture covers, that both cover.
fn overlap(a: &Image, b: &Image) -> f64 {
    let covered = |rgba: &[f32; 4]| rgba[3] >= 0.5;
    let both = a.rgba.iter().zip(&b.rgba).filter(|(a, b)| covered(a) && covered(b)).count();
    let either = a.rgba.iter().zip(&b.rgba).filter(|(a, b)| covered(a) || covered(b)).count();
    both as f64 / either as f64
}

#[test]
fn the_coarse_mesh_moves_and_stands_as_the_whole_one() {
    let avatar = with_preview(synthetic_avatar(4, Preset::Full), 64);
    let likeness = avatar.likeness().unwrap();
    assert!(likeness.mesh.mean.len() * 2 < avatar.mesh.mean.len());
    let size = [128, 128];
    for seed in 0..2 {
        let frame = FaceFrame { time: Timestamp(0), latent: random_latent(seed), head: random_head(seed) };
        let view = View::look_at(vec3(0.2, 0.05, -0.9), vec3(0.0, -0.06, 0.05), 0.5, 1.0, 0.05);
        let whole = render(&avatar, &frame, &view, size);
        let coarse = render_likeness(&likeness, &frame, &view, size);
        let opaque = |image: &Image| {
            let part = |part: &Option<PartKind>| part.is_some_and(|kind| !kind.is_blended());
            image.part.iter().filter(|&p| part(p)).count()
        };
        assert!(opaque(&coarse) > 500 && opaque(&whole) > 500, "{} {}", opaque(&coarse), opaque(&whole));
        let same = overlap(&whole, &coarse);
        assert!(same > 0.93, "seed {seed}: {same}");
    }
}

/// A picture for a person to look at.
fn save(name: &str, image: &Image) {
    let Some(folder) = std::env::var_os("VISAVIS_TEST_IMAGES") else { return };
    let byte = |linear: f32| {
        let x = linear.clamp(0.0, 1.0);
        let srgb = if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        (srgb * 255.0).round() as u8
    };
    let mut file = format!("P6 {} {} 255\n", image.size[0], image.size[1]).into_bytes();
    file.extend(image.rgba.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|x| byte(x + 0.18 * (1.0 - a)))));
    std::fs::write(Path::new(&folder).join(name), file).unwrap();
}

/// How near a likeness of the avatar in this repository must come to the whole avatar, inside the head's pixels of the
/// whole one: dB over sRGB, both over black. It has no wrinkles, no reflections and a ninth of the texels.
const LIKENESS_PSNR_DB: f64 = 21.0;

#[test]
fn the_likeness_of_a_trained_avatar_looks_like_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/avatars/wren.avatar");
    let avatar = with_preview(Avatar::read(&std::fs::read(path).unwrap()).unwrap(), PREVIEW_COLOR_SIZE);
    let file = avatar.write().unwrap();
    let likeness = Avatar::read_prefix(&file[..MAX_PREFIX_BYTES]).unwrap();
    eprintln!(
        "{} of {} vertices, {} bytes",
        likeness.mesh.mean.len(),
        avatar.mesh.mean.len(),
        Avatar::prefix_bytes(&file).unwrap()
    );
    let mut smile = FaceFrame::default();
    for unit in [visavis_codec::FaceUnit::JawOpen, visavis_codec::FaceUnit::MouthSmileLeft] {
        smile.latent.units[unit as usize] = 0.5;
    }
    smile.latent.units[visavis_codec::FaceUnit::EyeBlinkLeft as usize] = 1.0;
    let views = [(0.0, FaceFrame::default()), (0.5, smile)];
    for (i, (turn, frame)) in views.into_iter().enumerate() {
        let target = vec3(0.0, -0.03, 0.05);
        let eye = target + vec3(f32::sin(turn), 0.05, -f32::cos(turn)) * 1.2;
        let view = View::look_at(eye, target, 0.3, 1.0, 0.05);
        let size = [192, 192];
        let whole = render(&avatar, &frame, &view, size);
        let coarse = render_likeness(&likeness, &frame, &view, size);
        save(&format!("likeness-{i}-whole.ppm"), &whole);
        save(&format!("likeness-{i}-coarse.ppm"), &coarse);
        let srgb = |x: f32| f64::from(x.clamp(0.0, 1.0)).powf(1.0 / 2.2);
        let (mut squares, mut count) = (0.0, 0.0);
        for (a, b) in whole.rgba.iter().zip(&coarse.rgba).filter(|(whole, _)| whole[3] > 0.5) {
            squares += (0..3).map(|c| (srgb(a[c]) - srgb(b[c])).powi(2)).sum::<f64>() / 3.0;
            count += 1.0;
        }
        assert!(count > 5000.0, "{count} pixels of the person");
        let psnr = -10.0 * (squares / count).log10();
        eprintln!("view {i}: {psnr:.2} dB, overlap {:.4}", overlap(&whole, &coarse));
        assert!(psnr > LIKENESS_PSNR_DB, "view {i}: {psnr} dB");
        assert!(overlap(&whole, &coarse) > 0.95, "view {i}");
    }
}
