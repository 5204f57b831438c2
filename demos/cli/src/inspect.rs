//! `visavis inspect`: what is in a file, in words and as JSON.

mod proven;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::{AnyAvatar, AvatarForm, FileSignature, MAX_FILE_BYTES, Manifest, Semantic};
use visavis_codec::bitstream::{BITSTREAM_VERSION, Form, MAX_PACKET_BYTES, PacketHeader, PacketKind};
use visavis_codec::call::{CALL_VERSION, CallBody};
use visavis_codec::encoder::{Driver, DriverManifest, MAX_DRIVER_BYTES};
use visavis_codec::train::Capture;

use crate::avatar_file::{self, hex, read_bounded};
use crate::eval::truth::image_path;
use crate::render::MAX_CALL_BYTES;
use crate::render::recording::open_call;

/// Tells what is in a file: an avatar, a driver, a recorded call, a latent packet, a capture folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis inspect assets/avatars/wren.avatar
  visavis --json inspect assets/calls/hello.mcap | jq .seconds")]
pub(crate) struct Arguments {
    /// The file or folder
    file: PathBuf,
    /// A folder of revocations: keys that are not believed [default: `revoked` beside your key]
    #[arg(long, value_name = "FOLDER")]
    revoked: Option<PathBuf>,
}

/// How every MCAP file begins.
const MCAP_MAGIC: &[u8] = b"\x89MCAP0\r\n";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let path = arguments.file.as_path();
    if path.is_dir() {
        return capture(path);
    }
    let mut start = Vec::new();
    let file = std::fs::File::open(path).with_context(|| format!("{}: can't be read", path.display()))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_PACKET_BYTES as u64 + 1), &mut start)
        .with_context(|| format!("{}: can't be read", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "driver") {
        driver(path)
    } else if path.extension().is_some_and(|extension| extension == "avatar") || start.get(8) == Some(&b'{') {
        avatar(path)
    } else if start.starts_with(MCAP_MAGIC) {
        call(path, arguments)
    } else if start.len() <= MAX_PACKET_BYTES {
        packet(path, &start)
    } else {
        bail!(
            "{}: none of our files: no avatar, driver, recorded call, latent packet or capture folder",
            path.display()
        )
    }
}

fn avatar(path: &Path) -> Result<Value> {
    let any = avatar_file::read_any(path)?;
    let (signed, signature) = signature_of(path, any.avatar.manifest())?;
    let Manifest { version, name, form, licence, owner, latent, .. } = any.avatar.manifest();
    let what = match form {
        AvatarForm::Photoreal => "",
        AvatarForm::Cartoon => "cartoon ",
    };
    eprintln!("{}: the {what}avatar of {name}, format {version}, {} bytes", path.display(), any.bytes);
    eprintln!("  terms: {}; {}", licence.spdx, licence.consent);
    eprintln!("  {signature}");
    eprintln!("  root hash {}", hex(&any.root_hash));
    let semantic = match latent.semantic {
        Semantic::FaceUnits => "face units and gaze",
        Semantic::None => "none: it can't be driven by a tracker",
    };
    eprintln!("  latent: {semantic}, {} residual components", latent.residual);
    let mut report = json!({
        "kind": "avatar", "form": form, "version": version, "bytes": any.bytes, "name": name,
        "licence": licence.spdx, "consent": licence.consent, "signed": signed, "signature": signature,
        "owner_public_key": owner.public_key, "root_hash_blake3": hex(&any.root_hash),
        "semantic": latent.semantic, "residual": latent.residual,
    });
    let more = match &any.avatar {
        AnyAvatar::Photoreal(avatar) => photoreal(avatar, &any.path)?,
        AnyAvatar::Cartoon(cartoon) => crate::cartoon::inspect(cartoon, path)?,
    };
    if let (Some(report), Value::Object(more)) = (report.as_object_mut(), more) {
        report.extend(more);
    }
    Ok(report)
}

/// Whether a file is signed by the owner that it names, and what to say of it.
fn signature_of(path: &Path, manifest: &Manifest) -> Result<(bool, String)> {
    Ok(match Avatar::verify_signature(&read_bounded(path, MAX_FILE_BYTES)?) {
        Ok(FileSignature::Valid(_)) => (true, format!("signed by its owner, {}", manifest.owner.public_key)),
        Ok(FileSignature::None) => {
            (false, "names no owner and is not signed: `visavis key sign` does".to_owned())
        }
        Err(error) => (false, format!("NOT TO BE TRUSTED: {error}")),
    })
}

