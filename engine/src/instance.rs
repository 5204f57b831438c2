//! A person at a place, with a face.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glam::Affine3A;
use visavis_codec::FaceFrame;
use visavis_codec::light::Light;

use crate::crowd::{BoundsScratch, Box3};
use crate::detail::{Detail, DetailState, Level};
use crate::error::PoseError;
use crate::person::{Person, PersonInner};

/// A person at a place, with a face. Weights are the [`Person`]'s.
///
/// A frame takes an instance as it is when the frame is prepared; what is set afterwards shows in the next one.
///
/// ```
/// use visavis::codec::glam::{Affine3A, vec3};
/// use visavis::codec::{FaceFrame, FaceUnit};
/// use visavis::error::PoseError;
///
/// # use visavis::headless::{Headless, HeadlessOptions};
/// # let headless = Headless::new(&HeadlessOptions::default())?;
/// # let avatar = visavis::codec::Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// # let person = headless.load(&avatar)?;
/// let mut speaker = person.instance(); // neutral, at the world's origin
/// let mut face = FaceFrame::default();
/// *face.latent.unit_mut(FaceUnit::JawOpen) = 0.4;
/// speaker.set_frame(&face)?;
/// // Seated: eyes 1.2 m above the floor, 2 m in front of a camera that stands at the origin.
/// speaker.set_pose(Affine3A::from_translation(vec3(0.0, 1.2, -2.0)))?;
///
/// *face.latent.unit_mut(FaceUnit::JawOpen) = f32::NAN;
/// assert_eq!(speaker.set_frame(&face), Err(PoseError::NotFinite("latent")));
/// assert_eq!(speaker.frame().latent.unit(FaceUnit::JawOpen), 0.4); // as it was
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Instance {
    pub(crate) person: Arc<PersonInner>,
    pub(crate) frame: FaceFrame,
    pub(crate) world_from_rest: Affine3A,
    /// In the world; none: as captured.
    pub(crate) light: Option<Light>,
    /// Where its face is, in the rest frame.
    pub(crate) bounds: Box3,
    /// Instead of the engine's.
    pub(crate) detail: Option<Detail>,
    /// How much of its colour is the likeness's at least, 0 to 1.
    pub(crate) likeness: f32,
    state: Mutex<DetailState>,
    scratch: BoundsScratch,
}

impl Clone for Instance {
    /// Another one with the same face at the same place; it holds nothing of what this one has decoded.
    fn clone(&self) -> Self {
        let Self { person, frame, world_from_rest, bounds, light, detail, likeness, state: _, scratch: _ } =
            self;
        Self {
            person: person.clone(),
            frame: *frame,
            world_from_rest: *world_from_rest,
            bounds: *bounds,
            light: light.clone(),
            detail: *detail,
            likeness: *likeness,
            state: Mutex::default(),
            scratch: BoundsScratch::default(),
        }
    }
}

impl Instance {
    /// Neutral and at rest.
    pub(crate) fn new(person: Arc<PersonInner>) -> Self {
        let mut scratch = BoundsScratch::default();
        let frame = FaceFrame::default();
        Self {
            bounds: person.bounds.of(&person.pose, &frame, &mut scratch),
            person,
            frame,
            world_from_rest: Affine3A::IDENTITY,
            light: None,
            detail: None,
            likeness: 0.0,
            state: Mutex::default(),
            scratch,
        }
    }

    /// Face and head from now on; neutral until then. Its time isn't looked at: when a face is shown is for play-out to say.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite, or the head's rotation is no unit quaternion; the instance keeps what it had.
    pub fn set_frame(&mut self, frame: &FaceFrame) -> Result<(), PoseError> {
        if !frame.latent.is_finite() {
            return Err(PoseError::NotFinite("latent"));
        }
        if !(frame.head.rotation.is_finite() && frame.head.translation.is_finite()) {
            return Err(PoseError::NotFinite("head"));
        }
        if !frame.head.is_valid() {
            return Err(PoseError::NotUnit);
        }
        self.frame = *frame;
        self.bounds = self.person.bounds.of(&self.person.pose, frame, &mut self.scratch);
        Ok(())
    }

    /// At which level of detail it is drawn; none for what [`Engine::set_detail`](crate::Engine::set_detail) says, as from
    /// the beginning.
    pub fn set_detail(&mut self, detail: Option<Detail>) {
        self.detail = detail;
    }

    /// How much of its colour is its likeness's, from 0 (none, as from the beginning) to 1: for fading from a likeness that
    /// was shown until the whole avatar was there. At 1 nothing is decoded. Of no effect on an avatar without a likeness.
    pub fn set_likeness(&mut self, share: f32) {
        self.likeness = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    }

    /// How much of its colour is its likeness's, 0 to 1.
    pub fn likeness(&self) -> f32 {
        self.likeness
    }

    /// The level that it was drawn at in the last frame that saw it.
    pub fn level(&self) -> Option<Level> {
        self.detail_state().level()
    }

    pub(crate) fn detail_state(&self) -> MutexGuard<'_, DetailState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes an instance of another person, with the same face at the same place.
    pub(crate) fn move_to(&mut self, person: &Person) {
        self.person = person.inner.clone();
        self.bounds = self.person.bounds.of(&self.person.pose, &self.frame, &mut self.scratch);
        self.detail_state().forget();
    }

    /// Where the person's rest frame (see [`HeadPose`](visavis_codec::HeadPose)) is in the world, metres; a rigid
    /// transform. The world's origin until then.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite; the instance keeps what it had.
    pub fn set_pose(&mut self, world_from_rest: Affine3A) -> Result<(), PoseError> {
        if !world_from_rest.is_finite() {
            return Err(PoseError::NotFinite("pose"));
        }
        self.world_from_rest = world_from_rest;
        Ok(())
    }

    /// Where it is in the world: what [`set_pose`](Self::set_pose) was given.
    pub fn pose(&self) -> Affine3A {
        self.world_from_rest
    }

    /// The face and head it has.
    pub fn frame(&self) -> &FaceFrame {
        &self.frame
    }
}
