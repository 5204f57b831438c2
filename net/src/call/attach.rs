//! Reads one participant's tracks as long as its broadcast is there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use moq_net::track::Subscription;
use moq_net::{broadcast, group, origin};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::avatar;
use super::remote::{Around, Remote};
use super::shared::{Shared, lock};
use crate::limits::Limits;
use crate::seal::TrackId;

/// How long a track that failed rests before it is asked for again; doubled each time, up to [`REST_MAX`].
const REST: Duration = Duration::from_millis(150);
const REST_MAX: Duration = Duration::from_secs(5);

/// How long a track rests whose sender went beyond its limits.
const PENALTY: Duration = Duration::from_secs(2);

/// How long a control object may take from its first byte to its last.
const OBJECT: Duration = Duration::from_secs(4);

/// How long datagrams may stay out before groups are asked for.
const DATAGRAMS: Duration = Duration::from_secs(3);

/// How old a checkpoint may be and still be taken, and a group of live media.
const PROOF_AGE: Duration = Duration::from_secs(5);
const LIVE_AGE: Duration = Duration::from_secs(1);

/// The largest group of live media, in frames: half a second has 60 at most.
const MAX_GROUP_FRAMES: usize = 256;

/// Feeds `remote` from its broadcast in `origin`, until aborted. `datagrams`: whether the path can carry them.
pub(super) async fn attach(
    shared: Arc<Shared>,
    remote: Arc<Remote>,
    origin: origin::Consumer,
    path: String,
    datagrams: bool,
) {
    let mut rest = REST;
    loop {
        // Waits for a route, and follows it when it changes.
        match origin.routed_broadcast(&path).await {
            Ok(broadcast) => {
                let before = remote.signs.load(Ordering::Relaxed);
                read(&shared, &remote, &broadcast, datagrams).await;
                if remote.signs.load(Ordering::Relaxed) != before {
                    rest = REST;
                }
            }
            Err(error) => {
                tracing::debug!(from = %remote.id, %error, "a broadcast could not be had");
                if matches!(error, moq_net::Error::Closed | moq_net::Error::Unauthorized) {
                    return;
                }
            }
        }
        sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// Reads all tracks until the broadcast ends.
async fn read(shared: &Arc<Shared>, remote: &Arc<Remote>, broadcast: &broadcast::Consumer, datagrams: bool) {
    let mut tasks = JoinSet::new();
    for track in [TrackId::Catalogue, TrackId::Proof, TrackId::Needs] {
        tasks.spawn(control(shared.clone(), remote.clone(), broadcast.clone(), track));
    }
    if datagrams {
        for track in [TrackId::Face, TrackId::Audio] {
            tasks.spawn(live(shared.clone(), remote.clone(), broadcast.clone(), track));
        }
    }
    tasks.spawn(fall_back(shared.clone(), remote.clone(), broadcast.clone(), datagrams));
    if shared.fetch_avatars {
        tasks.spawn(avatar::fetch(shared.clone(), remote.clone(), broadcast.clone()));
    }
    broadcast.closed().await;
    // Dropping the set ends its tasks.
}

fn priority(track: TrackId) -> u8 {
    match track {
        TrackId::Audio | TrackId::AudioGroups => 200,
        TrackId::Face | TrackId::FaceGroups => 180,
        TrackId::Catalogue => 220,
        TrackId::Proof => 230,
        TrackId::Needs => 210,
        TrackId::Avatar => 20,
    }
}

async fn subscribe(
    broadcast: &broadcast::Consumer,
    track: TrackId,
    max_age: Duration,
) -> Result<moq_net::track::Subscriber, moq_net::Error> {
    let wish = Subscription::default().with_priority(priority(track)).with_max_age(max_age);
    broadcast.track(track.name())?.subscribe(wish).await
}

/// A track of datagrams.
async fn live(shared: Arc<Shared>, remote: Arc<Remote>, broadcast: broadcast::Consumer, track: TrackId) {
    let mut wanted = remote.face_wanted.subscribe();
    let mut rest = REST;
    loop {
        if track == TrackId::Face && wanted.wait_for(|wanted| *wanted).await.is_err() {
            return;
        }
        if let Ok(mut subscriber) = subscribe(&broadcast, track, Duration::ZERO).await {
            loop {
                tokio::select! {
                    changed = wanted.changed(), if track == TrackId::Face => {
                        // Not to subscribe is what stops the bits, at relays too.
                        if changed.is_err() || !*wanted.borrow_and_update() {
                            break;
                        }
                    }
                    datagram = subscriber.recv_datagram() => {
                        let Ok(Some(datagram)) = datagram else { break };
                        rest = REST;
                        // Beyond the limits they are dropped one by one; a flood costs no more than that.
                        take(&shared, &remote, track, &datagram.payload);
                    }
                }
            }
        }
        sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// A track of groups with one object each.
async fn control(shared: Arc<Shared>, remote: Arc<Remote>, broadcast: broadcast::Consumer, track: TrackId) {
    // Of catalogues and needs the latest counts; every checkpoint does.
    let max_age = if track == TrackId::Proof { PROOF_AGE } else { Duration::ZERO };
    let mut rest = REST;
    loop {
        if let Ok(mut subscriber) = subscribe(&broadcast, track, max_age).await {
            while let Ok(Some(mut group)) = subscriber.recv_group().await {
                rest = REST;
                let read = timeout(OBJECT, object(&mut group, Limits::object_bytes(track))).await;
                // The first statement may overtake the catalogue, which has what it opens with.
                let mut known = remote.catalogue_known.subscribe();
                if track != TrackId::Catalogue && known.wait_for(|known| *known).await.is_err() {
                    return;
                }
                let fine = match read {
                    Ok(Ok(Some(bytes))) => take(&shared, &remote, track, &bytes),
                    // A group that ended without an object, or was overtaken.
                    Ok(Ok(None) | Err(ObjectError::Moq)) => true,
                    Ok(Err(ObjectError::TooLarge)) | Err(_) => {
                        tracing::debug!(from = %remote.id, track = track.name(), "an object was too large or too slow");
                        false
                    }
                };
                if !fine {
                    drop(subscriber);
                    sleep(PENALTY).await;
                    break;
                }
            }
        }
        sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// Takes live media as groups as long as no datagrams come.
async fn fall_back(
    shared: Arc<Shared>,
    remote: Arc<Remote>,
    broadcast: broadcast::Consumer,
    datagrams: bool,
) {
    let count = || remote.datagrams.load(Ordering::Relaxed);
    let mut seen = count();
    loop {
        if datagrams {
            sleep(DATAGRAMS).await;
            // Only for one that is known to send: a silent participant isn't asked for groups.
            let sends = remote.catalogue().is_some_and(|c| c.face.is_some() || c.audio.is_some());
            if !sends || std::mem::replace(&mut seen, count()) != count() || seen != 0 {
                continue;
            }
        }
        remote.groups.store(true, Ordering::Relaxed);
        let mut tasks = JoinSet::new();
        for track in [TrackId::FaceGroups, TrackId::AudioGroups] {
            tasks.spawn(live_groups(shared.clone(), remote.clone(), broadcast.clone(), track));
        }
        while !datagrams || count() == seen {
            sleep(Duration::from_millis(500)).await;
        }
        remote.groups.store(false, Ordering::Relaxed);
    }
}

/// A track of groups of half a second, read as they grow.
async fn live_groups(
    shared: Arc<Shared>,
    remote: Arc<Remote>,
    broadcast: broadcast::Consumer,
    track: TrackId,
) {
    loop {
        if let Ok(mut subscriber) = subscribe(&broadcast, track, LIVE_AGE).await {
            while let Ok(Some(mut group)) = subscriber.recv_group().await {
                for _ in 0..MAX_GROUP_FRAMES {
                    match timeout(OBJECT, object(&mut group, Limits::object_bytes(track))).await {
                        Ok(Ok(Some(bytes))) => take(&shared, &remote, track, &bytes),
                        _ => break,
                    };
                }
            }
        }
        sleep(REST).await;
    }
}

fn take(shared: &Shared, remote: &Remote, track: TrackId, bytes: &[u8]) -> bool {
    let Shared { me, secret, events, trust, .. } = shared;
    let now = shared.clock.now();
    let taken = remote.object(track, bytes, &Around { me: *me, secret, events, trust }, now);
    if let Some(nonce) = taken.nonce {
        // The statement goes out at once if it may.
        let mut publisher = lock(&shared.publisher);
        publisher.prover.heard(remote.id, nonce, now);
        publisher.sign(now);
    }
    if taken.appeared || taken.challenge {
        shared.challenge(now);
    }
    taken.fine
}

pub(super) enum ObjectError {
    /// Larger than its track's objects may be.
    TooLarge,
    /// MoQ's model says no.
    Moq,
}

/// The next object of a group, if it isn't larger than `most`.
pub(super) async fn object(
    group: &mut group::Consumer,
    most: usize,
) -> Result<Option<bytes::Bytes>, ObjectError> {
    let Some(mut frame) = group.next_frame().await.map_err(|_| ObjectError::Moq)? else { return Ok(None) };
    if frame.size > most as u64 {
        return Err(ObjectError::TooLarge);
    }
    frame.read_all().await.map(Some).map_err(|_| ObjectError::Moq)
}
