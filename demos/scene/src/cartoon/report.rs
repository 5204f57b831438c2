//! What of a face a cartoon can show.

use visavis_codec::FaceUnit;
use visavis_codec::latent::UNITS;

/// How a unit moves a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnitState {
    /// It moves nothing.
    #[default]
    Missing,
    /// Something else stands in for it: an expression for several units, a target for both sides, eyes that turn.
    Mapped,
    /// A target, or an expression, of its own.
    Target,
}

/// Which of the 52 units a head shows, and how it looks about.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitReport {
    pub(crate) states: [UnitState; UNITS],
    /// What turns the eyes, in words; none if nothing does.
    pub(crate) gaze: Option<&'static str>,
    /// What turns the head, in words.
    pub(crate) head: &'static str,
}

impl Default for UnitReport {
    fn default() -> Self {
        Self { states: [UnitState::Missing; UNITS], gaze: None, head: "the whole model" }
    }
}

impl UnitReport {
    /// How this unit moves the head.
    pub fn state(&self, unit: FaceUnit) -> UnitState {
        self.states[unit as usize]
    }

    /// The units in this state, in their order.
    pub fn units(&self, state: UnitState) -> impl Iterator<Item = FaceUnit> {
        FaceUnit::ALL.into_iter().filter(move |unit| self.state(*unit) == state)
    }

    /// Whether a face moves anything at all, beside where it looks.
    pub(crate) fn is_driven(&self) -> bool {
        let is_look = |unit: FaceUnit| super::expression::look_of_unit(unit).is_some();
        FaceUnit::ALL.into_iter().any(|unit| !is_look(unit) && self.state(unit) != UnitState::Missing)
    }

    /// What turns the eyes, in words; none if nothing does.
    pub fn gaze(&self) -> Option<&'static str> {
        self.gaze
    }

    /// What turns the head, in words.
    pub fn head(&self) -> &'static str {
        self.head
    }
}
