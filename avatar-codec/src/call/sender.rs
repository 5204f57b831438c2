//! What a recorded call says of a sender.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::avatar::LatentModel;
use crate::bitstream::{Quantiser, QuantiserError};
use crate::quoted::quoted;

use super::audio::AudioFormat;

/// The longest name of a sender or an avatar, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The JSON schema of a join statement.
pub(super) const JOIN_SCHEMA: &str = r#"{
  "title": "visavis.JoinStatement",
  "description": "What a sender said when it joined, and its proof. Bytes are lower-case hexadecimal; empty: not given.",
  "type": "object",
  "properties": {
    "statement": {"type": "string"},
    "public_key": {"type": "string"},
    "signature": {"type": "string"}
  },
  "required": ["statement", "public_key", "signature"]
}"#;

/// Someone whose face and voice a call holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// Its name in the call, 1..=64 letters, digits, `-`, `_` and `.`: its channels are `/NAME/face` and so on.
    pub name: String,
    /// Its avatar's name, at most 64 bytes.
    pub avatar_name: String,
    /// The BLAKE3 root of its avatar's file; `None` if the call was recorded without knowing the file.
    pub avatar_root: Option<[u8; 32]>,
    /// What its latents mean: with this they can be read without the avatar's file.
    pub latent: LatentModel,
    /// How its sound is stored.
    pub audio: AudioFormat,
}

/// An avatar is not the one that a sender's latents are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvatarMismatch {
    /// Another file.
    #[error("the call was recorded with another avatar file: its BLAKE3 root differs")]
    Root,
    /// The latents mean something else.
    #[error("the call's latents are for another latent model than the avatar's")]
    LatentModel,
}

impl Sender {
    /// A sender with sound in the usual format, and an avatar whose file is not known.
    pub fn new(name: &str, avatar_name: &str, latent: LatentModel) -> Self {
        Self {
            name: name.to_owned(),
            avatar_name: avatar_name.to_owned(),
            avatar_root: None,
            latent,
            audio: AudioFormat::default(),
        }
    }

    /// Whether this sender's latents can be shown on the avatar with this root and latent model: the model must be the
    /// same; the root must be, where the call knows it.
    ///
    /// # Errors
    /// If the avatar is another one, or its latent model is; the error says which.
    pub fn check_avatar(&self, root: &[u8; 32], latent: &LatentModel) -> Result<(), AvatarMismatch> {
        if self.avatar_root.is_some_and(|own| own != *root) {
            return Err(AvatarMismatch::Root);
        }
        if self.latent != *latent {
            return Err(AvatarMismatch::LatentModel);
        }
        Ok(())
    }

    /// Why the names can't stand in a file, if they can't.
    pub(super) fn name_problem(&self) -> Option<&'static str> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES || !self.name.chars().all(is_plain) {
            return Some("a sender's name is 1 to 64 letters, digits, '-', '_' and '.'");
        }
        (self.avatar_name.len() > MAX_NAME_BYTES).then_some("an avatar's name is at most 64 bytes long")
    }

    pub(super) fn quantiser(&self) -> Result<Quantiser, QuantiserError> {
        Quantiser::new(&self.latent)
    }

    /// The sender's metadata record.
    pub(super) fn to_metadata(&self) -> Result<BTreeMap<String, String>, serde_json::Error> {
        let Self { name, avatar_name, avatar_root, latent, audio } = self;
        let root = avatar_root.as_ref().map(|root| hex(root)).unwrap_or_default();
        let mut metadata = BTreeMap::from([
            ("name".to_owned(), name.clone()),
            ("avatar_name".to_owned(), avatar_name.clone()),
            ("avatar_root".to_owned(), root),
            ("latent_model".to_owned(), serde_json::to_string(latent)?),
        ]);
        metadata.extend(audio.to_metadata());
        Ok(metadata)
    }

    /// The inverse of [`to_metadata`](Self::to_metadata); the error names the field and what is wrong with it.
    pub(super) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, (&'static str, String)> {
        let field = |key: &'static str| metadata.get(key).ok_or((key, "missing".to_owned()));
        let root = field("avatar_root")?;
        let avatar_root = match root.as_str() {
            "" => None,
            digits => {
                Some(bytes_of_hex(digits).ok_or(("avatar_root", "not 64 hexadecimal digits".to_owned()))?)
            }
        };
        let latent =
            serde_json::from_str(field("latent_model")?).map_err(|error| ("latent_model", quoted(&error)))?;
        let sender = Self {
            name: field("name")?.clone(),
            avatar_name: field("avatar_name")?.clone(),
            avatar_root,
            latent,
            audio: AudioFormat::from_metadata(metadata)?,
        };
        if let Some(problem) = sender.name_problem() {
            return Err(("name", problem.to_owned()));
        }
        sender.quantiser().map_err(|error| ("latent_model", error.to_string()))?;
        Ok(sender)
    }
}

/// What a sender said when it joined, and its proof. Every field may be empty; bytes are lower-case hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinStatement {
    /// The statement, as it was signed.
    #[serde(default)]
    pub statement: String,
    /// The sender's ed25519 public key.
    #[serde(default)]
    pub public_key: String,
    /// The signature over the statement.
    #[serde(default)]
    pub signature: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}
