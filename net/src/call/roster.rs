//! Who is there: announcements in, attached participants out; and what has to be done now and then.

use std::sync::Arc;
use std::time::Duration;

use moq_net::{announce, origin};
use visavis_codec::Timestamp;

use super::attach::attach;
use super::remote::Remote;
use super::shared::{Shared, lock};
use crate::catalogue::{Needs, NeedsMessage, View};
use crate::limits::{Admission, Verdict};
use crate::seal::ParticipantId;

/// How long a participant may be out of reach before it counts as gone.
const LINGER: Duration = Duration::from_secs(45);

/// How long one that said good-bye stays, for what is still on its way.
const GOOD_BYE: Duration = Duration::from_millis(300);

/// How often what is not urgent is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How often a participant that came in too large a crowd is asked for again.
const LATER: Duration = Duration::from_millis(500);

/// Attaches to everybody announced in `origin`, until it is dropped.
pub(super) async fn watch(shared: Arc<Shared>, origin: origin::Consumer, datagrams: bool) {
    let mut announced = origin.announced();
    let mut waiting: Vec<ParticipantId> = Vec::new();
    let mut later = tokio::time::interval(LATER);
    loop {
        tokio::select! {
            update = announced.next() => {
                let Some(update) = update else { break };
                let Some(id) = participant(&shared.prefix, update.prefix.as_str()) else { continue };
                if id == shared.me {
                    continue;
                }
                if !update.kind.is_active() {
                    waiting.retain(|waiting| *waiting != id);
                    if let Some(remote) = shared.remote(&id) {
                        remote.is_away(&shared.events, shared.clock.now());
                    }
                } else if update.kind == announce::Kind::Announced
                    && !enter(&shared, &origin, id, datagrams)
                    && waiting.len() < shared.limits.participants
                {
                    waiting.push(id);
                }
            }
            _ = later.tick(), if !waiting.is_empty() => {
                waiting.retain(|id| !enter(&shared, &origin, *id, datagrams));
            }
        }
    }
}

/// The participant of a path `<prefix>/<participant>`.
fn participant(prefix: &str, path: &str) -> Option<ParticipantId> {
    path.strip_prefix(prefix)?.strip_prefix('/')?.parse().ok()
}

/// Attaches to a participant if it may enter; `false`: ask again.
fn enter(shared: &Arc<Shared>, origin: &origin::Consumer, id: ParticipantId, datagrams: bool) -> bool {
    let now = shared.clock.now();
    match lock(&shared.gate).announce(id, now) {
        Admission::Enter => {}
        Admission::Later => return false,
        Admission::Barred => return true,
        Admission::Full => {
            tracing::debug!(%id, "the call is full");
            return true;
        }
    }
    let remote = lock(&shared.remotes)
        .entry(id)
        .or_insert_with(|| Arc::new(Remote::new(id, &shared.limits, now)))
        .clone();
    let path = format!("{}/{id}", shared.prefix);
    let task = attach(shared.clone(), remote.clone(), origin.clone(), path, datagrams);
    remote.attach(shared.runtime.spawn(task).abort_handle(), &shared.events);
    true
}

/// Notes that everybody is out of reach, because we are.
pub(super) fn all_away(shared: &Shared) {
    let now = shared.clock.now();
    for remote in shared.all_remotes() {
        remote.is_away(&shared.events, now);
    }
}

/// What has to be done now and then, for ever.
pub(super) async fn keep_house(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = Said::default();
    let mut ticks = 0u64;
    loop {
        tick.tick().await;
        ticks += 1;
        let now = shared.clock.now();
        for remote in shared.all_remotes() {
            remote.poll_proof(&shared.events, now);
            if remote.wants_challenge(now) {
                shared.challenge(now);
            }
            if let Some((since, leaving)) = remote.away_since() {
                let patience = if leaving { GOOD_BYE } else { LINGER };
                if u128::from(now.0.saturating_sub(since.0)) > patience.as_nanos() {
                    shared.forget(remote.id);
                }
                continue;
            }
            match remote.verdict(now) {
                Verdict::Good => {}
                Verdict::CutOff => {
                    shared.warn(Some(remote.id), "was cut off: it sent too much that is of no use");
                    lock(&shared.gate).bar(remote.id);
                    shared.forget(remote.id);
                }
                Verdict::Silent => {
                    tracing::debug!(id = %remote.id, "announced itself but never said who it is");
                    lock(&shared.gate).bar(remote.id);
                    shared.forget(remote.id);
                }
            }
        }
        shared.refresh_challenge(now);
        lock(&shared.publisher).sign(now);
        if ticks.is_multiple_of(10) {
            said.publish(&shared, now);
        }
    }
}

