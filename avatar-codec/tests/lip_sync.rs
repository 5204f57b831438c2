//! The shipped call's lips against its voice: closed where p, b and m sound, at the teeth for f and v, open in vowels. The
//! lips are the decoded geometry's; which sound is said when is in `assets/performance/hello.phones.csv`, and the last
//! two tests take it from the call's own sound. Each check is shown to fail when the face is moved against the sound.

use std::ops::RangeInclusive;

use visavis_codec::avatar::PartKind;
use visavis_codec::call::{CallReader, Voice};
use visavis_codec::glam::Vec3;
use visavis_codec::reference::decode;
use visavis_codec::{Avatar, FaceUnit, HeadPose, Latent, Timestamp};

const PHONES: &str = include_str!("../../assets/performance/hello.phones.csv");

/// How far apart the lips may be and still count as closed: metres more than at rest.
const CLOSED: f32 = 1e-3;
/// How far apart they are at least at the widest of a vowel of 60 ms or more: metres more than at rest.
const OPEN: f32 = 3e-3;
/// How much of its lower lip a face rolls in, at least, to bring it to the teeth.
const BITTEN: f32 = 0.4;
/// Lips may meet this much after the sound begins, and part this much before it ends (b and p end in a burst), seconds.
const LATE: f64 = 0.01;
const EARLY: f64 = 0.02;
/// Between two looks at the lips, seconds: much finer than a frame, which is interpolated as on a screen.
const STEP: f64 = 0.005;
const VIDEO_FRAME: f64 = 1.0 / 30.0;
/// A shift that anyone would notice, seconds.
const NOTICEABLE: f64 = 0.15;
const SAMPLE_RATE: u32 = 32_000;

/// A sound of the voice.
struct Phone {
    start: f64,
    end: f64,
    name: &'static str,
}

impl Phone {
    fn all() -> Vec<Self> {
        let phone = |line: &'static str| {
            let fields: Vec<_> = line.split(',').collect();
            Self { start: fields[0].parse().unwrap(), end: fields[1].parse().unwrap(), name: fields[2] }
        };
        assert!(PHONES.starts_with("start,end,phone,"));
        PHONES.lines().skip(1).map(phone).collect()
    }

    fn is_closed(&self) -> bool {
        matches!(self.name, "p" | "b" | "m")
    }

    fn is_bitten(&self) -> bool {
        matches!(self.name, "f" | "v")
    }

    /// Whether it is a vowel that has the time to be formed.
    fn is_open(&self) -> bool {
        let is_vowel = self.name.starts_with(['a', 'e', 'i', 'o', 'u']);
        is_vowel && !matches!(self.name, "em" | "en" | "el") && self.end - self.start >= 0.06
    }

    fn middle(&self) -> f64 {
        0.5 * (self.start + self.end)
    }
}

/// What the face does over time, as far as lips go.
struct Lips {
    times: Vec<f64>,
    /// How far apart they are, metres more than at rest.
    gaps: Vec<f32>,
    /// How much of the lower one is rolled in.
    rolls: Vec<f32>,
}

impl Lips {
    /// Decodes the shipped call's face on the shipped avatar.
    fn of_the_call() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/avatars/wren.avatar");
        let avatar = Avatar::read(&std::fs::read(path).unwrap()).unwrap();
        let inner = InnerLips::find(&avatar);
        let rest = inner.gap(&places(&avatar, &Latent::NEUTRAL, &HeadPose::REST));
        let file = call_file();
        let call = CallReader::new(&file).unwrap();
        let (wren, _) = call.sender("wren").unwrap();
        let mut lips = Self { times: Vec::new(), gaps: Vec::new(), rolls: Vec::new() };
        for frame in call.faces(wren).unwrap() {
            lips.times.push(frame.time.as_seconds());
            lips.gaps.push(inner.gap(&places(&avatar, &frame.latent, &frame.head)) - rest);
            lips.rolls.push(frame.latent.unit(FaceUnit::MouthRollLower));
        }
        lips
    }

    fn gap(&self, time: f64) -> f32 {
        interpolated(&self.times, &self.gaps, time)
    }

    /// The widest gap in a stretch of time.
    fn widest(&self, span: RangeInclusive<f64>) -> f32 {
        steps(span).map(|time| self.gap(time)).fold(f32::NEG_INFINITY, f32::max)
    }
}

