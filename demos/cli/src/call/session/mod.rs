//! The loop of a call: what is due goes out, what comes is taken (`events.rs`), and what is there is shown and heard.

mod events;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use visavis_codec::Timestamp;
use visavis_codec::call::MessageTimes;
use visavis_codec::expression::Profile;
use visavis_codec::glam::{Quat, Vec3};
use visavis_net::call::{Call, Clock};
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
    /// How others are wished to be seen here.
    wish: Option<Profile>,
    lines: Option<std::sync::mpsc::Receiver<String>>,
}

impl Session {
    pub(crate) fn new(
        call: Arc<Call>,
        clock: Clock,
        speaker: Option<Speaker>,
        sinks: Sinks,
        wish: Option<Profile>,
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
            wish,
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

    fn tick(&mut self, now: Timestamp) -> Result<()> {
        while let Some(line) = self.lines.as_ref().and_then(|lines| lines.try_recv().ok()) {
            if let Some(said) = self.speaker.as_mut().and_then(|speaker| speaker.press(&line)) {
                self.say(said);
            }
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.tick(now, &self.call)?;
            if let Some(news) = speaker.news.take() {
                self.status.say(news);
            }
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
        let speaker = self.speaker.as_mut();
        speaker.map_or(Ok(()), |speaker| speaker.adapt(&self.call))
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
