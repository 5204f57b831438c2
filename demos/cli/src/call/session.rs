//! The loop of a call: what is due goes out, what comes is taken, and what is there is shown and heard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use visavis_codec::Timestamp;
use visavis_codec::call::MessageTimes;
use visavis_codec::glam::{Quat, Vec3};
use visavis_net::call::{Call, Clock, Event};
use visavis_net::catalogue::{Needs, View};
use visavis_net::seal::ParticipantId;
use visavis_net::voice::{Listener as Ears, Mixer, Placement, VOICE_RATE};

use super::CommonArguments;
use super::film::Film;
use super::listener::Listener;
use super::recording::Recording;
use super::sound::Speakers;
use super::speaker::Speaker;
use super::status::Status;
use crate::interrupt;

/// How often what is due is looked for, and how much sound is pulled at a time.
const TICK: Duration = Duration::from_millis(10);
const BLOCK: usize = VOICE_RATE as usize / 100;
const BLOCK_NANOSECONDS: u64 = 10_000_000;
/// While events keep coming, what is due is done this often, nanoseconds.
const LATE: u64 = 30_000_000;
/// How often the path is looked at, and the status line changes.
const ADAPT: u64 = 100_000_000;
const STATUS: u64 = 500_000_000;
/// A gap of the program's own that is caught up with, nanoseconds; of a longer one the rest is left out.
const CATCH_UP: u64 = 1_000_000_000;
/// Heads sit on an arc before the listener, metres and radians.
const TABLE: f32 = 1.2;
const ARC: f32 = 1.4;
/// More people than this are not shown: the design of a call is for twenty.
const MAX_LISTENERS: usize = 256;

/// Where a call goes.
pub(crate) struct Sinks {
    pub(crate) film: Option<Film>,
    pub(crate) recording: Option<Recording>,
    pub(crate) speakers: Option<Speakers>,
}

/// A call that goes on.
pub(crate) struct Session {
    call: Arc<Call>,
    clock: Clock,
    start: Timestamp,
    speaker: Option<Speaker>,
    listeners: BTreeMap<[u8; 8], Listener>,
    /// Placed while there; where they sit is by the order in which they came.
    places: BTreeMap<[u8; 8], Placement>,
    /// The most that were there at once.
    most: usize,
    sinks: Sinks,
    mixer: Mixer,
    ears: visavis_net::voice::Ears,
    has_sound: bool,
    seconds: Option<f64>,
    /// When what is due was done, the path looked at, and the status told.
    ticked: Timestamp,
    adapted: Timestamp,
    told: Timestamp,
    picture_ns: f64,
    /// When the next block of sound and the next picture are due without a device.
    next_block: Timestamp,
    pictures: u64,
    block: Vec<f32>,
    mixed: Vec<f32>,
    status: Status,
    warnings: Vec<String>,
    reconnections: u64,
    /// What others say that they lose of ours.
    losses: BTreeMap<[u8; 8], f32>,
    lines: Option<std::sync::mpsc::Receiver<String>>,
}

impl Session {
    pub(crate) fn new(
        call: Arc<Call>,
        clock: Clock,
        speaker: Option<Speaker>,
        sinks: Sinks,
        arguments: &CommonArguments,
    ) -> Result<Self> {
        let start = clock.now();
        let lines = speaker.as_ref().is_some_and(Speaker::has_microphone).then(lines_of_stdin);
        let mut session = Self {
            call,
            clock,
            start,
            speaker,
            listeners: BTreeMap::new(),
            places: BTreeMap::new(),
            most: 0,
            sinks,
            mixer: Mixer::new(VOICE_RATE),
            ears: arguments.sound.ears(),
            has_sound: !arguments.no_audio,
            seconds: arguments.seconds,
            ticked: start,
            adapted: start,
            told: start,
            picture_ns: 1e9 / arguments.film.fps,
            next_block: start,
            pictures: 0,
            block: vec![0.0; BLOCK],
            mixed: Vec::new(),
            status: Status::new(),
            warnings: Vec::new(),
            reconnections: 0,
            losses: BTreeMap::new(),
            lines,
        };
        if let (Some(recording), Some(speaker)) = (&mut session.sinks.recording, &mut session.speaker) {
            speaker.keeps = true;
            let (manifest, root) = (speaker.manifest(), speaker.root());
            recording.know(session.call.me(), speaker.name(), Some((manifest, root)))?;
        }
        Ok(session)
    }