/// Vertices of the upper and of the lower lip that touch, or nearly so, while the mouth is closed.
struct InnerLips {
    upper: Vec<usize>,
    lower: Vec<usize>,
}

impl InnerLips {
    /// Near the middle of the face, what goes down with the jaw and touches what doesn't: nothing but lips does.
    fn find(avatar: &Avatar) -> Self {
        /// Half the width of the strip, and the distance of what touches, metres.
        const STRIP: f32 = 0.012;
        const TOUCHING: f32 = 0.002;
        let mut opened = Latent::NEUTRAL;
        *opened.unit_mut(FaceUnit::JawOpen) = 1.0;
        let [rest, opened] = [Latent::NEUTRAL, opened].map(|face| places(avatar, &face, &HeadPose::REST));
        let skin = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Skin).unwrap();
        let skin = skin.vertices.start as usize..skin.vertices.end as usize;
        let strip: Vec<usize> = skin.filter(|&vertex| rest[vertex].x.abs() < STRIP).collect();
        let drop = |vertex: usize| rest[vertex].y - opened[vertex].y;
        let most = strip.iter().map(|&vertex| drop(vertex)).fold(0.0, f32::max);
        assert!(most > 0.01, "an open jaw goes down by centimetres, not by {most} m");
        let upper: Vec<usize> = strip.iter().copied().filter(|&vertex| drop(vertex) < 0.1 * most).collect();
        let lower: Vec<usize> = strip.iter().copied().filter(|&vertex| drop(vertex) > 0.5 * most).collect();
        let touching = |of: &[usize], others: &[usize]| -> Vec<usize> {
            let is_near = |a: usize, b: usize| rest[a].distance(rest[b]) < TOUCHING;
            of.iter().copied().filter(|&a| others.iter().any(|&b| is_near(a, b))).collect()
        };
        let lips = Self { upper: touching(&upper, &lower), lower: touching(&lower, &upper) };
        assert!(lips.upper.len().min(lips.lower.len()) >= 10, "the avatar has no lips that touch");
        lips
    }

    /// From the lowest point of the upper lip down to the highest of the lower one, metres; negative where they overlap.
    fn gap(&self, places: &[Vec3]) -> f32 {
        let heights =
            |vertices: &[usize]| vertices.iter().map(|&vertex| places[vertex].y).collect::<Vec<_>>();
        heights(&self.upper).into_iter().fold(f32::INFINITY, f32::min)
            - heights(&self.lower).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

fn places(avatar: &Avatar, latent: &Latent, head: &HeadPose) -> Vec<Vec3> {
    decode::geometry(avatar, &decode::condition(avatar, latent, head))
}

fn call_file() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/calls/hello.mcap")).unwrap()
}

fn steps(span: RangeInclusive<f64>) -> impl Iterator<Item = f64> {
    let (start, end) = span.into_inner();
    (0..=((end - start).max(0.0) / STEP) as u32).map(move |step| start + f64::from(step) * STEP)
}

/// A signal between its samples; its ends hold their value.
fn interpolated(times: &[f64], values: &[f32], time: f64) -> f32 {
    match times.partition_point(|&t| t <= time) {
        0 => values[0],
        after if after == times.len() => values[after - 1],
        after => {
            let part = (time - times[after - 1]) / (times[after] - times[after - 1]);
            values[after - 1] + (values[after] - values[after - 1]) * part as f32
        }
    }
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
}

/// Every sound of p, b and m that the lips aren't closed for, if the face came `shift` seconds late.
fn not_closed(phones: &[Phone], lips: &Lips, shift: f64) -> Vec<String> {
    let mut out = Vec::new();
    for phone in phones.iter().filter(|phone| phone.is_closed()) {
        let gap = lips.widest(phone.start + LATE - shift..=phone.end - EARLY - shift);
        if shift == 0.0 {
            eprintln!("{} at {} s: {:.2} mm", phone.name, phone.start, gap * 1e3);
        }
        if gap > CLOSED {
            out.push(format!("{} at {} s: the lips are {:.1} mm apart", phone.name, phone.start, gap * 1e3));
        }
    }
    out
}

