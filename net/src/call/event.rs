//! What happens in a call, in the order in which it happened.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use visavis_codec::Timestamp;

use crate::catalogue::{Catalogue, Needs};
use crate::identity::ProofStatus;
use crate::seal::{ParticipantId, Salt};

/// Something that happened. Payloads are decrypted; what they prove is in [`Event::Proof`].
#[derive(Clone, Debug)]
pub enum Event {
    /// A participant is there; its catalogue could be read.
    Joined {
        /// Who.
        from: ParticipantId,
        /// The salt of its join, which recordings keep.
        salt: Salt,
        /// What it says of itself.
        catalogue: Catalogue,
    },
    /// A participant's catalogue changed (it records now, say).
    Changed {
        /// Who.
        from: ParticipantId,
        /// What it says of itself now.
        catalogue: Catalogue,
    },
    /// A coded face.
    Face {
        /// Whose.
        from: ParticipantId,
        /// A packet of the latent bitstream.
        payload: Vec<u8>,
        /// When it came, on the call's clock.
        arrival: Timestamp,
    },
    /// A coded sound.
    Audio {
        /// Whose.
        from: ParticipantId,
        /// An Opus packet.
        payload: Vec<u8>,
        /// When it was captured, on the sender's clock, to 100 µs.
        capture: Timestamp,
        /// When it came, on the call's clock.
        arrival: Timestamp,
    },
    /// A participant's avatar comes.
    Avatar {
        /// Whose.
        from: ParticipantId,
        /// How far it is.
        progress: AvatarProgress,
    },
    /// What is proven of a participant changed. A face that isn't proven is not to be shown.
    Proof {
        /// Of whom.
        from: ParticipantId,
        /// What is proven, or why not.
        status: ProofStatus,
    },
    /// A join statement, checkpoint or revocation as it came, after it was accepted; and, while the call is recorded here, every
    /// face and voice as it was opened: [`RecordedProof`](crate::identity::RecordedProof) in bytes, which recordings keep. While it
    /// is recorded, our own too, under our own identifier.
    ProofMessage {
        /// Whose.
        from: ParticipantId,
        /// Its bytes.
        message: Vec<u8>,
    },
    /// What a participant wants of us changed; [`Call::audience`](super::Call::audience) has what all want together.
    Needs {
        /// Who wants.
        from: ParticipantId,
        /// What.
        needs: Needs,
    },
    /// A participant can't be reached; it may come back.
    Away {
        /// Who.
        from: ParticipantId,
    },
    /// A participant that was away is back.
    Back {
        /// Who.
        from: ParticipantId,
    },
    /// A participant left, or was away for too long.
    Left {
        /// Who.
        from: ParticipantId,
    },
    /// The path to the host or relay broke, and is being mended.
    Reconnecting,
    /// The path to the host or relay is there (again).
    Connected {
        /// How long it was broken.
        after: Duration,
    },
    /// Something that a person should know; nothing stops.
    Warning {
        /// Of whom, if of one participant.
        from: Option<ParticipantId>,
        /// What, and what to do.
        text: String,
    },
}

/// How far an avatar is.
#[derive(Clone)]
pub enum AvatarProgress {
    /// Verified bytes so far.
    Bytes {
        /// How many.
        have: u64,
        /// Of how many.
        total: u64,
    },
    /// The first part of the file, enough for a likeness (`Avatar::read_prefix`).
    Likeness(Arc<[u8]>),
    /// The whole file, verified by its root.
    Ready(Arc<[u8]>),
    /// It can't be had.
    Failed(String),
}

impl std::fmt::Debug for AvatarProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes { have, total } => write!(f, "Bytes({have} of {total})"),
            Self::Likeness(bytes) => write!(f, "Likeness({} bytes)", bytes.len()),
            Self::Ready(bytes) => write!(f, "Ready({} bytes)", bytes.len()),
            Self::Failed(why) => write!(f, "Failed({why})"),
        }
    }
}

/// How many faces and sounds wait for a program that doesn't take them; the oldest go first.
const MAX_MEDIA: usize = 1024;

/// How many other events wait; beyond that the oldest warnings and progress go.
const MAX_OTHERS: usize = 4096;

/// A bounded queue of events: a program that stops reading loses media, not memory.
#[derive(Default)]
pub(super) struct Events {
    queue: Mutex<Queue>,
    ready: Notify,
    /// Whether the call is recorded here, so that faces and voices are wanted as they were signed for, too.
    recording: AtomicBool,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    media: usize,
    closed: bool,
}

fn is_media(event: &Event) -> bool {
    matches!(event, Event::Face { .. } | Event::Audio { .. })
}

impl Events {
    pub(super) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Relaxed);
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, event: Event) {
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.closed {
                return;
            }
            let media = is_media(&event);
            let full =
                if media { queue.media >= MAX_MEDIA } else { queue.events.len() - queue.media >= MAX_OTHERS };
            if full
                && let Some(at) = queue.events.iter().position(|queued| is_media(queued) == media)
                && queue.events.remove(at).is_some()
                && media
            {
                queue.media -= 1;
            }
            queue.media += usize::from(media);
            queue.events.push_back(event);
        }
        self.ready.notify_one();
    }

    /// The next event; `None` once the call is over and all were taken.
    pub(super) async fn next(&self) -> Option<Event> {
        loop {
            // Registered before looking, so that nothing is missed between looking and waiting.
            let ready = self.ready.notified();
            if let Some(taken) = self.try_next() {
                return taken;
            }
            ready.await;
        }
    }

    pub(super) fn try_next(&self) -> Option<Option<Event>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.events.pop_front() {
            Some(event) => {
                queue.media -= usize::from(is_media(&event));
                if !queue.events.is_empty() {
                    self.ready.notify_one();
                }
                Some(Some(event))
            }
            None if queue.closed => Some(None),
            None => None,
        }
    }

    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.ready.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(n: u64) -> Event {
        Event::Face { from: ParticipantId([0; 8]), payload: n.to_le_bytes().to_vec(), arrival: Timestamp(n) }
    }

    #[test]
    fn media_that_nobody_takes_is_bounded_and_the_newest_stays() {
        let events = Events::default();
        events.push(Event::Left { from: ParticipantId([1; 8]) });
        for n in 0..3000 {
            events.push(face(n));
        }
        assert!(
            matches!(events.try_next(), Some(Some(Event::Left { .. }))),
            "control events aren't dropped for media"
        );
        let mut arrivals = Vec::new();
        while let Some(Some(Event::Face { arrival, .. })) = events.try_next() {
            arrivals.push(arrival.0);
        }
        assert_eq!(arrivals, (3000 - MAX_MEDIA as u64..3000).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn ends_after_the_last_event() {
        let events = Events::default();
        events.push(face(1));
        events.close();
        events.push(face(2));
        assert!(events.next().await.is_some());
        assert!(events.next().await.is_none());
        assert!(events.next().await.is_none(), "it stays ended");
    }
}
