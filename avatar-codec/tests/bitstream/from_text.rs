//! A reader of the bitstream made from BITSTREAM.md alone: slow, plain, and sharing nothing with the crate's own.

use std::collections::HashMap;

use visavis_codec::FaceUnit;
use visavis_codec::avatar::LatentModel;

/// The specification's table of classes: from, zero, stop, low bits.
fn table() -> Vec<[i64; 4]> {
    let text = include_str!("../../BITSTREAM.md");
    let rows = text.lines().filter_map(|line| {
        let numbers: Option<Vec<i64>> = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split(" | ")
            .map(|number| number.parse().ok())
            .collect();
        let [class, from, zero, stop, low] = numbers?[..] else { return None };
        Some((class, [from, zero, stop, low]))
    });
    rows.enumerate()
        .map(|(row, (class, numbers))| {
            assert_eq!(row as i64, class);
            numbers
        })
        .collect()
}

const GRAINS: [i64; 7] = [4, 6, 8, 12, 16, 24, 32];

fn nearest(a: i64, b: i64) -> i64 {
    (2 * a + b).div_euclid(2 * b)
}

struct Axis {
    grain: f64,
    lowest: i64,
    highest: i64,
    partner: Option<usize>,
    spread: i64,
    group: usize,
}

/// A frame as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) time: i64,
    pub(crate) rung: usize,
    grains: Vec<i64>,
}

struct Intra {
    frame: Frame,
    interval: i64,
    hash: u32,
}

#[derive(Clone)]
struct Estimate {
    quick: i64,
    slow: i64,
    count: i64,
}

#[derive(Clone)]
struct Past {
    last: [i64; 3],
    place: i64,
    speed: i64,
    errors: [i64; 5],
    error: i64,
    up: i64,
    down: i64,
    surprise: i64,
}

struct Stream {
    number: u8,
    frame: Frame,
    interval: i64,
    time_error: i64,
    same_rung: Estimate,
    zero: Vec<Estimate>,
    stop: Vec<Vec<Estimate>>,
    axes: Vec<Past>,
}

pub(crate) struct Reader {
    axes: Vec<Axis>,
    table: Vec<[i64; 4]>,
    stream: Option<Stream>,
    intra: HashMap<u8, Intra>,
}

impl Reader {
    pub(crate) fn new(model: &LatentModel) -> Self {
        let mut axes: Vec<Axis> = (model.axes.iter().enumerate())
            .map(|(i, a)| {
                let (min, max, grain) = (f64::from(a.min), f64::from(a.max), f64::from(a.step) / 4.0);
                let margin = (max - min) / 2.0;
                Axis {
                    grain,
                    lowest: if min < 0.0 { ((min - margin) / grain).floor() as i64 } else { 0 },
                    highest: if max > 0.0 { ((max + margin) / grain).ceil() as i64 } else { 0 },
                    partner: None,
                    spread: ((f64::from(a.deviation) / grain).round() as i64).clamp(1, 4_000_000),
                    group: [14, 41, 46, 52, 56].iter().filter(|&&end| i >= end).count(),
                }
            })
            .collect();
        for axis in 0..56 {
            let other = match axis {
                0..52 => {
                    let name = FaceUnit::ALL[axis].name();
                    let other = match name.strip_suffix("Left") {
                        Some(stem) => format!("{stem}Right"),
                        None => format!("{}Left", name.strip_suffix("Right").unwrap_or("none")),
                    };
                    FaceUnit::from_name(&other).map(|unit| unit as usize)
                }
                54 | 55 => Some(axis - 2),
                _ => None,
            };
            axes[axis].partner = other.filter(|&other| other < axis && axes[other].grain == axes[axis].grain);
        }
        for (i, &step) in model.head_steps.iter().enumerate() {
            let grain = f64::from(step) / 4.0;
            let [reach, deviation] = if i < 3 { [3.15, 0.05] } else { [2.0, 0.004] };
            let highest = (reach / grain).ceil() as i64;
            let spread = ((deviation / grain).round() as i64).max(1);
            axes.push(Axis { grain, lowest: -highest, highest, partner: None, spread, group: 6 + i / 3 });
        }
        Self { axes, table: table(), stream: None, intra: HashMap::new() }
    }

