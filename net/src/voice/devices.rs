//! Microphone and speakers, by cpal: the one part of a voice that meets a machine.
//!
//! Callbacks of sound devices may not wait: they only copy between the device and a [`SampleRing`]. All else (rates, mixing,
//! mute) is done where the rings' other ends are. What a callback does is in `take` and `give`, which need no device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{FromSample, Sample, SampleFormat, SizedSample, StreamConfig};

use super::ring::SampleRing;

/// Room between a device and the rest, seconds.
const ROOM: u32 = 1;
/// A device's own delay where it doesn't say it.
const USUAL_DELAY: Duration = Duration::from_millis(20);
/// No device's delay is longer; a larger one is a wrong clock.
const MOST_DELAY: Duration = Duration::from_millis(500);

/// Which way a device goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A microphone.
    Microphone,
    /// Speakers or headphones.
    Speakers,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Microphone => "microphone",
            Self::Speakers => "speakers",
        })
    }
}

/// Why there is no sound.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The machine has none.
    #[error(
        "no {0} on this machine: is one plugged in, and does the system's own mixer show it? Or go on without"
    )]
    None(Direction),
    /// None of that name.
    #[error("no {direction} has `{wanted}` in its name; there is {}", list(.there))]
    NotFound {
        /// What was looked for.
        direction: Direction,
        /// The part of a name.
        wanted: String,
        /// Names of those that there are.
        there: Vec<String>,
    },
    /// The system refuses.
    #[error("{direction} `{name}`: {problem}{hint}")]
    Failed {
        /// Which way.
        direction: Direction,
        /// Its name.
        name: String,
        /// What the system said.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// It takes samples in a form that isn't known.
    #[error(
        "{direction} `{name}` has samples of the form {format}; 8 to 32-bit integers and floats are known"
    )]
    Format {
        /// Which way.
        direction: Direction,
        /// Its name.
        name: String,
        /// Its form.
        format: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn hint(error: &cpal::Error) -> &'static str {
    match error.kind() {
        cpal::ErrorKind::DeviceBusy => "; another program has it: close that, or choose another device",
        cpal::ErrorKind::PermissionDenied => {
            "; allow this program to use it in the system's privacy settings"
        }
        cpal::ErrorKind::HostUnavailable => "; is the system's sound service running?",
        cpal::ErrorKind::DeviceNotAvailable => "; it was unplugged, or is used by another program alone",
        _ => "",
    }
}

/// The names of all devices of one direction.
pub fn device_names(direction: Direction) -> Vec<String> {
    all(direction).into_iter().map(|(name, _)| name).collect()
}

fn all(direction: Direction) -> Vec<(String, cpal::Device)> {
    let Ok(devices) = cpal::default_host().devices() else { return Vec::new() };
    let fits = |device: &cpal::Device| match direction {
        Direction::Microphone => device.supports_input(),
        Direction::Speakers => device.supports_output(),
    };
    devices.filter(fits).map(|device| (name_of(&device), device)).collect()
}

fn name_of(device: &cpal::Device) -> String {
    device.description().map_or_else(|_| "unnamed".to_owned(), |description| description.name().to_owned())
}

/// The place of the first name that has `wanted` in it, whatever its capitals.
fn choose(names: &[String], wanted: &str) -> Option<usize> {
    let wanted = wanted.to_lowercase();
    names.iter().position(|name| name.to_lowercase().contains(&wanted))
}

/// A device that was found, and how it works.
struct Opened {
    name: String,
    device: cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
}

fn open(direction: Direction, wanted: Option<&str>) -> Result<Opened, DeviceError> {
    let (name, device) = match wanted {
        Some(wanted) => {
            let mut devices = all(direction);
            let there: Vec<String> = devices.iter().map(|(name, _)| name.clone()).collect();
            match choose(&there, wanted) {
                Some(at) => devices.swap_remove(at),
                None => return Err(DeviceError::NotFound { direction, wanted: wanted.to_owned(), there }),
            }
        }
        None => {
            let host = cpal::default_host();
            let device = match direction {
                Direction::Microphone => host.default_input_device(),
                Direction::Speakers => host.default_output_device(),
            };
            let device = device.ok_or(DeviceError::None(direction))?;
            (name_of(&device), device)
        }
    };
    let config = match direction {
        Direction::Microphone => device.default_input_config(),
        Direction::Speakers => device.default_output_config(),
    };
    let config = config.map_err(|error| failed(direction, &name, &error))?;
    Ok(Opened { name, device, format: config.sample_format(), config: config.into() })
}

