//! This project's own tables of signals: seconds, face units, gaze, head, by name, as `assets/performance` has them. In
//! place of the units may stand a headset's weights, see [`openxr`].

use glam::{Quat, Vec3};

use crate::latent::{FaceUnit, GAZE, Gaze, HeadPose, UNITS};
use crate::quoted::quoted;

use super::openxr::{self, WEIGHTS};
use super::signals::{Recording, Sample, Signals, gaze_of_units, usual_interval};
use super::{Notes, ReadTrackingError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Seconds,
    Unit(FaceUnit),
    /// Of a headset's weights.
    Weight(usize),
    Gaze(usize),
    Rotation(usize),
    Translation(usize),
    Ignored,
}

impl Column {
    fn from_name(name: &str) -> Self {
        const GAZES: [&str; GAZE] = ["left_yaw", "left_pitch", "right_yaw", "right_pitch"];
        const AXES: [&str; 3] = ["x", "y", "z"];
        let place = |names: &[&str], prefix: &str| {
            let rest = name.strip_prefix(prefix)?;
            names.iter().position(|&known| known == rest)
        };
        match name {
            "seconds" => Self::Seconds,
            _ => None
                .or_else(|| place(&GAZES, "gaze_").map(Self::Gaze))
                .or_else(|| place(&AXES, "head_rotation_").map(Self::Rotation))
                .or_else(|| place(&AXES, "head_translation_").map(Self::Translation))
                .or_else(|| FaceUnit::from_name(name).map(Self::Unit))
                .or_else(|| openxr::weight_from_name(name).map(Self::Weight))
                .unwrap_or(Self::Ignored),
        }
    }
}

/// Reads a table of signals: radians and metres in this crate's axes; columns that lack are 0. Rows that can't be read are
/// skipped and noted by line and column.
///
/// # Errors
/// If the table's head has no `seconds` or no unit, or no row of it can be read.
pub fn read_csv(bytes: &[u8]) -> Result<Recording, ReadTrackingError> {
    let mut notes = Notes::default();
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.trim_ascii());
    let header = std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    let columns: Vec<Column> = names.iter().map(|name| Column::from_name(name)).collect();
    let has_units = columns.iter().any(|column| matches!(column, Column::Unit(_)));
    let has_weights = columns.iter().any(|column| matches!(column, Column::Weight(_)));
    if !columns.contains(&Column::Seconds) || has_units == has_weights {
        let problem = if has_units && has_weights {
            "face units as `jawOpen` and a headset's weights as `JAW_DROP` in one table: only one of the two can be meant"
        } else {
            "no header of a table of signals: a column `seconds` and ones as `jawOpen`, or a headset's as `JAW_DROP`"
        };
        return Err(ReadTrackingError::Header(problem.to_owned()));
    }
    let has_gaze = columns.iter().any(|column| matches!(column, Column::Gaze(_)));
    for (name, _) in names.iter().zip(&columns).filter(|(_, column)| **column == Column::Ignored) {
        notes.ignored(format!("line 1: column `{name}` is not known and is ignored"));
    }
    let (mut samples, mut rows) = (Vec::new(), 0);
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
        rows += 1;
        match read_row(line, &columns, &names) {
            Ok((seconds, mut signals, weights)) => {
                if has_weights {
                    signals.units = openxr::units_of(&weights);
                    if !has_gaze {
                        signals.gaze = gaze_of_units(&signals.units);
                    }
                }
                samples.push(Sample { seconds, signals: Some(Box::new(signals)) });
            }
            Err(problem) => notes.malformed(format!("line {}, {problem}", index + 2)),
        }
    }
    if samples.is_empty() {
        let first = notes.first.first().cloned().unwrap_or_else(|| "there is none".to_owned());
        return Err(ReadTrackingError::NothingUsable { rows, first });
    }
    let interval = usual_interval(&samples, 1.0 / 30.0);
    Ok(Recording { samples, interval, wrap: None, notes })
}

/// Seconds, the signals that stand in the row, and a headset's weights.
type Row = (f64, Signals, [f32; WEIGHTS]);

