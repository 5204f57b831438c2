//! Live sources: datagrams in, a call out, until the time is up or Ctrl-C is pressed.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use visavis_codec::FaceFrame;
use visavis_codec::drive::live::{LiveProtocol, LiveSource};
use visavis_codec::drive::{Driver, Received};

use super::input::Kind;
use super::recorder::Recorder;
use super::report::Report;
use crate::interrupt;

/// How often the time is looked at while nothing comes.
const PATIENCE: Duration = Duration::from_millis(20);
/// How often the status line changes.
const STATUS: Duration = Duration::from_millis(250);
/// The largest datagram that there is.
pub(crate) const MAX_DATAGRAM: usize = 1 << 16;
/// Of sources that don't say how often they send.
const DEFAULT_INTERVAL: f64 = 1.0 / 30.0;

/// A live source and what becomes of it.
pub(crate) struct Session {
    kind: Kind,
    source: LiveSource,
    driver: Driver,
    recorder: Recorder,
    frames: Vec<FaceFrame>,
    datagrams: u64,
    has_clock: bool,
}

impl Session {
    pub(crate) fn new(kind: Kind, driver: Driver, recorder: Recorder) -> Self {
        let source = LiveSource::new(protocol(kind));
        Self { kind, source, driver, recorder, frames: Vec::new(), datagrams: 0, has_clock: false }
    }

    /// Listens at an address. The call is whole however it ends, but for an error of the disk.
    pub(crate) fn run(self, address: &str, seconds: Option<f64>) -> Result<(Recorder, Report)> {
        let socket = UdpSocket::bind(address).with_context(|| {
            format!("{address}: can't listen there; is another program listening, or the address not this machine's?")
        })?;
        self.listen(&socket, seconds)
    }

    /// Listens at an open socket.
    pub(crate) fn listen(mut self, socket: &UdpSocket, seconds: Option<f64>) -> Result<(Recorder, Report)> {
        socket.set_read_timeout(Some(PATIENCE)).context("the socket")?;
        let address = socket.local_addr().context("the socket")?;
        eprintln!("visavis: listening at {address}; Ctrl-C ends the recording");
        let status = ProgressBar::new_spinner();
        let (start, mut shown) = (Instant::now(), Instant::now());
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let received = socket.recv(&mut buffer);
            let now = start.elapsed().as_secs_f64();
            match received {
                Ok(bytes) => self.receive(&buffer[..bytes], now)?,
                Err(error) if is_patience(&error) => self.idle(now)?,
                Err(error) => return Err(error).with_context(|| format!("{address}: receiving")),
            }
            if interrupt::take() || seconds.is_some_and(|seconds| now >= seconds) {
                break;
            }
            if shown.elapsed() > STATUS {
                shown = Instant::now();
                status.set_message(self.status(now));
                status.tick();
            }
        }
        status.finish_and_clear();
        self.finish(&address.to_string())
    }

    /// Takes a datagram that came at this time, seconds since the session began.
    pub(crate) fn receive(&mut self, datagram: &[u8], now: f64) -> Result<()> {
        self.datagrams += 1;
        let Some(Received { seconds, interval, signals }) = self.source.receive(datagram, now) else {
            return self.idle(now);
        };
        if !self.has_clock {
            self.has_clock = true;
            let usual = interval.unwrap_or(DEFAULT_INTERVAL);
            self.driver.set_clock(usual, self.source.wrap());
        }
        self.driver.push(seconds, Some(now), signals.as_ref(), &mut self.frames);
        self.recorder.write(&mut self.frames)
    }

    /// Lets time pass.
    fn idle(&mut self, now: f64) -> Result<()> {
        self.driver.advance(now, &mut self.frames);
        self.recorder.write(&mut self.frames)
    }

    fn finish(mut self, address: &str) -> Result<(Recorder, Report)> {
        self.driver.finish(&mut self.frames);
        self.recorder.write(&mut self.frames)?;
        if self.driver.counts().tracked == 0 {
            let first = self.source.notes().first.first();
            bail!(
                "{address}: no face came ({} datagrams{}); is the sender's target this machine's address and this port?",
                self.datagrams,
                first.map(|first| format!("; {first}")).unwrap_or_default()
            );
        }
        let notes = self.source.notes().clone();
        let mut report = Report::new(address.to_owned(), self.kind, &self.driver, notes);
        report.datagrams = Some(self.datagrams);
        Ok((self.recorder, report))
    }

    fn status(&self, now: f64) -> String {
        let counts = self.driver.counts();
        let (frames, seconds) = self.recorder.written();
        if counts.tracked == 0 {
            return format!("{now:.0} s: waiting for a face; {} datagrams", self.datagrams);
        }
        format!(
            "{now:.0} s: {frames} frames, {seconds:.1} s recorded; {} gaps, {} spikes, {} malformed",
            counts.gaps,
            counts.spikes,
            self.source.notes().malformed
        )
    }
}

/// What a kind of input is on the wire.
pub(crate) fn protocol(kind: Kind) -> LiveProtocol {
    match kind {
        Kind::Vmc => LiveProtocol::Vmc,
        Kind::LiveLink | Kind::Signals | Kind::Capture => LiveProtocol::LiveLink,
    }
}

/// Whether nothing came in time, or a signal woke us.
fn is_patience(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}
