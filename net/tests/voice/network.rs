//! A voice, a bad network, and a sound device, in virtual time and from a seed.

use std::collections::BTreeMap;

use visavis_codec::call::{CallReader, Voice};
use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::testing::Random;
use visavis_codec::{FaceFrame, FaceUnit, Timestamp};
use visavis_net::voice::{
    EncodedVoice, Lipsync, Resampler, VOICE_RATE, VoiceBuffer, VoiceBufferOptions, VoiceEncoder,
    VoiceOptions, VoicePacket,
};

pub(crate) const MILLISECOND: u64 = 1_000_000;
/// Clocks when all begins: the receiver's, the sender's.
pub(crate) const OURS: u64 = 5_000_000_000_000;
pub(crate) const THEIRS: u64 = 40_000_000_000;

/// The voice of the shipped call, at 48 kHz.
pub(crate) fn hello() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/calls/hello.mcap");
    let bytes = std::fs::read(path).unwrap();
    let call = CallReader::new(&bytes).unwrap();
    let (id, sender) = call.senders().next().unwrap();
    let rate = sender.audio.sample_rate;
    let mut sound = call.sound(rate, &[Voice { sender: id, shift: 0 }]).unwrap();
    let (start, end) = sound.span().unwrap();
    let mut samples = vec![0i16; ((end.0 - start.0) as f64 * 1e-9 * f64::from(rate)) as usize];
    sound.read(start, 0, &mut samples).unwrap();
    let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32768.0).collect();
    let mut out = Vec::new();
    Resampler::new(rate, VOICE_RATE).push(&samples, &mut out);
    out
}

/// The packets of a voice whose first sample is captured at [`THEIRS`], from a microphone in blocks of 10 ms.
pub(crate) fn encode(voice: &[f32], options: VoiceOptions) -> Vec<EncodedVoice> {
    let mut encoder = VoiceEncoder::new(options).unwrap();
    let mut packets = Vec::new();
    for (n, block) in voice.chunks(480).enumerate() {
        let capture = Timestamp(THEIRS + n as u64 * 10 * MILLISECOND);
        encoder.push(block, capture, &mut packets).unwrap();
    }
    packets
}

/// The same packets again and again, as though somebody never stopped to talk: `count` of them.
pub(crate) fn endless(packets: &[EncodedVoice], count: usize) -> impl Iterator<Item = EncodedVoice> {
    let first = packets[0].capture.0;
    let length = packets[1].capture.0 - first;
    (0..count).map(move |n| {
        let capture = Timestamp(first + n as u64 * length);
        let opus = VoicePacket::read(&packets[n % packets.len()].payload).unwrap().opus;
        let mut payload = Vec::new();
        VoicePacket { sequence: (n % 64) as u8, opus }.write(&mut payload);
        EncodedVoice { payload, capture }
    })
}

/// What happens between capture and arrival.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) seed: u64,
    /// One way, ms; and what is added to it, uniform up to this.
    pub(crate) delay: f32,
    pub(crate) jitter: f32,
    pub(crate) loss: f32,
    /// Gilbert–Elliott: a burst begins with this probability a packet, and ends with that; all of it is lost.
    pub(crate) burst: (f32, f32),
    /// How much faster than the receiver's the sender's clock runs, ppm.
    pub(crate) drift: f64,
    /// From this time on, seconds, the path is so many ms longer.
    pub(crate) longer: Option<(f64, f32)>,
}

impl Default for Network {
    fn default() -> Self {
        Self { seed: 1, delay: 20.0, jitter: 0.0, loss: 0.0, burst: (0.0, 1.0), drift: 0.0, longer: None }
    }
}

/// Decides packet by packet.
pub(crate) struct Path {
    network: Network,
    random: Random,
    is_burst: bool,
}

impl Path {
    pub(crate) fn new(network: &Network) -> Self {
        Self { network: network.clone(), random: Random::new(network.seed), is_burst: false }
    }

    /// When a packet arrives on the receiver's clock that was sent at this time on the sender's; `None`: never.
    pub(crate) fn carry(&mut self, sent: Timestamp) -> Option<Timestamp> {
        let Network { delay, jitter, loss, burst: (begins, ends), drift, longer, .. } = self.network;
        let chance = self.random.uniform(0.0, 1.0);
        self.is_burst = if self.is_burst { chance >= ends } else { chance < begins };
        let is_lost = self.random.uniform(0.0, 1.0) < loss;
        let mut late = delay + self.random.uniform(0.0, jitter.max(1e-9));
        let since = (sent.0 as f64 - THEIRS as f64) / (1.0 + drift * 1e-6);
        if let Some((from, by)) = longer
            && since * 1e-9 >= from
        {
            late += by;
        }
        let arrival = Timestamp(OURS + since as u64 + (f64::from(late) * 1e6) as u64);
        (!is_lost && !self.is_burst).then_some(arrival)
    }
}