/// What was last said on the needs track, and when.
#[derive(Default)]
struct Said {
    message: Option<NeedsMessage>,
    at: Timestamp,
}

/// Loss within this of what was said isn't said again before [`REPEAT`].
const LOSS_STEP: f32 = 0.02;
/// The same for bursts, milliseconds.
const BURST_STEP: u16 = 20;
const REPEAT: Duration = Duration::from_secs(5);

impl Said {
    /// Called every second: says what we want of whom, and what didn't come, if that changed.
    fn publish(&mut self, shared: &Shared, now: Timestamp) {
        let mut message = NeedsMessage::default();
        for remote in shared.all_remotes() {
            let (loss, burst) = remote.roll_loss(now);
            let wish = lock(&shared.wishes).get(&remote.id).copied().unwrap_or_default();
            let groups = remote.statistics().groups;
            let loss = (loss * 1000.0).round() / 1000.0;
            let burst_ms = u16::try_from(burst.as_millis()).unwrap_or(u16::MAX);
            let needs = Needs { loss, burst_ms, groups, ..wish };
            if needs != Needs::default() {
                message.of.insert(remote.id.to_string(), needs);
            }
        }
        let is_old = u128::from(now.0.saturating_sub(self.at.0)) >= REPEAT.as_nanos();
        let differs = self.message.as_ref().is_none_or(|said| differs(said, &message));
        let worth = differs || (is_old && !message.of.is_empty());
        if !worth || (self.message.is_none() && message.of.is_empty()) {
            return;
        }
        if let Err(error) = lock(&shared.publisher).publish_needs(&message, now) {
            tracing::debug!(%error, "needs could not be published");
        }
        self.message = Some(message);
        self.at = now;
    }
}

fn differs(said: &NeedsMessage, now: &NeedsMessage) -> bool {
    let none = Needs::default();
    let keys = said.of.keys().chain(now.of.keys());
    keys.into_iter().any(|key| {
        let (a, b) = (said.of.get(key).unwrap_or(&none), now.of.get(key).unwrap_or(&none));
        (a.loss - b.loss).abs() > LOSS_STEP
            || a.burst_ms.abs_diff(b.burst_ms) > BURST_STEP
            || Needs { loss: b.loss, burst_ms: b.burst_ms, ..*a } != *b
    })
}

/// Whether a face is to be received at all.
pub(super) fn wants_face(needs: &Needs) -> bool {
    needs.face != View::Hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_participants_of_this_call_count() {
        let prefix = "anon/00112233445566ff";
        let id = ParticipantId([0xab; 8]);
        assert_eq!(participant(prefix, "anon/00112233445566ff/abababababababab"), Some(id));
        for wrong in [
            "anon/00112233445566ff",
            "anon/00112233445566ff/x",
            "00112233445566ff/abababababababab",
            "anon/00112233445566ffabababababababab",
        ] {
            assert_eq!(participant(prefix, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn small_changes_of_loss_are_not_said() {
        let with = |loss| NeedsMessage { of: [("a".into(), Needs { loss, ..Needs::default() })].into() };
        assert!(!differs(&with(0.10), &with(0.11)));
        assert!(differs(&with(0.10), &with(0.15)));
        assert!(differs(&with(0.10), &NeedsMessage::default()));
        let hidden =
            NeedsMessage { of: [("a".into(), Needs { face: View::Hidden, ..Needs::default() })].into() };
        assert!(differs(&NeedsMessage::default(), &hidden));
    }
}
