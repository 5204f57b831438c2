//! Timecode: `HH:MM:SS:FF.sss`, frames within a second, and thousandths of a frame behind the point.

/// Timecode begins again after a day.
pub const SECONDS_A_DAY: f64 = 86_400.0;

/// A time of day as cameras count it (SMPTE ST 12-1), with the app's fraction of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timecode {
    /// Whole seconds of the day.
    pub seconds: u32,
    /// Frames within the second, with the fraction.
    pub frames: f64,
    /// Written with a semicolon: at 29.97 frames a second, numbers are left out so that it keeps step with the clock.
    pub is_drop_frame: bool,
}

impl Timecode {
    /// Reads `HH:MM:SS:FF`, `HH:MM:SS:FF.sss` or, drop-frame, `HH:MM:SS;FF`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_drop_frame = text.contains(';');
        let mut fields = text.split([':', ';']);
        let mut whole = |most: u32| fields.next()?.trim().parse::<u32>().ok().filter(|value| *value <= most);
        let (hours, minutes, seconds) = (whole(23)?, whole(59)?, whole(59)?);
        let frames = fields.next()?.trim();
        if fields.next().is_some() || !frames.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let frames = frames.parse::<f64>().ok().filter(|frames| (0.0..240.0).contains(frames))?;
        Some(Self { seconds: (hours * 60 + minutes) * 60 + seconds, frames, is_drop_frame })
    }

    /// Seconds of the day, with `base` frame numbers a second.
    pub fn as_seconds(self, base: u32) -> f64 {
        let Self { seconds, frames, is_drop_frame } = self;
        let base = base.max(1);
        if !is_drop_frame {
            return f64::from(seconds) + frames / f64::from(base);
        }
        // Of 30 (60) numbers 2 (4) are left out each minute but every tenth; frames last 1001/1000 of their nominal time.
        let minutes = seconds / 60;
        let dropped = (minutes - minutes / 10) * (base / 15).max(1);
        let count = f64::from(seconds) * f64::from(base) + frames - f64::from(dropped);
        count * 1.001 / f64::from(base)
    }
}

/// How many frame numbers a second has, by the ones that occur: the smallest usual rate above all of them but a few
/// (damaged rows). Without a row that shows it, as in recordings shorter than a second, 60: the app's own default.
pub fn frame_base(timecodes: &[Timecode]) -> u32 {
    const BASES: [u32; 9] = [24, 25, 30, 48, 50, 60, 100, 120, 240];
    let changes = timecodes.windows(2).filter(|pair| pair[0].seconds != pair[1].seconds).count();
    let mut counts = [0usize; 240];
    for timecode in timecodes {
        counts[(timecode.frames as usize).min(239)] += 1;
    }
    let few = timecodes.len() / 500;
    let mut above = 0;
    let highest = (0..counts.len()).rev().find(|&number| {
        above += counts[number];
        above > few
    });
    let highest = highest.unwrap_or(0) as u32;
    let least = if changes < 2 { 60 } else { 0 };
    BASES.into_iter().find(|&base| base > highest && base >= least).unwrap_or(240)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str, base: u32) -> f64 {
        Timecode::parse(text).unwrap().as_seconds(base)
    }

    #[test]
    fn timecode_is_read() {
        assert!((seconds("01:02:03:15.500", 30) - (3723.0 + 15.5 / 30.0)).abs() < 1e-9);
        assert!((seconds("00:00:01:59", 60) - (1.0 + 59.0 / 60.0)).abs() < 1e-9);
        assert!((seconds(" 9:05:07:01.25 ", 60) - (32_707.0 + 1.25 / 60.0)).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_timecode_is_refused() {
        for wrong in [
            "",
            "1:2:3",
            "24:00:00:00",
            "00:60:00:00",
            "00:00:00:-1",
            "00:00:00:nan",
            "00:00:00:inf",
            "a:b:c:d",
            "00:00:00:00:00",
            "00:00:00:400",
            "00:00:00:+1",
        ] {
            assert_eq!(Timecode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn drop_frame_keeps_step_with_the_clock() {
        // The frame after 00:00:59;29 is numbered 00:01:00;02.
        let step = seconds("00:01:00;02", 30) - seconds("00:00:59;29", 30);
        assert!((step - 1001.0 / 30_000.0).abs() < 1e-9, "{step}");
        assert!((seconds("01:00:00;00", 30) - 3600.0).abs() < 0.01);
        let step = seconds("00:10:00;00", 60) - seconds("00:09:59;59", 60);
        assert!((step - 1001.0 / 60_000.0).abs() < 1e-9, "{step}");
    }

    #[test]
    fn the_base_shows_in_the_numbers() {
        let count = |base: u32, from: u32, rows: u32| {
            let timecode = |n: u32| Timecode {
                seconds: n / base,
                frames: f64::from(n % base) + 0.5,
                is_drop_frame: false,
            };
            (from..from + rows).map(timecode).collect::<Vec<_>>()
        };
        for base in [24, 25, 30, 50, 60, 120] {
            assert_eq!(frame_base(&count(base, 7, 10 * base)), base);
        }
        // Recorded at 30 frames a second, numbered at 60.
        let every_other: Vec<_> = count(60, 0, 600).into_iter().step_by(2).collect();
        assert_eq!(frame_base(&every_other), 60);
        assert_eq!(frame_base(&count(30, 3, 10)), 60);
        let mut damaged = count(30, 0, 3000);
        damaged[500].frames = 99.0;
        assert_eq!(frame_base(&damaged), 30);
    }
}
