//! What becomes of what happens in a call.

use anyhow::Result;
use visavis_codec::call::MessageTimes;
use visavis_net::call::Event;
use visavis_net::catalogue::{Needs, View};
use visavis_net::seal::ParticipantId;
use visavis_net::voice::VOICE_RATE;

use super::{MAX_LISTENERS, Session};
use crate::call::listener::Listener;

impl Session {
    pub(super) fn take(&mut self, event: Event) -> Result<()> {
        let now = self.clock.now();
        match event {
            Event::Joined { from, catalogue, .. } => {
                if self.listeners.len() >= MAX_LISTENERS {
                    return Ok(());
                }
                let known = self.listeners.remove(&from.0);
                let mut listener = match known {
                    Some(listener) => listener,
                    None => Listener::new(from, catalogue.clone(), VOICE_RATE, now)?,
                };
                listener.catalogue = catalogue;
                (listener.has_left, listener.is_away) = (false, false);
                self.say(&format!("{} is there", listener.name()));
                if listener.catalogue.recording {
                    self.say(&format!("{} records this call", listener.name()));
                }
                self.listeners.insert(from.0, listener);
                self.place();
                // There is no window yet, but the status line's figures are those of faces.
                self.call.set_needs(from, Needs { face: View::Full, ..Needs::default() });
            }
            Event::Changed { from, catalogue } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let (was, is) = (listener.catalogue.recording, catalogue.recording);
                listener.catalogue = catalogue;
                if was != is {
                    let what = if is { "records this call" } else { "records no more" };
                    let text = format!("{} {what}", listener.name());
                    self.say(&text);
                }
                self.tune(from);
            }
            Event::Face { from, payload, arrival } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let newest = listener.take_face(&payload, arrival);
                if let (Some(recording), Some(newest)) = (&mut self.sinks.recording, newest) {
                    let times = MessageTimes { capture: newest.time, arrival };
                    recording.face(from, &listener.name(), times, &payload)?;
                }
            }
            Event::Audio { from, payload, capture, arrival } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                if self.has_sound {
                    listener.take_voice(&payload, capture, arrival);
                }
                if let Some(recording) = &mut self.sinks.recording {
                    recording.voice(from, &listener.name(), MessageTimes { capture, arrival }, &payload)?;
                }
            }
            Event::Avatar { from, progress } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let said = listener.take_avatar(&progress, now);
                if let (Some(recording), Some(manifest)) = (&mut self.sinks.recording, &listener.manifest) {
                    let root = listener.catalogue.avatar.as_ref().map(|avatar| avatar.root.as_str());
                    recording.know(from, &listener.name(), Some((&**manifest, root)))?;
                }
                if let Some(said) = said {
                    let text = format!("{}: {said}", listener.name());
                    self.warn(text);
                }
                self.tune(from);
            }
            Event::Proof { from, status } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                listener.proof = Some(status);
                let text = format!("{}: {status}", listener.name());
                self.say(&text);
                self.tune(from);
            }
            Event::Away { from } | Event::Left { from } | Event::Back { from } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let (what, away, left) = match event {
                    Event::Away { .. } => ("can't be reached", true, false),
                    Event::Left { .. } => ("left", true, true),
                    _ => ("is back", false, false),
                };
                (listener.is_away, listener.has_left) = (away, left);
                let text = format!("{} {what}", listener.name());
                self.say(&text);
                self.place();
            }
            Event::Reconnecting => {
                self.reconnections += 1;
                self.say("the path broke; it is being mended");
            }
            Event::Connected { after } => {
                if !after.is_zero() {
                    self.say(&format!("the path is there again after {:.1} s", after.as_secs_f64()));
                }
            }
            Event::Warning { from, text } => {
                let who =
                    from.and_then(|from| self.listeners.get(&from.0)).map(|l| format!("{}: ", l.name()));
                self.warn(format!("{}{text}", who.unwrap_or_default()));
            }
            // Rate control asks for what all want together.
            Event::Needs { .. } => {}
            Event::ProofMessage { from, message } => {
                let name = match &self.speaker {
                    Some(speaker) if from == self.call.me() => Some(speaker.name().to_owned()),
                    _ => self.listeners.get(&from.0).map(Listener::name),
                };
                if let Some((recording, name)) = self.sinks.recording.as_mut().zip(name) {
                    recording.proof(from, &name, MessageTimes::at_once(now), message)?;
                }
            }
        }
        Ok(())
    }

    /// How we wish to see a participant, as far as its owner lets us; after anything changed that decides it.
    fn tune(&mut self, who: ParticipantId) {
        let Some(wish) = &self.wish else { return };
        let Some(listener) = self.listeners.get_mut(&who.0) else { return };
        if let Some(said) = listener.tune(wish, &self.call.viewer_limits(who)) {
            let text = format!("{}: {said}", listener.name());
            self.say(&text);
        }
    }
}
