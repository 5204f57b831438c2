use proptest::prelude::*;
use visavis_codec::Avatar;
use visavis_codec::avatar::SignatureError;

use super::*;
use crate::identity::OwnerKey;
use crate::testing::Random;

/// The shipped avatar, signed by a key of this test; whatever it is now.
fn wren() -> (OwnerKey, Vec<u8>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/avatars/wren.avatar");
    let key = OwnerKey::from_seed(&[1; 32]);
    let file = std::fs::read(path).unwrap();
    let signed = Avatar::sign_file(&file, &key.public().0, |root| key.sign_root(root)).unwrap();
    (key, signed)
}

fn fetch(file: &AvatarFile, download: &mut AvatarDownload) -> Progress {
    download.accept_manifest(&file.group(0).unwrap()).unwrap();
    while let Some(chunk) = download.want() {
        download.accept(chunk, &file.group(chunk + 1).unwrap()).unwrap();
    }
    download.progress()
}

#[test]
fn an_avatar_arrives_as_its_owner_has_it() {
    let (key, signed) = wren();
    let file = AvatarFile::new(signed.clone()).unwrap();
    assert_eq!(*file.root(), Avatar::root_hash(&signed).unwrap());
    let mut download = AvatarDownload::new(*file.root());
    assert!(download.finish().is_none() && download.want().is_none());
    assert_eq!(download.accept(0, b"early"), Err(ChunkError::NoManifest));
    let progress = fetch(&file, &mut download);
    assert!(progress.is_whole && progress.has_likeness);
    assert_eq!((progress.bytes, progress.of), (signed.len(), signed.len()));
    let finished = download.finish().unwrap().unwrap();
    assert!(finished.file == signed);
    assert_eq!(finished.owner, Some(key.public()));
    assert_eq!(file.group(file.groups()), None);
}

#[test]
fn a_likeness_is_there_after_the_first_800_kilobytes() {
    let (_, signed) = wren();
    let file = AvatarFile::new(signed).unwrap();
    let mut download = AvatarDownload::new(*file.root());
    download.accept_manifest(&file.group(0).unwrap()).unwrap();
    let mut bytes = file.group(0).unwrap().len();
    while !download.progress().has_likeness {
        assert!(download.prefix().is_none());
        let chunk = download.want().unwrap();
        let group = file.group(chunk + 1).unwrap();
        bytes += group.len();
        download.accept(chunk, &group).unwrap();
    }
    assert!(bytes <= 800_000 + CHUNK_BYTES + 16_000, "{bytes} bytes");
    assert!(!download.progress().is_whole);
    Avatar::read_prefix(download.prefix().unwrap()).unwrap();
}

#[test]
fn chunks_come_in_any_order_twice_damaged_or_not_at_all() {
    let (_, signed) = wren();
    let file = AvatarFile::new(signed.clone()).unwrap();
    let mut random = Random::new(7);
    let mut download = AvatarDownload::new(*file.root());
    download.accept_manifest(&file.group(0).unwrap()).unwrap();
    let mut asked = 0;
    while !download.progress().is_whole {
        let Some(chunk) = download.want() else {
            download.restart();
            continue;
        };
        asked += 1;
        assert!(asked < 10_000);
        let mut bytes = file.group(chunk + 1).unwrap().into_owned();
        match random.below(6) {
            0 => download.lost(chunk),
            1 => {} // lost, and nobody said so
            2 => {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
                assert_eq!(download.accept(chunk, &bytes), Err(ChunkError::Hash(chunk)));
                download.lost(chunk);
            }
            3 => {
                assert_eq!(download.accept(chunk, &bytes[1..]), Err(ChunkError::Hash(chunk)));
                let other = (chunk + 1) % file.manifest().chunks();
                if !download.missing().any(|missing| missing == other) {
                    assert!(download.accept(other, &bytes).is_ok(), "what is there isn't looked at again");
                }
                download.lost(chunk);
            }
            _ => {
                download.accept(chunk, &bytes).unwrap();
                download.accept(chunk, &bytes).unwrap();
            }
        }
    }
    assert_eq!(download.accept(99_999, b""), Err(ChunkError::Number(99_999)));
    assert!(download.finish().unwrap().unwrap().file == signed);
}