    /// The values of a frame's axes.
    pub(crate) fn values(&self, frame: &Frame) -> Vec<f32> {
        (frame.grains.iter().zip(&self.axes))
            .map(|(&grains, axis)| (grains as f64 * axis.grain) as f32)
            .collect()
    }

    /// The frames of a packet, the oldest first.
    pub(crate) fn read(&mut self, packet: &[u8]) -> Option<Vec<Frame>> {
        let first = packet[0];
        if first >> 7 == 0 {
            return match &self.stream {
                Some(_) => self.stream(first, &packet[1..]).map(|frame| vec![frame]),
                None => self.frames(first, None, &packet[1..]),
            };
        }
        assert_eq!(first >> 3 & 7, 2, "version");
        let (rung, number) = (usize::from(first & 7), packet[1]);
        if first >> 6 & 1 == 1 {
            self.stream = None;
            return self.frames(number, Some(rung), &packet[2..]);
        }
        let mut code = Code::new(&packet[2..], &self.table);
        let intra = self.intra(&mut code, rung)?;
        code.check(intra.hash_with(&[number.into()]), 8)?;
        let estimate = |p: i64| Estimate { quick: p, slow: p, count: 0 };
        let past = |&g: &i64| Past {
            last: [g; 3],
            place: 16 * g,
            speed: 0,
            errors: [0; 5],
            error: if g == 0 { 12 } else { 150 },
            up: 64,
            down: 128,
            surprise: 0,
        };
        self.stream = Some(Stream {
            number,
            interval: intra.interval,
            time_error: 32,
            same_rung: estimate(62_000),
            zero: self.table.iter().map(|row| estimate(row[1])).collect(),
            stop: self.table.iter().map(|row| vec![estimate(row[2]); 18]).collect(),
            axes: intra.frame.grains.iter().map(past).collect(),
            frame: intra.frame.clone(),
        });
        Some(vec![intra.frame])
    }

    fn intra(&self, code: &mut Code<'_>, rung: usize) -> Option<Intra> {
        let bits = code.raw(6);
        let time = code.raw(bits) * 100_000;
        let known = [41_666_667, 40_000_000, 33_333_333, 20_000_000, 16_666_667, 13_888_889, 11_111_111];
        let interval = match code.raw(3) {
            7 => code.raw(20) * 1000,
            n => known[n as usize],
        };
        let m = GRAINS[rung];
        let (mut grains, mut activity) = (Vec::new(), [77; 8]);
        for axis in &self.axes {
            let a = &mut activity[axis.group];
            let (p, mean) = match axis.partner {
                Some(other) => (grains[other], 4 + 23 * i64::abs(grains[other]) / m),
                None => (0, *a * axis.spread / (2 * m)),
            };
            let g = code.axis(axis, m, p, mean, None)?;
            *a = (3 * *a + (256 * (g - p).abs() / axis.spread).min(768)) / 4;
            grains.push(g);
        }
        let frame = Frame { time, rung, grains };
        let hash = hash(hash(0x811c_9dc5, &[rung as u32, interval as u32]), &frame.words());
        Some(Intra { frame, interval, hash })
    }

