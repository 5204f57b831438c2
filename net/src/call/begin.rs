//! What host and guest have in common when a call begins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::task::AbortHandle;

use super::avatar;
use super::event::Events;
use super::proof::Trust;
use super::publish::{PublishError, Publisher};
use super::shared::{Paths, Shared};
use super::{CallError, CallOptions, spawn};
use crate::catalogue::Catalogue;
use crate::hex::Hex;
use crate::identity::{Challenger, OwnerKey, ProofPolicy, Prover};
use crate::limits::JoinGate;
use crate::seal::{CallSecret, JoinSeals};
use crate::transport::spawn_origin;

/// What host and guest have in common, and the tasks that serve our avatar.
pub(super) fn begin(
    options: CallOptions,
    secret: CallSecret,
    prefix: String,
) -> Result<(Arc<Shared>, Vec<AbortHandle>), CallError> {
    let CallOptions {
        name,
        avatar,
        owner,
        viewer_limits,
        revocations,
        face,
        audio,
        recording,
        fetch_avatars,
        cache,
        allow_unsigned,
        clock,
        limits,
        transport,
    } = options;
    let now = clock.now();
    let origin = spawn_origin();
    let seals = JoinSeals::new(&secret);
    let me = seals.join().participant;
    let offer = avatar.as_ref().map(avatar::Offer::new).transpose().map_err(CallError::Offer)?;
    // Who has no key, or no avatar, states so under a key that nobody knows: there is one form of everything.
    let owner = owner.unwrap_or_else(OwnerKey::generate);
    let root = offer.as_ref().map_or([0; 32], avatar::Offer::root);
    let prover = Prover::new(owner, secret.call_id(), *seals.join(), root, now);
    let challenger = Challenger::new(now);
    let shown = Catalogue {
        name,
        software: concat!("visavis ", env!("CARGO_PKG_VERSION")).into(),
        face,
        audio,
        avatar: offer.as_ref().map(avatar::Offer::track),
        recording,
        leaving: false,
        nonce: challenger.nonce().to_string(),
        viewer_limits: viewer_limits.map(|limits| Hex(&limits).to_string()),
    };
    Catalogue::from_json(&shown.to_json()).map_err(|error| CallError::Offer(error.to_string()))?;
    let broadcast = origin.producer.create_broadcast(format!("{prefix}/{me}")).map_err(PublishError::from)?;
    let events = Arc::<Events>::default();
    events.set_recording(recording);
    let mut publisher = Publisher::new(broadcast, seals, shown, prover, Arc::clone(&events), now)?;
    let serve = publisher.avatar.take().zip(offer);
    let policy = ProofPolicy { allow_unsigned };
    let trust = Trust { challenger, revocations, policy, call: secret.call_id() };
    let shared = Arc::new(Shared {
        clock,
        secret,
        prefix,
        me,
        gate: Mutex::new(JoinGate::new(&limits)),
        limits,
        transport,
        fetch_avatars,
        avatars: avatar::Store::new(cache),
        trust: Mutex::new(trust),
        events,
        origin,
        publisher: Mutex::new(publisher),
        remotes: Mutex::default(),
        paths: Mutex::new(Paths::default()),
        wishes: Mutex::new(HashMap::new()),
        pacing: Mutex::default(),
        runtime: tokio::runtime::Handle::current(),
    });
    let tasks = serve.map(|(track, offer)| spawn(avatar::serve(track, offer))).into_iter().collect();
    Ok((shared, tasks))
}