/// What there is to say of a captured person alone.
fn photoreal(avatar: &Avatar, path: &Path) -> Result<Value> {
    let Manifest { parts, skeleton, capture_light, .. } = &avatar.manifest;
    let (texture, fixed) = (&avatar.texture, &avatar.static_map);
    let prefix_bytes = match avatar.preview {
        Some(_) => Avatar::prefix_bytes(&read_bounded(path, MAX_FILE_BYTES)?).ok(),
        None => None,
    };
    match capture_light {
        Some(light) => eprintln!("  captured under {} lamps: other light can fall on it", light.lamps.len()),
        None => eprintln!("  captured under unknown light: it can't be relit"),
    }
    eprintln!(
        "  mesh: {} vertices, {} triangles, {} joints",
        avatar.mesh.mean.len(),
        avatar.mesh.triangles.len(),
        skeleton.joints.len()
    );
    for part in parts {
        let kind = serde_json::to_value(part.kind)?;
        let blended = if part.kind.is_blended() { ", blended" } else { "" };
        eprintln!(
            "    {:<12} {:>6} vertices {:>6} triangles{blended}",
            kind.as_str().unwrap_or_default(),
            part.vertices.len(),
            part.triangles.len()
        );
    }
    eprintln!("  geometry: {} wide, basis of {}", avatar.geometry.hidden, avatar.geometry.rank);
    eprintln!(
        "  texture: dynamic {} × {}², fixed {} × {}²",
        texture.channels(),
        texture.size(),
        fixed.channels,
        fixed.size
    );
    match (prefix_bytes, &avatar.preview) {
        (Some(bytes), Some(preview)) => eprintln!(
            "  the first {bytes} bytes are a likeness: {} vertices, colour {}²",
            preview.mesh.mean.len(),
            preview.color.size
        ),
        _ => eprintln!("  no preview: nothing can be drawn before the whole file is there"),
    }
    eprintln!(
        "  cost: {:.3} GMAC a frame, {} MAC a pixel",
        avatar.decode_macs() as f64 * 1e-9,
        avatar.pixel_macs()
    );
    let parts: Vec<Value> = parts
        .iter()
        .map(|part| json!({"kind": part.kind, "vertices": part.vertices.len(), "triangles": part.triangles.len()}))
        .collect();
    Ok(json!({
        "vertices": avatar.mesh.mean.len(), "triangles": avatar.mesh.triangles.len(),
        "joints": skeleton.joints.len(), "parts": parts,
        "dynamic_channels": texture.channels(), "dynamic_size": texture.size(),
        "static_channels": fixed.channels, "static_size": fixed.size,
        "prefix_bytes": prefix_bytes, "preview_vertices": avatar.preview.as_ref().map(|p| p.mesh.mean.len()),
        "capture_light": capture_light, "pixel_hidden": avatar.pixel.hidden, "decode_macs": avatar.decode_macs(), "pixel_macs": avatar.pixel_macs(),
    }))
}

fn driver(path: &Path) -> Result<Value> {
    let bytes = read_bounded(path, MAX_DRIVER_BYTES)?;
    let driver = Driver::read(&bytes).with_context(|| format!("{}: not a usable driver", path.display()))?;
    let DriverManifest { schema, avatar, residual, texture, mesh } = driver.manifest();
    let cost = driver.graph().check()?;
    let nodes = driver.graph().nodes.len();
    let seen = driver.texture_seen().iter().filter(|&&seen| seen == 1).count();
    eprintln!("{}: a driver, {schema}, {} bytes: its owner's alone", path.display(), bytes.len());
    eprintln!("  of the avatar {}, root hash {}", avatar.name, avatar.root_blake3);
    eprintln!("  makes {residual} residual components");
    eprintln!("  from a texture of {size}² texels, {seen} of them seen in training", size = texture.size);
    if mesh.inputs > 0 {
        eprintln!("  and {} coordinates of a mesh of {} vertices", mesh.inputs, mesh.vertices);
    }
    eprintln!(
        "  network: {nodes} operators, {:.2} MMAC, {} weights, {} bytes of results",
        cost.macs as f64 * 1e-6,
        cost.parameters,
        cost.activation_bytes
    );
    Ok(json!({
        "kind": "driver", "version": schema, "bytes": bytes.len(), "avatar": avatar.name,
        "avatar_root_blake3": avatar.root_blake3, "residual": residual, "texture_size": texture.size,
        "texture_deviation": texture.deviation, "texels_seen": seen, "vertices": mesh.vertices,
        "mesh_inputs": mesh.inputs, "operators": nodes, "encode_macs": cost.macs, "parameters": cost.parameters,
        "activation_bytes": cost.activation_bytes,
    }))
}

