//! Attackers with a client of their own, who have the call's secret: what a member could do with a program that keeps to no
//! rule.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use moq_net::{Timestamp as MoqTimestamp, group, origin, track};
use tokio::time::{sleep, timeout};
use visavis_impair::attacker::{Member, dial};
use visavis_impair::{Impairment, Loss, Proxy};
use visavis_net::call::{Call, CallOptions, Clock, JoinOptions};
use visavis_net::link::JoinLink;
use visavis_net::seal::{CallSecret, ParticipantId, TrackId};

use super::material::Material;
use super::talker::{self, Talk};

/// Connections that say nothing, at once; groups that a member leaves open.
const SILENT: usize = 24;
const OPEN_GROUPS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(10);

/// What the attackers did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) is_over: AtomicBool,
    /// Connections that said nothing, and those of them that the host ended.
    pub(super) silent: AtomicU64,
    pub(super) silent_ended: AtomicU64,
    /// Objects that were recorded, and sent again under the attacker's own name.
    pub(super) recorded: AtomicU64,
    pub(super) replayed: AtomicU64,
    /// Sessions under somebody else's name, and those that were let in.
    pub(super) names: AtomicU64,
    pub(super) names_let_in: AtomicU64,
}

/// A member of the call, under a name of its choice.
async fn join(host: SocketAddr, secret: &CallSecret, who: ParticipantId) -> Result<Member> {
    Member::join(host, secret.as_bytes(), secret.call_id(), who).await.map_err(anyhow::Error::from_boxed)
}

fn info() -> track::Info {
    track::Info::default().with_max_age(Duration::ZERO)
}