#[test]
fn a_wrong_root_and_a_wrong_signature_are_noticed() {
    let (_, signed) = wren();
    let file = AvatarFile::new(signed).unwrap();
    let manifest = file.group(0).unwrap().into_owned();
    let mut download = AvatarDownload::new([7; 32]);
    assert_eq!(download.accept_manifest(&manifest), Err(ManifestError::Root));
    for bit in (0..16 * 8).chain(84 * 8..manifest.len() * 8).step_by(5) {
        let mut changed = manifest.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(AvatarDownload::new(*file.root()).accept_manifest(&changed).is_err(), "bit {bit}");
    }
    for length in [0, 15, 16, 19, 20, 83, 84, manifest.len() - 1] {
        assert!(AvatarDownload::new(*file.root()).accept_manifest(&manifest[..length]).is_err());
    }
    for size in [0u32, 1, u32::MAX, (64 << 20) + 1] {
        let mut changed = manifest.clone();
        changed[16..20].copy_from_slice(&size.to_le_bytes());
        assert!(AvatarDownload::new(*file.root()).accept_manifest(&changed).is_err(), "{size}");
    }
    // The signature isn't in the root: it is checked when all is there.
    let mut changed = manifest;
    changed[30] ^= 1;
    let mut download = AvatarDownload::new(*file.root());
    download.accept_manifest(&changed).unwrap();
    fetch(&file, &mut download);
    assert!(matches!(download.finish(), Some(Err(SignatureError::Wrong))));
}

#[test]
fn hashes_of_chunks_fold_to_blake3s_own_root() {
    for bytes in [1, 1023, 1024, 1025, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES]
        .into_iter()
        .chain((2..20).map(|chunks| chunks * CHUNK_BYTES + chunks * 37))
    {
        let file: Vec<u8> = (0..bytes).map(|i| (i * 7 + i / 251) as u8).collect();
        let manifest = Manifest::of(&file, [1; 64]);
        assert_eq!(*manifest.root(), *blake3::hash(&file).as_bytes());
        let read = Manifest::read(&manifest.to_bytes(), manifest.root()).unwrap();
        assert_eq!(read.file_bytes(), bytes);
        for (chunk, part) in file.chunks(CHUNK_BYTES).enumerate() {
            assert!(read.verify(chunk, part), "{bytes} bytes, chunk {chunk}");
            assert!(!read.verify(chunk + 1, part));
            let mut changed = part.to_vec();
            changed[0] ^= 1;
            assert!(!read.verify(chunk, &changed) && !read.verify(chunk, &part[1..]));
        }
    }
}

