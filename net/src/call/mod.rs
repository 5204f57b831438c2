//! Live calls: [`Call::host`] and [`Call::join`], then payloads in and [`Event`]s out.
//!
//! A call is a set of MoQ broadcasts under one prefix, one for each participant (`net/WIRE.md`). A host is an endpoint that
//! guests connect to and that forwards between them; where a call outgrows it, everybody joins through a stock `moq-relay`
//! instead, with the same code. Everything is sealed end to end; what [`Call::next_event`] gives out is decrypted, and
//! [`Event::Proof`] says what is proven of whom. This module carries payloads and never looks into them.
//!
//! Every peer is held to [`Limits`](crate::limits::Limits): what it sends beyond them is dropped unseen, and a program that doesn't
//! take its events loses faces and sounds, not memory.
//!
//! The async functions need a tokio runtime with time and I/O; tasks run on the one that made the call.
//!
//! ```no_run
//! use visavis_net::call::{Call, CallOptions, Event, HostOptions, JoinOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Call::host(HostOptions::default()).await?;
//! println!("join with {}", host.link());
//!
//! let guest = Call::join(host.link().clone(), JoinOptions::default()).await?;
//! guest.send_audio(b"an Opus packet", guest.clock().now())?;
//! while let Some(event) = host.next_event().await {
//!     if let Event::Audio { from, payload, .. } = event {
//!         println!("{from} said {} bytes", payload.len());
//!         break;
//!     }
//! }
//! guest.leave().await;
//! # Ok(())
//! # }
//! ```

mod admission;
mod attach;
mod avatar;
mod begin;
mod clock;
mod error;
mod event;
mod guest;
mod host;
mod loss;
mod options;
mod proof;
mod publish;
mod remote;
mod roster;
mod shared;

pub use clock::Clock;
pub use error::CallError;
pub use event::{AvatarProgress, Event};
pub use options::{CallOptions, HostOptions, JoinOptions, Pacing};
pub use publish::{PublishError, SendError, Sent};
pub use remote::RemoteStatistics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use visavis_codec::Timestamp;
use visavis_codec::expression::OwnerLimits;

use crate::catalogue::{Catalogue, Needs, View};
use crate::link::{JoinLink, Via};
use crate::seal::{CallSecret, ParticipantId};
use crate::transport::{
    Dialler, ListenError, PathStatistics, ServerIdentity, ServerTrust, SessionError, Target, bind, listen,
};
use admission::Claim;
use begin::begin;
use shared::{Shared, lock};

/// How much of the path may be taken by datagrams that wait: 60 ms.
const QUEUE_SECONDS: f64 = 0.060;

/// Datagrams may wait up to so many bytes however slow the path: one face and one sound.
const LEAST_QUEUE: usize = 600;

/// How long a face waits for a sound to share its packet.
const COALESCE: Duration = Duration::from_millis(25);

/// How long good-byes may take.
const GOOD_BYE: Duration = Duration::from_millis(400);

/// A participant's end of a call. Dropping it hangs up at once; [`leave`](Self::leave) says good-bye.
pub struct Call {
    shared: Arc<Shared>,
    link: JoinLink,
    endpoint: quinn::Endpoint,
    tasks: Vec<AbortHandle>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("me", &self.shared.me).field("link", &self.link).finish_non_exhaustive()
    }
}

