//! The VMC protocol (Virtual Motion Capture): OSC messages of blend shapes and bones, usually to UDP port 39539.
//!
//! Blend shapes with ARKit's names ("perfect sync") are the units as they are; until one of them comes, VRM's presets are
//! translated by a table. Bones are Unity's: left-handed, +X the person's right, +Y up, +Z forwards.

mod osc;
mod presets;

use glam::{Quat, Vec3};
use rosc::OscType;

use crate::latent::{FaceUnit, Gaze, HeadPose, UNITS};

use super::Notes;
use super::signals::{Received, Signals, gaze_of_units};

pub use self::osc::{MAX_DATAGRAM_BYTES, OscProblem};
pub use self::presets::{PRESETS, Preset};

use self::osc::Message;

/// Receives the messages of one performer.
#[derive(Clone, Debug)]
pub struct VmcReceiver {
    units: [f32; UNITS],
    /// One of ARKit's names came: presets would say the same a second time.
    has_units: bool,
    presets: [f32; PRESETS.len()],
    neck: Quat,
    head: Quat,
    /// Left and right.
    eyes: [Option<Quat>; 2],
    is_tracking: bool,
    /// `/Blend/Apply` came once: frames are complete with it, else with each datagram.
    has_apply: bool,
    /// The first time tag, and when it came; and the last one.
    tags: Option<Tags>,
    notes: Notes,
}

#[derive(Clone, Copy, Debug)]
struct Tags {
    first: f64,
    first_arrival: f64,
    last: f64,
}

impl Default for VmcReceiver {
    fn default() -> Self {
        Self {
            units: [0.0; UNITS],
            has_units: false,
            presets: [0.0; PRESETS.len()],
            neck: Quat::IDENTITY,
            head: Quat::IDENTITY,
            eyes: [None; 2],
            is_tracking: true,
            has_apply: false,
            tags: None,
            notes: Notes::default(),
        }
    }
}

/// What a message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// A value of the face changed.
    Changed,
    /// The face is complete.
    Applied,
    /// Nothing for a face.
    Nothing,
}

impl VmcReceiver {
    /// Reads a datagram that arrived at this time, seconds on the receiver's clock. `None` if it didn't complete a frame.
    ///
    /// A frame's time is its bundle's time tag, as far as tags are given and go on; else it is the arrival.
    pub fn receive(&mut self, datagram: &[u8], arrival: f64) -> Option<Received> {
        let mut tag = None;
        let mut messages = Vec::new();
        if let Err(problem) = osc::messages(datagram, &mut messages, &mut tag) {
            self.notes.malformed(format!("a datagram: {problem}"));
        }
        let (mut is_changed, mut is_applied) = (false, false);
        for message in messages {
            match self.take(&message) {
                Ok(Effect::Changed) => is_changed = true,
                Ok(Effect::Applied) => is_applied = true,
                Ok(Effect::Nothing) => {}
                Err(problem) => self.notes.malformed(format!("`{}`: {problem}", message.address)),
            }
        }
        self.has_apply |= is_applied;
        if !(is_applied || is_changed && !self.has_apply) {
            return None;
        }
        self.notes.dropouts += u64::from(!self.is_tracking);
        let seconds = self.seconds(tag, arrival);
        Some(Received { seconds, interval: None, signals: self.is_tracking.then(|| self.signals()) })
    }

    /// What was wrong so far.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Time tags on the arrivals' clock.
    fn seconds(&mut self, tag: Option<f64>, arrival: f64) -> f64 {
        let Some(tag) = tag else { return arrival };
        let tags = self.tags.get_or_insert(Tags { first: tag, first_arrival: arrival, last: f64::MIN });
        let is_new = tag > tags.last;
        tags.last = tag;
        if is_new { tags.first_arrival + (tag - tags.first) } else { arrival }
    }

    fn take(&mut self, message: &Message) -> Result<Effect, &'static str> {
        let values = message.arguments.as_slice();
        match message.address.as_str() {
            "/VMC/Ext/Blend/Val" => {
                let [OscType::String(name), value, ..] = values else { return Err("not a name and a value") };
                let value = number(value).ok_or("its value is not a finite number")?;
                Ok(self.set_blend(name, value.clamp(0.0, 1.0)))
            }
            "/VMC/Ext/Blend/Apply" => Ok(Effect::Applied),
            "/VMC/Ext/Bone/Pos" => self.set_bone(values),
            "/VMC/Ext/OK" => {
                // Loaded, calibration's state and mode, tracking's state (0: lost), as many as the version has.
                self.is_tracking = !matches!(values.get(3), Some(OscType::Int(0)));
                Ok(Effect::Nothing)
            }
            _ => Ok(Effect::Nothing),
        }
    }

    fn set_blend(&mut self, name: &str, value: f32) -> Effect {
        if let Some(unit) = FaceUnit::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name)) {
            self.has_units = true;
            self.units[unit as usize] = value;
        } else if let Some(preset) = PRESETS.iter().position(|preset| preset.is_named(name)) {
            self.presets[preset] = value;
        } else {
            self.notes.ignored(format!("blend shape `{name}` is not known and is ignored"));
            return Effect::Nothing;
        }
        Effect::Changed
    }

    fn set_bone(&mut self, values: &[OscType]) -> Result<Effect, &'static str> {
        let Some((OscType::String(name), numbers)) = values.split_first() else {
            return Err("not a bone's name");
        };
        // The place, then the rotation.
        let [_, _, _, x, y, z, w, ..] = numbers else { return Err("less than 7 numbers") };
        let mut read = [0.0; 4];
        for (read, value) in read.iter_mut().zip([x, y, z, w]) {
            *read = number(value).ok_or("a number is not finite")?;
        }
        let [x, y, z, w] = read;
        // +Z forwards to +Z backwards: a mirror, which turns rotations about the other two axes round.
        let rotation = Quat::from_xyzw(-x, -y, z, w);
        if !(0.5..2.0).contains(&rotation.length()) {
            return Err("its rotation is not a unit quaternion");
        }
        let rotation = rotation.normalize();
        match name.as_str() {
            "Neck" => self.neck = rotation,
            "Head" => self.head = rotation,
            "LeftEye" => self.eyes[0] = Some(rotation),
            "RightEye" => self.eyes[1] = Some(rotation),
            _ => return Ok(Effect::Nothing),
        }
        Ok(Effect::Changed)
    }

    fn signals(&self) -> Signals {
        let units = if self.has_units { self.units } else { presets::units_of(&self.presets) };
        let gaze = match self.eyes {
            [Some(left), Some(right)] => gaze_of_eyes(left, right),
            _ => gaze_of_units(&units),
        };
        let head = HeadPose {
            rotation: (self.neck * self.head).normalize(),
            // A bone's place is relative to the bone that it hangs on, and stays the same.
            translation: Vec3::ZERO,
        };
        Signals { units, gaze, head }
    }
}

/// Where eyes look that are turned like this from straight ahead (−Z).
fn gaze_of_eyes(left: Quat, right: Quat) -> Gaze {
    let [(left_yaw, left_pitch), (right_yaw, right_pitch)] = [left, right].map(|eye| {
        let forward = eye * Vec3::NEG_Z;
        ((-forward.x).atan2(-forward.z), forward.y.clamp(-1.0, 1.0).asin())
    });
    Gaze { left_yaw, left_pitch, right_yaw, right_pitch }
}

fn number(value: &OscType) -> Option<f32> {
    let value = match *value {
        OscType::Float(value) => value,
        OscType::Double(value) => value as f32,
        OscType::Int(value) => value as f32,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests;