    /// Goes on until Ctrl-C, the time is up, or the call is over; then leaves, and completes what was asked for.
    pub(crate) async fn run(mut self) -> Result<Value> {
        let call = self.call.clone();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let result: Result<()> = loop {
            // What has come is taken first: what is shown next may need it. But a flood of it stops nothing.
            let step = tokio::select! {
                biased;
                event = call.next_event() => match event {
                    Some(event) => self.take(event).and_then(|()| self.due(LATE)),
                    None => Ok(false),
                },
                _ = ticks.tick() => self.due(0),
            };
            match step {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.status.finish();
        let report = self.report();
        let Self { call: own, sinks, listeners, .. } = self;
        // The event loop's own handle; with both gone the call can be left.
        drop(own);
        match Arc::try_unwrap(call) {
            Ok(call) => call.leave().await,
            Err(_) => tracing::debug!("the call is still in use"),
        }
        let Sinks { film, recording, speakers } = sinks;
        drop(speakers);
        // The recording is completed even if something went wrong.
        let recorded = recording.map(Recording::finish).transpose();
        result?;
        let mut report = report;
        if let Some(path) = recorded? {
            eprintln!("visavis: recorded: {}", path.display());
            report["recording"] = json!(path);
        }
        if let Some(film) = film {
            let avatar_of = |id: ParticipantId| listeners.get(&id.0).and_then(|l| l.avatar.clone());
            let outputs = tokio::task::block_in_place(|| film.render(&avatar_of))?;
            report["outputs"] = json!(outputs);
        }
        Ok(report)
    }

    /// Does what is due, if the last time is so many nanoseconds ago; whether the call goes on.
    fn due(&mut self, since: u64) -> Result<bool> {
        let now = self.clock.now();
        if now.0 < self.ticked.0 + since {
            return Ok(true);
        }
        self.ticked = now;
        self.tick(now)?;
        if now.0 >= self.adapted.0 + ADAPT {
            self.adapted = now;
            self.adapt(now)?;
        }
        if now.0 >= self.told.0 + STATUS {
            self.told = now;
            self.tell(now);
        }
        let passed = now.0.saturating_sub(self.start.0) as f64 * 1e-9;
        Ok(!interrupt::take() && self.seconds.is_none_or(|seconds| passed < seconds))
    }

    fn take(&mut self, event: Event) -> Result<()> {
        let now = self.clock.now();
        match event {
            Event::Joined { from, catalogue, .. } => {
                if self.listeners.len() >= MAX_LISTENERS {
                    return Ok(());
                }
                let known = self.listeners.remove(&from.0);
                let mut listener = match known {
                    Some(listener) => listener,
                    None => Listener::new(from, catalogue.clone(), VOICE_RATE, now)?,
                };
                listener.catalogue = catalogue;
                (listener.has_left, listener.is_away) = (false, false);
                self.say(&format!("{} is there", listener.name()));
                if listener.catalogue.recording {
                    self.say(&format!("{} records this call", listener.name()));
                }
                self.listeners.insert(from.0, listener);
                self.place();
                // There is no window yet, but the status line's figures are those of faces.
                self.call.set_needs(from, Needs { face: View::Full, ..Needs::default() });
            }
            Event::Changed { from, catalogue } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let (was, is) = (listener.catalogue.recording, catalogue.recording);
                listener.catalogue = catalogue;
                if was != is {
                    let what = if is { "records this call" } else { "records no more" };
                    let text = format!("{} {what}", listener.name());
                    self.say(&text);
                }
            }
            Event::Face { from, payload, arrival } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let newest = listener.take_face(&payload, arrival);
                if let (Some(recording), Some(newest)) = (&mut self.sinks.recording, newest) {
                    let times = MessageTimes { capture: newest.time, arrival };
                    recording.face(from, &listener.name(), times, &payload)?;
                }
            }
            Event::Audio { from, payload, capture, arrival } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                if self.has_sound {
                    listener.take_voice(&payload, capture, arrival);
                }
                if let Some(recording) = &mut self.sinks.recording {
                    recording.voice(from, &listener.name(), MessageTimes { capture, arrival }, &payload)?;
                }
            }
            Event::Avatar { from, progress } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let said = listener.take_avatar(&progress, now);
                if let (Some(recording), Some(manifest)) = (&mut self.sinks.recording, &listener.manifest) {
                    let root = listener.catalogue.avatar.as_ref().map(|avatar| avatar.root.as_str());
                    recording.know(from, &listener.name(), Some((&**manifest, root)))?;
                }
                if let Some(said) = said {
                    let text = format!("{}: {said}", listener.name());
                    self.warn(text);
                }
            }
            Event::Proof { from, status } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                listener.proof = Some(status);
                let text = format!("{}: {status}", listener.name());
                self.say(&text);
            }
            Event::Away { from } | Event::Left { from } | Event::Back { from } => {
                let Some(listener) = self.listeners.get_mut(&from.0) else { return Ok(()) };
                let (what, away, left) = match event {
                    Event::Away { .. } => ("can't be reached", true, false),
                    Event::Left { .. } => ("left", true, true),
                    _ => ("is back", false, false),
                };
                (listener.is_away, listener.has_left) = (away, left);
                if left {
                    self.losses.remove(&from.0);
                }
                let text = format!("{} {what}", listener.name());
                self.say(&text);
                self.place();
            }
            Event::Reconnecting => {
                self.reconnections += 1;
                self.say("the path broke; it is being mended");
            }
            Event::Connected { after } => {
                if !after.is_zero() {
                    self.say(&format!("the path is there again after {:.1} s", after.as_secs_f64()));
                }
            }
            Event::Warning { from, text } => {
                let who =
                    from.and_then(|from| self.listeners.get(&from.0)).map(|l| format!("{}: ", l.name()));
                self.warn(format!("{}{text}", who.unwrap_or_default()));
            }
            Event::Needs { from, needs } => {
                if self.listeners.contains_key(&from.0) {
                    self.losses.insert(from.0, needs.loss);
                }
            }
            Event::ProofMessage { from, message } => {
                let Some(listener) = self.listeners.get(&from.0) else { return Ok(()) };
                if let Some(recording) = &mut self.sinks.recording {
                    recording.proof(from, &listener.name(), MessageTimes::at_once(now), message)?;
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self, now: Timestamp) -> Result<()> {
        while let Some(line) = self.lines.as_ref().and_then(|lines| lines.try_recv().ok()) {
            if let Some(said) = self.speaker.as_mut().and_then(|speaker| speaker.press(&line)) {
                self.say(said);
            }
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.tick(now, &self.call)?;
            if let Some(recording) = &mut self.sinks.recording {
                let (me, name) = (self.call.me(), speaker.name().to_owned());
                for (at, packet) in speaker.kept_faces.drain(..) {
                    recording.face(me, &name, MessageTimes::at_once(at), &packet)?;
                }
                for (at, samples) in speaker.kept_voice.drain(..) {
                    recording.sound(me, &name, at, &samples)?;
                }
            }
        }
        if self.has_sound {
            self.hear(now)?;
        }
        let skipped = now.0.saturating_sub(CATCH_UP);
        loop {
            let due = Timestamp(self.start.0 + (self.pictures as f64 * self.picture_ns) as u64);
            if due > now {
                return Ok(());
            }
            self.pictures += 1;
            if due.0 < skipped && self.sinks.film.is_none() {
                continue;
            }
            let there = self.listeners.values_mut().filter(|listener| !listener.has_left);
            let shown = there.map(|listener| {
                let shown = listener.show(due);
                (listener.id, shown.frame, listener.is_proven())
            });
            let shown: Vec<_> = shown.collect();
            self.face_places(&shown);
            if let Some(film) = &mut self.sinks.film {
                film.picture(shown);
            }
        }
    }

    fn hear(&mut self, now: Timestamp) -> Result<()> {
        if let Some(mut speakers) = self.sinks.speakers.take() {
            while let Some(delay) = speakers.hungry() {
                self.mix(now, Timestamp(now.0 + delay))?;
                speakers.write(&self.mixed);
            }
            self.sinks.speakers = Some(speakers);
            return Ok(());
        }
        while self.next_block <= now {
            let due = self.next_block;
            self.next_block = Timestamp(due.0 + BLOCK_NANOSECONDS);
            if due.0 + CATCH_UP >= now.0 || self.sinks.film.is_some() {
                self.mix(due, due)?;
            }
        }
        Ok(())
    }

    /// Everybody's voice, 10 ms of it, that is heard from `display` on.
    fn mix(&mut self, now: Timestamp, display: Timestamp) -> Result<()> {
        self.mixer.begin(BLOCK);
        for (id, listener) in &mut self.listeners {
            listener.pull(now, display, &mut self.block);
            if let Some(placement) = self.places.get_mut(id) {
                let (left, right) = self.mixer.channels();
                placement.add(&self.block, left, right);
            }
        }
        self.mixed.clear();
        self.mixer.finish(&mut self.mixed);
        if let Some(film) = &mut self.sinks.film {
            film.sound(self.mixed.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])))?;
        }
        Ok(())
    }

    /// Everybody gets a seat.
    fn place(&mut self) {
        let there: Vec<_> = self.listeners.iter().filter(|(_, l)| !l.has_left).map(|(id, _)| *id).collect();
        self.most = self.most.max(there.len());
        self.places.retain(|id, _| there.contains(id));
        for id in there {
            self.places.entry(id).or_insert_with(|| Placement::new(self.ears));
        }
    }

    /// Voices come from where heads are: on an arc, and wherever they lean there.
    fn face_places(&mut self, shown: &[(ParticipantId, visavis_codec::FaceFrame, bool)]) {
        let count = self.places.len();
        for (n, (id, placement)) in self.places.iter_mut().enumerate() {
            let part = (n as f32 + 0.5) / count as f32 - 0.5;
            // The seat faces the listener: its own axes are turned by half a turn.
            let seat = Quat::from_rotation_y(-part * ARC) * Vec3::new(0.0, 0.0, -TABLE);
            let turn = Quat::from_rotation_y(-part * ARC + std::f32::consts::PI);
            let lean =
                shown.iter().find(|(other, ..)| other.0 == *id).map(|(_, frame, _)| frame.head.translation);
            placement.set(&Ears::default(), seat + turn * lean.unwrap_or_default());
        }
    }

    fn adapt(&mut self, now: Timestamp) -> Result<()> {
        for listener in self.listeners.values_mut() {
            listener.look(now, &self.call);
        }
        let receivers: Vec<(u64, f32)> =
            self.losses.iter().map(|(id, loss)| (u64::from_le_bytes(*id), *loss)).collect();
        match &mut self.speaker {
            Some(speaker) => speaker.adapt(now, &self.call, &receivers),
            None => Ok(()),
        }
    }

    fn tell(&mut self, now: Timestamp) {
        let seconds = now.0.saturating_sub(self.start.0) as f64 * 1e-9;
        let there = self.listeners.values().filter(|listener| !listener.has_left);
        let lines: Vec<_> =
            there.map(|listener| (listener.name(), listener.figures(Some(&self.call)))).collect();
        self.status.show(seconds, self.speaker.as_ref(), &self.call.path_statistics(), &lines);
    }

    fn say(&self, text: &str) {
        self.status.say(text);
    }

    fn warn(&mut self, text: String) {
        self.say(&text);
        if self.warnings.len() < 100 {
            self.warnings.push(text);
        }
    }

    /// For `--json`.
    fn report(&self) -> Value {
        let now = self.clock.now();
        let seconds = now.0.saturating_sub(self.start.0) as f64 * 1e-9;
        let paths: Vec<_> = self
            .call
            .path_statistics()
            .into_iter()
            .map(|(to, path)| {
                json!({
                    "to": to.map(|to| to.to_string()), "rtt_ms": path.rtt.as_secs_f64() * 1e3,
                    "sent_kbit_per_s": path.sent_bytes as f64 * 8e-3 / seconds,
                    "received_kbit_per_s": path.received_bytes as f64 * 8e-3 / seconds,
                    "sent_packets": path.sent_packets, "lost_packets": path.lost_packets,
                })
            })
            .collect();
        let peers: Vec<_> =
            self.listeners.values().map(|listener| listener.report(Some(&self.call))).collect();
        json!({
            "seconds": seconds, "me": self.call.me().to_string(), "most_peers": self.most, "peers": peers, "paths": paths,
            "sent": self.speaker.as_ref().map(|speaker| speaker.report(seconds)), "reconnections": self.reconnections,
            "warnings": self.warnings,
        })
    }
}

/// Lines that are typed, for the microphone.
fn lines_of_stdin() -> std::sync::mpsc::Receiver<String> {
    let (send, receive) = std::sync::mpsc::sync_channel(8);
    // Ends with the program: reading a terminal can't be interrupted.
    std::thread::spawn(move || {
        let mut line = String::new();
        while matches!(std::io::stdin().read_line(&mut line), Ok(1..)) {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receive
}