impl Call {
    /// Listens, and takes part; guests find it by [`link`](Self::link).
    ///
    /// # Errors
    /// If the address is taken, or what is offered can't be (an avatar without a signature, say).
    pub async fn host(options: HostOptions) -> Result<Self, CallError> {
        let HostOptions { listen: address, advertise, secret, identity, call } = options;
        let identity = match identity {
            Some(identity) => identity,
            None => ServerIdentity::generate()?,
        };
        let secret = secret.unwrap_or_else(CallSecret::random);
        let endpoint = listen(address, &identity, &call.transport)?;
        let local = endpoint.local_addr().map_err(|source| ListenError::Bind { address, source })?;
        let host = advertise.unwrap_or_else(|| match local.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".into(),
            ip if ip.is_unspecified() => "::1".into(),
            ip => ip.to_string(),
        });
        let link = JoinLink::to_peer(&host, local.port(), Some(identity.fingerprint()), secret.clone())?;
        let prefix = secret.call_id().digits();
        let (shared, avatar) = begin(call, secret, prefix)?;
        let mut tasks = avatar;
        tasks.push(spawn(host::run(shared.clone(), endpoint.clone())));
        tasks.push(spawn(roster::keep_house(shared.clone())));
        Ok(Self { shared, link, endpoint, tasks })
    }

    /// Joins the call that `link` leads to. Returns once the host or relay was reached.
    ///
    /// # Errors
    /// If nobody answers within [`JoinOptions::give_up`], whoever answers isn't whom the link means, or refuses.
    pub async fn join(link: JoinLink, options: JoinOptions) -> Result<Self, CallError> {
        let JoinOptions { bind: local, give_up, call } = options;
        let local = match local {
            Some(local) => local,
            None => any_address(link.host()),
        };
        let endpoint = bind(local).map_err(|source| CallError::Bind { address: local, source })?;
        let trust = link.pin().map_or(ServerTrust::SystemRoots, ServerTrust::Pinned);
        let target = Target { host: link.host().into(), port: link.port(), trust };
        let dialler = Dialler::new(endpoint.clone(), target, &call.transport)?;
        let secret = link.secret().clone();
        let digits = secret.call_id().digits();
        let prefix = match link.via() {
            // A relay puts its path before everything by itself: what a session asks for is its root.
            Via::Peer { .. } | Via::Relay { .. } => digits,
        };
        let (shared, avatar) = begin(call, secret.clone(), prefix)?;
        let path = match link.via() {
            Via::Peer { .. } => admission::path(&secret, shared.me, Claim::random()),
            Via::Relay { path, token, .. } => match token.as_str() {
                "" => format!("/{path}"),
                token => format!("/{path}?jwt={token}"),
            },
        };
        let mut tasks = avatar;
        let (told, first) = oneshot::channel();
        tasks.push(spawn(guest::run(shared.clone(), dialler, path, give_up, told)));
        tasks.push(spawn(roster::keep_house(shared.clone())));
        let call = Self { shared, link, endpoint, tasks };
        match first.await {
            Ok(Ok(())) => Ok(call),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(SessionError::Refused.into()),
        }
    }

    /// How others join: give it to those who are invited, and to nobody else.
    pub fn link(&self) -> &JoinLink {
        &self.link
    }

    /// Our own participant identifier.
    pub fn me(&self) -> ParticipantId {
        self.shared.me
    }

    /// The call's clock.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The local address of our socket.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// What happened next; `None` once the call is over. Cancel-safe.
    pub async fn next_event(&self) -> Option<Event> {
        self.shared.events.next().await
    }

    /// Sends a coded face, captured now or a moment ago.
    ///
    /// # Errors
    /// If it is larger than a datagram may be, or the call is over.
    pub fn send_face(&self, payload: &[u8]) -> Result<Sent, SendError> {
        let shared = &self.shared;
        let pacing = *lock(&shared.pacing);
        if self.is_hidden() {
            return Ok(Sent::Hidden);
        }
        if self.is_congested(&pacing) {
            return Ok(Sent::Congested);
        }
        let now = shared.clock.now();
        let mut publisher = lock(&shared.publisher);
        if !publisher.face_has_audience() {
            return Ok(Sent::Nobody);
        }
        let count = usize::from(pacing.faces_per_datagram);
        let sent = publisher.face(payload, count, pacing.coalesce, now)?;
        if sent == Sent::Held && pacing.coalesce {
            let generation = publisher.generation;
            let weak = Arc::downgrade(shared);
            shared.runtime.spawn(async move {
                tokio::time::sleep(COALESCE).await;
                let Some(shared) = weak.upgrade() else { return };
                let now = shared.clock.now();
                let mut publisher = lock(&shared.publisher);
                // Unless a sound, or more faces, took it along.
                if publisher.generation == generation
                    && publisher.holds_faces()
                    && let Err(error) = publisher.flush_faces(now)
                {
                    tracing::debug!(%error, "a held face could not be sent");
                }
            });
        }
        Ok(sent)
    }

    /// Sends a coded sound that began at `capture` on the call's clock.
    ///
    /// # Errors
    /// If it is larger than a datagram may be, or the call is over.
    pub fn send_audio(&self, payload: &[u8], capture: Timestamp) -> Result<Sent, SendError> {
        let now = self.shared.clock.now();
        let copies = lock(&self.shared.pacing).audio_copies;
        lock(&self.shared.publisher).audio(payload, capture, copies, now)
    }

    /// How faces are put into packets from now on.
    pub fn set_pacing(&self, pacing: Pacing) {
        *lock(&self.shared.pacing) = pacing;
    }

    /// Says how a participant is shown here, so that it needn't send what nobody sees. `loss` and `groups` are filled in.
    pub fn set_needs(&self, of: ParticipantId, needs: Needs) {
        lock(&self.shared.wishes).insert(of, needs);
        if let Some(remote) = self.shared.remote(&of) {
            remote
                .face_wanted
                .send_if_modified(|wanted| std::mem::replace(wanted, roster::wants_face(&needs)) != *wanted);
        }
    }

    /// What all others together want of us: the more of each. `None` if nobody is there.
    pub fn audience(&self) -> Option<Needs> {
        self.shared.all_remotes().iter().filter_map(|remote| remote.needs_of_me()).reduce(Needs::union)
    }

    /// Tells others whether the call is recorded here.
    pub fn set_recording(&self, recording: bool) {
        let was_recording = self.shared.events.is_recording();
        self.shared.events.set_recording(recording);
        let now = self.shared.clock.now();
        let mut publisher = lock(&self.shared.publisher);
        if recording && !was_recording {
            publisher.record_statement();
        }
        if std::mem::replace(&mut publisher.shown.recording, recording) != recording
            && let Err(error) = publisher.publish_catalogue(now)
        {
            tracing::debug!(%error, "the catalogue could not be published");
        }
    }

    /// Who is there, with the catalogues, in no order.
    pub fn participants(&self) -> Vec<(ParticipantId, Catalogue)> {
        let remotes = self.shared.all_remotes();
        let there = remotes.iter().filter(|remote| remote.has_joined() && remote.away_since().is_none());
        there.filter_map(|remote| Some((remote.id, remote.catalogue()?))).collect()
    }

    /// What its owner lets viewers do to a participant's face: what stands in its catalogue, if the owner of the avatar that
    /// it speaks with signed it; else nothing. May change with every [`Event::Changed`] and [`Event::Proof`].
    pub fn viewer_limits(&self, of: ParticipantId) -> OwnerLimits {
        self.shared.remote(&of).map(|remote| remote.viewer_limits()).unwrap_or_default()
    }

    /// How a participant's objects fare.
    pub fn remote_statistics(&self, of: ParticipantId) -> Option<RemoteStatistics> {
        Some(self.shared.remote(&of)?.statistics())
    }

    /// Every open path, counted at the socket: a guest's one, with `None`; a host's to each guest.
    pub fn path_statistics(&self) -> Vec<(Option<ParticipantId>, PathStatistics)> {
        lock(&self.shared.paths).statistics(&self.shared.transport)
    }

    /// Goes on from another local address (another network, say). Connections move along.
    ///
    /// # Errors
    /// If no socket can be had there; the old one stays.
    pub fn rebind(&self, local: SocketAddr) -> std::io::Result<()> {
        self.endpoint.rebind(std::net::UdpSocket::bind(local)?)
    }

    /// Says good-bye and hangs up.
    pub async fn leave(self) {
        let now = self.shared.clock.now();
        {
            let mut publisher = lock(&self.shared.publisher);
            let _ = publisher.flush_faces(now);
            publisher.leave(now);
        }
        // For the last catalogue to get through; who doesn't get it notices by the silence.
        tokio::time::sleep(GOOD_BYE).await;
        lock(&self.shared.publisher).close();
        self.hang_up();
        // Until the close frames are out.
        let _ = tokio::time::timeout(GOOD_BYE, self.endpoint.wait_idle()).await;
    }

    fn hang_up(&self) {
        for task in &self.tasks {
            task.abort();
        }
        for remote in self.shared.all_remotes() {
            remote.detach();
        }
        lock(&self.shared.paths).open.clear();
        self.endpoint.close(quinn::VarInt::from_u32(0), b"left");
        self.shared.events.close();
    }

    /// Whether everybody who is there said that they don't see us.
    fn is_hidden(&self) -> bool {
        self.audience().is_some_and(|needs| needs.face == View::Hidden)
    }

    /// Whether so much waits to be sent that a face would come late and delay sounds. A host with many guests doesn't
    /// know this of one path: what is full there drops by itself.
    fn is_congested(&self, pacing: &Pacing) -> bool {
        let paths = lock(&self.shared.paths);
        let mut open = paths.open.values();
        let (Some(path), None) = (open.next(), open.next()) else { return false };
        let now = path.session.statistics(&self.shared.transport);
        let bytes_per_second = match pacing.path_bit_s {
            Some(bits) => bits as f64 / 8.0,
            None => now.congestion_window as f64 / now.rtt.as_secs_f64().max(0.001),
        };
        now.queued_bytes > LEAST_QUEUE.max((bytes_per_second * QUEUE_SECONDS) as usize)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.hang_up();
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task).abort_handle()
}

/// Any address of the family that `host` has, if it is an address; IPv4 otherwise.
fn any_address(host: &str) -> SocketAddr {
    match host.parse() {
        Ok(std::net::IpAddr::V6(_)) => SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)),
        _ => SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, 0)),
    }
}