    fn frames(&mut self, number: u8, rung: Option<usize>, bytes: &[u8]) -> Option<Vec<Frame>> {
        let (place, n) = (number >> 5, i64::from(number & 31));
        let table = self.table.clone();
        let mut code = Code::new(bytes, &table);
        let mut frames = Vec::new();
        if let Some(rung) = rung {
            let intra = self.intra(&mut code, rung)?;
            frames.push(intra.frame.clone());
            self.intra.insert(place, intra);
        }
        let Intra { frame: intra, interval, hash: start } = self.intra.get(&place)?;
        if rung.is_none() && bytes.is_empty() {
            let numbers = (1..=n).rev().take(4).collect::<Vec<_>>().into_iter().rev();
            return Some(
                numbers.map(|n| Frame { time: expected(intra, *interval, n), ..intra.clone() }).collect(),
            );
        }
        // The newest, then backwards, with their numbers.
        let mut after: Vec<(i64, Frame)> = Vec::new();
        let usual = match (rung.is_some(), n) {
            (true, 0) => 3,
            (true, _) => 2,
            (false, _) => (n - 1).min(3),
        };
        let (mut newest_rung, mut repeats, mut coarser) = (intra.rung, usual, 2);
        if !code.bit(62_000) {
            newest_rung = code.raw(3) as usize;
            repeats = code.raw(3);
            coarser = code.raw(2) as usize;
        }
        for j in 0..=repeats {
            let number = if n - j > 0 || n == 0 { n - j } else { n - j - 1 };
            if number == 0 {
                after.push((0, intra.clone()));
                continue;
            }
            let rung = if j == 0 { newest_rung } else { (newest_rung + 2 * coarser + j as usize - 1).min(6) };
            let time = expected(intra, *interval, number) + 100_000 * code.signed(32, 0, None)?;
            after.push((number, Frame { time, rung, grains: Vec::new() }));
        }
        if n > 0 {
            after[0].1.grains = self.newest(&mut code, intra, n, GRAINS[newest_rung])?;
        }
        let mut errors = vec![0; self.axes.len()];
        for j in 1..after.len() {
            let number = after[j].0;
            let (mut a, mut b) = (&after[j - 1].1.grains, &after[j.saturating_sub(2)].1.grains);
            if number == -1 {
                a = &intra.grains;
                b = if n > 0 { &after[j - 1].1.grains } else { a };
            } else if number == -2 && n > 0 {
                b = &intra.grains;
            }
            let m = GRAINS[after[j].1.rung];
            let mut activity = [12; 8];
            let (mut grains, mut innovations) = (Vec::new(), Vec::new());
            for (i, axis) in self.axes.iter().enumerate() {
                let act = &mut activity[axis.group];
                let l = number + 1;
                let onwards = 20 * a[i] + 17 * (a[i] - b[i]);
                let p = if l <= 0 {
                    onwards
                } else {
                    let between = 20 * a[i] + 20 * (intra.grains[i] - a[i]) / l;
                    match (j, l) {
                        (1, _) => between,
                        (_, 2) => (between + onwards) / 2,
                        _ => (between + 3 * onwards) / 4,
                    }
                };
                let way = (256 * (intra.grains[i] - a[i]).abs() / m).min(7680);
                let mut mean = match j {
                    1 => {
                        (if number < 0 && a[i] != 0 { 40 } else { 5 })
                            + way * (512 * repeats / n.max(1)).min(256) / 1280
                            + 6 * *act / 10
                    }
                    _ => 5 + way / 50 + 9 * (errors[i] + *act) / 25,
                };
                let mut with_partner = p;
                if let Some(other) = axis.partner {
                    let f: i64 = innovations[other];
                    with_partner = p + 4 * f / 5;
                    mean = 2 * (mean + 256 * f.abs() / (20 * m)) / 5;
                }
                let g = code.axis(axis, m, nearest(with_partner, 20), mean, None)?;
                innovations.push(20 * g - p);
                let s = 256 * (20 * g - with_partner).abs() / (20 * m);
                errors[i] = if j == 1 { s } else { (errors[i] + s) / 2 };
                *act = (17 * *act + 3 * s.min(1280)) / 20;
                grains.push(g);
            }
            after[j].1.grains = grains;
        }
        let mut sum = hash(*start, &[number.into()]);
        for (_, frame) in &after {
            sum = hash(hash(sum, &[frame.rung as u32]), &frame.words());
        }
        code.check(sum, if rung.is_some() { 8 } else { 4 })?;
        if n == 0 {
            frames.clear(); // the newest is the intra frame
        }
        frames.extend(after.into_iter().map(|(_, frame)| frame));
        frames.sort_by_key(|frame| frame.time);
        Some(frames)
    }

