//! The host's side: guests come, are let in under their own names, and meet in one origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::admission::Door;
use super::roster;
use super::shared::{Shared, lock};
use crate::limits::Addresses;
use crate::seal::ParticipantId;
use crate::transport::{CROWDED, MoqSession, accept, below, only};

/// Handshakes that run at once; more wait in quinn's queue.
const MAX_HANDSHAKES: usize = 32;

/// From so many on, newcomers must show that their address is theirs before anything is kept for them.
const RETRY_FROM: usize = 8;

/// How long QUIC's handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What one guest may send in total: this much a second over a longer time, and as much at once as two avatars.
const GUEST_BYTES_PER_SECOND: u64 = 1_500_000;
const GUEST_BURST: u64 = 32 << 20;
/// Packets a second.
const GUEST_PACKETS_PER_SECOND: u64 = 4_000;

/// How often guests are looked after.
const LOOK: Duration = Duration::from_millis(250);

/// A round trip and this much later a handshake is confirmed; a guest waits for longer before it believes that it was let in.
const CONFIRMED: Duration = Duration::from_millis(40);

/// How long a guest that went beyond its limits stays outside.
const BAN: Duration = Duration::from_secs(30);

struct Guests {
    door: Door,
    here: HashMap<ParticipantId, (u64, Arc<MoqSession>)>,
    banned: HashMap<ParticipantId, Instant>,
}

/// Lets guests in until aborted.
pub(super) async fn run(shared: Arc<Shared>, endpoint: quinn::Endpoint) {
    let guests = Arc::new(Mutex::new(Guests {
        door: Door::new(shared.secret.clone(), shared.limits.participants),
        here: HashMap::new(),
        banned: HashMap::new(),
    }));
    let Some(others) = below(&shared.origin.producer, &shared.prefix) else { return };
    let watcher = shared.runtime.spawn(roster::watch(shared.clone(), others, shared.transport.datagrams));
    let _stop = Stop(watcher.abort_handle());
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let addresses = Addresses::new(shared.limits.sessions_per_address);
    let mut tasks = tokio::task::JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while tasks.try_join_next().is_some() {}
        let running = MAX_HANDSHAKES - handshakes.available_permits();
        if running >= RETRY_FROM && !incoming.remote_address_validated() {
            // Costs us nothing, and a forged address never answers.
            let _ = incoming.retry();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            incoming.ignore();
            continue;
        };
        if lock(&guests).here.len() > shared.limits.participants.saturating_mul(2) {
            incoming.refuse();
            continue;
        }
        let (shared, guests) = (shared.clone(), guests.clone());
        let address = incoming.remote_address();
        // Counted from the handshake on: who never ends one isn't let off.
        let pass = addresses.enter(address.ip());
        tasks.spawn(async move {
            let connection = match tokio::time::timeout(HANDSHAKE, incoming).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => return tracing::debug!(%address, %error, "a handshake failed"),
                Err(_) => return tracing::debug!(%address, "a handshake took too long"),
            };
            if pass.is_none() {
                tracing::debug!(%address, "too many sessions from one address");
                drop(permit);
                // What is said before the other side has confirmed the handshake reaches it without a reason (RFC 9000, 10.2.3).
                tokio::time::sleep(connection.rtt() + CONFIRMED).await;
                connection.close(quinn::VarInt::from_u32(CROWDED), b"too many sessions from this address");
                return;
            }
            let admitted = accept(connection, |path| {
                let mut guests = lock(&guests);
                let id = guests.door.admit(path)?;
                if guests.banned.get(&id).is_some_and(|until| *until > Instant::now()) {
                    return None;
                }
                let publish = below(&shared.origin.producer, &shared.prefix)?;
                let receive = only(&shared.origin.producer, &format!("{}/{id}", shared.prefix))?;
                Some((publish, receive, id))
            })
            .await;
            drop(permit);
            match admitted {
                Ok((session, id)) => serve(shared, guests, Arc::new(session), id).await,
                Err(error) => tracing::debug!(%address, %error, "a guest was not let in"),
            }
        });
    }
}

/// Ends a task when dropped.
struct Stop(tokio::task::AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One guest, until it is gone.
async fn serve(shared: Arc<Shared>, guests: Arc<Mutex<Guests>>, session: Arc<MoqSession>, id: ParticipantId) {
    let path = lock(&shared.paths).add(Some(id), session.clone());
    let before = lock(&guests).here.insert(id, (path, session.clone()));
    // The same guest by a new way: what is left of the old one only holds things up.
    if let Some((_, old)) = before {
        old.connection.close(quinn::VarInt::from_u32(0), b"replaced");
    }
    let excess = guard(&shared, &session).await;
    lock(&shared.paths).remove(path, &shared.transport);
    let mut guests = lock(&guests);
    if let Some(why) = excess {
        session.connection.close(quinn::VarInt::from_u32(1), b"too much");
        guests.banned.insert(id, Instant::now() + BAN);
        shared.warn(Some(id), format!("was disconnected for {} s: {why}", BAN.as_secs()));
    }
    guests.banned.retain(|_, until| *until > Instant::now());
    if guests.here.get(&id).is_some_and(|(newest, _)| *newest == path) {
        guests.here.remove(&id);
    }
    // A guest that is out of reach keeps its name as long as it isn't forgotten.
    let Guests { door, here, banned } = &mut *guests;
    door.keep(|known| {
        here.contains_key(known) || banned.contains_key(known) || shared.remote(known).is_some()
    });
}

/// Waits for the session's end; the reason if it is ended for sending too much.
async fn guard(shared: &Shared, session: &MoqSession) -> Option<String> {
    let mut look = tokio::time::interval(LOOK);
    let mut budget = GUEST_BURST;
    let counted = || session.statistics(&shared.transport);
    let mut before = counted();
    loop {
        tokio::select! {
            why = session.closed() => {
                tracing::debug!(%why, "a guest's session ended");
                return None;
            }
            _ = look.tick() => {
                let now = counted();
                let allowed = |per_second: u64| per_second * LOOK.as_millis() as u64 / 1000;
                let spent = now.received_bytes.saturating_sub(before.received_bytes);
                let packets = now.received_packets.saturating_sub(before.received_packets);
                before = now;
                // A tick that came late sees more than one; the burst carries that.
                budget = (budget + allowed(GUEST_BYTES_PER_SECOND)).min(GUEST_BURST);
                let Some(left) = budget.checked_sub(spent) else {
                    return Some(format!("it sent more than {GUEST_BYTES_PER_SECOND} bytes a second"));
                };
                budget = left;
                if packets > allowed(GUEST_PACKETS_PER_SECOND) * 8 {
                    return Some(format!("it sent more than {GUEST_PACKETS_PER_SECOND} packets a second"));
                }
            }
        }
    }
}