fn failed(direction: Direction, name: &str, error: &cpal::Error) -> DeviceError {
    DeviceError::Failed { direction, name: name.to_owned(), problem: error.to_string(), hint: hint(error) }
}

/// A microphone that records into a ring.
pub struct Microphone {
    name: String,
    rate: u32,
    ring: SampleRing,
    delay: Arc<AtomicU64>,
    _stream: cpal::Stream,
}

impl Microphone {
    /// Opens the first one with this in its name, or the system's own choice, and begins to record.
    pub fn open(wanted: Option<&str>) -> Result<Self, DeviceError> {
        let opened = open(Direction::Microphone, wanted)?;
        let ring = SampleRing::new((opened.config.sample_rate * ROOM) as usize);
        let delay = Arc::new(AtomicU64::new(USUAL_DELAY.as_nanos() as u64));
        let stream = match opened.format {
            SampleFormat::I8 => record::<i8>(&opened, &ring, &delay),
            SampleFormat::I16 => record::<i16>(&opened, &ring, &delay),
            SampleFormat::I32 => record::<i32>(&opened, &ring, &delay),
            SampleFormat::U8 => record::<u8>(&opened, &ring, &delay),
            SampleFormat::U16 => record::<u16>(&opened, &ring, &delay),
            SampleFormat::F32 => record::<f32>(&opened, &ring, &delay),
            SampleFormat::F64 => record::<f64>(&opened, &ring, &delay),
            format => return Err(unknown(Direction::Microphone, &opened.name, format)),
        };
        let stream = stream
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| failed(Direction::Microphone, &opened.name, &error))?;
        Ok(Self { name: opened.name, rate: opened.config.sample_rate, ring, delay, _stream: stream })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Samples a second.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Replaces `out` by what was recorded since the last time, one channel; how long the device held it back.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Duration {
        out.clear();
        out.resize(self.ring.len(), 0.0);
        self.ring.read(out);
        Duration::from_nanos(self.delay.load(Ordering::Relaxed))
    }
}

/// Speakers that play from a ring, two channels.
pub struct Speakers {
    name: String,
    rate: u32,
    /// Left and right in turn.
    ring: SampleRing,
    delay: Arc<AtomicU64>,
    both: Vec<f32>,
    _stream: cpal::Stream,
}

impl Speakers {
    /// Opens the first ones with this in their name, or the system's own choice, and begins to play silence.
    pub fn open(wanted: Option<&str>) -> Result<Self, DeviceError> {
        let opened = open(Direction::Speakers, wanted)?;
        let ring = SampleRing::new(2 * (opened.config.sample_rate * ROOM) as usize);
        let delay = Arc::new(AtomicU64::new(USUAL_DELAY.as_nanos() as u64));
        let stream = match opened.format {
            SampleFormat::I8 => play::<i8>(&opened, &ring, &delay),
            SampleFormat::I16 => play::<i16>(&opened, &ring, &delay),
            SampleFormat::I32 => play::<i32>(&opened, &ring, &delay),
            SampleFormat::U8 => play::<u8>(&opened, &ring, &delay),
            SampleFormat::U16 => play::<u16>(&opened, &ring, &delay),
            SampleFormat::F32 => play::<f32>(&opened, &ring, &delay),
            SampleFormat::F64 => play::<f64>(&opened, &ring, &delay),
            format => return Err(unknown(Direction::Speakers, &opened.name, format)),
        };
        let stream = stream
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| failed(Direction::Speakers, &opened.name, &error))?;
        let rate = opened.config.sample_rate;
        Ok(Self { name: opened.name, rate, ring, delay, both: Vec::new(), _stream: stream })
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Samples a second.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// How long what was written will last.
    pub fn waiting(&self) -> Duration {
        Duration::from_secs_f64(self.ring.len() as f64 / 2.0 / f64::from(self.rate.max(1)))
    }

    /// How long the device takes from there to the ear.
    pub fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay.load(Ordering::Relaxed))
    }

    /// Plays these samples after those before; two channels of one length.
    pub fn write(&mut self, left: &[f32], right: &[f32]) {
        self.both.clear();
        self.both.extend(left.iter().zip(right).flat_map(|(&left, &right)| [left, right]));
        self.ring.write(&self.both);
    }
}

fn unknown(direction: Direction, name: &str, format: SampleFormat) -> DeviceError {
    DeviceError::Format { direction, name: name.to_owned(), format: format.to_string() }
}

