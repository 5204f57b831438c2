//! Performances: face signals over time, from a table or made up, for recordings, tests and measurements.

use std::f64::consts::TAU;

use glam::{Quat, Vec3};

use crate::latent::{FaceFrame, FaceUnit, Gaze, MAX_RESIDUAL, Timestamp};
use crate::quoted::quoted;

/// Why a table of signals can't be read. Rows count from 1, the header being row 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PerformanceError {
    /// The first row names something that is no signal.
    #[error(
        "column {column}, `{name}`, is no face unit and none of seconds, gaze_*, head_rotation_*, head_translation_*"
    )]
    Column {
        /// Which column, from 1.
        column: usize,
        /// Its name.
        name: String,
    },
    /// No column says when a row is.
    #[error("there is no column `seconds`")]
    NoTime,
    /// A field is not a finite number.
    #[error("row {row}, column {column}: `{text}` is not a finite number")]
    Number {
        /// Which row.
        row: usize,
        /// Which column, from 1.
        column: usize,
        /// What stands there.
        text: String,
    },
    /// A row has more or fewer fields than the first.
    #[error("row {row} has {found} fields, the first row names {expected}")]
    Fields {
        /// Which row.
        row: usize,
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A row is not later than the one before.
    #[error("row {row} is not later than the one before it, or before 0")]
    Order {
        /// Which row.
        row: usize,
    },
}

