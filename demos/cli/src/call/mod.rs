//! `visavis call`: a live call. What is sent stands in `speaker.rs`, what comes from each other participant in
//! `listener.rs`; this file has the command line, `session.rs` the loop between them.

mod film;
mod limits;
mod listener;
mod recording;
mod rest;
mod session;
mod sound;
mod source;
mod speaker;
mod status;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use visavis_codec::avatar::MAX_FILE_BYTES;
use visavis_codec::bitstream::BITSTREAM_VERSION;
use visavis_codec::expression::Profile;
use visavis_net::call::{Call, CallOptions, Clock, HostOptions, JoinOptions};
use visavis_net::catalogue::{AudioTrack, FaceTrack};
use visavis_net::identity::{OwnerKey, SignedLimits, UnixSeconds};
use visavis_net::limits::Limits;
use visavis_net::link::{DEFAULT_PORT, JoinLink};
use visavis_net::seal::CallSecret;
use visavis_net::voice::VOICE_RATE;

use self::film::{Film, FilmArguments};
use self::limits::{ViewersMay, owner_limits};
use self::recording::Recording;
use self::session::{Session, Sinks};
use self::sound::{Microphone, SoundArguments, Speakers};
use self::source::{Drive, Performance, Tracker};
use self::speaker::{Faces, Speaker, Voices, Who};
use crate::avatar_file::{self, AnyFile, read_bounded};
use crate::calibrate::{read_profile, tuner_of_any};
use crate::drive::NeutralWhen;
use crate::drive::input::Input;

/// The folder for others' avatars takes no more than this.
const CACHE_BYTES: u64 = 1 << 30;

/// Talks live: hosts a call, or joins one by its link
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis call host --avatar wren.avatar --key wren.key --drive udp://:11111        a phone's tracking, your microphone
  visavis call join 'visavis://…' --avatar heron.avatar --key heron.key --drive udp://:11111
  visavis call join 'visavis://…' --headless talk.mp4 --seconds 60                  listen, and keep a video
  visavis call host --avatar wren.avatar --drive assets/calls/hello.mcap --repeat   a recorded person, for tries
  visavis call host --relay relay.example:4433/room --avatar wren.avatar            through a stock moq-relay

The host prints a link; whoever has it is in the call and can hear it, so send it as you would send a key. Everything is
encrypted end to end. A face is shown only if it is proven that its sender owns the avatar (`visavis key`); a grey outline
stands for the others, unless --allow-unsigned. Ctrl-C leaves. What is sent and why: net/VOICE.md, net/RATE.md, net/WIRE.md.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Host(Box<HostArguments>),
    Join(Box<JoinArguments>),
}

/// Opens a call that others join, and takes part
#[derive(Debug, clap::Args)]
struct HostArguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT)))]
    listen: SocketAddr,
    /// The name or address by which others reach this machine, for the link [default: the address that it listens at]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Instead of listening: meet at a stock moq-relay
    #[arg(long, value_name = "HOST:PORT[/PATH]", conflicts_with_all = ["listen", "advertise"])]
    relay: Option<String>,
    /// What the relay asks for, if it does
    #[arg(long, value_name = "TOKEN", requires = "relay")]
    relay_token: Option<String>,
    /// The SHA-256 of the relay's certificate, if it is self-signed
    #[arg(long, value_name = "SHA256", requires = "relay")]
    relay_pin: Option<String>,
    /// So many sessions may come from one address: people behind one router share it
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().sessions_per_address)]
    sessions_per_address: usize,
    /// Write the link to this file, too (readable by you alone), for programs that join
    #[arg(long, value_name = "FILE")]
    write_link: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArguments,
}

/// Joins a call by its link
#[derive(Debug, clap::Args)]
struct JoinArguments {
    /// The link that the host printed, in quotes; or @FILE that holds it
    #[arg(value_name = "LINK")]
    link: String,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, clap::Args)]