/// A slow loris: connections that never say what they want, opened anew whenever the host ends one; and a member whose
/// objects never end.
pub(super) async fn stall(host: SocketAddr, secret: CallSecret, done: Arc<Done>) -> Result<()> {
    let mut silent = tokio::task::JoinSet::new();
    for _ in 0..SILENT {
        let done = Arc::clone(&done);
        silent.spawn(async move {
            while !done.is_over.load(Ordering::Relaxed) {
                if let Ok((_endpoint, connection)) = dial(host).await {
                    done.silent.fetch_add(1, Ordering::Relaxed);
                    connection.closed().await;
                    done.silent_ended.fetch_add(1, Ordering::Relaxed);
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    let me = ParticipantId::random();
    let member = join(host, &secret, me).await.context("a member who stalls")?;
    let broadcast = member.origin.create_broadcast(format!("{}/{me}", secret.call_id()))?;
    let mut tracks = Vec::new();
    for track in TrackId::ALL {
        tracks.push(broadcast.create_track(track.name(), info())?);
    }
    broadcast.announce(origin::Route::default())?;
    let mut open: VecDeque<group::Producer> = VecDeque::new();
    while !done.is_over.load(Ordering::Relaxed) {
        for track in &mut tracks {
            // A byte now and then, of an object that is never complete.
            if let Ok(mut group) = track.append_group() {
                let _ = group.write_frame(MoqTimestamp::ZERO, vec![1u8; 3]);
                open.push_back(group);
            }
        }
        while open.len() > OPEN_GROUPS {
            open.pop_front();
        }
        sleep(Duration::from_millis(200)).await;
    }
    silent.abort_all();
    Ok(())
}

/// Records what an honest guest sends and sends it again, under a name of its own, for as long as it may: catalogue, faces and
/// voices as they were sealed.
pub(super) async fn replay(
    host: SocketAddr,
    secret: CallSecret,
    of: ParticipantId,
    me: ParticipantId,
    done: Arc<Done>,
) -> Result<()> {
    let member = join(host, &secret, me).await.context("a member who records")?;
    let call = secret.call_id();
    let broadcast = member.origin.create_broadcast(format!("{call}/{me}"))?;
    let mut own = Vec::new();
    for track in TrackId::ALL {
        own.push((track, broadcast.create_track(track.name(), info())?));
    }
    broadcast.announce(origin::Route::default())?;
    let consumer = member.origin.consume();
    let path = format!("{call}/{of}");
    timeout(PATIENCE, consumer.routed(path.as_str())).await?.context("whom to record isn't announced")?;
    let victim = consumer.request_broadcast(path.as_str()).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for (track, mut again) in own {
        let (done, victim) = (Arc::clone(&done), victim.clone());
        tasks.spawn(async move {
            let mut subscriber = victim.track(track.name())?.subscribe(None).await?;
            let is_live = matches!(track, TrackId::Face | TrackId::Audio);
            let mut kept: VecDeque<bytes::Bytes> = VecDeque::new();
            loop {
                let object = if is_live {
                    let Some(datagram) = subscriber.recv_datagram().await? else { break };
                    datagram.payload
                } else {
                    let Some(mut group) = subscriber.recv_group().await? else { break };
                    let Some(mut frame) = group.next_frame().await? else { continue };
                    frame.read_all().await?
                };
                done.recorded.fetch_add(1, Ordering::Relaxed);
                kept.push_back(object);
                // The newest, and one from seconds ago.
                for old in kept.back().into_iter().chain(kept.front()) {
                    if is_live {
                        again.append_datagram(MoqTimestamp::ZERO, old.clone())?;
                    } else {
                        again.write_frame(MoqTimestamp::ZERO, old.clone())?;
                    }
                    done.replayed.fetch_add(1, Ordering::Relaxed);
                }
                if kept.len() > 100 {
                    kept.pop_front();
                }
            }
            anyhow::Ok(())
        });
    }
    while tasks.join_next().await.is_some() {}
    std::future::pending().await
}

/// Asks for the session of somebody who is there, again and again; whoever got it could announce in that one's name.
pub(super) async fn take_name(host: SocketAddr, secret: CallSecret, of: ParticipantId, done: Arc<Done>) {
    while !done.is_over.load(Ordering::Relaxed) {
        done.names.fetch_add(1, Ordering::Relaxed);
        if let Ok(member) = join(host, &secret, of).await {
            // MoQ doesn't say that it refuses; the session ends.
            let forged = member.origin.create_broadcast(format!("{}/{of}", secret.call_id()));
            if let Ok(forged) = &forged {
                let _ = forged.announce(origin::Route::default());
            }
            let is_shut = timeout(Duration::from_secs(1), member.session.closed()).await.is_ok();
            done.names_let_in.fetch_add(u64::from(!is_shut), Ordering::Relaxed);
        }
        sleep(Duration::from_millis(300)).await;
    }
}

/// Joins, talks, and is gone without a word, as after a crash; then joins anew. Seconds from each new join to its first words
/// being sent.
pub(super) async fn crash(
    link: &JoinLink,
    host: SocketAddr,
    clock: Clock,
    material: &Material,
    person: impl Fn(&str) -> CallOptions,
    rejoined: &mut Vec<(ParticipantId, u64)>,
) -> Result<()> {
    let fine = Impairment::default();
    let nothing = Impairment { loss: Loss::Everything, ..fine };
    let talk = Talk { controlled: false, ..Talk::default() };
    loop {
        let proxy = Proxy::start(host, fine, fine, 1)?;
        let way = JoinLink::to_peer("127.0.0.1", proxy.address().port(), link.pin(), link.secret().clone())?;
        let begun = clock.now().0;
        let options =
            JoinOptions { call: CallOptions { clock, ..person("crasher") }, ..JoinOptions::default() };
        let guest = Call::join(way, options).await.context("joining after a crash")?;
        rejoined.push((guest.me(), begun));
        let until = tokio::time::Instant::now() + Duration::from_millis(1500);
        tokio::select! {
            said = talker::talk(&guest, material, talk, until) => drop(said?),
            () = super::pair::drain(&guest) => {}
        }
        // What it would say on its way out never arrives.
        proxy.set(nothing, nothing);
        drop(guest);
        sleep(Duration::from_millis(200)).await;
    }
}
