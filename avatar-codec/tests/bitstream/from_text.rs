//! A reader of the bitstream made from BITSTREAM.md alone: slow, plain, and sharing nothing with the crate's own.

use visavis_codec::FaceUnit;
use visavis_codec::avatar::LatentModel;

const TABLE: [(u64, u64, u64, u32); 16] = table();

/// The specification's table of models: from, zero, stop, low bits.
const fn table() -> [(u64, u64, u64, u32); 16] {
    let text = include_str!("../../BITSTREAM.md").as_bytes();
    let mut rows = [(0, 0, 0, 0); 16];
    let (mut at, mut row) = (0, 0);
    while row < 16 {
        // A row begins a line with "| <row> |".
        let mut numbers = [0u64; 5];
        let mut next = at;
        let mut count = 0;
        while count < 5 && text[next] == b'|' {
            next += 2;
            let mut digits = 0;
            while text[next].is_ascii_digit() {
                numbers[count] = numbers[count] * 10 + (text[next] - b'0') as u64;
                next += 1;
                digits += 1;
            }
            if digits == 0 {
                break;
            }
            next += 1;
            count += 1;
        }
        if count == 5 && numbers[0] == row as u64 {
            rows[row] = (numbers[1], numbers[2], numbers[3], numbers[4] as u32);
            row += 1;
        }
        while text[at] != b'\n' {
            at += 1;
        }
        at += 1;
    }
    rows
}

struct Axis {
    step: f64,
    lowest: i64,
    highest: i64,
    partner: Option<usize>,
    intra_mean: u64,
}

struct AxisPast {
    last: i64,
    before: i64,
    means: [u64; 4],
}

pub(crate) struct Reader {
    axes: Vec<Axis>,
    past: Option<Past>,
}

struct Past {
    sequence: u64,
    time: i64,
    interval: i64,
    interval_mean: u64,
    axes: Vec<AxisPast>,
}

impl Reader {
    pub(crate) fn new(model: &LatentModel) -> Self {
        let mut axes: Vec<Axis> = model
            .axes
            .iter()
            .map(|a| {
                let (min, max, step) = (f64::from(a.min), f64::from(a.max), f64::from(a.step));
                let margin = (max - min) / 2.0;
                Axis {
                    step,
                    lowest: if min < 0.0 { ((min - margin) / step).floor() as i64 } else { 0 },
                    highest: if max > 0.0 { ((max + margin) / step).ceil() as i64 } else { 0 },
                    partner: None,
                    intra_mean: (256.0 * f64::from(a.deviation) / step / 2.0).floor() as u64,
                }
            })
            .collect();
        for axis in 0..56 {
            let other = match axis {
                0..52 => {
                    let name = FaceUnit::ALL[axis].name();
                    let other = if name.ends_with("Left") {
                        name.replace("Left", "Right")
                    } else {
                        name.replace("Right", "Left")
                    };
                    FaceUnit::from_name(&other).map(|unit| unit as usize)
                }
                54 | 55 => Some(axis - 2),
                _ => None,
            };
            axes[axis].partner = other.filter(|&other| other < axis && axes[other].step == axes[axis].step);
        }
        for (step, level, mean) in [(0.001_745_329_2_f32, 1800, 7680), (0.000_25, 8000, 4096)] {
            for _ in 0..3 {
                let step = f64::from(step);
                axes.push(Axis { step, lowest: -level, highest: level, partner: None, intra_mean: mean });
            }
        }
        Self { axes, past: None }
    }