struct CommonArguments {
    /// Your avatar; without one you listen, and speak if there is a microphone
    #[arg(long, value_name = "FILE")]
    avatar: Option<PathBuf>,
    /// The key of your avatar's owner, which proves that you are who you seem to be (`visavis key new`)
    /// [default: visavis/owner.key in your configuration folder]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What others see beside your face [default: the avatar's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What moves your face: udp://:11111 (Live Link Face), osc://:39539 (VMC protocol), a recorded call (.mcap) or table
    /// (.csv), which stands in for you with its voice, or voice (your voice moves the lips)
    #[arg(long, value_name = "SOURCE", requires = "avatar")]
    drive: Option<Drive>,
    /// The voice of a recorded performance (.wav) [default: the call's own, or the file of the table's name]
    #[arg(long, value_name = "FILE", requires = "drive")]
    voice: Option<PathBuf>,
    /// Begin the recorded performance anew whenever it is over; else your face comes to rest, breathes and blinks, and says
    /// nothing
    #[arg(long, requires = "drive")]
    repeat: bool,
    /// What counts as your neutral face: auto, first, FROM-TO (seconds; of recordings), none
    #[arg(long, value_name = "WHEN", requires = "drive")]
    neutral: Option<NeutralWhen>,
    /// Your expression profile, applied before the face is coded: a file (.toml), or warmer, lively, calm
    #[arg(long, value_name = "PROFILE", requires = "avatar")]
    profile: Option<PathBuf>,
    /// How far viewers may tune your face: `REGION:LOW..HIGH[:OFFSET][:shape]`, gains around 1, for a region (brows, eyes, gaze,
    /// nose, cheeks, mouth, lips, jaw, tongue) or all; can be given several times. Signed with your key [default: not at all]
    #[arg(long, value_name = "LIMITS", requires = "avatar")]
    viewers_may: Vec<ViewersMay>,
    /// How you wish to see the others, as far as their owners let viewers: a profile (.toml), or warmer, lively, calm
    #[arg(long, value_name = "PROFILE")]
    tune: Option<PathBuf>,
    /// Keep the call (.mcap). The others see that you do. Readable up to the last second, however the program ends
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// No window and no sound devices. With a file (.mp4, .webm, .png, frames/%04d.png) it becomes the others' video, drawn
    /// when the call is over
    #[arg(long, value_name = "OUT", num_args = 0..=1)]
    headless: Option<Option<PathBuf>>,
    /// Leave after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = crate::drive::parse_seconds)]
    seconds: Option<f64>,
    /// Neither send nor play any voice
    #[arg(long)]
    no_audio: bool,
    /// Show faces of avatars that nobody signed: they could be anybody's
    #[arg(long)]
    allow_unsigned: bool,
    /// Where others' avatars are kept for the next call [default: nowhere]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    film: FilmArguments,
    #[command(flatten)]
    sound: SoundArguments,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let common = match &arguments.action {
        Action::Host(host) => &host.common,
        Action::Join(join) => &join.common,
    };
    // What can be wrong is found out before anybody is called.
    let prepared = Prepared::new(common)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("threads for the network")?;
    runtime.block_on(async {
        let clock = prepared.options.clock;
        let (call, what) = open(&arguments.action, prepared.options).await?;
        let call = Arc::new(call);
        eprintln!("visavis: {what}");
        if let Action::Host(host) = &arguments.action {
            eprintln!("visavis: others join with:\n\n  visavis call join '{}'\n", call.link());
            if let Some(path) = &host.write_link {
                write_secret(path, &call.link().to_string())?;
            }
        }
        let speaker = match prepared.outgoing {
            Some(Outgoing { file, name, faces, voices, tuner }) => {
                let root = avatar_file::hex(&file.root_hash);
                let who = Who { avatar: file.avatar.manifest(), name: &name, root: &root };
                Some(Speaker::new(&who, faces, voices, tuner, clock.now())?)
            }
            None => None,
        };
        Session::new(call, clock, speaker, prepared.sinks, prepared.wish, common)?.run().await
    })
}

