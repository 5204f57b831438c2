//! Taking a key back: the key's own last word.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use super::bytes::{Fields, Malformed};
use super::key::{OwnerKey, PublicKey, WrongSignature};
use super::statement::UnixSeconds;
use crate::hex::{Hex, bytes_of_hex};

const MAGIC: &[u8; 16] = b"visavis revoke 1";
/// What a revocation's file begins with.
const FILE_MAGIC: &str = "visavis-revocation-1 ";
/// The most revocations that are kept.
const MAX_REVOCATIONS: usize = 65_536;

/// A key's statement that it is no longer to be believed: lost, stolen or given up. Whoever has a key can revoke it, and
/// anybody may pass that on. There is no way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The key that is taken back, and that signs this.
    pub key: PublicKey,
    /// When, by its owner's wall clock. It tells people; no key is believed because of an earlier date, since a thief can
    /// write any date.
    pub at: UnixSeconds,
    /// The key that its owner has now, where told. It tells people; no program believes it, since a thief can revoke too.
    pub successor: Option<PublicKey>,
}

/// Why bytes are no revocation, or can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// They don't have a revocation's form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The key that is to be revoked didn't sign it.
    #[error("revocation: {0}")]
    Signature(#[from] WrongSignature),
    /// The file can't be read.
    #[error("the revocation can't be read: {0}")]
    Io(#[from] std::io::Error),
}

impl Revocation {
    /// Signed, these many bytes.
    pub const BYTES: usize = 16 + 32 + 8 + 32 + 64;

    fn to_bytes(&self) -> Vec<u8> {
        let Self { key, at, successor } = self;
        let successor = successor.map_or([0; 32], |key| key.0);
        [MAGIC.as_slice(), &key.0, &at.0.to_le_bytes(), &successor].concat()
    }

    /// Revokes a key.
    pub fn sign(key: &OwnerKey, at: UnixSeconds, successor: Option<PublicKey>) -> Vec<u8> {
        let mut bytes = Self { key: key.public(), at, successor }.to_bytes();
        let signature = key.sign(&bytes);
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Reads a revocation and checks that the key that it takes back signed it.
    ///
    /// # Errors
    /// If it isn't one, or another key signed it.
    pub fn verify(signed: &[u8]) -> Result<Self, RevocationError> {
        let mut fields = Fields::new("revocation", signed);
        fields.magic(MAGIC)?;
        let (key, at) = (PublicKey(fields.array()?), UnixSeconds(fields.u64()?));
        let successor: [u8; 32] = fields.array()?;
        let signature = fields.array()?;
        fields.end()?;
        key.verify(&signed[..Self::BYTES - 64], &signature)?;
        Ok(Self { key, at, successor: (successor != [0; 32]).then_some(PublicKey(successor)) })
    }

    /// The text of a revocation's file.
    pub fn to_text(signed: &[u8]) -> String {
        format!("{FILE_MAGIC}{}\n", Hex(signed))
    }

    /// The inverse of [`to_text`](Self::to_text): the signed bytes, checked.
    ///
    /// # Errors
    /// If it isn't a revocation's text.
    pub fn from_text(text: &str) -> Result<Vec<u8>, RevocationError> {
        let malformed = Malformed { what: "revocation", problem: "not the text of one" };
        let digits = text.trim_end().strip_prefix(FILE_MAGIC).ok_or(malformed)?;
        let signed: [u8; Self::BYTES] = bytes_of_hex(digits).ok_or(malformed)?;
        Self::verify(&signed)?;
        Ok(signed.to_vec())
    }
}

/// Keys that aren't believed any more.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    by_key: HashMap<PublicKey, (Revocation, Vec<u8>)>,
}

impl Revocations {
    /// Adds a revocation. True: it is news. The earliest date of a key is kept; beyond 65,536 keys nothing is.
    ///
    /// # Errors
    /// If it isn't one.
    pub fn add(&mut self, signed: &[u8]) -> Result<bool, RevocationError> {
        let revocation = Revocation::verify(signed)?;
        let is_news = match self.by_key.get(&revocation.key) {
            Some((known, _)) => revocation.at < known.at,
            None => self.by_key.len() < MAX_REVOCATIONS,
        };
        if is_news {
            self.by_key.insert(revocation.key, (revocation, signed.to_vec()));
        }
        Ok(is_news)
    }

    /// A key's revocation.
    pub fn get(&self, key: &PublicKey) -> Option<&Revocation> {
        self.by_key.get(key).map(|(revocation, _)| revocation)
    }

    /// A key's revocation as it is passed on: signed.
    pub fn signed(&self, key: &PublicKey) -> Option<&[u8]> {
        self.by_key.get(key).map(|(_, signed)| signed.as_slice())
    }

    /// Every revoked key.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.by_key.keys()
    }

    /// Adds every file `*.revocation` of a folder; a folder that isn't there has none.
    ///
    /// # Errors
    /// If the folder or a file can't be read, or a file isn't a revocation: nobody is to be believed because a list was
    /// damaged.
    pub fn load(&mut self, folder: &Path) -> Result<(), RevocationError> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "revocation") {
                let mut text = String::new();
                std::fs::File::open(&path)?.take(4096).read_to_string(&mut text)?;
                self.add(&Revocation::from_text(&text)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_revoked_by_itself_alone() {
        let key = OwnerKey::from_seed(&[1; 32]);
        let next = OwnerKey::from_seed(&[2; 32]).public();
        let signed = Revocation::sign(&key, UnixSeconds(100), Some(next));
        assert_eq!(signed.len(), Revocation::BYTES);
        let revocation = Revocation::verify(&signed).unwrap();
        assert_eq!((revocation.key, revocation.successor), (key.public(), Some(next)));
        assert_eq!(
            Revocation::verify(&Revocation::sign(&key, UnixSeconds(1), None)).unwrap().successor,
            None
        );

        let mut forged = Revocation { key: next, ..revocation }.to_bytes();
        forged.extend(key.sign(&forged.clone()));
        assert!(matches!(Revocation::verify(&forged), Err(RevocationError::Signature(_))));
        for bit in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Revocation::verify(&changed).is_err(), "bit {bit}");
        }
        for length in 0..signed.len() {
            assert!(Revocation::verify(&signed[..length]).is_err());
        }
    }

    #[test]
    fn revocations_are_read_from_a_folder_and_a_damaged_one_is_no_excuse() {
        let folder = tempfile::tempdir().unwrap();
        let key = OwnerKey::from_seed(&[1; 32]);
        let mut revocations = Revocations::default();
        revocations.load(&folder.path().join("none")).unwrap();
        let path = folder.path().join("a.revocation");
        let signed = Revocation::sign(&key, UnixSeconds(100), None);
        std::fs::write(&path, Revocation::to_text(&signed)).unwrap();
        std::fs::write(folder.path().join("b.txt"), "something else").unwrap();
        revocations.load(folder.path()).unwrap();
        assert_eq!(revocations.get(&key.public()).unwrap().at, UnixSeconds(100));
        assert_eq!(revocations.signed(&key.public()), Some(signed.as_slice()));
        assert_eq!(revocations.keys().count(), 1);
        assert!(!revocations.add(&signed).unwrap(), "known");
        assert!(!revocations.add(&Revocation::sign(&key, UnixSeconds(101), None)).unwrap(), "later");
        assert!(revocations.add(&Revocation::sign(&key, UnixSeconds(99), None)).unwrap());
        std::fs::write(&path, "visavis-revocation-1 00").unwrap();
        assert!(Revocations::default().load(folder.path()).is_err());
    }
}
