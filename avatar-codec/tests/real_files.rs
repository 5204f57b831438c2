//! The files that the repository ships, and damaged copies of them: an avatar, its driver, a call and the latent packets
//! in it. Whatever is done to them, reading gives a value that can be used or an error that says what is wrong; nothing
//! panics. What reading may allocate is in `real_files_memory.rs`.
#![cfg(feature = "encoder")]

#[path = "real_files/damage.rs"]
mod damage;

use std::cell::{Cell, RefCell};

use damage::{File, asset, damage, for_all, other_end};
use proptest::prelude::*;
use proptest::sample::Index;
use visavis_codec::avatar::{LatentModel, MAX_HEADER_BYTES, Manifest, ReadAvatarError};
use visavis_codec::bitstream::{LatentReader, PacketHeader, Quantiser, ReadPacketError};
use visavis_codec::call::{CallBody, CallReader, ReadCallError, Voice};
use visavis_codec::encoder::{AverageTexture, Driver, Encoder, MAX_DRIVER_HEADER_BYTES, ReadDriverError};
use visavis_codec::glam::Vec3;
use visavis_codec::reference::decode;
use visavis_codec::testing::{Random, random_head, random_latent};
use visavis_codec::{Avatar, FaceFrame, Timestamp};

const AVATAR: &str = "avatars/wren.avatar";
const DRIVER: &str = "avatars/wren.driver";
const CALL: &str = "calls/hello.mcap";

/// That an error can be shown as it is: one line of bounded length.
#[track_caller]
fn assert_says_what(error: &dyn std::error::Error) {
    let text = error.to_string();
    assert!((10..2000).contains(&text.len()) && !text.contains(char::is_control), "{text:?}");
}

/// That an avatar which was accepted can be decoded.
fn assert_usable(avatar: &Avatar, seed: u64) {
    avatar.validate().unwrap();
    let condition = decode::condition(avatar, &random_latent(seed), &random_head(seed));
    let positions = decode::geometry(avatar, &condition);
    assert_eq!(positions.len(), avatar.mesh.mean.len());
    // Weights of any finite size are valid, so a damaged exponent may take the product out of f32's range.
    let geometry = &avatar.geometry;
    let weights = [&geometry.w1, &geometry.b1, &geometry.w2, &geometry.w3, &geometry.basis_step];
    if weights.into_iter().flatten().all(|weight| weight.abs() < 1e6) {
        assert!(positions.iter().all(|position| position.is_finite()));
    }
}

#[test]
fn the_call_and_the_driver_are_the_shipped_avatars() {
    let file = asset(AVATAR);
    let (avatar, root) = (Avatar::read(&file).unwrap(), Avatar::root_hash(&file).unwrap());
    let call = asset(CALL);
    let call = CallReader::new(&call).unwrap();
    for (_, sender) in call.senders() {
        assert_eq!(sender.avatar_name, avatar.manifest.name);
        assert_eq!(sender.avatar_root.map(hex), Some(hex(root)), "{CALL} was recorded with another {AVATAR}");
        assert_eq!(sender.check_avatar(&root, &avatar.manifest.latent), Ok(()));
    }
    assert!(call.senders().len() > 0);
    let driver = Driver::read(&asset(DRIVER)).unwrap();
    let whose = &driver.manifest().avatar;
    assert_eq!(whose.name, avatar.manifest.name);
    assert_eq!(whose.root_blake3, hex(root), "{DRIVER} was trained for another {AVATAR}");
    Encoder::open(&driver, &avatar, root).unwrap();
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_damaged_avatar_is_refused_or_usable() {
    let file = RefCell::new(File::safetensors(asset(AVATAR)));
    let refused = Cell::new(0);
    for_all(300, (damage(), any::<u64>()), |(damage, seed)| {
        file.borrow_mut().damaged(&damage, |bytes| {
            match Avatar::read(bytes) {
                Ok(avatar) => assert_usable(&avatar, seed),
                Err(error) => {
                    refused.set(refused.get() + 1);
                    assert_says_what(&error);
                }
            }
            if let Err(error) = Avatar::read_prefix(bytes) {
                assert_says_what(&error);
            }
            if let Err(error) = Avatar::root_hash(bytes) {
                assert_says_what(&error);
            }
        });
    });
    assert!((60..300).contains(&refused.get()), "{} of 300 were refused", refused.get());
    assert_usable(&Avatar::read(file.borrow().bytes()).unwrap(), 1);
}

#[test]
fn a_damaged_driver_is_refused_or_usable() {
    let avatar = Avatar::read(&asset(AVATAR)).unwrap();
    let file = RefCell::new(File::safetensors(asset(DRIVER)));
    let (refused, encoded) = (Cell::new(0), Cell::new(0));
    for_all(1200, (damage(), any::<u64>()), |(damage, seed)| {
        file.borrow_mut().damaged(&damage, |bytes| match Driver::read(bytes) {
            Ok(driver) => {
                assert_eq!(Driver::read(&driver.write().unwrap()).unwrap(), driver);
                // Making a network ready takes a while, and its weights are all alike.
                if encoded.get() < 20 {
                    encoded.set(encoded.get() + 1);
                    assert_encodes(&driver, &avatar, seed);
                }
            }
            Err(error) => {
                refused.set(refused.get() + 1);
                assert_says_what(&error);
            }
        });
    });
    assert!((240..1200).contains(&refused.get()), "{} of 1200 were refused", refused.get());
    assert_encodes(&Driver::read(file.borrow().bytes()).unwrap(), &avatar, 1);
}

/// That a driver which was accepted gives numbers in range or a typed error.
fn assert_encodes(driver: &Driver, avatar: &Avatar, seed: u64) {
    // Whichever avatar it says it is for: the digits were checked, the hash is not at issue here.
    let digits = &driver.manifest().avatar.root_blake3;
    let root = std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap());
    let result = Encoder::open(driver, avatar, root).and_then(|mut encoder| {
        let mut random = Random::new(seed);
        let size = encoder.texture_size();
        let color = (0..size * size).map(|_| [(); 3].map(|()| random.uniform(0.0, 1.0))).collect();
        let texture = AverageTexture { size, color, coverage: vec![1.0; size * size] };
        encoder.encode(&vec![Vec3::ZERO; avatar.mesh.mean.len()], &texture)
    });
    match result {
        Ok(residual) => assert!(residual.iter().all(|r| (-1.0..=1.0).contains(r))),
        Err(error) => assert_says_what(&error),
    }
}