#[test]
fn lips_are_closed_for_as_long_as_p_b_and_m_sound() {
    let (phones, lips) = (Phone::all(), Lips::of_the_call());
    let count = phones.iter().filter(|phone| phone.is_closed()).count();
    assert!(count >= 8, "{count} sounds");
    assert_eq!(not_closed(&phones, &lips, 0.0), [""; 0]);
    let fits = (-20..=20).filter(|&n| not_closed(&phones, &lips, 0.01 * f64::from(n)).is_empty());
    eprintln!("the lips fit every sound when moved by {:?} times 10 ms", fits.collect::<Vec<i32>>());
    // A face that came three video frames or more late or early would miss most of them.
    for shift in (10..=30).flat_map(|n| [0.01 * f64::from(n), -0.01 * f64::from(n)]) {
        let missed = not_closed(&phones, &lips, shift).len();
        assert!(2 * missed > count, "the face moved by {shift} s misses only {missed} of {count}");
    }
}

#[test]
fn lips_part_when_the_sound_is_over_and_open_in_vowels() {
    let (phones, lips) = (Phone::all(), Lips::of_the_call());
    // Two video frames after the sound, where a vowel follows it.
    for pair in phones.windows(2).filter(|pair| pair[0].is_closed() && pair[1].is_open()) {
        let gap = lips.gap(pair[0].end + 2.0 * VIDEO_FRAME);
        assert!(gap > CLOSED, "{} at {} s: the lips stay closed", pair[0].name, pair[0].start);
    }
    let vowels: Vec<_> = phones.iter().filter(|phone| phone.is_open()).collect();
    assert!(vowels.len() >= 20, "{} vowels", vowels.len());
    for vowel in &vowels {
        let gap = lips.widest(vowel.start..=vowel.end);
        eprintln!("{} at {} s: {:.1} mm", vowel.name, vowel.start, gap * 1e3);
        assert!(gap > OPEN, "{} at {} s: the lips open {:.1} mm", vowel.name, vowel.start, gap * 1e3);
    }
    // f and v let air through: the lower lip is at the teeth, not at the upper lip.
    let usual = median(vowels.iter().map(|vowel| lips.widest(vowel.start..=vowel.end)).collect());
    for phone in phones.iter().filter(|phone| phone.is_bitten()) {
        let [gap, roll] = [&lips.gaps, &lips.rolls].map(|x| interpolated(&lips.times, x, phone.middle()));
        let is_bitten = roll > BITTEN && gap < 0.6 * usual;
        let report = format!("{} at {} s: {:.1} mm, rolled in {roll:.2}", phone.name, phone.start, gap * 1e3);
        assert!(is_bitten, "{report}; vowels open {:.1} mm", usual * 1e3);
        eprintln!("{report}");
    }
}

/// The voice in the call.
struct Sound {
    /// Sums of the squares of all samples before each, and of the differences between neighbours.
    squares: Vec<f64>,
    differences: Vec<f64>,
}

impl Sound {
    fn of_the_call() -> Self {
        let file = call_file();
        let call = CallReader::new(&file).unwrap();
        let (wren, _) = call.sender("wren").unwrap();
        let mut sound = call.sound(SAMPLE_RATE, &[Voice { sender: wren, shift: 0 }]).unwrap();
        let seconds = sound.span().unwrap().1.as_seconds();
        let mut samples = vec![0; (seconds * f64::from(SAMPLE_RATE)) as usize];
        assert!(sound.read(Timestamp(0), 0, &mut samples).unwrap());
        let sums = |value: &dyn Fn(usize) -> f64| {
            let mut sum = 0.0;
            let squares = (1..samples.len()).map(|i| {
                sum += value(i).powi(2);
                sum
            });
            std::iter::once(0.0).chain(squares).collect()
        };
        let sample = |i: usize| f64::from(samples[i]);
        Self { squares: sums(&sample), differences: sums(&|i| sample(i) - sample(i - 1)) }
    }

    fn seconds(&self) -> f64 {
        self.squares.len() as f64 / f64::from(SAMPLE_RATE)
    }