fn call(path: &Path, arguments: &Arguments) -> Result<Value> {
    let bytes = read_bounded(path, MAX_CALL_BYTES)?;
    let damaged = || format!("{}: not a usable call", path.display());
    let reader = open_call(&bytes, path)?;
    // (packets, their bytes, samples of sound, join statements, first and last capture time)
    let mut counts = vec![(0usize, 0usize, 0usize, 0usize, u64::MAX, 0u64); reader.senders().len()];
    let mut messages = reader.messages();
    while let Some(message) = messages.next().with_context(damaged)? {
        let Some(count) = counts.get_mut(message.sender.index()) else { continue };
        let time = message.times.capture.0;
        match message.body {
            CallBody::Face(packet) => {
                (count.0, count.1) = (count.0 + 1, count.1 + packet.len());
                (count.4, count.5) = (count.4.min(time), count.5.max(time));
            }
            CallBody::Audio(block) => count.2 += block.len() / 2,
            CallBody::Join(_) => count.3 += 1,
            CallBody::Proof(_) => {}
        }
    }
    let proofs = proven::of(&reader, path, arguments.revoked.as_deref())?;
    eprintln!("{}: a recorded call, format {CALL_VERSION}, {} bytes", path.display(), bytes.len());
    let mut senders = Vec::new();
    let mut longest = 0.0f64;
    let all = reader.senders().zip(counts).zip(proofs);
    for (((_, sender), (packets, packet_bytes, samples, joins, first, last)), proof) in all {
        let rate = f64::from(sender.audio.sample_rate);
        let (face_s, sound_s) = (last.saturating_sub(first) as f64 * 1e-9, samples as f64 / rate);
        longest = longest.max(face_s).max(sound_s);
        let kbit_per_s = if face_s > 0.0 { packet_bytes as f64 * 8e-3 / face_s } else { 0.0 };
        eprintln!("  {}, shown as the avatar `{}`", sender.name, sender.avatar_name);
        eprintln!("    face: {packets} packets over {face_s:.2} s, {kbit_per_s:.2} kbit/s");
        eprintln!("    sound: {sound_s:.2} s at {rate} Hz");
        eprintln!("    {}", proof.words);
        senders.push(json!({
            "name": sender.name, "avatar": sender.avatar_name,
            "avatar_root_blake3": sender.avatar_root.map(|root| hex(&root)), "face_packets": packets,
            "face_seconds": face_s, "face_kbit_per_s": kbit_per_s, "audio_seconds": sound_s,
            "audio_sample_rate": sender.audio.sample_rate, "join_statements": joins, "proof": proof.json,
        }));
    }
    Ok(json!({
        "kind": "call", "version": CALL_VERSION, "bytes": bytes.len(), "seconds": longest, "senders": senders,
    }))
}

fn packet(path: &Path, bytes: &[u8]) -> Result<Value> {
    let header = PacketHeader::read(bytes)
        .with_context(|| format!("{}: not one of our files, and no latent packet either", path.display()))?;
    let (kind, form, rung, words) = match header.kind {
        PacketKind::Intra { form, rung } => {
            let form = if form == Form::Stream { "stream" } else { "packet" };
            ("intra", Some(form), Some(rung.number()), "holds an intra frame")
        }
        PacketKind::Predicted => {
            ("predicted", None, None, "leans on the packet or the intra frame before it")
        }
    };
    let number = header.number;
    eprintln!("{}: latent packet number {number}, {} bytes, {kind}: {words}", path.display(), bytes.len());
    Ok(json!({
        "kind": "latent_packet", "version": BITSTREAM_VERSION, "bytes": bytes.len(), "coding": kind,
        "number": number, "form": form, "rung": rung,
    }))
}

fn capture(path: &Path) -> Result<Value> {
    let capture = Capture::read(path)?;
    let document = &capture.description;
    let mut splits: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut segments: BTreeMap<&str, usize> = BTreeMap::new();
    for frame in &document.frames {
        let there = frame.cameras.iter().filter(|camera| image_path(path, frame, camera).is_file()).count();
        let (planned, rendered) = splits.entry(&frame.split).or_default();
        *planned += frame.cameras.len();
        *rendered += there;
        *segments.entry(&frame.segment).or_default() += 1;
    }
    eprintln!("{}: a capture of {}, {} cameras", path.display(), document.name, capture.cameras.len());
    for (split, (planned, rendered)) in &splits {
        eprintln!("  {split}: {rendered} of {planned} pictures are there");
    }
    let list: Vec<String> = segments.iter().map(|(name, frames)| format!("{name} ({frames})")).collect();
    eprintln!("  segments: {}", list.join(", "));
    let splits: BTreeMap<_, _> = splits
        .into_iter()
        .map(|(split, (planned, rendered))| (split, json!({"pictures": planned, "rendered": rendered})))
        .collect();
    Ok(json!({
        "kind": "capture", "version": document.schema, "bytes": folder_bytes(path)?, "name": document.name,
        "cameras": capture.cameras.keys().collect::<Vec<_>>(), "splits": splits, "segments": segments,
        "noise_ceiling_db": document.noise_ceiling_db,
    }))
}

/// The size of everything in a folder.
pub(crate) fn folder_bytes(folder: &Path) -> Result<u64> {
    let unreadable = || format!("{}: can't be read", folder.display());
    let mut total = 0;
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let metadata = entry.metadata().with_context(unreadable)?;
        total += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
