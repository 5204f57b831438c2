//! Avatars on their track: ours served chunk by chunk to who asks, others' fetched and checked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moq_net::{Timestamp as MoqTimestamp, broadcast, group, track};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use visavis_codec::Avatar;
use visavis_codec::avatar::FileSignature;

use super::attach::object;
use super::event::{AvatarProgress, Event};
use super::remote::Remote;
use super::shared::{Shared, lock};
use crate::avatar_track::{AvatarCache, AvatarDownload, AvatarFile};
use crate::catalogue::AvatarTrack;
use crate::hex::{Hex, bytes_of_hex};
use crate::identity::PublicKey;
use crate::limits::Limits;
use crate::seal::{Sealer, TrackId};

/// Chunks that are on their way at once. Few, so that a slow path isn't filled with them: voices share it.
const IN_FLIGHT: usize = 3;

/// How long a chunk may take: 64 KiB at 40 kbit/s.
const CHUNK: Duration = Duration::from_secs(15);

/// How long to wait after a chunk that didn't come, and how many in a row end the attempt.
const PAUSE: Duration = Duration::from_millis(300);
const FAILURES: u32 = 40;

/// Bytes of whole avatars that are kept in memory, so that nobody's is fetched twice.
const IN_MEMORY: usize = 64 << 20;

/// A program is told of progress this often, in parts of the file.
const PROGRESS_STEPS: usize = 20;

/// Our avatar, ready to be served.
pub(super) struct Offer {
    file: AvatarFile,
    likeness_bytes: u64,
}

impl Offer {
    pub(super) fn new(bytes: &Arc<[u8]>) -> Result<Self, String> {
        // Others would find it out; better to say so here.
        let checked = Avatar::verify_signature(bytes).map_err(|error| format!("our avatar: {error}"));
        if let Err(error) = checked {
            tracing::warn!(%error, "the avatar is not validly signed; others will show a silhouette");
        }
        let likeness_bytes = Avatar::prefix_bytes(bytes).map_or(0, |bytes| bytes as u64);
        let file = AvatarFile::new(bytes.to_vec()).map_err(|error| format!("our avatar: {error}"))?;
        Ok(Self { file, likeness_bytes })
    }

    pub(super) fn root(&self) -> [u8; 32] {
        *self.file.root()
    }

    pub(super) fn track(&self) -> AvatarTrack {
        AvatarTrack {
            root: Hex(self.file.root()).to_string(),
            bytes: self.file.manifest().file_bytes() as u64,
            likeness_bytes: self.likeness_bytes,
        }
    }
}

/// Answers whoever fetches a group of our avatar, until aborted.
pub(super) async fn serve((track, mut sealer): (track::Producer, Sealer), offer: Offer) {
    let asked = track.dynamic();
    let mut sealed = Vec::new();
    while let Ok(request) = asked.requested_group().await {
        let number = usize::try_from(request.sequence()).unwrap_or(usize::MAX);
        let Some(plain) = offer.file.group(number) else {
            request.reject(moq_net::Error::NotFound);
            continue;
        };
        let answered = sealer.seal(&plain, &mut sealed).map_err(|error| error.to_string()).and_then(|_| {
            let write = || {
                let mut group = request.accept(None)?;
                group.write_frame(MoqTimestamp::ZERO, sealed.clone())?;
                group.finish()
            };
            write().map_err(|error: moq_net::Error| error.to_string())
        });
        if let Err(error) = answered {
            tracing::debug!(%error, number, "a chunk of the avatar could not be served");
        }
    }
}

/// Whole avatars that came in this call, and the folder of those of calls before.
pub(super) struct Store {
    whole: Mutex<Vec<Whole>>,
    disk: Option<AvatarCache>,
}

#[derive(Clone)]
struct Whole {
    root: [u8; 32],
    file: Arc<[u8]>,
    owner: Option<PublicKey>,
}

impl Store {
    /// With a folder, if there is one; a call goes on without it.
    pub(super) fn new(folder: Option<(PathBuf, u64)>) -> Self {
        let disk = folder.and_then(|(folder, limit)| {
            AvatarCache::open(&folder, limit)
                .inspect_err(|error| tracing::warn!(%error, "no cache of avatars"))
                .ok()
        });
        Self { whole: Mutex::default(), disk }
    }