/// The key to speak with: the one that is named, or the usual one. A signed avatar is spoken with by its owner alone: with
/// another key others would see a silhouette.
fn owner_key(given: Option<&Path>, file: Option<&AnyFile>) -> Result<Option<OwnerKey>> {
    let usual = crate::key::key_path(None).ok().filter(|path| path.exists());
    let key = given.or(usual.as_deref()).map(crate::key::load).transpose()?;
    let Some(file) = file else { return Ok(key) };
    let named = &file.avatar.manifest().owner.public_key;
    if named.bytes().all(|digit| digit == b'0') {
        eprintln!(
            "visavis: {}: nobody has signed it, so others see a silhouette; `visavis key sign` makes it yours",
            file.path.display()
        );
        return Ok(key);
    }
    match key {
        Some(key) if key.public().to_string() == *named => Ok(Some(key)),
        Some(_) => bail!(
            "{}: its owner's key is {named}, not this one: give theirs with --key, or sign an avatar of your own \
             (`visavis key sign`)",
            file.path.display()
        ),
        None => bail!("{}: its owner's key is {named}: give it with --key", file.path.display()),
    }
}

/// What is sent.
struct Outgoing {
    file: Box<AnyFile>,
    name: String,
    faces: Faces,
    voices: Voices,
    tuner: Option<visavis_codec::expression::Tuner>,
}

/// All that is needed for a call, checked.
struct Prepared {
    options: CallOptions,
    outgoing: Option<Outgoing>,
    sinks: Sinks,
    /// How others are wished to be seen.
    wish: Option<Profile>,
}

impl Prepared {
    fn new(arguments: &CommonArguments) -> Result<Self> {
        let CommonArguments {
            avatar,
            key,
            name,
            drive,
            record,
            headless,
            no_audio,
            cache,
            allow_unsigned,
            ..
        } = arguments;
        let file = avatar.as_deref().map(avatar_file::read_any).transpose()?;
        let key = owner_key(key.as_deref(), file.as_ref())?;
        let bytes: Option<Arc<[u8]>> =
            avatar.as_deref().map(|path| read_bounded(path, MAX_FILE_BYTES)).transpose()?.map(Into::into);
        let has_devices = headless.is_none() && !no_audio;
        let mut faces = Faces::Nobody;
        if let (Some(drive), Some(file)) = (drive, &file) {
            faces = match drive {
                Drive::Voice => Faces::Voice,
                Drive::Input(Input::File(path)) => {
                    let voice = arguments.voice.as_deref();
                    let performance =
                        Performance::read(path, file.avatar.manifest(), arguments.neutral, voice)?;
                    Faces::Recorded { performance, repeats: arguments.repeat, next: 0, round: 0, rest: None }
                }
                Drive::Input(Input::Live { kind, address }) => Faces::Live(Box::new(Tracker::listen(
                    *kind,
                    address,
                    file.avatar.manifest(),
                    arguments.neutral,
                )?)),
            };
            if drive.file().is_none() && arguments.repeat {
                bail!("--repeat is for recorded performances");
            }
        }
        let voices = match &faces {
            _ if *no_audio => Voices::Nobody,
            Faces::Recorded { performance, .. } if !performance.voice.is_empty() => Voices::Recorded,
            Faces::Recorded { .. } => Voices::Nobody,
            _ if has_devices => Voices::Microphone(Box::new(Microphone::open(&arguments.sound)?)),
            _ => Voices::Nobody,
        };
        let speakers = has_devices.then(|| Speakers::open(&arguments.sound)).transpose()?;
        ensure!(
            !matches!((&faces, &voices), (Faces::Voice, Voices::Nobody)),
            "--drive voice: there is no microphone with --headless or --no-audio"
        );
        let profile = arguments.profile.as_deref().zip(file.as_ref());
        let tuner =
            profile.map(|(profile, file)| tuner_of_any(profile, &file.avatar, &file.path)).transpose()?;
        let viewer_limits = match (arguments.viewers_may.as_slice(), &file, &key) {
            ([], ..) | (_, None, _) => None,
            (_, Some(_), None) => bail!("--viewers-may: your key has to sign it (--key)"),
            (said, Some(file), Some(key)) => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                let issued = UnixSeconds(since.map_or(0, |since| since.as_secs()));
                let limits = owner_limits(said);
                Some(SignedLimits { avatar_root: file.root_hash, issued, limits }.sign(key))
            }
        };
        let wish = arguments.tune.as_deref().map(|path| read_profile(path).context("--tune")).transpose()?;
        let options = CallOptions {
            name: name
                .clone()
                .or(file.as_ref().map(|file| file.avatar.manifest().name.clone()))
                .unwrap_or_default(),
            avatar: bytes,
            owner: key,
            viewer_limits,
            face: (!matches!(faces, Faces::Nobody))
                .then_some(FaceTrack { bitstream: BITSTREAM_VERSION, hertz: 30.0 }),
            audio: (!matches!(voices, Voices::Nobody))
                .then(|| AudioTrack { codec: "opus".to_owned(), sample_rate: VOICE_RATE }),
            recording: record.is_some(),
            cache: cache.clone().map(|folder| (folder, CACHE_BYTES)),
            allow_unsigned: *allow_unsigned,
            clock: Clock::start(),
            ..CallOptions::default()
        };
        let film = headless.as_ref().and_then(Option::as_deref);
        let sinks = Sinks {
            film: film.map(|path| Film::start(path, &arguments.film)).transpose()?,
            recording: record.as_deref().map(Recording::start).transpose()?,
            speakers,
        };
        let outgoing = match file {
            Some(file) => {
                Some(Outgoing { file: Box::new(file), name: options.name.clone(), faces, voices, tuner })
            }
            None if matches!(voices, Voices::Nobody) => None,
            // A voice without a face.
            None => {
                bail!("--avatar: whoever speaks needs an avatar; to listen alone: --headless, or --no-audio")
            }
        };
        Ok(Self { options, outgoing, sinks, wish })
    }
}