    /// The time in ticks and every axis's value.
    pub(crate) fn read(&mut self, packet: &[u8]) -> Option<(u64, Vec<f64>)> {
        let header = u64::from(packet[0]) << 8 | u64::from(packet[1]);
        assert_eq!(header >> 13, 1, "version");
        let (is_intra, sequence) = (header >> 12 & 1 == 1, header & 0xfff);
        let mut code = Code::new(&packet[2..]);
        let mut levels: Vec<i64> = Vec::new();
        let past = if is_intra {
            let bits = code.raw(6) as u32;
            let time = code.raw(bits) as i64;
            let interval = 33_333 + code.signed(256, 2);
            for axis in &self.axes {
                let (prediction, mean) = match axis.partner {
                    None => (0, axis.intra_mean),
                    Some(other) => {
                        let prediction = levels[other].clamp(axis.lowest, axis.highest);
                        (prediction, 24 * prediction.unsigned_abs() + 40)
                    }
                };
                levels.push(code.axis(axis, prediction, mean));
            }
            let axes = levels.iter().map(|&level| {
                let mean = if level == 0 { 40 } else { 320 };
                AxisPast { last: level, before: level, means: [mean; 4] }
            });
            Past { sequence, time, interval, interval_mean: 256, axes: axes.collect() }
        } else {
            let mut past = self.past.take()?;
            if (past.sequence + 1) % 4096 != sequence {
                return None;
            }
            let error = code.signed(past.interval_mean, 2);
            let mut every = Vec::new();
            for (i, axis) in self.axes.iter().enumerate() {
                let own = &past.axes[i];
                let speed = own.last - own.before;
                let partner = axis.partner.map_or(0, |other| levels[other] - past.axes[other].last);
                let candidates = [own.last, own.last + speed / 2, own.last + speed, own.last + partner]
                    .map(|c| c.clamp(axis.lowest, axis.highest));
                let least = (0..4).min_by_key(|&c| own.means[c])?;
                levels.push(code.axis(axis, candidates[least], own.means[least]));
                every.push(candidates);
            }
            for ((own, candidates), &level) in past.axes.iter_mut().zip(every).zip(&levels) {
                for (mean, candidate) in own.means.iter_mut().zip(candidates) {
                    *mean = *mean - (*mean >> 2) + (level - candidate).unsigned_abs().min(4095) * 64;
                }
                (own.before, own.last) = (own.last, level);
            }
            past.interval_mean =
                past.interval_mean - (past.interval_mean >> 2) + error.unsigned_abs().min(4095) * 64;
            past.interval += error;
            past.time += past.interval;
            past.sequence = sequence;
            past
        };
        let mut hash = 0x811c_9dc5u32;
        let time = [0, 16, 32, 48].map(|shift| past.time as u64 >> shift & 0xffff);
        for word in [header].into_iter().chain(time).chain(levels.iter().map(|&l| l as u64 & 0xffff)) {
            hash = (hash ^ word as u32).wrapping_mul(0x0100_0193);
        }
        if code.raw(8) != u64::from(hash >> 24) {
            return None;
        }
        let values = levels.iter().zip(&self.axes).map(|(&level, axis)| level as f64 * axis.step).collect();
        let time = past.time as u64;
        self.past = Some(past);
        Some((time, values))
    }
}

struct Code<'a> {
    bytes: &'a [u8],
    place: usize,
    lower: u64,
    range: u64,
    point: u64,
}

impl<'a> Code<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut code = Self { bytes, place: 0, lower: 0, range: u64::MAX, point: 0 };
        for _ in 0..4 {
            code.point = code.point << 16 | code.word();
        }
        code
    }

    fn word(&mut self) -> u64 {
        let byte = |place: usize| u64::from(self.bytes.get(place).copied().unwrap_or(0));
        let word = byte(self.place) << 8 | byte(self.place + 1);
        self.place += 2;
        word
    }

    fn quantile(&self) -> u64 {
        self.point.wrapping_sub(self.lower) / (self.range >> 15)
    }

    fn take(&mut self, cumulative: u64, frequency: u64) {
        let scale = self.range >> 15;
        self.lower = self.lower.wrapping_add(scale * cumulative);
        self.range = scale * frequency;
        if self.range < 1 << 48 {
            self.lower <<= 16;
            self.range <<= 16;
            self.point = self.point << 16 | self.word();
        }
    }

    fn raw(&mut self, mut bits: u32) -> u64 {
        let mut value = 0;
        while bits > 0 {
            let part = bits.min(8);
            let width = 1 << (15 - part);
            let symbol = self.quantile() / width;
            self.take(symbol * width, width);
            value = value << part | symbol;
            bits -= part;
        }
        value
    }

    /// `signs`: −1 or 1 if only that sign is possible, else 2.
    fn signed(&mut self, mean: u64, signs: i64) -> i64 {
        let class = TABLE.iter().rposition(|row| row.0 <= mean).unwrap();
        let (_, zero, stop, low_bits) = TABLE[class];
        let (quantile, mut before, mut frequency, mut symbol) = (self.quantile(), 0, zero, 0);
        while quantile >= before + frequency {
            before += frequency;
            symbol += 1;
            let (left, after) = (32_768 - before, 15 - symbol);
            frequency = if symbol == 15 { left } else { ((left * stop) >> 8).max(1).min(left - after) };
        }
        self.take(before, frequency);
        let mut high = symbol;
        if high == 15 {
            let mut bits = 0;
            while self.raw(1) == 1 {
                bits += 1;
            }
            high = (1 << bits | self.raw(bits)) + 15 - 1;
        }
        let magnitude = (high << low_bits | self.raw(low_bits)) as i64;
        match signs {
            2 if magnitude > 0 && self.raw(1) == 1 => -magnitude,
            -1 => -magnitude,
            _ => magnitude,
        }
    }

    fn axis(&mut self, axis: &Axis, prediction: i64, mean: u64) -> i64 {
        if axis.lowest == axis.highest {
            return prediction;
        }
        let signs = match prediction {
            p if p == axis.lowest => 1,
            p if p == axis.highest => -1,
            _ => 2,
        };
        prediction + self.signed(mean, signs)
    }
}
