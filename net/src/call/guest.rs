//! The guest's side: one connection to a host or relay, mended whenever it breaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use super::CallError;
use super::event::Event;
use super::roster;
use super::shared::{Shared, lock};
use crate::transport::{DialError, Dialler, MoqSession, below, spawn_origin};

/// How often silence is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// How long to wait after a session that was refused, so as not to hammer a host that says no.
const REFUSED: Duration = Duration::from_millis(500);

/// Connects, and reconnects until aborted; tells `first` how the first attempt went.
pub(super) async fn run(
    shared: Arc<Shared>,
    dialler: Dialler,
    path: String,
    give_up: Duration,
    first: oneshot::Sender<Result<(), CallError>>,
) {
    let mut first = Some(first);
    let mut broken_since: Option<Instant> = None;
    let mut next: Option<quinn::Connection> = None;
    // The session before, dropped once the new one stands: relays then see us leave the old way after we came by the new.
    let mut before: Option<Link> = None;
    loop {
        let connection = match next.take() {
            Some(connection) => connection,
            None => match dialler.dial(first.is_some().then_some(give_up)).await {
                Ok(connection) => connection,
                Err(error) => {
                    // Only the first gives up.
                    if let Some(first) = first.take() {
                        let _ = first.send(Err(error.into()));
                        return;
                    }
                    continue;
                }
            },
        };
        let link = match Link::open(&shared, connection, &path).await {
            Ok(link) => link,
            Err(error) => {
                if let Some(first) = first.take() {
                    let _ = first.send(Err(error));
                    return;
                }
                tracing::debug!(%error, "reconnecting failed");
                tokio::time::sleep(REFUSED).await;
                continue;
            }
        };
        drop(before.take());
        if let Some(first) = first.take() {
            let stands = link.session.stands().await.map_err(CallError::from);
            let refused = stands.is_err();
            if first.send(stands).is_err() || refused {
                return;
            }
        }
        let opened = Instant::now();
        let after = broken_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        shared.events.push(Event::Connected { after });

        let end = link.watch(&shared, &dialler).await;
        broken_since = Some(end.since);
        if !end.announced {
            shared.events.push(Event::Reconnecting);
        }
        next = end.next;
        before = Some(link);
        if next.is_none() {
            // It was closed, not silent: nothing more comes from it.
            before = None;
        }
        roster::all_away(&shared);
        if opened.elapsed() < REFUSED {
            tokio::time::sleep(REFUSED).await;
        }
    }
}

/// One session and what hangs on it.
struct Link {
    shared: Arc<Shared>,
    session: Arc<MoqSession>,
    path: u64,
    roster: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.roster.abort();
        lock(&self.shared.paths).remove(self.path, &self.shared.transport);
    }
}

/// How a session ended.
struct End {
    since: Instant,
    /// Whether `Reconnecting` was said.
    announced: bool,
    /// The connection that takes its place.
    next: Option<quinn::Connection>,
}

impl Link {
    async fn open(
        shared: &Arc<Shared>,
        connection: quinn::Connection,
        path: &str,
    ) -> Result<Self, CallError> {
        let origin = spawn_origin();
        let publish = shared.origin.producer.consume();
        let session =
            Arc::new(MoqSession::connect(connection, path, publish, origin.producer.clone()).await?);
        let datagrams = shared.transport.datagrams && session.has_datagrams();
        if !datagrams {
            shared.warn(
                None,
                "this path carries no datagrams: faces and voices come in groups of half a second",
            );
        }
        let others = below(&origin.producer, &shared.prefix).ok_or(CallError::Prefix)?;
        let watched = shared.clone();
        let roster = shared.runtime.spawn(async move {
            // The origin lives as long as somebody watches it.
            let _origin = origin;
            roster::watch(watched, others, datagrams).await;
        });
        let number = lock(&shared.paths).add(None, session.clone());
        Ok(Self { shared: shared.clone(), session, path: number, roster: roster.abort_handle() })
    }

    /// Until the session is over, or another connection stands because this one was silent.
    async fn watch(&self, shared: &Shared, dialler: &Dialler) -> End {
        let connection = &self.session.connection;
        let received = || connection.stats().udp_rx.datagrams;
        let (mut heard, mut heard_at) = (received(), Instant::now());
        let mut dialling: Option<Redial> = None;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                why = self.session.closed() => {
                    tracing::debug!(%why, "the session ended");
                    let announced = dialling.is_some();
                    // An attempt that began already is better than a new one.
                    let next = match dialling.take() {
                        Some(redial) => redial.finish().await,
                        None => None,
                    };
                    return End { since: heard_at, announced, next };
                }
                Some(next) = Redial::done(&mut dialling) => {
                    return End { since: heard_at, announced: true, next: Some(next) };
                }
                _ = look.tick() => {
                    let now = received();
                    if now != heard {
                        if dialling.take().is_some() {
                            // It came back by itself.
                            shared.events.push(Event::Connected { after: heard_at.elapsed() });
                        }
                        (heard, heard_at) = (now, Instant::now());
                    } else if heard_at.elapsed() > shared.transport.silence && dialling.is_none() {
                        shared.events.push(Event::Reconnecting);
                        dialling = Some(Redial::begin(dialler));
                    }
                }
            }
        }
    }
}

/// Dialling beside a silent connection; stops when dropped.
struct Redial(JoinHandle<Result<quinn::Connection, DialError>>);

impl Redial {
    fn begin(dialler: &Dialler) -> Self {
        let dialler = dialler.clone();
        Self(tokio::spawn(async move { dialler.dial(None).await }))
    }

    async fn finish(mut self) -> Option<quinn::Connection> {
        (&mut self.0).await.ok()?.ok()
    }

    /// Waits for the connection, if one is being made.
    async fn done(dialling: &mut Option<Self>) -> Option<quinn::Connection> {
        let redial = dialling.as_mut()?;
        let result = (&mut redial.0).await;
        *dialling = None;
        result.ok()?.ok()
    }
}

impl Drop for Redial {
    fn drop(&mut self) {
        self.0.abort();
    }
}