#[test]
fn a_download_goes_on_where_it_was() {
    let (_, signed) = wren();
    let file = AvatarFile::new(signed.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = AvatarCache::open(folder.path(), 100 << 20).unwrap();
    let mut download = cache.resume(file.root());
    download.accept_manifest(&file.group(0).unwrap()).unwrap();
    let chunks = file.manifest().chunks();
    for chunk in (0..chunks).step_by(2) {
        download.accept(chunk, &file.group(chunk + 1).unwrap()).unwrap();
    }
    cache.keep(&download).unwrap();
    let mut again = cache.resume(file.root());
    assert_eq!(again.progress(), download.progress());
    assert_eq!(again.missing().collect::<Vec<_>>(), (0..chunks).filter(|i| i % 2 == 1).collect::<Vec<_>>());
    assert!(fetch(&file, &mut again).is_whole);
    // Damage costs chunks, never correctness: of the file that is kept, any byte may be wrong.
    let state = download.save().unwrap();
    let mut random = Random::new(3);
    for _ in 0..40 {
        let mut damaged = state.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        damaged.truncate(damaged.len() - random.below(2) * random.below(state.len()));
        let mut download = AvatarDownload::resume(*file.root(), &damaged);
        assert!(fetch(&file, &mut download).is_whole);
        // Only the signature isn't covered by a hash, and that is checked in the end.
        assert!(download.finish().unwrap().map_or(true, |finished| finished.file == signed));
    }
    assert_eq!(AvatarDownload::resume([1; 32], &state).progress().bytes, 0, "another avatar's");
}

#[test]
fn the_cache_keeps_what_was_used_last_and_gives_away_nothing_damaged() {
    let (_, signed) = wren();
    let key = OwnerKey::from_seed(&[2; 32]);
    let other = Avatar::sign_file(&signed, &key.public().0, |root| key.sign_root(root)).unwrap();
    let roots = [&signed, &other].map(|file| Avatar::root_hash(file).unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let cache = AvatarCache::open(folder.path(), signed.len() as u64 * 3 / 2).unwrap();
    assert_eq!(cache.get(&roots[0]), None);
    assert!(matches!(cache.put(&roots[1], &signed), Err(CacheError::OtherRoot(_))));
    cache.put(&roots[0], &signed).unwrap();
    assert!(cache.get(&roots[0]).unwrap() == signed);
    let path = folder.path().join(format!("{}.avatar", crate::hex::Hex(&roots[0])));
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().set_modified(past).unwrap();
    cache.put(&roots[1], &other).unwrap();
    assert_eq!(cache.get(&roots[0]), None, "both don't fit, and it was used longer ago");
    assert!(cache.get(&roots[1]).unwrap() == other);
    assert!(cache.bytes() <= signed.len() as u64 * 3 / 2);
    assert!(folder.path().join("notes.txt").exists());

    let path = folder.path().join(format!("{}.avatar", crate::hex::Hex(&roots[1])));
    let mut damaged = other.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    assert_eq!(cache.get(&roots[1]), None);
    assert!(!path.exists(), "a damaged file is removed");
    // One that is larger than the cache isn't kept, and nothing else goes for it.
    cache.put(&roots[1], &other).unwrap();
    let small = AvatarCache::open(&folder.path().join("small"), 1000).unwrap();
    small.put(&roots[1], &other).unwrap();
    assert_eq!(small.bytes(), 0);
    assert!(AvatarCache::open(&folder.path().join("notes.txt"), 1).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), size in any::<u32>()) {
        let _ = Manifest::read(&bytes, &[1; 32]);
        let mut with = b"visavis chunks 1".to_vec();
        with.extend_from_slice(&size.to_le_bytes());
        with.extend_from_slice(&bytes);
        prop_assert!(Manifest::read(&with, &[1; 32]).is_err() || size as usize <= CHUNK_BYTES);
        let mut state = b"visavis partial1".to_vec();
        state.extend_from_slice(&size.to_le_bytes());
        state.extend_from_slice(&bytes);
        prop_assert_eq!(AvatarDownload::resume([1; 32], &state).progress().bytes, 0);
    }
}

/// A drawn person's file goes the same way: its root, its owner's signature, its chunks.
#[test]
fn a_cartoon_arrives_as_its_owner_has_it() {
    use visavis_codec::avatar::{CartoonAvatar, Licence};
    let licence = Licence { spdx: "CC0-1.0".into(), consent: String::new() };
    let model: Vec<u8> = (0..=255).cycle().take(3 * CHUNK_BYTES + 5).collect();
    let latent = visavis_codec::bitstream::plain_latent_model(0);
    let plain = CartoonAvatar::new("Mia".into(), licence, &latent, model).write().unwrap();
    let key = OwnerKey::from_seed(&[2; 32]);
    let signed = Avatar::sign_file(&plain, &key.public().0, |root| key.sign_root(root)).unwrap();
    let file = AvatarFile::new(signed.clone()).unwrap();
    let mut download = AvatarDownload::new(*file.root());
    let progress = fetch(&file, &mut download);
    assert!(progress.is_whole && !progress.has_likeness && download.prefix().is_none());
    let finished = download.finish().unwrap().unwrap();
    assert!(finished.file == signed && finished.owner == Some(key.public()));
    let folder = tempfile::tempdir().unwrap();
    let cache = AvatarCache::open(folder.path(), 1 << 30).unwrap();
    cache.put(file.root(), &signed).unwrap();
    assert_eq!(cache.get(file.root()), Some(signed));
}
