//! Expressiveness: how much of what a person does their avatar shows, tuned by that person and, within the person's
//! limits, by a viewer. The default shows them as they are, bit for bit.
//!
//! ```text
//! Profile ──┐
//!           ├─▶ Tuner ── apply(latent, time) ─▶ latent
//! FaceRange ┘      gain, curve, floor, ceiling │ limits of the axis │ of the region │ attack, release │ seals
//! ```
//! - [`Profile`]: what is wanted, per [`Region`] and per face unit ([`Setting`]); kept as TOML ([`Profile::parse`]).
//! - [`FaceRange`]: what an avatar's decoder was trained on, and where its lips and lids touch.
//! - [`Tuner`]: applies one to the other, frame by frame, without allocation.
//! - [`OwnerLimits`]: how far a viewer may go; [`OwnerLimits::clamp`] brings a viewer's profile inside.
//! - [`Usage`]: how widely a person uses each unit, learned from a recording, and the profile it suggests.
//!
//! - [`check`]: what tuning does to the decoded mesh, measured.
//!
//! The format and every formula stand in `avatar-codec/EXPRESSION.md`.

mod bend;
pub mod check;
mod contact;
mod curve;
mod guard;
mod limits;
mod preset;
mod profile;
mod range;
mod region;
mod text;
mod tuner;
mod usage;

pub use contact::{Contact, MAX_CONTACTS, Seam, SeamKind, find_seam};
pub use limits::{InvalidLimits, OwnerLimits, RegionLimit};
pub use preset::{PRESETS, Preset};
pub use profile::{OutOfRange, Profile, Scope, Setting};
pub use range::{FaceRange, NotReadable};
pub(crate) use region::both_sides;
pub use region::{REGIONS, Region, Side};
pub use text::{MAX_PROFILE_BYTES, ParseProfileError, ProfileProblem};
pub use tuner::Tuner;
pub use usage::{LearnError, MAX_NEUTRAL, Target, UnitUsage, Usage};