/// Hosts or joins; the call, and what to say of it.
async fn open(action: &Action, call: CallOptions) -> Result<(Call, String)> {
    match action {
        Action::Host(host) => {
            let HostArguments {
                listen, advertise, relay, relay_token, relay_pin, sessions_per_address, ..
            } = &**host;
            let mut call = call;
            call.limits.sessions_per_address = *sessions_per_address;
            if let Some(relay) = relay {
                let link = relay_link(relay, relay_token.as_deref(), relay_pin.as_deref())?;
                let what = format!("meeting at the relay {}:{}", link.host(), link.port());
                return Ok((Call::join(link, JoinOptions { call, ..JoinOptions::default() }).await?, what));
            }
            let options =
                HostOptions { listen: *listen, advertise: advertise.clone(), call, ..HostOptions::default() };
            let call = Call::host(options).await?;
            let what = format!("listening at {}", call.local_addr().context("the socket")?);
            Ok((call, what))
        }
        Action::Join(join) => {
            let link = &join.link;
            let text = match link.strip_prefix('@') {
                Some(path) => {
                    let bytes = read_bounded(Path::new(path), 1 << 16)?;
                    String::from_utf8(bytes).with_context(|| format!("{path}: not a text"))?
                }
                None => link.clone(),
            };
            let link: JoinLink = text.trim().parse().context("LINK")?;
            let what = format!("joined at {}:{}", link.host(), link.port());
            Ok((Call::join(link, JoinOptions { call, ..JoinOptions::default() }).await?, what))
        }
    }
}

fn relay_link(relay: &str, token: Option<&str>, pin: Option<&str>) -> Result<JoinLink> {
    let (authority, path) = relay.split_once('/').unwrap_or((relay, ""));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    let port = port.parse().with_context(|| format!("--relay {relay}: `{port}` is no port"))?;
    let pin = pin
        .map(|pin| {
            avatar_file::root_of_hex(pin)
                .with_context(|| format!("--relay-pin {pin}: not 64 hexadecimal digits"))
        })
        .transpose()?;
    JoinLink::to_relay(host, port, pin, path, token.unwrap_or_default(), CallSecret::random())
        .context("--relay")
}

/// Writes a file that this user alone may read, whole or not at all.
fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let writing = || format!("{}: can't be written", path.display());
    let mut file = crate::render::output::temporary_beside(path, ".link")?;
    file.write_all(text.as_bytes()).with_context(writing)?;
    // Temporary files are made with mode 0600; `keep` would open them to all.
    file.persist(path).map(drop).with_context(writing)
}

#[cfg(test)]
mod tests;
