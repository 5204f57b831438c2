//! The owner's signature in an `.avatar` file.

use ed25519_dalek::{Signer as _, SigningKey};
use visavis_codec::Avatar;
use visavis_codec::avatar::{FileSignature, SignatureError};
use visavis_codec::testing::{Preset, Random, synthetic_avatar};

fn sign(file: &[u8], key: &SigningKey) -> Result<Vec<u8>, SignatureError> {
    Avatar::sign_file(file, &key.verifying_key().to_bytes(), |root| key.sign(root).to_bytes())
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

#[test]
fn a_signed_file_is_its_owners_and_reads_as_before() {
    let unsigned = synthetic_avatar(3, Preset::Tiny).write().unwrap();
    assert_eq!(Avatar::verify_signature(&unsigned).unwrap(), FileSignature::None);
    let signed = sign(&unsigned, &key(1)).unwrap();
    let valid = FileSignature::Valid(key(1).verifying_key().to_bytes());
    assert_eq!(Avatar::verify_signature(&signed).unwrap(), valid);
    let (before, after) = (Avatar::read(&unsigned).unwrap(), Avatar::read(&signed).unwrap());
    assert_eq!(after.mesh, before.mesh);
    assert_eq!(after.manifest.latent, before.manifest.latent);
    assert_ne!(
        Avatar::root_hash(&signed).unwrap(),
        Avatar::root_hash(&unsigned).unwrap(),
        "the key is hashed"
    );
    // The same key signs the same bytes; another one makes it another's.
    assert_eq!(sign(&signed, &key(1)).unwrap(), signed);
    let others = sign(&signed, &key(2)).unwrap();
    assert_eq!(
        Avatar::verify_signature(&others).unwrap(),
        FileSignature::Valid(key(2).verifying_key().to_bytes())
    );
}

#[test]
fn a_signature_is_taken_out_and_put_back() {
    let signed = sign(&synthetic_avatar(3, Preset::Tiny).write().unwrap(), &key(1)).unwrap();
    let mut file = signed.clone();
    let signature = Avatar::take_signature(&mut file).unwrap();
    assert_eq!(*blake3::hash(&file).as_bytes(), Avatar::root_hash(&signed).unwrap());
    assert!(matches!(Avatar::verify_signature(&file), Err(SignatureError::Unsigned)));
    Avatar::put_signature(&mut file, &signature).unwrap();
    assert_eq!(file, signed);
    Avatar::put_signature(&mut file, &[7; 64]).unwrap();
    assert!(matches!(Avatar::verify_signature(&file), Err(SignatureError::Wrong)));
}

#[test]
fn whatever_is_changed_after_signing_is_noticed() {
    let signed = sign(&synthetic_avatar(3, Preset::Tiny).write().unwrap(), &key(1)).unwrap();
    let mut random = Random::new(5);
    for _ in 0..300 {
        let mut changed = signed.clone();
        let at = random.below(changed.len());
        changed[at] ^= 1 << random.below(8);
        let is_upper_case = changed.to_ascii_lowercase() == signed.to_ascii_lowercase();
        assert!(Avatar::verify_signature(&changed).is_err() || is_upper_case, "byte {at}");
    }
    for length in [0, 7, 8, 100, 2000, signed.len() - 1] {
        assert!(Avatar::verify_signature(&signed[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn an_owner_without_a_signature_and_the_reverse_are_refused() {
    let mut avatar = synthetic_avatar(3, Preset::Tiny);
    avatar.manifest.owner.signature = "a5".repeat(64);
    assert!(matches!(Avatar::verify_signature(&avatar.write().unwrap()), Err(SignatureError::NoOwner)));
    avatar.manifest.owner.public_key = "02".repeat(32); // no point of the curve, or a weak one: no signature of it is right
    assert!(Avatar::verify_signature(&avatar.write().unwrap()).is_err());
    // A signature that isn't the key's isn't written.
    let file = synthetic_avatar(3, Preset::Tiny).write().unwrap();
    let result = Avatar::sign_file(&file, &key(1).verifying_key().to_bytes(), |_| [1; 64]);
    assert!(matches!(result, Err(SignatureError::Wrong)));
    assert!(matches!(sign(b"nonsense", &key(1)), Err(SignatureError::Read(_))));
}