#[test]
fn a_cut_or_lengthened_file_is_refused() {
    let avatar = RefCell::new(File::safetensors(asset(AVATAR)));
    let driver = RefCell::new(File::safetensors(asset(DRIVER)));
    let call = RefCell::new(File::mcap(asset(CALL)));
    for_all(500, other_end(), |damage| {
        assert_says_what(&avatar.borrow_mut().damaged(&damage, Avatar::read).unwrap_err());
        assert_says_what(&driver.borrow_mut().damaged(&damage, Driver::read).unwrap_err());
        call.borrow_mut().damaged(&damage, |bytes| assert_says_what(&CallReader::new(bytes).unwrap_err()));
    });
}

#[test]
fn a_header_that_claims_to_be_longer_is_refused_with_its_length() {
    let (mut avatar, mut driver) = (asset(AVATAR), asset(DRIVER));
    let files = [avatar.len() as u64, driver.len() as u64];
    let limits = [MAX_HEADER_BYTES as u64 + 1, MAX_DRIVER_HEADER_BYTES as u64 + 1];
    for claim in [u64::MAX, 1 << 63, 1 << 32].into_iter().chain(files).chain(limits) {
        avatar[..8].copy_from_slice(&claim.to_le_bytes());
        driver[..8].copy_from_slice(&claim.to_le_bytes());
        for error in [Avatar::read(&avatar).unwrap_err(), Avatar::read_prefix(&avatar).unwrap_err()] {
            // The avatar's header may be longer than the driver's.
            let is_named = matches!(error, ReadAvatarError::HeaderSize { found, .. } if found == claim);
            assert!(is_named || claim < limits[0], "{error}");
        }
        let error = Driver::read(&driver).unwrap_err();
        assert!(matches!(error, ReadDriverError::HeaderSize { found, .. } if found == claim), "{error}");
    }
}

/// Overwrites the one place where these bytes stand, from `at` in them on.
fn replace(file: &mut [u8], what: &[u8], at: usize, with: &[u8]) {
    let mut places = file.windows(what.len()).enumerate().filter(|(_, window)| *window == what);
    let start = places.next().unwrap().0 + at;
    assert!(places.next().is_none(), "{:?} stands there twice", String::from_utf8_lossy(what));
    file[start..start + with.len()].copy_from_slice(with);
}