    fn newest(&self, code: &mut Code<'_>, intra: &Frame, n: i64, m: i64) -> Option<Vec<i64>> {
        let d = [136, 192, 235, 272, 304, 333, 359, 384][(n.min(8) - 1) as usize];
        let (mut grains, mut activity) = (Vec::new(), [51; 8]);
        for (i, axis) in self.axes.iter().enumerate() {
            let a = &mut activity[axis.group];
            let own = intra.grains[i];
            let (p, mean) = match axis.partner {
                Some(other) => {
                    let w: i64 = grains[other] - intra.grains[other];
                    (own + w, 4 + 16 * w.abs() / m)
                }
                None => (own, *a * axis.spread * d / (256 * m) + if own == 0 { 0 } else { 110 }),
            };
            let g = code.axis(axis, m, p, mean, None)?;
            *a = (7 * *a + 3 * (122_880 * (g - p).abs() / (axis.spread * d)).min(768)) / 10;
            grains.push(g);
        }
        Some(grains)
    }

    fn stream(&mut self, number: u8, bytes: &[u8]) -> Option<Frame> {
        let Stream { number: last, frame, interval, time_error, same_rung, zero, stop, axes } =
            self.stream.as_mut()?;
        assert_eq!((*last + 1) % 128, number);
        *last = number;
        if bytes.is_empty() {
            frame.time += *interval;
            for past in axes {
                past.last = [past.last[0], past.last[0], past.last[1]];
                (past.place, past.speed) = (16 * past.last[0], 0);
            }
            return Some(frame.clone());
        }
        let mut code = Code::new(bytes, &self.table);
        if !code.estimated(same_rung) {
            frame.rung = code.raw(3) as usize;
        }
        let late = code.signed(*time_error, 0, None)?;
        *time_error = (*time_error - (*time_error >> 2) + 64 * late.abs().min(4095)).max(8);
        frame.time += *interval + 100_000 * late;
        *interval += 100_000 * late / 4;
        let m = GRAINS[frame.rung];
        for (i, axis) in self.axes.iter().enumerate() {
            let partner = axis.partner.map(|other| axes[other].surprise);
            let past = &mut axes[i];
            let [x1, x2, x3] = past.last;
            let v = x1 - x2;
            let all =
                [x1, x1 + v / 2, x1 + v, x1 + v + (v - (x2 - x3)) / 2, nearest(past.place + past.speed, 16)];
            let least = (0..5).min_by_key(|&k| past.errors[k])?;
            let (mut p, mut mean) = (all[least], 4 * past.error / m);
            if let Some(q) = partner {
                p += past.up * q / past.down;
                mean = (7 * mean + 512 * q.abs() / m) / 10;
            }
            let g = code.axis(axis, m, p, mean, Some((&mut *zero, &mut *stop)))?;
            for (error, candidate) in past.errors.iter_mut().zip(all) {
                *error += (64 * (g - candidate).abs().min(16_384) - *error) >> 2;
            }
            past.error += (64 * (g - p).abs().min(16_384) - past.error) >> 2;
            past.surprise = (g - all[least]).clamp(-16_384, 16_384);
            if let Some(q) = partner {
                past.up += q * past.surprise - past.up / 8;
                past.down = (past.down + q * q - past.down / 8).max(16);
            }
            let d = 16 * g - (past.place + past.speed);
            past.place += past.speed + 5 * d / 8;
            past.speed += 5 * d / 16;
            past.last = [g, x1, x2];
            frame.grains[i] = g;
        }
        let sum = hash(0x811c_9dc5, &[number.into(), frame.rung as u32]);
        code.check(hash(sum, &frame.words()), 4)?;
        Some(frame.clone())
    }
}

fn expected(intra: &Frame, interval: i64, number: i64) -> i64 {
    intra.time + 100_000 * nearest(number * interval, 100_000)
}

impl Intra {
    fn hash_with(&self, words: &[u32]) -> u32 {
        hash(self.hash, words)
    }
}

impl Frame {
    fn words(&self) -> Vec<u32> {
        let time = [self.time as u32, (self.time >> 32) as u32];
        time.into_iter().chain(self.grains.iter().map(|&g| g as u32)).collect()
    }
}

