//! People with a face, at a place.

use std::ffi::{CStr, c_char};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use visavis::Instance;
use visavis::codec::expression::{Profile, Tuner};
use visavis::codec::glam::{Affine3A, Quat, Vec3};
use visavis::codec::latent::{GAZE, MAX_RESIDUAL, UNITS};
use visavis::codec::{FaceFrame, FaceUnit, Gaze, HeadPose, Latent, Timestamp};

use crate::avatar::{LoadedPerson, VisavisAvatar};
use crate::pointer::{self, Sized32};
use crate::status::{Failure, VISAVIS_ERROR_POSE, VISAVIS_ERROR_PROFILE, VisavisStatus, call};

/// How many face units a latent has: ARKit's 52 blend shapes, in ARKit's order.
pub const VISAVIS_FACE_UNITS: usize = 52;
/// How many gaze angles a latent has.
pub const VISAVIS_GAZE_ANGLES: usize = 4;
/// The most components of a residual.
pub const VISAVIS_MAX_RESIDUAL: usize = 32;

// The header's numbers are the codec's.
const _: () = assert!(
    VISAVIS_FACE_UNITS == UNITS && VISAVIS_GAZE_ANGLES == GAZE && VISAVIS_MAX_RESIDUAL == MAX_RESIDUAL
);

/// A face at one instant. All zero but struct_size is the person's neutral face.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisLatent {
    /// sizeof(VisavisLatent).
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// When it was, nanoseconds on the sender's clock; only differences mean something, to a profile's attack and
    /// release.
    pub time_ns: u64,
    /// Weights of the face units, nominally 0..1 each; visavis_face_unit() knows their numbers.
    pub units: [f32; VISAVIS_FACE_UNITS],
    /// Left yaw, left pitch, right yaw, right pitch, radians, relative to the head: yaw positive to the person's left,
    /// pitch positive upwards.
    pub gaze: [f32; VISAVIS_GAZE_ANGLES],
    /// What units and gaze can't say about this person, about unit variance each; zero from plain trackers. Components
    /// beyond the avatar's own count are ignored.
    pub residual: [f32; VISAVIS_MAX_RESIDUAL],
}

/// A rotation, and then a translation. Right-handed, +Y up.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisTransform {
    /// sizeof(VisavisTransform).
    pub struct_size: u32,
    /// x, y, z, w of a unit quaternion.
    pub rotation: [f32; 4],
    /// Metres.
    pub translation: [f32; 3],
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisLatent {
    const NAME: &'static str = "VisavisLatent";
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisTransform {
    const NAME: &'static str = "VisavisTransform";
}

/// An avatar with a face, at a place.
pub struct VisavisInstance {
    person: Arc<LoadedPerson>,
    state: Mutex<State>,
}

/// What the lock of an instance guards.
struct State {
    instance: Instance,
    /// The face as it was set, before the profile.
    frame: FaceFrame,
    tuner: Option<Tuner>,
}

impl State {
    /// Shows `frame`, tuned.
    fn show(&mut self, frame: FaceFrame) -> Result<(), Failure> {
        let shown = match &mut self.tuner {
            Some(tuner) => tuner.apply_frame(&frame),
            None => frame,
        };
        self.instance.set_frame(&shown).map_err(|error| Failure::new(VISAVIS_ERROR_POSE, error))?;
        self.frame = frame;
        Ok(())
    }
}

impl VisavisInstance {
    /// It as it is now, for a frame.
    pub(crate) fn snapshot(&self) -> Instance {
        self.lock().instance.clone()
    }

    /// Changes it.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Instance) -> R) -> R {
        change(&mut self.lock().instance)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VisavisTransform {
    fn pose(&self, name: &str) -> Result<HeadPose, Failure> {
        let Self { struct_size: _, rotation, translation } = *self;
        let pose =
            HeadPose { rotation: Quat::from_array(rotation), translation: Vec3::from_array(translation) };
        if pose.is_valid() {
            return Ok(pose);
        }
        let text =
            format!("`{name}`: {rotation:?}, {translation:?} is no unit quaternion and finite translation");
        Err(Failure::new(VISAVIS_ERROR_POSE, text))
    }
}

/// One more of a person: neutral, at the world's origin. `*instance` is null if it fails.
///
/// Threads: any.
///
/// # Safety
/// `avatar` is null or a live handle; `instance` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_create(
    avatar: *const VisavisAvatar,
    instance: *mut *mut VisavisInstance,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::put(instance, std::ptr::null_mut(), "instance")? };
        // SAFETY: the caller's promise.
        let person = unsafe { pointer::get(avatar, "avatar")? }.person.clone();
        let state = State { instance: person.person.instance(), frame: FaceFrame::default(), tuner: None };
        let made = Box::into_raw(Box::new(VisavisInstance { person, state: Mutex::new(state) }));
        // SAFETY: it could be written before.
        unsafe { pointer::put(instance, made, "instance") }
    })
}

