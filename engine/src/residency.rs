//! Avatars that arrive tier by tier, are replaced and go, while frames go on.
//!
//! ```no_run
//! # fn host(engine: &visavis::Engine, prefix: &[u8], file: &[u8], seconds: f32) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use visavis::codec::Avatar;
//! use visavis::{Residency, ResidencyOptions};
//!
//! let mut residency = Residency::new(engine, ResidencyOptions::default());
//! // The first bytes of a file have come in, later all of it (parsed where it holds up nobody).
//! residency.feed_likeness("wren", Arc::new(Avatar::read_prefix(prefix)?));
//! residency.feed("wren", Arc::new(Avatar::read(file)?));
//!
//! let mut speaker = None;
//! // each frame
//! if let Some(arrival) = residency.advance(seconds) {
//!     arrival.result?; // a tier is there, or an avatar couldn't be loaded
//! }
//! if speaker.is_none() {
//!     speaker = residency.instance(&"wren");
//! }
//! if let Some(speaker) = &mut speaker {
//!     residency.attend(&"wren", speaker); // it is drawn in this frame, as well as it can be
//! }
//! # Ok(()) }
//! ```

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use visavis_codec::avatar::{Avatar, Likeness};

use crate::Engine;
use crate::error::LoadError;
use crate::instance::Instance;
use crate::pace::{Pace, Task};
use crate::person::Person;

/// How a [`Residency`] works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidencyOptions {
    /// What all avatars' weights may take together ([`Person::bytes`]); 256 MiB unless said. What is drawn isn't evicted
    /// for it: an avatar that doesn't fit beside those stays a likeness.
    pub budget_bytes: u64,
    /// Bytes of an avatar that are packed and uploaded in one frame, about; 256 KiB unless said, with which a whole avatar
    /// takes a second or two. A frame never packs less than one tensor.
    pub bytes_a_frame: u64,
    /// Seconds in which a likeness becomes the whole avatar; 0.4 unless said.
    pub fade_s: f32,
}

impl Default for ResidencyOptions {
    fn default() -> Self {
        Self { budget_bytes: 256 << 20, bytes_a_frame: 256 << 10, fade_s: 0.4 }
    }
}

/// How much of an avatar is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// What a file's first bytes hold.
    Likeness,
    /// All of it.
    Full,
}

/// Why an avatar that was fed isn't there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArrivalError {
    /// It couldn't be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It doesn't fit beside those that are drawn: raise the budget, or draw fewer.
    #[error("{needed} bytes for an avatar beside {used} that are drawn; the budget is {budget}")]
    NoRoom {
        /// What it takes.
        needed: u64,
        /// What those take that can't go.
        used: u64,
        /// What all may take.
        budget: u64,
    },
}

/// Something that was fed is there, or can't be.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival<K> {
    /// Whose.
    pub key: K,
    /// What is there now.
    pub result: Result<Tier, ArrivalError>,
}

/// The avatars of a room under a byte budget. Keys are the host's: a person's identity rather than a file's hash, so that a
/// new avatar of the same person takes the old one's place.
///
/// It spreads packing and uploading over frames, one avatar after the other; what is loaded stays until the budget wants
/// it gone, and then those go first that were [attended](Self::attend) longest ago: their whole avatars, then their
/// likenesses. It has no thread, clock or file.
#[derive(Debug)]
pub struct Residency<K> {
    engine: Engine,
    options: ResidencyOptions,
    entries: HashMap<K, Entry>,
    arriving: VecDeque<Arriving<K>>,
    pace: Arc<Pace>,
    frame: u64,
    seconds: f32,
}

/// What is there of one key.
#[derive(Debug, Default)]
struct Entry {
    likeness: Option<Person>,
    full: Option<Person>,
    /// The frame that it was attended in last, or was fed in.
    used: u64,
}

/// Something on its way.
#[derive(Debug)]
struct Arriving<K> {
    key: K,
    tier: Tier,
    task: Task<Result<Person, LoadError>>,
}