#[test]
fn files_of_other_versions_are_refused_as_such() {
    for other in (0..10).filter(|&other| other != Manifest::VERSION) {
        let mut avatar = asset(AVATAR);
        let field = format!(r#"\"version\":{},"#, Manifest::VERSION);
        let other_field = format!(r#"\"version\":{other},"#);
        let header = 8 + u64::from_le_bytes(avatar[..8].try_into().unwrap()) as usize;
        replace(&mut avatar[..header], field.as_bytes(), 0, other_field.as_bytes());
        let error = Avatar::read(&avatar).unwrap_err();
        assert!(matches!(error, ReadAvatarError::Version { found } if found == u64::from(other)), "{error}");
    }

    let mut driver = asset(DRIVER);
    replace(&mut driver, b"visavis.driver/1", 15, b"2");
    let error = Driver::read(&driver).unwrap_err();
    assert!(matches!(&error, ReadDriverError::Version { found } if found == "visavis.driver/2"), "{error}");

    let mut call = asset(CALL);
    replace(&mut call, b"version\x01\x00\x00\x002", 11, b"7");
    for error in [CallReader::new(&call).unwrap_err(), CallReader::recover(&call).unwrap_err()] {
        assert_eq!(error, ReadCallError::Version { found: "7".into() });
    }

    let talk = Talk::of_the_call();
    for packet in talk.packets.iter().filter(|packet| packet[0] & 0x80 != 0) {
        for other in (0..8).filter(|other| other << 3 != packet[0] & 0x38) {
            let mut packet = packet.clone();
            packet[0] = other << 3 | packet[0] & 0xc7;
            let error = LatentReader::new(talk.quantiser.clone()).read(&packet).unwrap_err();
            assert_eq!(error, ReadPacketError::Version { version: other });
        }
    }
}

/// A name that clears the terminal is as long as the one that it replaces.
#[test]
fn what_an_error_quotes_of_a_file_is_escaped() {
    let mut avatar = asset(AVATAR);
    let header = 8 + u64::from_le_bytes(avatar[..8].try_into().unwrap()) as usize;
    replace(&mut avatar[..header], br#"\"licence\":"#, 2, br"\\u001b");
    let mut driver = asset(DRIVER);
    replace(&mut driver, br#"\"texture\":"#, 2, br"\\u001b");
    let mut call = asset(CALL);
    replace(&mut call, br#""semantic":"#, 1, br"\u001b[2");
    let errors = [
        Avatar::read(&avatar).unwrap_err().to_string(),
        Driver::read(&driver).unwrap_err().to_string(),
        CallReader::new(&call).unwrap_err().to_string(),
    ];
    for error in errors {
        assert!(error.contains(r"`\u{1b}") && !error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn a_damaged_call_is_refused_or_read_up_to_the_damage() {
    let file = RefCell::new(File::mcap(asset(CALL)));
    let whole = read_all(&CallReader::new(file.borrow().bytes()).unwrap());
    assert!(whole > 900, "{whole} messages");
    for_all(400, damage(), |damage| {
        file.borrow_mut().damaged(&damage, |bytes| {
            for call in [CallReader::new(bytes), CallReader::recover(bytes)] {
                match call {
                    Ok(call) => drop(read_all(&call)),
                    Err(error) => assert_says_what(&error),
                }
            }
        });
    });
    assert_eq!(read_all(&CallReader::new(file.borrow().bytes()).unwrap()), whole);
}

/// Reads all that can be read of a call; how many messages that is.
fn read_all(call: &CallReader<'_>) -> usize {
    let (mut count, mut messages) = (0, call.messages());
    loop {
        match messages.next() {
            Ok(Some(_)) => count += 1,
            Ok(None) => break,
            Err(error) => assert_says_what(&error),
        }
    }
    for (sender, about) in call.senders() {
        match call.faces(sender) {
            Ok(frames) => {
                assert!(frames.windows(2).all(|pair| pair[0].time < pair[1].time));
                frames.iter().for_each(|frame| assert_in_range(frame, &about.latent));
            }
            Err(error) => assert_says_what(&error),
        }
        let mut samples = vec![0; 4000];
        let sound = call.sound(48_000, &[Voice { sender, shift: 0 }]);
        if let Err(error) = sound.and_then(|mut sound| sound.read(Timestamp(0), 30_000, &mut samples)) {
            assert_says_what(&error);
        }
    }
    count
}

/// That a frame is within half its axes' range of what the avatar was trained on.
#[track_caller]
fn assert_in_range(frame: &FaceFrame, model: &LatentModel) {
    let FaceFrame { time: _, latent, head } = frame;
    let gaze = latent.gaze.to_array();
    let values = latent.units.iter().chain(&gaze).chain(&latent.residual);
    for (axis, (value, limits)) in values.zip(&model.axes).enumerate() {
        let beyond = 0.5 * (limits.max - limits.min) + 2.0 * limits.step;
        let allowed = limits.min.min(0.0) - beyond..=limits.max.max(0.0) + beyond;
        assert!(allowed.contains(value), "axis {axis} is {value}, outside {allowed:?}");
    }
    assert!(head.is_valid() && head.translation.abs().max_element() <= 2.0, "{head:?}");
}

/// The packets of the shipped call, and what they say.
struct Talk {
    model: LatentModel,
    quantiser: Quantiser,
    packets: Vec<Vec<u8>>,
    frames: Vec<FaceFrame>,
}

impl Talk {
    fn of_the_call() -> Self {
        let file = asset(CALL);
        let call = CallReader::new(&file).unwrap();
        let (id, sender) = call.senders().next().unwrap();
        let (mut packets, mut messages) = (Vec::new(), call.messages());
        while let Some(message) = messages.next().unwrap() {
            if let (true, CallBody::Face(packet)) = (message.sender == id, message.body) {
                packets.push(packet.to_vec());
            }
        }
        let (model, frames) = (sender.latent.clone(), call.faces(id).unwrap());
        assert_eq!(packets.len(), frames.len());
        Self { quantiser: Quantiser::new(&model).unwrap(), model, packets, frames }
    }

    fn is_intra(&self, packet: usize) -> bool {
        PacketHeader::read(&self.packets[packet]).unwrap().is_intra()
    }

    /// A reader that has read everything a packet needs.
    fn reader_before(&self, packet: usize) -> LatentReader {
        let start = (0..=packet).rev().find(|&packet| self.is_intra(packet)).unwrap();
        let mut reader = LatentReader::new(self.quantiser.clone());
        for packet in &self.packets[start..packet] {
            reader.read(packet).unwrap();
        }
        reader
    }
}

/// The newest frame of a packet.
fn newest(reader: &mut LatentReader, packet: &[u8]) -> Result<FaceFrame, ReadPacketError> {
    reader.read(packet).map(|frames| frames.last().unwrap().face)
}

#[test]
fn a_damaged_packet_is_refused_and_changes_nothing_or_is_in_range() {
    let talk = Talk::of_the_call();
    let (refused, passed) = (Cell::new(0), Cell::new(0));
    for_all(3000, (any::<Index>(), prop_oneof![damage(), other_end()]), |(which, damage)| {
        let which = which.index(talk.packets.len());
        let (packet, mut reader) = (&talk.packets[which], talk.reader_before(which));
        File::packet(packet.clone()).damaged(&damage, |bytes| match newest(&mut reader, bytes) {
            _ if bytes == packet => {}
            Err(error) => {
                refused.set(refused.get() + 1);
                assert_says_what(&error);
                assert_eq!(newest(&mut reader, packet), Ok(talk.frames[which]));
            }
            Ok(frame) => {
                passed.set(passed.get() + u32::from(frame != talk.frames[which]));
                assert_in_range(&frame, &talk.model);
            }
        });
    });
    // The code's last bits may say nothing; four check bits let one in 16 of the others pass.
    let [refused, passed] = [refused.get(), passed.get()];
    assert!(refused > 1500 && passed * 8 < refused, "{refused} were refused, {passed} passed for others");
}

#[test]
fn a_stream_with_damaged_and_lost_packets_is_right_again_from_the_next_intra_packet_on() {
    const WINDOW: usize = 130;
    let talk = Talk::of_the_call();
    let hits = prop::collection::vec((0..WINDOW / 2, prop::option::of(damage())), 1..12);
    for_all(400, (any::<Index>(), hits), |(start, hits)| {
        let start = start.index(talk.packets.len() - WINDOW);
        let mut reader = talk.reader_before(start);
        let last = start + hits.iter().map(|hit| hit.0).max().unwrap();
        let mut is_right = false;
        for which in start..start + WINDOW {
            let packet = &talk.packets[which];
            is_right |= which > last && talk.is_intra(which);
            let result = match hits.iter().find(|hit| start + hit.0 == which) {
                None => newest(&mut reader, packet),
                Some((_, None)) => continue,
                Some((_, Some(damage))) => {
                    File::packet(packet.clone()).damaged(damage, |bytes| newest(&mut reader, bytes))
                }
            };
            match result {
                Ok(frame) => assert_in_range(&frame, &talk.model),
                Err(error) => assert_says_what(&error),
            }
            if is_right {
                assert_eq!(result, Ok(talk.frames[which]));
            }
        }
        assert!(is_right, "an intra packet comes every two seconds");
    });
}
