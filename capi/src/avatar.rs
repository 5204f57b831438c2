//! Loaded people.

use std::ffi::c_char;
use std::sync::Arc;

use visavis::Person;
use visavis::codec::Avatar;
use visavis::codec::avatar::Semantic;
use visavis::codec::expression::{FaceRange, NotReadable};

use crate::engine::{VISAVIS_NAME_BYTES, VisavisEngine, name};
use crate::pointer::{self, Sized32, check_size};
use crate::status::{Failure, VISAVIS_ERROR_AVATAR, VisavisStatus, call};

/// An avatar whose weights are on an engine's device, once for all of its instances.
pub struct VisavisAvatar {
    pub(crate) person: Arc<LoadedPerson>,
}

/// What instances share.
pub(crate) struct LoadedPerson {
    pub(crate) person: Person,
    pub(crate) range: Result<FaceRange, NotReadable>,
    info: VisavisAvatarInfo,
}

/// What an avatar is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisAvatarInfo {
    /// sizeof(VisavisAvatarInfo); set by the caller.
    pub struct_size: u32,
    /// How many components of a latent's residual it uses.
    pub residual: u32,
    /// 1 if face units and gaze mean to it what their names say, so that trackers can drive it and profiles tune it;
    /// else 0.
    pub has_face_units: u32,
    /// Vertices of its mesh.
    pub vertices: u32,
    /// Triangles of its mesh.
    pub triangles: u32,
    /// The person's name: UTF-8, cut off where it is too long, ending in a zero.
    pub name: [c_char; VISAVIS_NAME_BYTES],
    /// Under which terms it may be used: an SPDX expression, cut off where it is too long, ending in a zero.
    pub licence: [c_char; VISAVIS_NAME_BYTES],
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisAvatarInfo {
    const NAME: &'static str = "VisavisAvatarInfo";
}

impl LoadedPerson {
    fn new(engine: &VisavisEngine, bytes: &[u8]) -> Result<Self, Failure> {
        let avatar = Avatar::read(bytes).map_err(|error| Failure::new(VISAVIS_ERROR_AVATAR, error))?;
        // The engine is only held while weights go to the device: frames go on while an avatar is read.
        let visavis = engine.lock().headless.engine().clone();
        let person = visavis.load(&avatar)?;
        let manifest = &avatar.manifest;
        let info = VisavisAvatarInfo {
            struct_size: size_of::<VisavisAvatarInfo>() as u32,
            residual: avatar.residual() as u32,
            has_face_units: u32::from(manifest.latent.semantic == Semantic::FaceUnits),
            vertices: avatar.mesh.mean.len() as u32,
            triangles: avatar.mesh.triangles.len() as u32,
            name: name(&manifest.name),
            licence: name(&manifest.licence.spdx),
        };
        Ok(Self { person, range: FaceRange::of_avatar(&avatar), info })
    }
}

/// Loads an `.avatar` file from memory: checks it, puts its weights on the engine's device. `bytes` are copied. `*avatar`
/// is null if it fails.
///
/// Threads: any; drawing on other threads goes on meanwhile.
///
/// # Safety
/// `engine` is null or a live handle; `bytes` is null or points to `size` bytes; `avatar` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_avatar_load(
    engine: *const VisavisEngine,
    bytes: *const u8,
    size: usize,
    avatar: *mut *mut VisavisAvatar,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::put(avatar, std::ptr::null_mut(), "avatar")? };
        // SAFETY: the caller's promise.
        let engine = unsafe { pointer::get(engine, "engine")? };
        pointer::check(bytes, "bytes")?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { pointer::slice(bytes, size, "bytes")? };
        let person = Arc::new(LoadedPerson::new(engine, bytes)?);
        let made = Box::into_raw(Box::new(VisavisAvatar { person }));
        // SAFETY: it could be written before.
        unsafe { pointer::put(avatar, made, "avatar") }
    })
}

/// Says what an avatar is.
///
/// Threads: any.
///
/// # Safety
/// `avatar` is null or a live handle; `info` is null or points to a structure of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_avatar_info(
    avatar: *const VisavisAvatar,
    info: *mut VisavisAvatarInfo,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let avatar = unsafe { pointer::get(avatar, "avatar")? };
        // SAFETY: the caller's promise.
        unsafe { check_size(info, "info")? };
        // SAFETY: a structure of this size is there.
        unsafe { pointer::put(info, avatar.person.info, "info") }
    })
}

/// Destroys an avatar; null is nothing. Its weights are freed with the last of its instances.
///
/// Threads: any, as the last call on this handle.
///
/// # Safety
/// `avatar` is null or came from visavis_avatar_load, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_avatar_destroy(avatar: *mut VisavisAvatar) {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::destroy(avatar) };
        Ok(())
    });
}
