//! `.avatar` files: round trips, and what damaged or hostile ones do (a typed error, never a panic).

use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::{
    InvalidAvatar, MAX_FILE_BYTES, MAX_HEADER_BYTES, MAX_PREFIX_BYTES, ReadAvatarError, WriteAvatarError,
};
use visavis_codec::reference::preview;
use visavis_codec::testing::{Preset, Random, synthetic_avatar};

/// With a preview, so that whatever happens to a file happens to that, too.
fn tiny_file() -> Vec<u8> {
    let mut avatar = synthetic_avatar(5, Preset::Tiny);
    avatar.preview = preview(&avatar, 16, MAX_PREFIX_BYTES);
    assert!(avatar.preview.is_some());
    avatar.write().unwrap()
}

fn header_length(file: &[u8]) -> usize {
    u64::from_le_bytes(file[..8].try_into().unwrap()) as usize
}

fn header(file: &[u8]) -> Value {
    serde_json::from_slice(&file[8..8 + header_length(file)]).unwrap()
}

fn with_header_text(file: &[u8], header: &str) -> Vec<u8> {
    let payload = &file[8 + header_length(file)..];
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), payload].concat()
}

fn edit_header(file: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut header = header(file);
    edit(&mut header);
    with_header_text(file, &header.to_string())
}

fn edit_manifest(file: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    edit_header(file, |header| {
        let text = &mut header["__metadata__"]["visavis.avatar"];
        let mut manifest: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        edit(&mut manifest);
        *text = manifest.to_string().into();
    })
}

