//! Opening what was received.

use sframe::frame::EncryptedFrameView;
use sframe::key::DecryptionKey;

use super::secret::{CallSecret, JoinId};
use super::window::Window;
use super::{MAX_PAYLOAD_BYTES, TrackId};

/// Why an object wasn't opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Larger than anything that is sealed.
    #[error("{found} bytes are more than any sealed object has")]
    TooLarge {
        /// Its size.
        found: usize,
    },
    /// Not the form of a sealed object.
    #[error("not a sealed object: too short, or of an unknown key")]
    Malformed,
    /// Changed on its way, from another call, join or track, or made by somebody without the secret.
    #[error("the object isn't of this call, join and track, or was changed on its way")]
    Forged,
    /// Opened before.
    #[error("object {counter} came before: a repetition or a replay")]
    Replayed {
        /// Its counter.
        counter: u64,
    },
    /// So old that nobody knows whether it came before.
    #[error("object {counter} is older than the replay window")]
    TooOld {
        /// Its counter.
        counter: u64,
    },
}

/// Opens one track of one join. Remembers which of the last [`Opener::WINDOW`] counters came, so that each is opened once;
/// it has to live as long as the join does, over reconnections too.
pub struct Opener {
    key: Option<DecryptionKey>,
    window: Window,
    track: TrackId,
}

impl Opener {
    /// How many counters behind the newest may still come, in any order.
    pub const WINDOW: u64 = Window::SIZE;

    /// Of a join, once its catalogue has told its salt.
    pub fn new(secret: &CallSecret, join: &JoinId, track: TrackId) -> Self {
        let base = secret.base_key(join, track);
        // Deriving fails for no input of ours; if it did, nothing would open.
        let key = DecryptionKey::derive_from(track.suite(), 0u64, base.0).ok();
        Self { key, window: Window::default(), track }
    }

    /// Which track it opens.
    pub fn track(&self) -> TrackId {
        self.track
    }

    /// Opens an object into `opened`, which it replaces, and gives the object's counter. Only what was authentic moves the
    /// replay window.
    ///
    /// # Errors
    /// If it isn't authentic, or came before. `opened` holds nothing of use then.
    pub fn open(&mut self, sealed: &[u8], opened: &mut Vec<u8>) -> Result<u64, OpenError> {
        opened.clear();
        if sealed.len() > MAX_PAYLOAD_BYTES + self.track.overhead(u64::MAX) {
            return Err(OpenError::TooLarge { found: sealed.len() });
        }
        let frame = EncryptedFrameView::try_new(sealed).map_err(|_| OpenError::Malformed)?;
        let counter = frame.header().counter();
        if frame.header().key_id() != 0 || frame.header().len() + self.tag_bytes() > sealed.len() {
            return Err(OpenError::Malformed);
        }
        if self.track.refuses_replays() {
            self.window.check(counter)?;
        }
        let key = self.key.as_ref().ok_or(OpenError::Forged)?;
        let result = frame.decrypt_into(key, opened).map(|_| ());
        if result.is_err() {
            opened.clear(); // it may hold what a forger wants to be read
            return Err(OpenError::Forged);
        }
        self.window.mark(counter);
        Ok(counter)
    }

    const fn tag_bytes(&self) -> usize {
        self.track.suite().auth_tag_len()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key: _, window, track } = self;
        f.debug_struct("Opener").field("track", track).field("window", window).finish_non_exhaustive()
    }
}