fn read_row(line: &[u8], columns: &[Column], names: &[&str]) -> Result<Row, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8 text".to_owned())?;
    let count = text.split(',').count();
    if count != columns.len() {
        return Err(format!("{count} columns; the header has {}", columns.len()));
    }
    let (mut units, mut weights, mut gaze) = ([0.0; UNITS], [0.0; WEIGHTS], [0.0; GAZE]);
    let (mut rotation, mut translation, mut seconds) = (Vec3::ZERO, Vec3::ZERO, 0.0);
    for ((field, column), name) in text.split(',').zip(columns).zip(names) {
        if *column == Column::Ignored {
            continue;
        }
        let value = field.trim().parse::<f64>().ok().filter(|value| value.abs() < 1e9);
        let value =
            value.ok_or_else(|| format!("column `{name}`: `{}` is no usable number", quoted(&field)))?;
        match *column {
            Column::Seconds => seconds = value,
            Column::Unit(unit) => units[unit as usize] = (value as f32).clamp(0.0, 1.0),
            Column::Weight(i) => weights[i] = value as f32,
            Column::Gaze(i) => gaze[i] = value as f32,
            Column::Rotation(i) => rotation[i] = value as f32,
            Column::Translation(i) => translation[i] = value as f32,
            Column::Ignored => {}
        }
    }
    let rotation = Quat::from_scaled_axis(rotation.clamp_length_max(std::f32::consts::PI)).normalize();
    let signals = Signals { units, gaze: Gaze::from_array(gaze), head: HeadPose { rotation, translation } };
    Ok((seconds, signals, weights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_performance_is_read() {
        let recording = read_csv(include_bytes!("../../../assets/performance/hello.csv")).unwrap();
        assert_eq!(recording.notes, Notes::default());
        assert!((recording.interval - 1.0 / 30.0).abs() < 1e-4);
        assert_eq!(recording.tracked(), recording.samples.len());
    }

    #[test]
    fn a_headsets_weights_are_units() {
        let header = "seconds,XR_FACE_EXPRESSION2_JAW_DROP_FB,LIP_PUCKER_L,LIP_PUCKER_R,EYES_LOOK_LEFT_L,TONGUE_OUT,TONGUE_UP";
        let recording = read_csv(format!("{header}\n0,0.5,0.4,0.8,1,0.25,1\n").as_bytes()).unwrap();
        let signals = recording.samples[0].signals.as_ref().unwrap();
        let unit = |unit: FaceUnit| signals.units[unit as usize];
        assert_eq!((unit(FaceUnit::JawOpen), unit(FaceUnit::TongueOut)), (0.5, 0.25));
        assert!((unit(FaceUnit::MouthPucker) - 0.6).abs() < 1e-6);
        assert!(signals.gaze.left_yaw > 0.5, "to the left: {:?}", signals.gaze);
        assert!(recording.notes.first[0].contains("TONGUE_UP"), "{:?}", recording.notes);
        let both = read_csv(b"seconds,jawOpen,JAW_DROP\n0,0,0\n").unwrap_err().to_string();
        assert!(both.contains("only one"), "{both}");
        let android = read_csv(b"seconds,XR_FACE_PARAMETER_INDICES_JAW_DROP_ANDROID\n0,1\n").unwrap();
        assert_eq!(android.samples[0].signals.as_ref().unwrap().units[FaceUnit::JawOpen as usize], 1.0);
    }

    #[test]
    fn mistakes_are_named_by_line_and_column() {
        let read = |text: &str| read_csv(text.as_bytes());
        assert!(matches!(read("a,b\n1,2"), Err(ReadTrackingError::Header(_))));
        let recording = read("seconds,jawOpen\n0,0.5\n0.1,x\n0.2\n0.3,inf\n").unwrap();
        assert_eq!((recording.samples.len(), recording.notes.malformed), (1, 3));
        assert!(recording.notes.first[0].contains("line 3, column `jawOpen`"), "{:?}", recording.notes);
        assert!(matches!(
            read("seconds,jawOpen\nx,y"),
            Err(ReadTrackingError::NothingUsable { rows: 1, .. })
        ));
    }
}
