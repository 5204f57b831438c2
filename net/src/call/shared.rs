//! What the tasks of a call have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use visavis_codec::Timestamp;

use super::avatar::Store;
use super::event::{Event, Events};
use super::proof::Trust;
use super::publish::Publisher;
use super::remote::Remote;
use super::{Clock, Pacing};
use crate::catalogue::Needs;
use crate::identity::Nonce;
use crate::limits::{JoinGate, Limits};
use crate::seal::{CallSecret, ParticipantId};
use crate::transport::{MoqSession, Origin, PathStatistics, TransportOptions};

/// One call, as its tasks see it. Where locks are held together they are taken in this order: a remote's state, `trust`. No
/// other is held while another is taken.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) secret: CallSecret,
    /// `<call id>`, and what stands before it on a relay.
    pub(super) prefix: String,
    pub(super) me: ParticipantId,
    pub(super) limits: Limits,
    pub(super) transport: TransportOptions,
    pub(super) fetch_avatars: bool,
    pub(super) avatars: Store,
    pub(super) trust: Mutex<Trust>,
    pub(super) events: Arc<Events>,
    /// Where our broadcast is; at a host, guests' too.
    pub(super) origin: Origin,
    pub(super) publisher: Mutex<Publisher>,
    pub(super) remotes: Mutex<HashMap<ParticipantId, Arc<Remote>>>,
    pub(super) gate: Mutex<JoinGate>,
    pub(super) paths: Mutex<Paths>,
    /// What this participant wants of others, as the program said.
    pub(super) wishes: Mutex<HashMap<ParticipantId, Needs>>,
    pub(super) pacing: Mutex<Pacing>,
    pub(super) runtime: tokio::runtime::Handle,
}

/// A poisoned lock means that a task of ours panicked; what it guards is still whole, piece by piece.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn warn(&self, from: Option<ParticipantId>, text: impl Into<String>) {
        self.events.push(Event::Warning { from, text: text.into() });
    }

    /// Publishes a fresh nonce, if ours is too old for somebody who appeared now.
    pub(super) fn challenge(&self, now: Timestamp) {
        let nonce = {
            let mut trust = lock(&self.trust);
            trust.challenger.appeared(now).then(|| trust.challenger.nonce())
        };
        self.show_nonce(nonce, now);
    }

    /// Publishes a fresh nonce every ten minutes.
    pub(super) fn refresh_challenge(&self, now: Timestamp) {
        let nonce = {
            let mut trust = lock(&self.trust);
            trust.challenger.poll(now).then(|| trust.challenger.nonce())
        };
        self.show_nonce(nonce, now);
    }

    fn show_nonce(&self, nonce: Option<Nonce>, now: Timestamp) {
        let Some(nonce) = nonce else { return };
        let mut publisher = lock(&self.publisher);
        publisher.shown.nonce = nonce.to_string();
        if let Err(error) = publisher.publish_catalogue(now) {
            tracing::debug!(%error, "the catalogue could not be published");
        }
    }

    pub(super) fn remote(&self, id: &ParticipantId) -> Option<Arc<Remote>> {
        lock(&self.remotes).get(id).cloned()
    }

    pub(super) fn all_remotes(&self) -> Vec<Arc<Remote>> {
        lock(&self.remotes).values().cloned().collect()
    }

    /// Forgets a participant, and says so if it was ever shown.
    pub(super) fn forget(&self, id: ParticipantId) {
        let gone = lock(&self.remotes).remove(&id);
        lock(&self.gate).leave(&id);
        lock(&self.wishes).remove(&id);
        lock(&self.publisher).prover.forget(&id);
        if let Some(remote) = gone {
            remote.detach();
            if remote.has_joined() {
                self.events.push(Event::Left { from: id });
            }
        }
    }
}

/// The connections that there are, and what was counted on those before.
#[derive(Default)]
pub(super) struct Paths {
    pub(super) open: HashMap<u64, OpenPath>,
    next: u64,
    /// Of closed connections, by whom they led to.
    closed: HashMap<Option<ParticipantId>, PathStatistics>,
}

pub(super) struct OpenPath {
    pub(super) to: Option<ParticipantId>,
    pub(super) session: Arc<MoqSession>,
}

impl Paths {
    pub(super) fn add(&mut self, to: Option<ParticipantId>, session: Arc<MoqSession>) -> u64 {
        self.next += 1;
        self.open.insert(self.next, OpenPath { to, session });
        self.next
    }

    pub(super) fn remove(&mut self, path: u64, transport: &TransportOptions) {
        let Some(OpenPath { to, session }) = self.open.remove(&path) else { return };
        let now = session.statistics(transport);
        if to.is_some() {
            // Guests come and go; what they counted isn't kept for ever.
            return;
        }
        let before = self.closed.entry(to).or_default();
        *before = PathStatistics { queued_bytes: 0, ..now.after(before) };
    }

    /// Statistics of every open path, those of closed ones to the same end added.
    pub(super) fn statistics(
        &self,
        transport: &TransportOptions,
    ) -> Vec<(Option<ParticipantId>, PathStatistics)> {
        let none = PathStatistics::default();
        self.open
            .values()
            .map(|path| {
                let before = self.closed.get(&path.to).unwrap_or(&none);
                (path.to, path.session.statistics(transport).after(before))
            })
            .collect()
    }
}