/// A receiver: sound pulled every 10 ms, faces shown every 33 ms.
pub(crate) struct Receiver {
    pub(crate) voice: VoiceBuffer,
    pub(crate) face: Playout,
    pub(crate) lipsync: Lipsync,
    waiting: BTreeMap<(u64, u64), Packet>,
    count: u64,
    pulls: u64,
    pictures: u64,
    /// The sound device's clock against ours, ppm, and how long what is pulled takes to be heard.
    pub(crate) device_drift: f64,
    pub(crate) device_delay: u64,
    /// All that was heard, and when the first sample of each pull was captured.
    pub(crate) heard: Vec<f32>,
    pub(crate) captures: Vec<(usize, Option<Timestamp>)>,
    pub(crate) keeps_sound: bool,
    /// Faces as shown: display, what it shows, jaw.
    pub(crate) shown: Vec<(Timestamp, Option<Timestamp>, f32)>,
    out: Vec<f32>,
    /// The largest delay of voice and face, and skew, since they were last taken.
    pub(crate) worst_delay: [f64; 2],
    pub(crate) worst_skew: f64,
}

enum Packet {
    Voice(EncodedVoice),
    Face(FaceFrame),
}

impl Receiver {
    pub(crate) fn new(options: VoiceBufferOptions) -> Self {
        Self {
            voice: VoiceBuffer::new(options).unwrap(),
            face: Playout::new(PlayoutOptions::default()).unwrap(),
            lipsync: Lipsync::new(),
            waiting: BTreeMap::new(),
            count: 0,
            pulls: 0,
            pictures: 0,
            device_drift: 0.0,
            device_delay: 0,
            heard: Vec::new(),
            captures: Vec::new(),
            keeps_sound: true,
            shown: Vec::new(),
            out: vec![0.0; options.rate as usize / 100],
            worst_delay: [0.0; 2],
            worst_skew: 0.0,
        }
    }

    pub(crate) fn send_voice(&mut self, arrival: Option<Timestamp>, packet: &EncodedVoice) {
        if let Some(arrival) = arrival {
            self.count += 1;
            self.waiting.insert((arrival.0, self.count), Packet::Voice(packet.clone()));
        }
    }

    pub(crate) fn send_face(&mut self, arrival: Option<Timestamp>, frame: FaceFrame) {
        if let Some(arrival) = arrival {
            self.count += 1;
            self.waiting.insert((arrival.0, self.count), Packet::Face(frame));
        }
    }

    /// Lets everything happen up to a time on our clock.
    pub(crate) fn run(&mut self, until: u64) {
        loop {
            let pull = OURS + (self.pulls as f64 * 1e7 / (1.0 + self.device_drift * 1e-6)) as u64;
            let picture = OURS + self.pictures * 33_333_333;
            let now = pull.min(picture);
            if now > until {
                return;
            }
            while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
                let arrival = Timestamp(entry.key().0);
                match entry.remove() {
                    Packet::Voice(EncodedVoice { payload, capture }) => {
                        // As on the wire: to 100 µs.
                        let capture = Timestamp(capture.0 / 100_000 * 100_000);
                        self.voice.push(&payload, capture, arrival).unwrap();
                    }
                    Packet::Face(frame) => {
                        self.face.push(&frame, arrival).unwrap();
                    }
                }
            }
            if pull <= picture {
                self.pulls += 1;
                let display = Timestamp(now + self.device_delay);
                let heard = self.voice.pull(Timestamp(now), display, &mut self.out);
                self.captures.push((self.heard.len(), heard.capture));
                if self.keeps_sound {
                    self.heard.extend_from_slice(&self.out);
                }
                self.worst_delay[0] = self.worst_delay[0].max(self.voice.statistics().delay.as_secs_f64());
            } else {
                self.pictures += 1;
                let display = Timestamp(now);
                let shown = self.lipsync.show(&mut self.face, &mut self.voice, display);
                let jaw = shown.frame.latent.unit(FaceUnit::JawOpen);
                if self.keeps_sound {
                    self.shown.push((display, shown.capture, jaw));
                }
                self.worst_delay[1] = self.worst_delay[1].max(shown.delay.as_secs_f64());
                let skew = self.lipsync.statistics().skew.unwrap_or(0.0).abs();
                self.worst_skew = self.worst_skew.max(skew);
            }
        }
    }

    pub(crate) fn forget_worst(&mut self) {
        (self.worst_delay, self.worst_skew) = ([0.0; 2], 0.0);
    }

    /// A clean decoding of the same voice, placed as it was heard, beside what was heard: from `from` seconds on.
    pub(crate) fn beside(&self, clean: &[f32], first: Timestamp, from: f64) -> (Vec<f32>, Vec<f32>) {
        let (mut wanted, mut heard) = (Vec::new(), Vec::new());
        for pair in self.captures.windows(2) {
            let ((at, Some(capture)), (end, _)) = (pair[0], pair[1]) else { continue };
            let seconds = (capture.0 as f64 - first.0 as f64) * 1e-9;
            let start = (seconds * f64::from(VOICE_RATE)).round();
            if seconds < from || start as usize + (end - at) >= clean.len() {
                continue;
            }
            wanted.extend_from_slice(&clean[start as usize..start as usize + (end - at)]);
            heard.extend_from_slice(&self.heard[at..end]);
        }
        (wanted, heard)
    }
}

/// A face that opens its jaw once a second, at a time on the sender's clock.
pub(crate) fn talking(time: Timestamp) -> FaceFrame {
    let mut frame = FaceFrame { time, ..FaceFrame::default() };
    let phase = (time.0 % 1_000_000_000) as f32 * 1e-9;
    *frame.latent.unit_mut(FaceUnit::JawOpen) = 0.5 - 0.5 * (std::f32::consts::TAU * phase).cos();
    frame
}