    /// Mean power in the 10 ms about a time.
    fn power(&self, sums: &[f64], time: f64) -> f64 {
        let place = |time: f64| ((time * f64::from(SAMPLE_RATE)).max(0.0) as usize).min(sums.len() - 1);
        let (from, to) = (place(time - 0.005), place(time + 0.005));
        (sums[to] - sums[from]) / (to - from).max(1) as f64
    }

    fn loudness(&self, time: f64) -> f64 {
        self.power(&self.squares, time).sqrt()
    }

    /// Power of the difference between neighbouring samples: of high notes mostly, which closed lips hold back.
    fn brightness(&self, time: f64) -> f64 {
        self.power(&self.differences, time)
    }
}

#[test]
fn behind_the_closed_lips_of_p_and_b_the_voice_falls_silent() {
    let (phones, lips, sound) = (Phone::all(), Lips::of_the_call(), Sound::of_the_call());
    let loudest =
        |phone: &Phone| steps(phone.start..=phone.end).map(|t| sound.loudness(t)).fold(0.0, f64::max);
    let vowels = phones.iter().filter(|phone| phone.is_open());
    let usual = f64::from(median(vowels.map(|vowel| loudest(vowel) as f32).collect()));
    let stops: Vec<_> = phones.iter().filter(|phone| matches!(phone.name, "p" | "b")).collect();
    assert!(!stops.is_empty());
    for stop in stops {
        let by_loudness = |a: &f64, b: &f64| sound.loudness(*a).total_cmp(&sound.loudness(*b));
        let quietest = steps(stop.start..=stop.end).min_by(by_loudness).unwrap();
        let share = sound.loudness(quietest) / usual;
        assert!(share < 0.2, "{} at {} s is {share:.2} as loud as a vowel", stop.name, stop.start);
        assert!(lips.gap(quietest) < CLOSED, "the voice stops at {quietest} s, the lips are open");
        // They would be open then if the face were early, or late.
        for shift in [NOTICEABLE, -NOTICEABLE] {
            assert!(lips.gap(quietest - shift) > CLOSED, "a shift of {shift} s makes no difference");
        }
    }
}

/// How bright the voice is while the lips are closed, against while they are not, if the face came `shift` seconds late.
/// A video frame on either side of where they meet or part belongs to neither.
fn brightness_of_closed_lips(lips: &Lips, sound: &Sound, shift: f64) -> f64 {
    let (mut closed, mut open) = ((0.0, 0), (0.0, 0));
    for time in steps(0.0..=sound.seconds()) {
        let around = [-VIDEO_FRAME, 0.0, VIDEO_FRAME].map(|nearby| lips.gap(time + nearby - shift) <= 0.0);
        let sum = match around {
            [true, true, true] => &mut closed,
            [false, false, false] => &mut open,
            _ => continue,
        };
        *sum = (sum.0 + sound.brightness(time), sum.1 + 1);
    }
    let mean = |(sum, count): (f64, u32)| sum / f64::from(count);
    (mean(closed) / mean(open)).sqrt()
}

#[test]
fn a_voice_behind_closed_lips_is_dull_and_moving_the_face_makes_it_bright() {
    let (lips, sound) = (Lips::of_the_call(), Sound::of_the_call());
    let ratio = |shift: f64| brightness_of_closed_lips(&lips, &sound, shift);
    eprintln!("moved by −150, 0 and 150 ms: {:.2?}", [-NOTICEABLE, 0.0, NOTICEABLE].map(ratio));
    assert!(ratio(0.0) < 0.4, "{:.2}", ratio(0.0));
    for shift in [NOTICEABLE, -NOTICEABLE] {
        assert!(ratio(shift) > 0.6, "moved by {shift} s: {:.2}", ratio(shift));
    }
    // Of all shifts, none makes more sense of the sound than next to none.
    let shifts = (-30..=30).map(|n| 0.01 * f64::from(n));
    let best = shifts.min_by(|a, b| ratio(*a).total_cmp(&ratio(*b))).unwrap();
    eprintln!("the face fits the sound best when moved by {best} s");
    assert!(best.abs() <= 0.05, "the face fits the sound best when moved by {best} s");
}
