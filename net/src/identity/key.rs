//! ed25519 keys (RFC 8032): an owner's, for years, and a join's, for a call.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::hex::{Hex, bytes_of_hex};
use crate::seal::random;

/// A public key: 32 bytes, 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// A signature isn't this key's over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature isn't this key's, or what it signed was changed")]
pub struct WrongSignature;

impl PublicKey {
    /// Checks a signature, strictly: no weak key, one form of each signature.
    ///
    /// # Errors
    /// If it isn't this key's over these bytes.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), WrongSignature> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| WrongSignature)?;
        key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| WrongSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyFileError;

    fn from_str(digits: &str) -> Result<Self, KeyFileError> {
        bytes_of_hex(digits).map(Self).ok_or(KeyFileError::NotAKey)
    }
}

/// The key of an avatar's owner. Zeroed when dropped, never shown.
#[derive(Clone)]
pub struct OwnerKey(SigningKey);

/// What a key file begins with.
const KEY_FILE_MAGIC: &str = "visavis-owner-key-1 ";
/// More than a key file has.
const MAX_KEY_FILE_BYTES: u64 = 256;

/// Why a key can't be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file isn't there, or can't be read or written.
    #[error("the key file can't be used: {0}")]
    Io(#[from] std::io::Error),
    /// A file is there already.
    #[error("a file is there already: a key is never overwritten; move it away or name another")]
    Exists,
    /// Others than its owner may read the file.
    #[error("others may read the key file (mode {0:o}): it may have been copied; `chmod 600` it")]
    Open(u32),
    /// Not a key.
    #[error("not an owner's key")]
    NotAKey,
}

impl OwnerKey {
    /// A new one.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&Zeroizing::new(random())))
    }

    /// From its 32 secret bytes (RFC 8032's seed).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The half that others may see.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs the BLAKE3 root of an `.avatar` file (`visavis_codec::avatar::signed`). No other 32 bytes are ever signed with
    /// this key: every statement is longer and begins with its kind.
    pub fn sign_root(&self, root: &[u8; 32]) -> [u8; 64] {
        self.0.sign(root).to_bytes()
    }

    /// Signs a statement of this crate, which begins with its kind.
    pub(super) fn sign(&self, statement: &[u8]) -> [u8; 64] {
        debug_assert!(statement.len() > 32);
        self.0.sign(statement).to_bytes()
    }

    /// Keeps the key in a new file that only its owner may read.
    ///
    /// # Errors
    /// If there is a file of this name, or it can't be written.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => KeyFileError::Exists,
            _ => error.into(),
        })?;
        let mut seed = self.0.to_bytes();
        let text = Zeroizing::new(format!("{KEY_FILE_MAGIC}{}\n", Hex(&seed)));
        seed.zeroize();
        file.write_all(text.as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// Reads a key that [`save`](Self::save) kept.
    ///
    /// # Errors
    /// If the file can't be read, isn't a key, or others may read it.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let file = std::fs::File::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = file.metadata()?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyFileError::Open(mode));
            }
        }
        // Room for all of it from the start: a vector that grows would leave copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE_BYTES as usize + 1));
        file.take(MAX_KEY_FILE_BYTES).read_to_end(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| KeyFileError::NotAKey)?;
        let digits = text.trim_end().strip_prefix(KEY_FILE_MAGIC).ok_or(KeyFileError::NotAKey)?;
        let seed = Zeroizing::new(bytes_of_hex(digits).ok_or(KeyFileError::NotAKey)?);
        Ok(Self::from_seed(&seed))
    }
}

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerKey({})", self.public())
    }
}

/// The key of one join: made when joining, gone when leaving. It can't be copied or kept.
pub struct EphemeralKey(SigningKey);

impl EphemeralKey {
    /// A new one.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&Zeroizing::new(random())))
    }

    /// The half that the join statement names.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EphemeralKey({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wren.key");
        let key = OwnerKey::generate();
        key.save(&path).unwrap();
        assert_eq!(OwnerKey::load(&path).unwrap().public(), key.public());
        assert!(matches!(key.save(&path), Err(KeyFileError::Exists)), "a key is never overwritten");
        let shown = format!("{key:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!shown.contains(text.trim_end().rsplit(' ').next().unwrap()), "{shown}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(OwnerKey::load(&path), Err(KeyFileError::Open(0o640))));
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        for wrong in ["", "visavis-owner-key-1 ab", "visavis-owner-key-2 00", "\u{fffd}", &"0".repeat(9999)] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(OwnerKey::load(&path), Err(KeyFileError::NotAKey)), "{wrong}");
        }
        assert!(matches!(OwnerKey::load(&folder.path().join("none")), Err(KeyFileError::Io(_))));
    }

    #[test]
    fn signatures_are_checked_strictly() {
        let key = OwnerKey::from_seed(&[1; 32]);
        let signature = key.sign_root(&[2; 32]);
        assert_eq!(key.public().verify(&[2; 32], &signature), Ok(()));
        assert_eq!(key.public().verify(&[3; 32], &signature), Err(WrongSignature));
        assert_eq!(OwnerKey::from_seed(&[4; 32]).public().verify(&[2; 32], &signature), Err(WrongSignature));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.public().verify(&[2; 32], &changed), Err(WrongSignature), "bit {bit}");
        }
        // A key of small order would accept signatures that nobody made.
        let mut weak = [0; 32];
        weak[0] = 1;
        let mut anything = [0; 64];
        anything[0] = 1;
        assert_eq!(PublicKey(weak).verify(b"anything", &anything), Err(WrongSignature));
    }

    #[test]
    fn public_keys_are_written_as_digits() {
        let key = OwnerKey::from_seed(&[1; 32]).public();
        assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        assert!("12".parse::<PublicKey>().is_err());
    }
}
