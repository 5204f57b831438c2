//! A drawn person's file: the same container, manifest, owner and signature as a captured one's, around a glTF model.

use safetensors::{Dtype, SafeTensors};

use super::layout::Spec;
use super::read::{LENGTH_BYTES, MAX_FILE_BYTES, MAX_HEADER_BYTES, ReadAvatarError, checked_header};
use super::tensors::Tensors;
use super::validate::InvalidAvatar;
use super::write::{WriteAvatarError, header_of};
use super::{Avatar, AvatarForm, LatentModel, Licence, Manifest, Owner, Skeleton};
use crate::latent::{GAZE, UNITS};

/// The most bytes of a cartoon's model.
pub const MAX_CARTOON_BYTES: usize = 32 << 20;
/// The tensor that holds it.
pub(super) const MODEL: &str = "cartoon.glb";
/// Fewer bytes hold no GLB.
const LEAST_BYTES: usize = 20;

/// A drawn person: a manifest whose form is [`AvatarForm::Cartoon`], and a model in glTF's binary form (`.glb`, `.vrm`) that
/// 52 face units and gaze move. Whoever draws it reads the model, and judges it: here it is bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct CartoonAvatar {
    /// Who this is, and under which terms. Without parts, joints and captured light, which the model has itself.
    pub manifest: Manifest,
    /// The model: at most [`MAX_CARTOON_BYTES`].
    pub model: Vec<u8>,
}

impl CartoonAvatar {
    /// A cartoon that is nobody's yet. Faces for it are coded as `latent` says, without a residual, which means something to
    /// captured people alone.
    pub fn new(name: String, licence: Licence, latent: &LatentModel, model: Vec<u8>) -> Self {
        let mut axes = latent.axes.clone();
        axes.truncate(UNITS + GAZE);
        let manifest = Manifest {
            version: Manifest::VERSION,
            name,
            form: AvatarForm::Cartoon,
            licence,
            owner: Owner { public_key: String::new(), signature: "0".repeat(128) },
            parts: Vec::new(),
            skeleton: Skeleton { joints: Vec::new() },
            latent: LatentModel { axes, residual: 0, ..latent.clone() },
            capture_light: None,
        };
        Self { manifest, model }
    }

    /// Reads a cartoon's `.avatar` file.
    ///
    /// # Errors
    /// If the bytes aren't a file of this version whose form is a cartoon's. The model isn't looked into.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadAvatarError> {
        let text = checked_header(bytes)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(ReadAvatarError::Container)?;
        let tensors = Tensors { metadata, data: &bytes[LENGTH_BYTES + text.len()..] };
        let (manifest, [start, end]) = tensors.open_cartoon()?;
        let too_short = ReadAvatarError::TooShort { found: tensors.data.len(), needed: end };
        let model = tensors.data.get(start..end).ok_or(too_short)?.to_vec();
        Ok(Self { manifest, model })
    }

    /// The bytes of its file: the same for equal cartoons.
    ///
    /// # Errors
    /// If no reader would accept it.
    pub fn write(&self) -> Result<Vec<u8>, WriteAvatarError> {
        self.manifest.check_cartoon()?;
        check_model(self.model.len())?;
        let manifest = serde_json::to_string(&self.manifest).map_err(WriteAvatarError::Manifest)?;
        let spec = Spec { name: MODEL.to_owned(), dtype: Dtype::U8, shape: vec![self.model.len()] };
        let mut file = header_of(&manifest, &[spec])?;
        let header = file.len() - LENGTH_BYTES;
        for (what, found, allowed) in
            [("header", header, MAX_HEADER_BYTES), ("file", file.len() + self.model.len(), MAX_FILE_BYTES)]
        {
            if found > allowed {
                return Err(WriteAvatarError::TooLarge { what, found, allowed });
            }
        }
        file.extend_from_slice(&self.model);
        Ok(file)
    }
}

/// Whether a model has as many bytes as one may have.
pub(super) fn check_model(bytes: usize) -> Result<(), InvalidAvatar> {
    match (LEAST_BYTES..=MAX_CARTOON_BYTES).contains(&bytes) {
        true => Ok(()),
        false => {
            let allowed = format!("{LEAST_BYTES} to {MAX_CARTOON_BYTES} bytes");
            Err(InvalidAvatar::limit(MODEL, bytes, allowed))
        }
    }
}

/// A person in whichever form their owner chose.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyAvatar {
    /// Captured.
    Photoreal(Box<Avatar>),
    /// Drawn.
    Cartoon(CartoonAvatar),
}

impl AnyAvatar {
    /// Reads an `.avatar` file of either form.
    ///
    /// # Errors
    /// As [`Avatar::read`] and [`CartoonAvatar::read`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReadAvatarError> {
        match Avatar::read(bytes) {
            Ok(avatar) => Ok(Self::Photoreal(Box::new(avatar))),
            Err(ReadAvatarError::Form { found: AvatarForm::Cartoon }) => {
                CartoonAvatar::read(bytes).map(Self::Cartoon)
            }
            Err(error) => Err(error),
        }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// As [`Avatar::write`] and [`CartoonAvatar::write`].
    pub fn write(&self) -> Result<Vec<u8>, WriteAvatarError> {
        match self {
            Self::Photoreal(avatar) => avatar.write(),
            Self::Cartoon(cartoon) => cartoon.write(),
        }
    }

    /// Who this is, and under which terms.
    pub fn manifest(&self) -> &Manifest {
        match self {
            Self::Photoreal(avatar) => &avatar.manifest,
            Self::Cartoon(cartoon) => &cartoon.manifest,
        }
    }

    /// The manifest, to change.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        match self {
            Self::Photoreal(avatar) => &mut avatar.manifest,
            Self::Cartoon(cartoon) => &mut cartoon.manifest,
        }
    }
}