/// Overwrites bytes of a tensor, from its element `index` on.
fn edit_tensor(file: &[u8], tensor: &str, index: usize, bytes: &[u8]) -> Vec<u8> {
    let start = header(file)[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
    let at = 8 + header_length(file) + start + index * bytes.len();
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// What reading says against the file; panics if the file is accepted.
fn refusal(file: &[u8]) -> ReadAvatarError {
    match Avatar::read(file) {
        Ok(_) => panic!("a file that had to be refused was read"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_refused(file: &[u8], words: &[&str]) {
    let message = refusal(file).to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` isn't in: {message}");
    }
}

#[test]
fn round_trip_is_exact() {
    for preset in [Preset::Tiny, Preset::Full] {
        let avatar = synthetic_avatar(11, preset);
        let file = avatar.write().unwrap();
        let back = Avatar::read(&file).unwrap();
        assert!(back == avatar, "{preset:?} differs after a round trip");
        assert!(back.write().unwrap() == file, "{preset:?} is written differently the second time");
    }
}

#[test]
fn a_file_of_the_full_budget_is_within_the_designs_12_mb() {
    let file = synthetic_avatar(1, Preset::Full).write().unwrap();
    assert!(file.len() <= 12_000_000, "{} bytes", file.len());
}

#[test]
fn truncated_anywhere() {
    let file = tiny_file();
    let end_of_header = 8 + header_length(&file);
    let mut lengths: Vec<usize> = (0..600).chain(end_of_header - 40..end_of_header + 40).collect();
    for (_, tensor) in header(&file).as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__") {
        let end = end_of_header + tensor["data_offsets"][1].as_u64().unwrap() as usize;
        lengths.extend([end - 1, end, end + 1]);
    }
    lengths.extend((0..500).map(|i| i * file.len() / 500));
    for length in lengths.into_iter().filter(|&length| length < file.len()) {
        let error = refusal(&file[..length]);
        let expected = match length {
            0..8 => matches!(error, ReadAvatarError::HeaderSize { found: 0, .. }),
            _ if length < end_of_header => matches!(error, ReadAvatarError::HeaderSize { .. }),
            _ => matches!(error, ReadAvatarError::Container(_)),
        };
        assert!(expected, "cut to {length}: {error}");
    }
    assert!(matches!(refusal(&[&file[..], &[0]].concat()), ReadAvatarError::Container(_)), "a byte too many");
}

#[test]
fn flipped_bits() {
    let file = tiny_file();
    let end_of_header = 8 + header_length(&file);
    let mut random = Random::new(99);
    let mut refused = 0;
    for round in 0..3000 {
        let mut damaged = file.clone();
        for _ in 0..1 + round % 3 {
            let range = if round % 2 == 0 { end_of_header } else { file.len() };
            damaged[random.below(range)] ^= 1 << random.below(8);
        }
        match Avatar::read(&damaged) {
            // Whatever is accepted must be whole: all that executors rely on.
            Ok(avatar) => avatar.validate().unwrap(),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().len() < 2000, "{error}");
            }
        }
    }
    assert!(refused > 1000, "only {refused} of 3000 were refused");
}

#[test]
fn shuffled_spans() {
    // Runs of bytes copied over others, cut out, or overwritten with one value: what bad storage and bad tools do.
    let file = tiny_file();
    let mut random = Random::new(7);
    for round in 0..2000 {
        let mut damaged = file.clone();
        let range = if round % 2 == 0 { 8 + header_length(&file) } else { file.len() };
        let (from, to) = (random.below(range), random.below(range));
        let length = (1 + random.below(300)).min(file.len() - from.max(to));
        match round % 3 {
            0 => damaged.copy_within(from..from + length, to),
            1 => drop(damaged.drain(from..from + length)),
            _ => damaged[from..from + length].fill(random.next_u64() as u8),
        }
        if let Ok(avatar) = Avatar::read(&damaged) {
            avatar.validate().unwrap();
        }
    }
}

#[test]
fn oversized_lengths() {
    let file = tiny_file();
    for length in [MAX_HEADER_BYTES as u64 + 1, file.len() as u64, u64::MAX, u64::MAX - 7, 1 << 63] {
        let damaged = [&length.to_le_bytes(), &file[8..]].concat();
        assert!(matches!(refusal(&damaged), ReadAvatarError::HeaderSize { found, .. } if found == length));
    }
    assert!(matches!(refusal(&vec![0; MAX_FILE_BYTES + 1]), ReadAvatarError::FileSize { .. }));
    for shape in [json!([u64::MAX, 3]), json!([1u64 << 62, 4]), json!([u64::MAX, u64::MAX]), json!([-1, 3])] {
        let damaged = edit_header(&file, |header| header["mesh.mean"]["shape"] = shape);
        assert!(matches!(refusal(&damaged), ReadAvatarError::Container(_)));
    }
    for offsets in [json!([0, u64::MAX]), json!([u64::MAX, 0]), json!([8, 4]), json!([1, 5])] {
        let damaged = edit_header(&file, |header| header["pixel.b1"]["data_offsets"] = offsets);
        assert!(matches!(refusal(&damaged), ReadAvatarError::Container(_)));
    }
}

#[test]
fn hostile_headers() {
    let file = tiny_file();
    let nested = format!("{{\"a\":{}", "[".repeat(200_000));
    let objects = "{\"a\":".repeat(40_000);
    let metadata = "{\"__metadata__\":".repeat(15_000);
    let many = format!("{{{}}}", (0..20_000).map(|i| format!("\"{i}\":[]")).collect::<Vec<_>>().join(","));
    let number = format!("{{\"a\":{}}}", "9".repeat(200_000));
    for text in
        [&nested, &objects, &metadata, &many, &number, "", "null", "[]", "{", "{}", "{}}", "\u{feff}{}"]
    {
        let error = refusal(&with_header_text(&file, text));
        let short: String = text.chars().take(20).collect();
        assert!(
            matches!(error, ReadAvatarError::Header(_) | ReadAvatarError::Container(_)),
            "{short}: {error}"
        );
    }
    let mut not_utf8 = file.clone();
    not_utf8[20] = 0xff;
    assert!(matches!(refusal(&not_utf8), ReadAvatarError::Header(_)));
}

#[test]
fn names_that_stand_twice() {
    let file = tiny_file();
    let header = header(&file).to_string();
    let again = format!("{{\"pixel.b1\":{},{}", self::header(&file)["pixel.b1"], &header[1..]);
    assert_refused(&with_header_text(&file, &again), &["pixel.b1", "twice"]);
    let again = header.replace("{\"visavis.avatar\":", "{\"visavis.avatar\":\"{}\",\"visavis.avatar\":");
    assert_refused(&with_header_text(&file, &again), &["visavis.avatar", "twice"]);
    let manifest = edit_header(&file, |header| {
        let text = &mut header["__metadata__"]["visavis.avatar"];
        *text = text.as_str().unwrap().replacen('{', "{\"name\":\"x\",", 1).into();
    });
    assert_refused(&manifest, &["manifest", "duplicate", "name"]);
}

#[test]
fn versions_and_foreign_files() {
    let file = tiny_file();
    for version in [0, 1, u64::MAX] {
        let other = edit_manifest(&file, |manifest| {
            manifest["version"] = version.into();
            manifest["from_the_future"] = true.into();
        });
        assert!(matches!(refusal(&other), ReadAvatarError::Version { found } if found == version));
    }
    let none = edit_header(&file, |header| header["__metadata__"] = json!({"format": "pt"}));
    assert!(matches!(refusal(&none), ReadAvatarError::NoManifest));
    let field = edit_manifest(&file, |manifest| manifest["more"] = 1.into());
    assert_refused(&field, &["manifest", "more"]);
    let field = edit_manifest(&file, |manifest| drop(manifest.as_object_mut().unwrap().remove("skeleton")));
    assert_refused(&field, &["manifest", "skeleton"]);
}

#[test]
fn tensors_missing_unknown_of_other_type_or_shape() {
    let file = tiny_file();
    let rename = |from: &str, to: &str| {
        edit_header(&file, |header| {
            let tensor = header.as_object_mut().unwrap().remove(from).unwrap();
            header[to] = tensor;
        })
    };
    for tensor in [
        "mesh.mean",
        "texture.block0.depthwise",
        "texture.block1.bias",
        "pixel.b3",
        "preview.ends",
        "preview.basis",
    ] {
        assert_refused(&rename(tensor, "other"), &[tensor, "missing"]);
    }
    let unknown = edit_header(&file, |header| {
        let end = header["static.texels"]["data_offsets"][1].clone();
        header["stowaway\u{7}"] = json!({"dtype": "U8", "shape": [0], "data_offsets": [end, end]});
    });
    assert!(matches!(refusal(&unknown), ReadAvatarError::Unknown { tensor } if tensor == "stowaway\\u{7}"));
    let kind = edit_header(&file, |header| header["mesh.triangles"]["dtype"] = "I16".into());
    assert_refused(&kind, &["mesh.triangles", "I16", "U16"]);
    let shape = edit_header(&file, |header| header["mesh.uv"]["shape"].as_array_mut().unwrap().swap(0, 1));
    assert_refused(&shape, &["mesh.uv", "[2, "]);
    let shape = edit_header(&file, |header| {
        let vertices = header["mesh.mean"]["shape"][0].as_u64().unwrap();
        header["mesh.mean"]["shape"] = json!([3 * vertices]);
    });
    assert_refused(&shape, &["mesh.mean", "[vertices, 3]"]);
}

#[test]
fn numbers_out_of_range() {
    let file = tiny_file();
    for (tensor, bytes) in [
        ("mesh.mean", f32::NAN.to_le_bytes()),
        ("mesh.uv", f32::INFINITY.to_le_bytes()),
        ("geometry.w1", f32::NAN.to_le_bytes()),
        ("geometry.basis_step", f32::NEG_INFINITY.to_le_bytes()),
        ("static.scale", f32::NAN.to_le_bytes()),
        ("texture.block1.bias_step", f32::NAN.to_le_bytes()),
        ("pixel.b3", f32::NAN.to_le_bytes()),
        ("preview.uv", f32::NAN.to_le_bytes()),
    ] {
        assert_refused(&edit_tensor(&file, tensor, 3, &bytes), &[tensor, "number 3", "finite"]);
    }
    for tensor in ["texture.seed.weight", "texture.block0.expand", "texture.block1.depthwise"] {
        assert_refused(
            &edit_tensor(&file, tensor, 5, &0x7e00u16.to_le_bytes()),
            &[tensor, "number 5", "NaN"],
        );
    }
    assert_refused(&edit_tensor(&file, "mesh.uv", 0, &1.01f32.to_le_bytes()), &["mesh.uv", "1.01", "0 to 1"]);
    assert_refused(&edit_tensor(&file, "mesh.mean", 0, &11f32.to_le_bytes()), &["mesh.mean", "11", "10 m"]);
    let far = u16::MAX.to_le_bytes();
    assert_refused(&edit_tensor(&file, "mesh.triangles", 4, &far), &["mesh.triangles", "number 4", "65535"]);
    let eye = synthetic_avatar(5, Preset::Tiny).manifest.parts[1].vertices.start as u16;
    assert_refused(&edit_tensor(&file, "mesh.triangles", 4, &eye.to_le_bytes()), &["mesh.triangles", "Skin"]);
    assert_refused(
        &edit_tensor(&file, "mesh.weld", 2, &3u16.to_le_bytes()),
        &["mesh.weld", "number 2", "at most 2"],
    );
    assert_refused(&edit_tensor(&file, "mesh.weld", eye.into(), &[0, 0]), &["mesh.weld", "EyeLeft"]);
    assert_refused(
        &edit_tensor(&file, "mesh.weld", 200, &1u16.to_le_bytes()),
        &["mesh.weld", "welded to itself"],
    );
    assert_refused(&edit_tensor(&file, "mesh.joints", 9, &[6]), &["mesh.joints", "number 9", "below 6"]);
    assert_refused(&edit_tensor(&file, "mesh.weights", 0, &[1]), &["mesh.weights", "255"]);
    assert_refused(
        &edit_tensor(&file, "preview.triangles", 4, &far),
        &["preview.triangles", "65535", "Skin"],
    );
    assert_refused(
        &edit_tensor(&file, "preview.ends", 2, &[0, 0]),
        &["preview.ends", "number 2", "more than"],
    );
    assert_refused(&edit_tensor(&file, "preview.ends", 1, &far), &["preview.ends", "number 1", "at most"]);
}

#[test]
fn manifest_fields_out_of_range() {
    let file = tiny_file();
    let refused = |edit: fn(&mut Value), words: &[&str]| assert_refused(&edit_manifest(&file, edit), words);
    refused(|m| m["name"] = "".into(), &["name", "1 to 64"]);
    refused(|m| m["name"] = "é".repeat(65).into(), &["name", "1 to 64"]);
    refused(|m| m["name"] = "a\u{1b}[31m".into(), &["name", "control", "\\u{1b}"]);
    refused(|m| m["licence"]["spdx"] = "x\n".into(), &["licence.spdx", "control"]);
    refused(|m| m["licence"]["consent"] = "x".repeat(5000).into(), &["licence.consent", "4096"]);
    refused(|m| m["owner"]["public_key"] = "0".repeat(63).into(), &["owner.public_key", "0 or 64"]);
    refused(|m| m["owner"]["signature"] = "g".repeat(128).into(), &["owner.signature", "128"]);
    refused(|m| m["owner"]["signature"] = "".into(), &["owner.signature", "128"]);
    refused(|m| m["parts"][1]["vertices"]["start"] = 0.into(), &["parts[1].vertices", "begins at"]);
    refused(|m| m["parts"][1]["triangles"]["end"] = 0.into(), &["parts[1].triangles"]);
    refused(|m| m["parts"][0]["vertices"]["end"] = u32::MAX.into(), &["parts[0].vertices", "ends by"]);
    refused(|m| drop(m["parts"].as_array_mut().unwrap().pop()), &["parts", "all"]);
    refused(|m| m["parts"][2]["kind"] = "eye_left".into(), &["parts[2].kind", "once"]);
    refused(|m| m["parts"][2]["kind"] = "horn".into(), &["manifest", "horn"]);
    refused(|m| m["skeleton"]["joints"][1]["parent"] = 1.into(), &["skeleton.joints[1].parent", "before"]);
    refused(|m| m["skeleton"]["joints"][0]["position"][1] = 1e30.into(), &["skeleton.joints[0].position"]);
    refused(|m| m["skeleton"]["joints"] = json!([]), &["skeleton.joints", "1 to 255"]);
    refused(
        |m| {
            let joint = m["skeleton"]["joints"][0].clone();
            m["skeleton"]["joints"] = vec![joint; 256].into();
        },
        &["skeleton.joints", "256 joints"],
    );
    refused(|m| m["latent"]["residual"] = 33.into(), &["latent.residual", "33", "0 to 32"]);
    refused(|m| m["latent"]["residual"] = 5.into(), &["latent.axes", "61"]);
    refused(|m| m["latent"]["axes"][3]["step"] = 0.0.into(), &["latent.axes[3].step", "more than 0"]);
    refused(|m| m["latent"]["head_steps"][1] = 0.0.into(), &["latent.head_steps[1]", "more than 1e-6"]);
    refused(|m| m["latent"]["axes"][3]["max"] = (-1.0).into(), &["latent.axes[3].max", "at least `min`"]);
    refused(|m| m["latent"]["axes"][3]["max"] = 1e300.into(), &["latent.axes[3].max", "inf"]);
    refused(|m| m["latent"]["axes"][4]["deviation"] = (-0.1).into(), &["latent.axes[4].deviation"]);
    refused(|m| m["latent"]["axes"][4]["min"] = Value::Null, &["manifest"]);
}

#[test]
fn what_is_invalid_is_not_written() {
    let valid = synthetic_avatar(3, Preset::Tiny);
    let invalid = |edit: fn(&mut Avatar)| {
        let mut avatar = valid.clone();
        edit(&mut avatar);
        match avatar.write() {
            Err(WriteAvatarError::Invalid(error)) => error,
            other => panic!("expected a refusal, got {:?}", other.map(|file| file.len())),
        }
    };
    let error = invalid(|avatar| avatar.mesh.weld.truncate(5));
    assert!(matches!(&error, InvalidAvatar::Length { tensor, .. } if tensor == "mesh.weld"), "{error}");
    let error = invalid(|avatar| avatar.texture.blocks[1].in_channels = 20);
    assert!(error.to_string().contains("input channels of texture block 1"), "{error}");
    let error = invalid(|avatar| avatar.texture.seed_channels = usize::MAX & !3);
    assert!(error.to_string().contains("seed channels"), "{error}");
    let error = invalid(|avatar| avatar.pixel.hidden = 17);
    assert!(error.to_string().contains("multiple of 4"), "{error}");
    let error = invalid(|avatar| avatar.static_map.channels = 32);
    assert!(error.to_string().contains("static.scale"), "{error}");
    let error = invalid(|avatar| avatar.texture.blocks.clear());
    assert!(error.to_string().contains("texture's blocks"), "{error}");
}

#[test]
fn budgets() {
    // Shapes that are consistent but too costly: refused from the shapes alone.
    let mut avatar = synthetic_avatar(3, Preset::Full);
    let block = &mut avatar.texture.blocks[0];
    let extra = 512 - block.out_channels;
    block.out_channels = 512;
    block.expand.resize(4 * 512 * 128, half::f16::ZERO);
    block.depthwise.resize(512 * 9, half::f16::ZERO);
    block.bias.resize(512 * 256, 0);
    block.bias_step.resize(512, 0.0);
    assert!(extra > 0);
    let block = &mut avatar.texture.blocks[1];
    block.in_channels = 512;
    block.out_channels = 512;
    block.expand.resize(4 * 512 * 512, half::f16::ZERO);
    block.depthwise.resize(512 * 9, half::f16::ZERO);
    block.bias.resize(512 * 1024, 0);
    block.bias_step.resize(512, 0.0);
    let block = &mut avatar.texture.blocks[2];
    block.in_channels = 512;
    block.expand.resize(4 * block.out_channels * 512, half::f16::ZERO);
    let error = avatar.validate().unwrap_err();
    assert!(matches!(&error, InvalidAvatar::Limit { what, .. } if what == "MACs of a decode"), "{error}");

    let mut avatar = synthetic_avatar(3, Preset::Full);
    avatar.static_map.channels = 16;
    avatar.static_map.size = 16;
    avatar.static_map.texels = vec![0; 16 * 16 * 16];
    avatar.static_map.scale.resize(16, 0.0);
    avatar.static_map.offset.resize(16, 0.0);
    avatar.pixel.w1.resize(2 * 24 * 35, 0.0);
    let error = avatar.validate().unwrap_err();
    assert!(matches!(&error, InvalidAvatar::Limit { what, .. } if what == "MACs of a pixel"), "{error}");
}

#[test]
fn the_root_hash_leaves_out_the_signature_and_nothing_else() {
    let mut avatar = synthetic_avatar(3, Preset::Tiny);
    let unsigned = avatar.write().unwrap();
    let hash = Avatar::root_hash(&unsigned).unwrap();
    assert_eq!(hash, *blake3::hash(&unsigned).as_bytes(), "zeros stand for no signature");
    avatar.manifest.owner.signature = "a5".repeat(64);
    let signed = avatar.write().unwrap();
    assert_ne!(signed, unsigned);
    assert_eq!(Avatar::root_hash(&signed).unwrap(), hash);
    avatar.manifest.licence.consent = format!("\"signature\":\"{}", "0".repeat(128));
    let quoted = avatar.write().unwrap();
    assert_ne!(
        Avatar::root_hash(&quoted).unwrap(),
        hash,
        "text that looks like the field is no second field"
    );
    let mut random = Random::new(1);
    for _ in 0..200 {
        let mut damaged = signed.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        if let (Ok(other), Ok(_)) = (Avatar::root_hash(&damaged), Avatar::read(&damaged)) {
            let same_signature = Avatar::read(&damaged).unwrap().manifest.owner == avatar.manifest.owner;
            assert!(other != hash || !same_signature, "byte {at} isn't covered");
        }
    }
}