impl Entry {
    fn bytes(&self) -> u64 {
        [&self.likeness, &self.full].into_iter().flatten().map(Person::bytes).sum()
    }

    fn best(&self) -> Option<(&Person, Tier)> {
        let full = self.full.as_ref().map(|person| (person, Tier::Full));
        full.or_else(|| self.likeness.as_ref().map(|person| (person, Tier::Likeness)))
    }
}

impl<K: Clone + Eq + Hash> Residency<K> {
    /// An empty one.
    pub fn new(engine: &Engine, options: ResidencyOptions) -> Self {
        Self {
            engine: engine.clone(),
            options,
            entries: HashMap::new(),
            arriving: VecDeque::new(),
            pace: Arc::new(Pace::default()),
            frame: 0,
            seconds: 0.0,
        }
    }

    /// Begins to load what a file's first bytes hold. It is ahead of whole avatars that are on their way.
    pub fn feed_likeness(&mut self, key: K, likeness: Arc<Likeness>) {
        let (shared, pace) = (self.engine.shared.clone(), self.pace.clone());
        let task = Task::new(async move {
            crate::likeness::check(&likeness)?;
            Person::of_likeness(&shared, &likeness, &pace).await
        });
        self.arrive(key, Tier::Likeness, task);
    }

    /// Begins to load a whole avatar, in the place of the one that is there, if any.
    pub fn feed(&mut self, key: K, avatar: Arc<Avatar>) {
        let (shared, pace) = (self.engine.shared.clone(), self.pace.clone());
        let task = Task::new(async move {
            pace.spend(avatar.static_map.texels.len()).await;
            avatar.validate()?;
            Person::of_avatar(&shared, &avatar, &pace).await
        });
        self.arrive(key, Tier::Full, task);
    }

    fn arrive(&mut self, key: K, tier: Tier, task: Task<Result<Person, LoadError>>) {
        self.entries.entry(key.clone()).or_default().used = self.frame;
        self.arriving.retain(|other| other.key != key || other.tier != tier);
        let at = match tier {
            // In front of one that is half done, too, which goes on after it.
            Tier::Likeness => (self.arriving.iter())
                .position(|other| other.tier == Tier::Full)
                .unwrap_or(self.arriving.len()),
            Tier::Full => self.arriving.len(),
        };
        self.arriving.insert(at, Arriving { key, tier, task });
    }

    /// Forgets an avatar. Instances of it that the host still has can be drawn on, and keep its memory.
    pub fn remove(&mut self, key: &K) {
        self.entries.remove(key);
        self.arriving.retain(|other| other.key != *key);
    }

    /// Begins a frame, `seconds` after the one before: goes on with what is on its way. At most one thing arrives in a
    /// frame.
    pub fn advance(&mut self, seconds: f32) -> Option<Arrival<K>> {
        self.frame += 1;
        self.seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        self.pace.refill(self.options.bytes_a_frame.max(1));
        let result = self.arriving.front_mut()?.task.advance()?;
        let Arriving { key, tier, .. } = self.arriving.pop_front()?;
        let result = result.map_err(ArrivalError::from).and_then(|person| self.admit(&key, tier, person));
        if result.is_err() && self.entries.get(&key).is_some_and(|entry| entry.best().is_none()) {
            self.entries.remove(&key);
        }
        Some(Arrival { key, result })
    }