fn record<T>(opened: &Opened, ring: &SampleRing, delay: &Arc<AtomicU64>) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let (ring, delay, channels) = (ring.clone(), delay.clone(), usize::from(opened.config.channels));
    opened.device.build_input_stream(
        opened.config,
        move |data: &[T], info: &cpal::InputCallbackInfo| {
            let times = info.timestamp();
            note(&delay, times.callback.checked_duration_since(times.capture));
            take(data, channels, &ring);
        },
        |error| tracing::warn!(%error, "the microphone"),
        None,
    )
}

fn play<T>(opened: &Opened, ring: &SampleRing, delay: &Arc<AtomicU64>) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32>,
{
    let (ring, delay, channels) = (ring.clone(), delay.clone(), usize::from(opened.config.channels));
    opened.device.build_output_stream(
        opened.config,
        move |data: &mut [T], info: &cpal::OutputCallbackInfo| {
            let times = info.timestamp();
            note(&delay, times.playback.checked_duration_since(times.callback));
            give(data, channels, &ring);
        },
        |error| tracing::warn!(%error, "the speakers"),
        None,
    )
}

/// Remembers a device's delay, if it says one that can be.
fn note(delay: &AtomicU64, said: Option<Duration>) {
    if let Some(said) = said.filter(|said| !said.is_zero() && *said <= MOST_DELAY) {
        delay.store(said.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// What a microphone's callback does: all channels become one.
fn take<T>(data: &[T], channels: usize, ring: &SampleRing)
where
    T: Sample,
    f32: FromSample<T>,
{
    let channels = channels.max(1);
    for frame in data.chunks_exact(channels) {
        let sum: f32 = frame.iter().map(|&sample| f32::from_sample(sample)).sum();
        ring.write(&[sum / channels as f32]);
    }
}

/// What the speakers' callback does: left and right to the first two channels, both to a single one, silence to the others.
fn give<T: Sample + FromSample<f32>>(data: &mut [T], channels: usize, ring: &SampleRing) {
    for frame in data.chunks_mut(channels.max(1)) {
        let mut both = [0.0f32; 2];
        // Whole pairs alone, or the sides would be exchanged from then on.
        if ring.len() >= 2 {
            ring.read(&mut both);
        }
        let [left, right] = both;
        match frame {
            [only] => *only = T::from_sample(0.5 * (left + right)),
            [first, second, others @ ..] => {
                (*first, *second) = (T::from_sample(left), T::from_sample(right));
                others.fill(T::EQUILIBRIUM);
            }
            [] => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_bring_channels_together_and_apart() {
        let ring = SampleRing::new(64);
        take(&[16_384i16, 0, -16_384, -16_384], 2, &ring);
        let mut mono = [0.0; 3];
        assert_eq!(ring.read(&mut mono), 2);
        assert_eq!(mono, [0.25, -0.5, 0.0]);
        ring.write(&[0.5, -0.5, 0.25, 0.75]);
        let mut six = [1i16; 6];
        give(&mut six, 3, &ring);
        assert_eq!(six, [16_384, -16_384, 0, 8_192, 24_576, 0]);
        // Nothing waits: silence, in unsigned samples the middle.
        let mut one = [9u8; 2];
        give(&mut one, 1, &ring);
        assert_eq!(one, [128, 128]);
    }

    #[test]
    fn devices_are_chosen_by_a_part_of_their_name() {
        let names = ["HDA Intel PCH".to_owned(), "USB Headset".to_owned()];
        assert_eq!(choose(&names, "headset"), Some(1));
        assert_eq!(choose(&names, "bluetooth"), None);
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_those_that_are() {
        let error = Speakers::open(Some("a device that nobody has")).err().unwrap().to_string();
        assert!(
            error.contains("no speakers has `a device that nobody has`") && error.contains("there is"),
            "{error}"
        );
        let error = DeviceError::None(Direction::Microphone).to_string();
        assert!(error.contains("no microphone") && error.contains("plugged in"), "{error}");
    }

    #[test]
    fn impossible_delays_are_not_believed() {
        let delay = AtomicU64::new(7);
        for wrong in [None, Some(Duration::ZERO), Some(Duration::from_secs(3))] {
            note(&delay, wrong);
            assert_eq!(delay.load(Ordering::Relaxed), 7);
        }
        note(&delay, Some(Duration::from_millis(12)));
        assert_eq!(delay.load(Ordering::Relaxed), 12_000_000);
    }
}
