//! The owner's signature in an `.avatar` file.

use ed25519_dalek::{Signature, VerifyingKey};

use super::read::{LENGTH_BYTES, ReadAvatarError, header};
use super::write::WriteAvatarError;
use super::{AnyAvatar, Avatar, Owner};

/// Hexadecimal digits of an ed25519 signature.
const SIGNATURE_DIGITS: usize = 128;

/// What a file says of its owner, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSignature {
    /// It names no owner: it is anybody's.
    None,
    /// The owner with this ed25519 key signed it.
    Valid([u8; 32]),
}

/// Why a file isn't signed by the owner that it names, or can't be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It isn't an avatar.
    #[error(transparent)]
    Read(#[from] ReadAvatarError),
    /// It can't be written with its owner in it.
    #[error(transparent)]
    Write(#[from] WriteAvatarError),
    /// It names an owner who didn't sign it.
    #[error("`owner.public_key` names an owner, but the file is not signed: its owner is to sign it")]
    Unsigned,
    /// It is signed but names no owner.
    #[error("the file is signed, but `owner.public_key` names no owner")]
    NoOwner,
    /// The key isn't one.
    #[error("`owner.public_key` isn't an ed25519 key")]
    Key,
    /// The signature isn't the owner's, or the file was changed since.
    #[error("the signature isn't that of the owner it names, or the file was changed since it was signed")]
    Wrong,
}

impl Avatar {
    /// What the owner signs: the BLAKE3 hash of the file with the 128 digits of `owner.signature` as zeros.
    ///
    /// # Errors
    /// If the header isn't readable, or doesn't hold exactly one signature written as `"signature":"…"`.
    pub fn root_hash(file: &[u8]) -> Result<[u8; 32], ReadAvatarError> {
        let start = signature_start(file)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&file[..start]);
        hasher.update(&[b'0'; SIGNATURE_DIGITS]);
        hasher.update(&file[start + SIGNATURE_DIGITS..]);
        Ok(hasher.finalize().into())
    }

    /// Checks a file's signature against the owner that its manifest names. Tensors aren't looked at.
    ///
    /// # Errors
    /// If it names an owner and that owner's signature isn't in it, or the other way round.
    pub fn verify_signature(file: &[u8]) -> Result<FileSignature, SignatureError> {
        let Owner { public_key, .. } = Self::read_owner(file)?;
        let signature = signature(file, signature_start(file)?);
        let is_signed = signature != [0; 64];
        if public_key.is_empty() {
            return if is_signed { Err(SignatureError::NoOwner) } else { Ok(FileSignature::None) };
        }
        let key = key_of_digits(&public_key).ok_or(SignatureError::Key)?;
        if !is_signed {
            return Err(SignatureError::Unsigned);
        }
        let root = Self::root_hash(file)?;
        let checker = VerifyingKey::from_bytes(&key).map_err(|_| SignatureError::Key)?;
        checker
            .verify_strict(&root, &Signature::from_bytes(&signature))
            .map_err(|_| SignatureError::Wrong)?;
        Ok(FileSignature::Valid(key))
    }

    /// A file, of either form, that names this owner and holds the signature that `sign` makes of its root hash. Whatever owner and signature
    /// were in it are replaced; so is its root, since the owner's key is part of what is hashed. Keys of the metadata that
    /// aren't ours are left out.
    ///
    /// # Errors
    /// If the file isn't an avatar, or the signature is wrong.
    pub fn sign_file(
        file: &[u8],
        public_key: &[u8; 32],
        sign: impl FnOnce(&[u8; 32]) -> [u8; 64],
    ) -> Result<Vec<u8>, SignatureError> {
        let mut avatar = AnyAvatar::read(file)?;
        avatar.manifest_mut().owner = Owner {
            public_key: public_key.iter().map(|byte| format!("{byte:02x}")).collect(),
            signature: "0".repeat(SIGNATURE_DIGITS),
        };
        let mut signed = avatar.write()?;
        let signature = sign(&Self::root_hash(&signed)?);
        Self::put_signature(&mut signed, &signature)?;
        Self::verify_signature(&signed)?;
        Ok(signed)
    }

    /// Takes a file's signature out of it: leaves zeros, so that its BLAKE3 hash is its root. Zeros if there is none.
    ///
    /// # Errors
    /// As [`root_hash`](Self::root_hash).
    pub fn take_signature(file: &mut [u8]) -> Result<[u8; 64], ReadAvatarError> {
        let start = signature_start(file)?;
        let signature = signature(file, start);
        file[start..start + SIGNATURE_DIGITS].fill(b'0');
        Ok(signature)
    }

    /// Puts a signature into a file, as it is: the inverse of [`take_signature`](Self::take_signature).
    ///
    /// # Errors
    /// As [`root_hash`](Self::root_hash).
    pub fn put_signature(file: &mut [u8], signature: &[u8; 64]) -> Result<(), ReadAvatarError> {
        let start = signature_start(file)?;
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0') as u8;
        let digits = file[start..start + SIGNATURE_DIGITS].as_chunks_mut::<2>().0;
        for (digits, byte) in digits.iter_mut().zip(signature) {
            *digits = [digit(byte >> 4), digit(byte & 15)];
        }
        Ok(())
    }
}

/// Where the signature's digits begin in a file; all of them are there, and digits.
fn signature_start(file: &[u8]) -> Result<usize, ReadAvatarError> {
    let text = header(file)?;
    // The manifest is JSON in a JSON string, so its own quotes are escaped once. In a string inside the manifest
    // they would be escaped twice, so nothing but the field itself looks like this.
    let mut places = text.match_indices(r#"\"signature\":\""#).map(|(at, key)| at + key.len());
    let (Some(start), None) = (places.next(), places.next()) else {
        return Err(signature_error("not exactly one `signature` field"));
    };
    let digits = text.get(start..start + SIGNATURE_DIGITS).unwrap_or_default();
    if digits.len() != SIGNATURE_DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(signature_error("the signature isn't 128 hexadecimal digits"));
    }
    Ok(LENGTH_BYTES + start)
}

/// The signature whose digits begin there.
fn signature(file: &[u8], start: usize) -> [u8; 64] {
    let digits = file.get(start..).unwrap_or_default().as_chunks::<2>().0;
    let mut signature = [0; 64];
    for (byte, digits) in signature.iter_mut().zip(digits) {
        *byte = byte_of(digits).unwrap_or(0);
    }
    signature
}

fn key_of_digits(digits: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(pairs) {
        *byte = byte_of(digits)?;
    }
    Some(key)
}

fn byte_of([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
}

fn signature_error(reason: &str) -> ReadAvatarError {
    ReadAvatarError::Header(serde::de::Error::custom(reason))
}
