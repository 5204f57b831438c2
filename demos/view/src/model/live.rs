//! Trackers that send over UDP: a thread listens, its faces are played out like those of a call.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use visavis_codec::FaceFrame;
use visavis_codec::avatar::LatentModel;
use visavis_codec::drive::live::{LiveProtocol, LiveSource};
use visavis_codec::drive::{Driver, DriverOptions};

/// How often the time is looked at while nothing comes.
const PATIENCE: Duration = Duration::from_millis(20);
/// The largest datagram that there is.
const MAX_DATAGRAM: usize = 1 << 16;
/// Of sources that don't say how often they send.
const DEFAULT_INTERVAL: f64 = 1.0 / 30.0;
/// The first moments, in which the face is to rest, seconds.
const NEUTRAL_S: f64 = 1.5;
/// A tracker that has seen no face for so long, seconds, is lost.
const LOST_S: f64 = 0.5;

/// A face that came, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveFace {
    /// At a time of the tracker's own clock.
    pub(crate) frame: FaceFrame,
    pub(crate) arrival: Instant,
}

/// What a tracker has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LiveStatus {
    pub(crate) datagrams: u64,
    /// Samples that showed a face.
    pub(crate) tracked: u64,
    pub(crate) malformed: u64,
    /// When a face was last seen, seconds since it began to listen.
    seen: Option<f64>,
    now: f64,
    /// Why it no longer listens.
    pub(crate) failure: Option<String>,
}

impl LiveStatus {
    pub(crate) fn is_tracking(&self) -> bool {
        self.seen.is_some_and(|seen| self.now - seen < LOST_S)
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        match self {
            Self { failure: Some(failure), .. } => failure.clone(),
            status if status.is_tracking() => format!("tracking, {} faces so far", status.tracked),
            Self { datagrams: 0, .. } => "waiting for the tracker; nothing has come yet".to_owned(),
            Self { tracked: 0, malformed, datagrams, .. } => {
                format!("{datagrams} datagrams and no face in them, {malformed} malformed")
            }
            _ => "the tracker sees no face at present".to_owned(),
        }
    }
}

/// A tracker that is listened to until this is dropped.
#[derive(Debug)]
pub(crate) struct Live {
    protocol: LiveProtocol,
    port: u16,
    status: Arc<Mutex<LiveStatus>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Begins to listen for the face of an avatar with this latent model. Faces go into `faces`; `wake` is called
    /// after each.
    pub(crate) fn listen(
        protocol: LiveProtocol,
        port: u16,
        model: &LatentModel,
        faces: Sender<LiveFace>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self> {
        let mut driver =
            Driver::new(model, DriverOptions::default()).context("this avatar can't be driven")?;
        driver.calibrate_first(NEUTRAL_S);
        let socket = UdpSocket::bind(("0.0.0.0", port)).with_context(|| {
            format!(
                "port {port} can't be listened at; is another program listening there? Choose another port"
            )
        })?;
        socket.set_read_timeout(Some(PATIENCE)).context("the socket")?;
        let port = socket.local_addr().map_or(port, |address| address.port());
        let status = Arc::new(Mutex::new(LiveStatus::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let ear = Ear {
            socket,
            source: LiveSource::new(protocol),
            driver,
            has_clock: false,
            status: status.clone(),
            faces,
        };
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || ear.listen(&stop, &wake)
        });
        Ok(Self { protocol, port, status, stop, thread: Some(thread) })
    }

    pub(crate) fn protocol(&self) -> LiveProtocol {
        self.protocol
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn status(&self) -> LiveStatus {
        lock(&self.status).clone()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It ends within its patience; if it panicked there is nothing left to do.
            let _ = thread.join();
        }
    }
}

/// What runs on the thread.
struct Ear {
    socket: UdpSocket,
    source: LiveSource,
    driver: Driver,
    has_clock: bool,
    status: Arc<Mutex<LiveStatus>>,
    faces: Sender<LiveFace>,
}

impl Ear {
    fn listen(mut self, stop: &AtomicBool, wake: &dyn Fn()) {
        let start = Instant::now();
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut frames = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let received = self.socket.recv(&mut buffer);
            let now = start.elapsed().as_secs_f64();
            match received {
                Ok(bytes) => self.take(buffer.get(..bytes).unwrap_or_default(), now, &mut frames),
                Err(error) if is_patience(&error) => {}
                Err(error) => {
                    lock(&self.status).failure = Some(format!("no longer listening: {error}"));
                    return;
                }
            }
            self.driver.advance(now, &mut frames);
            let tracked = self.driver.counts().tracked;
            {
                let mut status = lock(&self.status);
                if tracked > status.tracked {
                    (status.tracked, status.seen) = (tracked, Some(now));
                }
                (status.now, status.malformed) = (now, self.source.notes().malformed);
            }
            let arrival = Instant::now();
            for frame in frames.drain(..) {
                if self.faces.send(LiveFace { frame, arrival }).is_err() {
                    return; // nobody looks any more
                }
                wake();
            }
        }
    }

    fn take(&mut self, datagram: &[u8], now: f64, frames: &mut Vec<FaceFrame>) {
        lock(&self.status).datagrams += 1;
        let Some(received) = self.source.receive(datagram, now) else { return };
        if !self.has_clock {
            self.has_clock = true;
            self.driver.set_clock(received.interval.unwrap_or(DEFAULT_INTERVAL), self.source.wrap());
        }
        self.driver.push(received.seconds, Some(now), received.signals.as_ref(), frames);
    }
}

fn lock(status: &Mutex<LiveStatus>) -> std::sync::MutexGuard<'_, LiveStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nothing came in time, or a signal woke us.
fn is_patience(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use visavis_codec::bitstream::plain_latent_model;

    use super::*;

    #[test]
    fn nonsense_is_counted_and_a_taken_port_is_said() {
        let (sender, _faces) = std::sync::mpsc::channel();
        let model = plain_latent_model(0);
        let live = Live::listen(LiveProtocol::Vmc, 0, &model, sender.clone(), || {}).unwrap();
        let taken = Live::listen(LiveProtocol::LiveLink, live.port(), &model, sender, || {});
        assert!(format!("{:#}", taken.unwrap_err()).contains(&live.port().to_string()));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            socket.send_to(b"nonsense", ("127.0.0.1", live.port())).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            let status = live.status();
            if status.datagrams > 0 && status.malformed > 0 {
                assert!(status.line().contains("no face"), "{}", status.line());
                return;
            }
        }
        panic!("{:?}", live.status());
    }
}
