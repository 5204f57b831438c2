//! Sounds on their way out: each once, and none before its sender was heard to vouch for it.
//!
//! A member who carries the packets (a host) knows the keys of everybody and can put sounds into somebody's mouth until a
//! checkpoint tells. So a voice that begins, or goes on after a pause, is held until a checkpoint covers it; senders sign
//! at once then ([`Prover`](crate::identity::Prover)), so an honest voice waits for hardly more than a packet. Later
//! sounds go out as they come, for as long as those before them turn out to be covered.

use std::collections::VecDeque;
use std::time::Duration;

use visavis_codec::Timestamp;

use super::super::event::{Event, Events};
use crate::bundle::{Bundle, CaptureClock};
use crate::identity::Proof;
use crate::seal::{ParticipantId, TrackId};

/// Sounds go out unheld for so long after one that was covered. Checkpoints come twice a second.
const TRUSTED: Duration = Duration::from_millis(2500);
/// A sound that nobody vouched for within this is dropped; more than these aren't held.
const HELD: Duration = Duration::from_secs(1);
const MAX_HELD: usize = 64;
/// How many sounds are remembered, to know those that come again.
const REMEMBERED: usize = 64;

/// An object of the voice's tracks, as it was opened.
pub(super) struct Sound {
    pub(super) track: TrackId,
    pub(super) counter: u64,
    pub(super) plain: Vec<u8>,
    pub(super) arrival: Timestamp,
}

/// The sounds of one participant.
#[derive(Default)]
pub(super) struct Sounds {
    captures: CaptureClock,
    /// Capture times of those that went out.
    known: VecDeque<u64>,
    held: VecDeque<Sound>,
    /// When the newest came of those that were held and then covered.
    released: Option<Timestamp>,
}

impl Sounds {
    /// Takes a sound, and gives it out if its sender is vouched for.
    ///
    /// # Errors
    /// If it isn't one; nothing goes out then.
    pub(super) fn take(
        &mut self,
        sound: Sound,
        proof: Option<&Proof>,
        from: ParticipantId,
        events: &Events,
    ) -> Result<(), &'static str> {
        let bundle = Bundle::read(&sound.plain).map_err(|_| "no bundle of sounds")?;
        if bundle.payloads().any(|timed| timed.len() < 4) {
            return Err("a sound without its capture time");
        }
        let covered = proof.and_then(|proof| proof.totals().covered_sound_arrival).max(self.released);
        let age = |at: Timestamp| Duration::from_nanos(sound.arrival.0.saturating_sub(at.0));
        if covered.is_some_and(|at| age(at) <= TRUSTED) {
            self.give(&sound, from, events);
            return Ok(());
        }
        if proof.is_some_and(|proof| proof.covers(sound.track, sound.counter, &sound.plain)) {
            self.released = self.released.max(Some(sound.arrival));
            self.give(&sound, from, events);
            return Ok(());
        }
        if self.held.len() >= MAX_HELD {
            self.held.pop_front();
        }
        self.held.push_back(sound);
        Ok(())
    }

    /// Gives out what a checkpoint covers that came now, and drops what has waited for too long.
    pub(super) fn release(
        &mut self,
        proof: Option<&Proof>,
        from: ParticipantId,
        events: &Events,
        now: Timestamp,
    ) {
        let Some(proof) = proof else { return };
        for sound in std::mem::take(&mut self.held) {
            if proof.covers(sound.track, sound.counter, &sound.plain) {
                self.released = self.released.max(Some(sound.arrival));
                self.give(&sound, from, events);
            } else if u128::from(now.0.saturating_sub(sound.arrival.0)) <= HELD.as_nanos() {
                self.held.push_back(sound);
            }
        }
    }

    fn give(&mut self, sound: &Sound, from: ParticipantId, events: &Events) {
        let Ok(bundle) = Bundle::read(&sound.plain) else { return };
        for (ticks, payload) in bundle.payloads().filter_map(|timed| timed.split_first_chunk::<4>()) {
            let capture = self.captures.read(*ticks);
            if self.known.contains(&capture) {
                continue; // once more, for those who lost it
            }
            if self.known.len() == REMEMBERED {
                self.known.pop_front();
            }
            self.known.push_back(capture);
            let (payload, capture) = (payload.to_vec(), Timestamp(capture));
            events.push(Event::Audio { from, payload, capture, arrival: sound.arrival });
        }
    }
}