/// Reads a table of signals, comma-separated, as `assets/performance/hello.csv`: the first row names the columns
/// (`seconds`; face units; `gaze_left_yaw` and so on, radians; `head_rotation_x` and so on, a rotation vector in radians;
/// `head_translation_x` and so on, metres). Signals without a column are 0.
pub fn read_performance(table: &str) -> Result<Vec<FaceFrame>, PerformanceError> {
    let mut rows = table.lines().enumerate();
    let names = rows.next().map_or("", |(_, names)| names);
    let columns = (names.split(',').enumerate())
        .map(|(column, name)| {
            let unknown = || PerformanceError::Column { column: column + 1, name: quoted(&name) };
            Column::from_name(name.trim()).ok_or_else(unknown)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if !columns.contains(&Column::Seconds) {
        return Err(PerformanceError::NoTime);
    }
    let mut frames: Vec<FaceFrame> = Vec::new();
    for (row, line) in rows.map(|(row, line)| (row + 1, line)).filter(|(_, line)| !line.trim().is_empty()) {
        let found = line.split(',').count();
        if found != columns.len() {
            return Err(PerformanceError::Fields { row, found, expected: columns.len() });
        }
        let mut frame = FaceFrame::default();
        let (mut gaze, mut rotation, mut seconds) = ([0.0; 4], Vec3::ZERO, 0.0);
        for (i, (column, text)) in columns.iter().zip(line.split(',')).enumerate() {
            let number = text.trim().parse::<f64>().ok().filter(|x| x.is_finite() && x.abs() < 1e9);
            let bad = || PerformanceError::Number { row, column: i + 1, text: quoted(&text) };
            let value = number.ok_or_else(bad)?;
            match *column {
                Column::Seconds => seconds = value,
                Column::Unit(unit) => *frame.latent.unit_mut(unit) = value as f32,
                Column::Gaze(i) => gaze[i] = value as f32,
                Column::Rotation(i) => rotation[i] = value as f32,
                Column::Translation(i) => frame.head.translation[i] = value as f32,
            }
        }
        frame.time = Timestamp((seconds * 1e9).round() as u64);
        if seconds < 0.0 || frames.last().is_some_and(|last| frame.time <= last.time) {
            return Err(PerformanceError::Order { row });
        }
        frame.latent.gaze = Gaze::from_array(gaze);
        frame.head.rotation = Quat::from_scaled_axis(rotation);
        frames.push(frame);
    }
    Ok(frames)
}

#[derive(Clone, Copy, PartialEq)]
enum Column {
    Seconds,
    Unit(FaceUnit),
    Gaze(usize),
    Rotation(usize),
    Translation(usize),
}

impl Column {
    fn from_name(name: &str) -> Option<Self> {
        const GAZE: [&str; 4] = ["left_yaw", "left_pitch", "right_yaw", "right_pitch"];
        const AXES: [&str; 3] = ["x", "y", "z"];
        let place = |names: &[&str], rest: &str| names.iter().position(|&known| known == rest);
        match name {
            "seconds" => Some(Self::Seconds),
            _ => None
                .or_else(|| Some(Self::Gaze(place(&GAZE, name.strip_prefix("gaze_")?)?)))
                .or_else(|| Some(Self::Rotation(place(&AXES, name.strip_prefix("head_rotation_")?)?)))
                .or_else(|| Some(Self::Translation(place(&AXES, name.strip_prefix("head_translation_")?)?)))
                .or_else(|| FaceUnit::from_name(name).map(Self::Unit)),
        }
    }
}

/// Seconds between the beginnings of two units' movements, and how long one takes there and back.
const NEXT_UNIT_S: f64 = 0.3;
const MOVEMENT_S: f64 = 0.6;

/// An extreme range of motion: one unit after another goes through its whole range and back in 0.6 s, both sides together
/// but not quite alike, two at any time; all the while the eyes sweep over ±26°, the head turns by up to ±29° and moves by
/// up to ±30 mm, and the first `residual` components of the residual swing over ±0.8. About 10 s; always the same.
pub fn range_of_motion(frames_per_second: f64, residual: usize) -> Vec<FaceFrame> {
    let other_side = |unit: FaceUnit| {
        let stem = unit.name().strip_suffix("Left")?;
        FaceUnit::from_name(&format!("{stem}Right"))
    };
    let seconds_of = |unit: FaceUnit| FaceUnit::ALL.into_iter().find(|&left| other_side(left) == Some(unit));
    let firsts: Vec<FaceUnit> =
        FaceUnit::ALL.into_iter().filter(|&unit| seconds_of(unit).is_none()).collect();
    let seconds = firsts.len() as f64 * NEXT_UNIT_S + MOVEMENT_S;
    let frame = |i: u32| {
        let t = f64::from(i) / frames_per_second;
        let wave =
            |amplitude: f64, period: f64, phase: f64| (amplitude * (t * TAU / period + phase).sin()) as f32;
        let mut frame = FaceFrame { time: Timestamp::from_seconds(t), ..FaceFrame::default() };
        for (n, &unit) in firsts.iter().enumerate() {
            let part = (t - NEXT_UNIT_S * n as f64) / MOVEMENT_S;
            if (0.0..1.0).contains(&part) {
                let weight = (0.5 - 0.5 * (part * TAU).cos()) as f32;
                *frame.latent.unit_mut(unit) = weight;
                if let Some(other) = other_side(unit) {
                    *frame.latent.unit_mut(other) = 0.92 * weight;
                }
            }
        }
        let yaw = wave(0.45, 1.7, 0.0);
        let pitch = wave(0.3, 1.3, 1.0);
        frame.latent.gaze = Gaze::from_array([yaw, pitch, 0.95 * yaw, pitch]);
        for (n, component) in frame.latent.residual.iter_mut().enumerate().take(residual.min(MAX_RESIDUAL)) {
            *component = wave(0.8, 1.1 + 0.17 * n as f64, n as f64);
        }
        let turn = [wave(0.3, 2.1, 0.3), wave(0.5, 2.7, 0.0), wave(0.2, 3.3, 1.0)];
        frame.head.rotation = Quat::from_scaled_axis(Vec3::from_array(turn));
        frame.head.translation = Vec3::new(wave(0.03, 2.9, 0.0), wave(0.015, 1.9, 1.0), wave(0.03, 3.7, 2.0));
        frame
    };
    (0..(seconds * frames_per_second) as u32).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_its_columns_names() {
        let table = "seconds,jawOpen,gaze_right_yaw,head_rotation_y,head_translation_z\n0,0.5,0.1,0.2,-0.01\n0.5,1,0,0,0\n";
        let frames = read_performance(table).unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].latent.unit(FaceUnit::JawOpen), 0.5);
        assert_eq!(frames[0].latent.gaze.right_yaw, 0.1);
        assert!((frames[0].head.rotation_vector() - Vec3::new(0.0, 0.2, 0.0)).length() < 1e-6);
        assert_eq!(frames[0].head.translation.z, -0.01);
        assert_eq!(frames[1].time, Timestamp(500_000_000));
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_place() {
        let error = |table: &str| read_performance(table).unwrap_err().to_string();
        assert!(error("seconds,jaw\n").contains("column 2, `jaw`"));
        assert!(error("jawOpen\n1\n").contains("seconds"));
        assert!(error("seconds,jawOpen\n0,1\n1,NaN\n").contains("row 3, column 2: `NaN`"));
        assert!(error("seconds,jawOpen\n0\n").contains("row 2 has 1 fields"));
        assert!(error("seconds\n1\n1\n").contains("row 3 is not later"));
    }

    #[test]
    fn the_range_of_motion_takes_every_unit_through_its_range() {
        let frames = range_of_motion(30.0, 4);
        for unit in FaceUnit::ALL {
            let most = frames.iter().map(|frame| frame.latent.unit(unit)).fold(0.0, f32::max);
            assert!(most > 0.9, "{}: {most}", unit.name());
        }
        assert!(frames.iter().any(|frame| frame.latent.residual[3] > 0.7 && frame.latent.residual[4] == 0.0));
        assert!(frames.iter().all(|frame| frame.latent.is_finite() && frame.head.is_valid()));
    }
}
