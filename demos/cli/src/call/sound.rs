//! Sound devices, where this program was built with them.

use anyhow::Result;
use visavis_codec::Timestamp;

/// Which devices, and whether the microphone goes out.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Sound (of a program built with the feature `audio`)")]
pub(crate) struct SoundArguments {
    /// The microphone, by a part of its name [default: the system's]
    #[arg(long, value_name = "NAME")]
    microphone: Option<String>,
    /// The speakers or headphones, by a part of their name [default: the system's]
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// Begin with the microphone muted; `m` and Enter change it
    #[arg(long)]
    mute: bool,
    /// Nothing goes out but while you hold the line: Enter opens it, Enter closes it
    #[arg(long)]
    push_to_talk: bool,
    /// For loudspeakers: voices are placed by level alone; for headphones, by time and shadow of the head
    #[arg(long)]
    loudspeakers: bool,
}

#[cfg(not(feature = "audio"))]
mod devices {
    use super::*;

    /// There are none.
    pub(crate) struct Microphone(std::convert::Infallible);

    /// There are none.
    pub(crate) struct Speakers(std::convert::Infallible);

    const WITHOUT: &str = "this program was built without sound devices; build it with `cargo build --features audio`, \
                           or use --no-audio";

    impl Microphone {
        pub(crate) fn open(_: &SoundArguments) -> Result<Self> {
            anyhow::bail!(WITHOUT)
        }

        pub(crate) fn read(&mut self, _: Timestamp, _: &mut Vec<f32>) -> Timestamp {
            match self.0 {}
        }

        pub(crate) fn press(&mut self, _: &str) -> &'static str {
            match self.0 {}
        }
    }

    impl Speakers {
        pub(crate) fn open(_: &SoundArguments) -> Result<Self> {
            anyhow::bail!(WITHOUT)
        }

        pub(crate) fn hungry(&self) -> Option<u64> {
            match self.0 {}
        }

        pub(crate) fn write(&mut self, _: &[f32]) {
            match self.0 {}
        }
    }
}

#[cfg(feature = "audio")]
mod devices {
    use anyhow::Context as _;
    use visavis_net::voice::{Gate, Resampler, VOICE_RATE, devices};

    use super::*;

    /// So much sound is kept ready: a busy machine's pauses.
    const KEPT: std::time::Duration = std::time::Duration::from_millis(40);

    /// A microphone at 48 kHz, and whether it goes out.
    pub(crate) struct Microphone {
        device: devices::Microphone,
        resampler: Resampler,
        gate: Gate,
        is_muted: bool,
        is_held: bool,
        block: Vec<f32>,
    }

    impl Microphone {
        pub(crate) fn open(arguments: &SoundArguments) -> Result<Self> {
            let device = devices::Microphone::open(arguments.microphone.as_deref())
                .context("--microphone (without sound devices: --headless, or --no-audio)")?;
            eprintln!("visavis: microphone: {}, {} Hz", device.name(), device.rate());
            let mut gate = Gate::default();
            gate.set_muted(arguments.mute);
            gate.set_push_to_talk(arguments.push_to_talk);
            let resampler = Resampler::new(device.rate(), VOICE_RATE);
            Ok(Self { device, resampler, gate, is_muted: arguments.mute, is_held: false, block: Vec::new() })
        }

        /// Takes what was recorded until now; when the first of it was captured.
        pub(crate) fn read(&mut self, now: Timestamp, out: &mut Vec<f32>) -> Timestamp {
            let waited = self.device.read(&mut self.block);
            self.gate.pass(&mut self.block, self.device.rate());
            let seconds = self.block.len() as f64 / f64::from(self.device.rate()) + waited.as_secs_f64();
            self.resampler.push(&self.block, out);
            Timestamp(now.0.saturating_sub((seconds * 1e9) as u64))
        }

        /// A line was typed.
        pub(crate) fn press(&mut self, line: &str) -> &'static str {
            if line.trim() == "m" {
                self.is_muted = !self.is_muted;
                self.gate.set_muted(self.is_muted);
            } else {
                self.is_held = !self.is_held;
                self.gate.hold(self.is_held);
            }
            if self.gate.is_open() { "the microphone is open" } else { "the microphone is closed" }
        }
    }

    /// Speakers that are kept fed, at 48 kHz.
    pub(crate) struct Speakers {
        device: devices::Speakers,
        sides: [Resampler; 2],
        side: [Vec<f32>; 2],
    }

    impl Speakers {
        pub(crate) fn open(arguments: &SoundArguments) -> Result<Self> {
            let device = devices::Speakers::open(arguments.speaker.as_deref())
                .context("--speaker (without sound devices: --headless, or --no-audio)")?;
            eprintln!("visavis: speakers: {}, {} Hz", device.name(), device.rate());
            let side = Resampler::new(VOICE_RATE, device.rate());
            Ok(Self { device, sides: [side.clone(), side], side: [Vec::new(), Vec::new()] })
        }

        /// If they want more: in how many nanoseconds what is written now is heard.
        pub(crate) fn hungry(&self) -> Option<u64> {
            let (waiting, delay) = (self.device.waiting(), self.device.delay());
            (waiting < KEPT).then(|| (waiting + delay).as_nanos() as u64)
        }

        /// Left and right in turn.
        pub(crate) fn write(&mut self, samples: &[f32]) {
            for (n, (side, resampler)) in self.side.iter_mut().zip(&mut self.sides).enumerate() {
                let samples: Vec<f32> = samples.iter().skip(n).step_by(2).copied().collect();
                side.clear();
                resampler.push(&samples, side);
            }
            self.device.write(&self.side[0], &self.side[1]);
        }
    }
}

pub(crate) use devices::{Microphone, Speakers};

impl SoundArguments {
    /// What voices are placed for.
    pub(crate) const fn ears(&self) -> visavis_net::voice::Ears {
        if self.loudspeakers {
            visavis_net::voice::Ears::Speakers
        } else {
            visavis_net::voice::Ears::Headphones
        }
    }
}
