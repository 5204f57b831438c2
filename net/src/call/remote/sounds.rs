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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle;
    use crate::identity::{Challenger, OwnerKey, ProofPolicy, Prover, Revocations, UnixSeconds};
    use crate::seal::{CallSecret, JoinSeals};

    const WALL: UnixSeconds = UnixSeconds(1_800_000_000);

    /// A sender who proves itself, and what a receiver makes of it.
    struct Pair {
        prover: Prover,
        proof: Proof,
        challenger: Challenger,
        sounds: Sounds,
        events: Events,
        from: ParticipantId,
        counter: u64,
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp(50_000_000_000 + ms * 1_000_000)
    }

    fn plain(captures_ms: &[u64], word: &[u8]) -> Vec<u8> {
        let timed: Vec<Vec<u8>> =
            captures_ms.iter().map(|ms| [&bundle::write_capture(at(*ms).0)[..], word].concat()).collect();
        bundle::write(&timed.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
    }

    impl Pair {
        fn new() -> Self {
            let secret = CallSecret::random();
            let seals = JoinSeals::new(&secret);
            let join = *seals.join();
            let prover = Prover::new(OwnerKey::generate(), secret.call_id(), join, [7; 32], at(0));
            let proof = Proof::new(secret.call_id(), join, ProofPolicy::default(), at(0));
            let (sounds, events) = (Sounds::default(), Events::default());
            let from = join.participant;
            Self { prover, proof, challenger: Challenger::new(at(0)), sounds, events, from, counter: 0 }
        }

        /// The sender sees the receiver's nonce.
        fn meet(&mut self, ms: u64) {
            self.prover.heard(ParticipantId([9; 8]), self.challenger.nonce(), at(ms));
            self.prove(ms);
        }

        /// What is due on the track of proofs arrives at once.
        fn prove(&mut self, ms: u64) {
            while let Some(message) = self.prover.poll(at(ms), WALL) {
                self.proof.accept(&message, &self.challenger, &Revocations::default(), at(ms), WALL).unwrap();
                self.sounds.release(Some(&self.proof), self.from, &self.events, at(ms));
            }
        }

        fn hear(&mut self, counter: u64, plain: Vec<u8>, ms: u64) {
            self.proof.note(TrackId::Audio, counter, &plain, at(ms));
            let sound = Sound { track: TrackId::Audio, counter, plain, arrival: at(ms) };
            self.sounds.take(sound, Some(&self.proof), self.from, &self.events).unwrap();
        }

        /// An honest sound, of these capture times.
        fn say(&mut self, captures_ms: &[u64], ms: u64) {
            let plain = plain(captures_ms, b"honest");
            self.prover.note(TrackId::Audio, self.counter, &plain, at(ms));
            self.hear(self.counter, plain, ms);
            self.counter += 1;
            self.prove(ms);
        }

        fn heard(&self) -> Vec<(Vec<u8>, u64)> {
            let mut heard = Vec::new();
            while let Some(Some(Event::Audio { payload, capture, .. })) = self.events.try_next() {
                heard.push((payload, (capture.0 - at(0).0) / 1_000_000));
            }
            heard
        }
    }

    #[test]
    fn an_honest_voice_is_heard_with_its_first_sound() {
        let mut pair = Pair::new();
        pair.meet(100);
        pair.say(&[100], 120);
        assert_eq!(pair.heard(), [(b"honest".to_vec(), 100)]);
        for n in 0..100 {
            pair.say(&[120 + 20 * n], 140 + 20 * n);
            assert_eq!(pair.heard().len(), 1, "none waits later");
        }
    }

    #[test]
    fn what_came_before_the_statement_is_heard_once_that_has_come() {
        let mut pair = Pair::new();
        for n in 0..10 {
            let plain = plain(&[20 * n], b"honest");
            pair.prover.note(TrackId::Audio, n, &plain, at(20 * n));
            pair.hear(n, plain, 20 * n);
        }
        assert_eq!(pair.heard(), []);
        pair.meet(250);
        assert_eq!(pair.heard().len(), 10);
    }

    #[test]
    fn nobody_speaks_for_another_before_that_one_has_spoken() {
        let mut pair = Pair::new();
        for counter in 0..20 {
            pair.hear(100 + counter, plain(&[20 * counter], b"forged"), 20 * counter);
        }
        pair.meet(500);
        pair.say(&[500], 520);
        for counter in 20..200 {
            pair.hear(100 + counter, plain(&[20 * counter + 600], b"forged"), 600 + counter);
        }
        assert!(pair.sounds.held.len() <= MAX_HELD);
        let heard = pair.heard();
        assert_eq!(heard[0], (b"honest".to_vec(), 500));
        assert!(
            heard[1..].iter().all(|(_, ms)| *ms > 600),
            "what was forged before is never heard: {heard:?}"
        );
        // After a pause it is held again, until the veil is long there.
        for counter in 200..300 {
            pair.hear(100 + counter, plain(&[20 * counter], b"forged"), 4000 + 20 * counter);
        }
        assert_eq!(pair.heard(), []);
        pair.say(&[20_000], 20_020);
        assert_eq!(pair.heard(), [(b"honest".to_vec(), 20_000)]);
    }

    #[test]
    fn what_comes_again_is_heard_once() {
        let mut pair = Pair::new();
        pair.meet(0);
        pair.say(&[0], 40);
        pair.say(&[0, 40], 80);
        // Two of them were lost.
        pair.say(&[40, 80, 120, 160], 200);
        pair.say(&[200], 240);
        let captures: Vec<u64> = pair.heard().into_iter().map(|(_, ms)| ms).collect();
        assert_eq!(captures, [0, 40, 80, 120, 160, 200]);
        let sound = Sound { track: TrackId::Audio, counter: 99, plain: vec![0, 1], arrival: at(300) };
        assert!(pair.sounds.take(sound, None, pair.from, &pair.events).is_err(), "too short for its time");
    }
}