    fn remembered(&self, root: &[u8; 32]) -> Option<Whole> {
        lock(&self.whole).iter().find(|whole| whole.root == *root).cloned()
    }

    fn remember(&self, new: Whole) {
        let mut whole = lock(&self.whole);
        whole.retain(|known| known.root != new.root);
        whole.push(new);
        let mut bytes: usize = whole.iter().map(|whole| whole.file.len()).sum();
        while bytes > IN_MEMORY && whole.len() > 1 {
            bytes -= whole.remove(0).file.len();
        }
    }
}

/// From the cache, or whatever of it is there.
enum Found {
    Whole(Whole),
    Part(AvatarDownload),
}

async fn look_up(shared: &Arc<Shared>, root: [u8; 32]) -> Found {
    if let Some(whole) = shared.avatars.remembered(&root) {
        return Found::Whole(whole);
    }
    let Some(disk) = shared.avatars.disk.clone() else { return Found::Part(AvatarDownload::new(root)) };
    let read = tokio::task::spawn_blocking(move || match disk.get(&root) {
        Some(file) => match Avatar::verify_signature(&file) {
            Ok(FileSignature::Valid(owner)) => {
                Found::Whole(Whole { root, file: file.into(), owner: Some(PublicKey(owner)) })
            }
            Ok(FileSignature::None) => Found::Whole(Whole { root, file: file.into(), owner: None }),
            Err(_) => Found::Part(AvatarDownload::new(root)),
        },
        None => Found::Part(disk.resume(&root)),
    });
    read.await.unwrap_or_else(|_| Found::Part(AvatarDownload::new(root)))
}

/// Fetches a participant's avatar once its catalogue names one; ends when it is there, or can't be had.
pub(super) async fn fetch(shared: Arc<Shared>, remote: Arc<Remote>, broadcast: broadcast::Consumer) {
    let mut known = remote.catalogue_known.subscribe();
    if known.wait_for(|known| *known).await.is_err() {
        return;
    }
    let Some(avatar) = remote.catalogue().and_then(|catalogue| catalogue.avatar) else { return };
    let Some(root) = bytes_of_hex::<32>(&avatar.root) else { return };
    let say = |progress| shared.events.push(Event::Avatar { from: remote.id, progress });
    if remote.has_avatar() {
        return;
    }
    if let Err(error) = remote.admits_avatar(avatar.bytes, shared.clock.now()) {
        return say(AvatarProgress::Failed(error));
    }
    let mut fetching = match look_up(&shared, root).await {
        Found::Whole(whole) => return finish(&shared, &remote, whole),
        Found::Part(part) => {
            Fetching::new(shared.clone(), remote.clone(), remote.take_download().unwrap_or(part))
        }
    };
    let Ok(track) = broadcast.track(TrackId::Avatar.name()) else { return };
    match fetching.run(track).await {
        Ok(whole) => {
            shared.avatars.remember(whole.clone());
            if let Some(disk) = shared.avatars.disk.clone() {
                let file = whole.file.clone();
                let kept = tokio::task::spawn_blocking(move || disk.put(&root, &file)).await;
                if let Ok(Err(error)) = kept {
                    tracing::warn!(%error, "an avatar could not be kept");
                }
            }
            finish(&shared, &remote, whole);
        }
        Err(error) => say(AvatarProgress::Failed(error)),
    }
}

fn finish(shared: &Shared, remote: &Remote, whole: Whole) {
    remote.set_avatar(whole.root, whole.owner, true);
    shared.events.push(Event::Avatar { from: remote.id, progress: AvatarProgress::Ready(whole.file) });
}

/// A download under way. When it is dropped, what came is kept with the participant, to go on later.
struct Fetching {
    shared: Arc<Shared>,
    remote: Arc<Remote>,
    download: Option<AvatarDownload>,
    told: usize,
    has_likeness: bool,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(mut download) = self.download.take() {
            download.restart();
            self.remote.keep_download(download);
        }
    }
}