    /// Makes room for a person and puts it in its place.
    fn admit(&mut self, key: &K, tier: Tier, person: Person) -> Result<Tier, ArrivalError> {
        let needed = person.bytes();
        let entry = self.entries.entry(key.clone()).or_default();
        // The one whose place it takes goes in any case; a newcomer counts as used.
        let place = match tier {
            Tier::Likeness => &mut entry.likeness,
            Tier::Full => &mut entry.full,
        };
        let before = place.take();
        entry.used = entry.used.max(self.frame.saturating_sub(1));
        let budget = self.options.budget_bytes;
        while self.bytes().saturating_add(needed) > budget {
            if !self.evict(key) {
                let used = self.bytes();
                // Rather the old one than none.
                let entry = self.entries.entry(key.clone()).or_default();
                match tier {
                    Tier::Likeness => entry.likeness = before,
                    Tier::Full => entry.full = before,
                }
                return Err(ArrivalError::NoRoom { needed, used, budget });
            }
        }
        let entry = self.entries.entry(key.clone()).or_default();
        match tier {
            Tier::Likeness => entry.likeness = Some(person),
            Tier::Full => entry.full = Some(person),
        }
        Ok(tier)
    }

    /// Lets go of what was attended longest ago, whole avatars first; false if all that is left is drawn or `keep`'s.
    fn evict(&mut self, keep: &K) -> bool {
        let frame = self.frame;
        let is_free = |key: &K, entry: &Entry| key != keep && entry.used + 1 < frame;
        let oldest = |has: fn(&Entry) -> bool, entries: &HashMap<K, Entry>| {
            (entries.iter())
                .filter(|(key, entry)| is_free(key, entry) && has(entry))
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| key.clone())
        };
        if let Some(key) = oldest(|entry| entry.full.is_some(), &self.entries) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.full = None;
            }
            return true;
        }
        if let Some(key) = oldest(|entry| entry.likeness.is_some(), &self.entries) {
            self.entries.remove(&key);
            return true;
        }
        false
    }

    /// A new instance of an avatar at the best tier that is there; none if nothing is.
    pub fn instance(&mut self, key: &K) -> Option<Instance> {
        let (person, _) = self.entries.get(key)?.best()?;
        Some(person.instance())
    }

    /// To be called in each frame for each instance that the frame draws, after [`advance`](Self::advance): its avatar is in
    /// use, and the instance becomes one of the best tier that is there, fading from a likeness to the whole avatar. The
    /// tier; none if nothing is there (the instance can be drawn on as it is, until it is dropped).
    pub fn attend(&mut self, key: &K, instance: &mut Instance) -> Option<Tier> {
        let entry = self.entries.get_mut(key)?;
        entry.used = self.frame;
        let (person, tier) = entry.best()?;
        if !Arc::ptr_eq(&instance.person, &person.inner) {
            let was_likeness = instance.person.figure(crate::person::Kind::Fine).is_none();
            instance.move_to(person);
            instance.set_likeness(if was_likeness && tier == Tier::Full { 1.0 } else { 0.0 });
        } else if instance.likeness > 0.0 {
            let step = if self.options.fade_s > 0.0 { self.seconds / self.options.fade_s } else { 1.0 };
            let share = instance.likeness - step;
            // What rounding leaves is nothing.
            instance.set_likeness(if share < 1e-3 { 0.0 } else { share });
        }
        Some(tier)
    }

    /// What is there of an avatar.
    pub fn tier(&self, key: &K) -> Option<Tier> {
        self.entries.get(key)?.best().map(|(_, tier)| tier)
    }

    /// Whether something of an avatar is on its way.
    pub fn is_arriving(&self, key: &K) -> bool {
        self.arriving.iter().any(|arriving| arriving.key == *key)
    }

    /// Avatars that were attended in this frame or the last and aren't whole, and of which nothing is on its way: the host
    /// may [feed](Self::feed) them (again).
    pub fn wanted(&self) -> impl Iterator<Item = &K> {
        (self.entries.iter())
            .filter(|(key, entry)| {
                entry.full.is_none() && entry.used + 1 >= self.frame && !self.is_arriving(key)
            })
            .map(|(key, _)| key)
    }

    /// What the weights of all that is there take, bytes. What is evicted is freed when the last instance and frame of it
    /// is gone.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(Entry::bytes).sum()
    }

    /// How it works.
    pub fn options(&self) -> ResidencyOptions {
        self.options
    }
}