/// Destroys an instance; null is nothing.
///
/// Threads: any, as the last call on this handle.
///
/// # Safety
/// `instance` is null or came from visavis_instance_create, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_destroy(instance: *mut VisavisInstance) {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::destroy(instance) };
        Ok(())
    });
}

/// The face that is drawn from now on. Refused, and the face stays, if a number is NaN or infinite.
///
/// Threads: any; waits for other calls on this instance, and a draw takes the face before or after, never a part of it.
///
/// # Safety
/// `instance` is null or a live handle; `latent` is null or points to a structure of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_set_latent(
    instance: *const VisavisInstance,
    latent: *const VisavisLatent,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let instance = unsafe { pointer::get(instance, "instance")? };
        // SAFETY: the caller's promise.
        let VisavisLatent { struct_size: _, reserved, time_ns, units, gaze, residual } =
            unsafe { pointer::read(latent, "latent")? };
        if reserved != 0 {
            return Err(Failure::argument(format!("`latent.reserved` is {reserved}, not zero")));
        }
        let latent = Latent { units, gaze: Gaze::from_array(gaze), residual };
        let mut state = instance.lock();
        let frame = FaceFrame { time: Timestamp(time_ns), latent, ..state.frame };
        state.show(frame)
    })
}

/// Where the head is against where the person rests: its rotation turns neck and head, its translation moves the whole
/// person; the torso stays upright. At rest until then.
///
/// Threads: as visavis_instance_set_latent.
///
/// # Safety
/// `instance` is null or a live handle; `rest_from_head` is null or points to a structure of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_set_head(
    instance: *const VisavisInstance,
    rest_from_head: *const VisavisTransform,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let instance = unsafe { pointer::get(instance, "instance")? };
        // SAFETY: the caller's promise.
        let head = unsafe { pointer::read(rest_from_head, "rest_from_head")? }.pose("rest_from_head")?;
        let mut state = instance.lock();
        let frame = FaceFrame { head, ..state.frame };
        state.show(frame)
    })
}

/// Where the person's rest frame is in the world: its origin midway between the eyes, +X to the person's right, +Y up,
/// the face looks along −Z. The world's origin until then.
///
/// Threads: as visavis_instance_set_latent.
///
/// # Safety
/// `instance` is null or a live handle; `world_from_rest` is null or points to a structure of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_set_pose(
    instance: *const VisavisInstance,
    world_from_rest: *const VisavisTransform,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let instance = unsafe { pointer::get(instance, "instance")? };
        // SAFETY: the caller's promise.
        let HeadPose { rotation, translation } =
            unsafe { pointer::read(world_from_rest, "world_from_rest")? }.pose("world_from_rest")?;
        let world_from_rest = Affine3A::from_rotation_translation(rotation.normalize(), translation);
        let set = instance.lock().instance.set_pose(world_from_rest);
        set.map_err(|error| Failure::new(VISAVIS_ERROR_POSE, error))
    })
}

/// How much of each face is shown from now on: a profile as `visavis calibrate` writes it (TOML, `size` bytes of UTF-8, no
/// final zero needed). With null, faces are shown as they are, which is the default. It is the person's own profile: what
/// an owner allows to viewers is for the host to keep.
///
/// Threads: as visavis_instance_set_latent.
///
/// # Safety
/// `instance` is null or a live handle; `toml` is null or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_set_profile(
    instance: *const VisavisInstance,
    toml: *const c_char,
    size: usize,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let instance = unsafe { pointer::get(instance, "instance")? };
        let tuner = if toml.is_null() {
            None
        } else {
            // SAFETY: the caller's promise.
            let text = unsafe { pointer::slice(toml.cast::<u8>(), size, "toml")? };
            let refused = |error: &dyn std::fmt::Display| Failure::new(VISAVIS_ERROR_PROFILE, error);
            let profile = Profile::parse(text).map_err(|error| refused(&error))?;
            let range = instance.person.range.as_ref().map_err(|error| refused(error))?;
            Some(Tuner::new(&profile, range))
        };
        let mut state = instance.lock();
        state.tuner = tuner;
        let frame = state.frame;
        state.show(frame)
    })
}

/// The number of a face unit by ARKit's name, as "mouthSmileLeft", or −1 if there is none of that name. "Left" is the
/// person's left.
///
/// Threads: any.
///
/// # Safety
/// `name` is null or points to a string that ends in a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_face_unit(name: *const c_char) -> i32 {
    if name.is_null() {
        return -1;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().ok().and_then(FaceUnit::from_name).map_or(-1, |unit| unit as i32)
}