impl Fetching {
    fn new(shared: Arc<Shared>, remote: Arc<Remote>, download: AvatarDownload) -> Self {
        Self { shared, remote, download: Some(download), told: 0, has_likeness: false }
    }

    async fn run(&mut self, track: track::Consumer) -> Result<Whole, String> {
        let mut under_way = JoinSet::new();
        let mut failures = 0;
        let mut manifest_asked = false;
        loop {
            let download = self.download.as_mut().ok_or("the download is over")?;
            if let Some(finished) = download.finish() {
                let finished = finished.map_err(|error| error.to_string())?;
                let root = *download.root();
                self.download = None;
                return Ok(Whole { root, file: finished.file.into(), owner: finished.owner });
            }
            while under_way.len() < IN_FLIGHT {
                let group = match download.manifest() {
                    None if manifest_asked => break,
                    None => {
                        manifest_asked = true;
                        0
                    }
                    Some(_) => match download.want() {
                        Some(chunk) => chunk + 1,
                        None => break,
                    },
                };
                under_way.spawn(chunk(track.clone(), group));
            }
            let Some(done) = under_way.join_next().await else {
                // Everything was asked for, and something didn't come.
                download.restart();
                sleep(PAUSE).await;
                continue;
            };
            let (group, sealed) = done.map_err(|error| error.to_string())?;
            match sealed
                .ok_or("it didn't come")
                .map_err(String::from)
                .and_then(|sealed| self.take(group, &sealed))
            {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(from = %self.remote.id, group, %error, "a chunk of an avatar is no good");
                    if failures >= FAILURES {
                        return Err(format!("chunk {group}: {error}"));
                    }
                    match group.checked_sub(1) {
                        None => manifest_asked = false,
                        Some(chunk) => {
                            if let Some(download) = &mut self.download {
                                download.lost(chunk);
                            }
                        }
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn take(&mut self, group: usize, sealed: &[u8]) -> Result<(), String> {
        let mut plain = Vec::new();
        self.remote.open_chunk(sealed, &mut plain, self.shared.clock.now())?;
        let download = self.download.as_mut().ok_or("the download is over")?;
        let Some(chunk) = group.checked_sub(1) else {
            return download.accept_manifest(&plain).map_err(|error| error.to_string());
        };
        let progress = download.accept(chunk, &plain).map_err(|error| error.to_string())?;
        let say = |progress| self.shared.events.push(Event::Avatar { from: self.remote.id, progress });
        if progress.has_likeness
            && !std::mem::replace(&mut self.has_likeness, true)
            && let Some(prefix) = download.prefix()
        {
            if let Some(owner) = owner_of(prefix, download) {
                // Whose it is shows before all of it is there.
                self.remote.set_avatar(*download.root(), owner, false);
            }
            say(AvatarProgress::Likeness(prefix.into()));
        }
        let step = progress.bytes * PROGRESS_STEPS / progress.of.max(1);
        if step != std::mem::replace(&mut self.told, step) {
            say(AvatarProgress::Bytes { have: progress.bytes as u64, total: progress.of as u64 });
        }
        Ok(())
    }
}

/// The owner that a file's first bytes name, if its signature over the root is right. The bytes themselves are proven by
/// the root already.
fn owner_of(prefix: &[u8], download: &AvatarDownload) -> Option<Option<PublicKey>> {
    let likeness = Avatar::read_prefix(prefix).ok()?;
    let digits = &likeness.manifest.owner.public_key;
    if digits.is_empty() {
        return Some(None);
    }
    let owner = PublicKey(bytes_of_hex::<32>(digits)?);
    owner.verify(download.root(), download.manifest()?.signature()).ok()?;
    Some(Some(owner))
}

/// Fetches one group, sealed. `None`: it didn't come.
async fn chunk(track: track::Consumer, group: usize) -> (usize, Option<bytes::Bytes>) {
    let fetch = async {
        let options = group::Fetch::default().with_priority(20);
        let mut found = track.fetch_group(group as u64, options).await.ok()?;
        object(&mut found, Limits::object_bytes(TrackId::Avatar)).await.unwrap_or_default()
    };
    (group, timeout(CHUNK, fetch).await.ok().flatten())
}