fn hash(start: u32, words: &[u32]) -> u32 {
    words.iter().fold(start, |h, &word| (h ^ word).wrapping_mul(0x0100_0193))
}

/// The estimates of the stream form: zero, and stop at each size.
type Adaptive<'a> = (&'a mut Vec<Estimate>, &'a mut Vec<Vec<Estimate>>);

struct Code<'a> {
    bytes: &'a [u8],
    place: usize,
    value: u64,
    range: u64,
    table: &'a [[i64; 4]],
}

impl<'a> Code<'a> {
    fn new(bytes: &'a [u8], table: &'a [[i64; 4]]) -> Self {
        let mut code = Self { bytes, place: 0, value: 0, range: 0xffff_ffff, table };
        for _ in 0..4 {
            code.value = code.value << 8 | code.byte();
        }
        code
    }

    fn byte(&mut self) -> u64 {
        self.place += 1;
        self.bytes.get(self.place - 1).copied().unwrap_or(0).into()
    }

    fn bit(&mut self, p: i64) -> bool {
        let bound = (self.range * p as u64) >> 16;
        let bit = self.value < bound;
        if bit {
            self.range = bound;
        } else {
            self.value -= bound;
            self.range -= bound;
        }
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.value = (self.value << 8 | self.byte()) & 0xffff_ffff;
        }
        bit
    }

    fn estimated(&mut self, estimate: &mut Estimate) -> bool {
        let bit = self.bit(((estimate.quick + estimate.slow) / 2).clamp(64, 65_472));
        estimate.count = (estimate.count + 1).min(128);
        let n = i64::from(estimate.count.ilog2()) + 1;
        let target = if bit { 65_535 } else { 0 };
        estimate.quick += (target - estimate.quick) >> n.clamp(2, 4);
        estimate.slow += (target - estimate.slow) >> n.clamp(2, 7);
        bit
    }

    fn raw(&mut self, bits: i64) -> i64 {
        (0..bits).fold(0, |value, _| value << 1 | i64::from(self.bit(32_768)))
    }

    /// `sign`: −1 or 1 if only that is possible, else 0.
    fn signed(&mut self, mean: i64, sign: i64, mut adaptive: Option<Adaptive<'_>>) -> Option<i64> {
        let class = self.table.iter().rposition(|row| row[0] <= mean)?;
        let [_, zero, stop, low] = self.table[class];
        let is_zero = match &mut adaptive {
            Some((estimates, _)) => self.estimated(&mut estimates[class]),
            None => self.bit(zero),
        };
        if is_zero {
            return Some(0);
        }
        let is_negative = if sign == 0 { self.raw(1) == 1 } else { sign < 0 };
        let (mut h, escape) = (0, if class < 10 { 6 } else { 18 });
        while h < escape {
            let is_end = match &mut adaptive {
                Some((_, estimates)) => self.estimated(&mut estimates[class][h as usize]),
                None => self.bit(stop),
            };
            if is_end {
                break;
            }
            h += 1;
        }
        if h == escape {
            let mut n = 0;
            while self.raw(1) == 1 {
                n += 1;
            }
            h = (1 << n | self.raw(n)) + escape - 1;
        }
        let s = h << low | self.raw(low);
        Some(if is_negative { -(s + 1) } else { s + 1 })
    }

    fn axis(
        &mut self,
        axis: &Axis,
        m: i64,
        p: i64,
        mean: i64,
        adaptive: Option<Adaptive<'_>>,
    ) -> Option<i64> {
        if axis.lowest == axis.highest {
            return Some(0);
        }
        let (lowest, highest) = (axis.lowest / m, axis.highest / m);
        let p = nearest(p, m).clamp(lowest, highest);
        let sign = match (p == lowest, p == highest) {
            (true, true) => return Some(p * m),
            (true, false) => 1,
            (false, true) => -1,
            (false, false) => 0,
        };
        Some((p + self.signed(mean.clamp(4, 1 << 20), sign, adaptive)?) * m)
    }

    fn check(&mut self, hash: u32, bits: u32) -> Option<()> {
        (self.raw(bits.into()) == i64::from(hash >> (32 - bits))).then_some(())
    }
}
