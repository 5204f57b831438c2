//! Recordings of Live Link Face: a table with a row for each frame.

use crate::drive::signals::{Recording, Sample, usual_interval};
use crate::drive::{Notes, ReadTrackingError};
use crate::latent::{FaceUnit, UNITS};
use crate::quoted::quoted;

use super::timecode::{SECONDS_A_DAY, Timecode, frame_base};
use super::{ANGLE_NAMES, EyeSigns, Raw, VALUES, place_of, signals_of};

/// No line of 63 numbers is longer.
const MAX_LINE_BYTES: usize = 1 << 14;
/// Angles beyond this many radians are none.
const LARGEST_ANGLE: f32 = 3.2;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Timecode,
    Count,
    Value(usize),
    Ignored,
}

/// A row that can be used: what was seen, or that nothing was.
struct Row {
    timecode: Timecode,
    raw: Option<Box<Raw>>,
}

/// Reads a recording: `Timecode,BlendshapeCount,EyeBlinkLeft,…`, 61 names in any order.
///
/// Rows with a count of 0 or without values are times at which no face was seen. Rows that can't be read are skipped and
/// noted by line and column; only a file without any usable row is an error. Takes memory for at most some forty times
/// the file's bytes (for rows of a few characters; a whole recording takes less than its own size).
///
/// # Errors
/// If the table's head isn't Live Link Face's, or no row of it shows a face.
pub fn read_csv(bytes: &[u8]) -> Result<Recording, ReadTrackingError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut notes = Notes::default();
    let columns = read_header(lines.next().unwrap_or_default(), &mut notes)?;

    let (mut rows, mut count) = (Vec::new(), 0);
    for (index, line) in lines.enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        count += 1;
        // Lines are counted as editors do: the header is line 1.
        match read_row(line, &columns) {
            Ok(row) => {
                notes.dropouts += u64::from(row.raw.is_none());
                rows.push(row);
            }
            Err(problem) => notes.malformed(format!("line {}, {problem}", index + 2)),
        }
    }
    if rows.iter().all(|row| row.raw.is_none()) {
        let first = notes.first.first().cloned();
        let first = first.unwrap_or_else(|| "no row shows a face".to_owned());
        return Err(ReadTrackingError::NothingUsable { rows: count, first });
    }
    Ok(recording_of(rows, notes))
}

fn recording_of(mut rows: Vec<Row>, mut notes: Notes) -> Recording {
    let timecodes: Vec<Timecode> = rows.iter().map(|row| row.timecode).collect();
    let base = frame_base(&timecodes);
    let faces = || rows.iter().filter_map(|row| row.raw.as_deref());
    let is_large = |raw: &&Raw| raw[UNITS..].iter().any(|angle| angle.abs() > LARGEST_ANGLE);
    if faces().filter(is_large).count() * 100 > faces().count() {
        notes.say("head and eye angles beyond π: taken as degrees");
        for raw in rows.iter_mut().filter_map(|row| row.raw.as_deref_mut()) {
            raw[UNITS..].iter_mut().for_each(|angle| *angle = angle.to_radians());
        }
    }
    let mut signs = EyeSigns::default();
    rows.iter().filter_map(|row| row.raw.as_deref()).for_each(|raw| signs.take(raw));
    let samples: Vec<Sample> = rows
        .into_iter()
        .map(|Row { timecode, raw }| Sample {
            seconds: timecode.as_seconds(base),
            signals: raw.map(|raw| Box::new(signals_of(&raw, &signs))),
        })
        .collect();
    let interval = usual_interval(&samples, 1.0 / f64::from(base));
    Recording { samples, interval, wrap: Some(SECONDS_A_DAY), notes }
}

fn read_header(line: &[u8], notes: &mut Notes) -> Result<Vec<Column>, ReadTrackingError> {
    let wrong = |problem: String| Err(ReadTrackingError::Header(problem));
    let Some(text) = std::str::from_utf8(line).ok().filter(|text| text.len() <= MAX_LINE_BYTES) else {
        return wrong("no header of a Live Link Face recording: not a line of text".to_owned());
    };
    let mut columns: Vec<Column> = Vec::new();
    for name in text.split(',').map(|name| name.trim().trim_matches('"')) {
        let column = match name {
            _ if name.eq_ignore_ascii_case("Timecode") => Column::Timecode,
            _ if name.eq_ignore_ascii_case("BlendshapeCount") => Column::Count,
            _ => place_of(name).map_or(Column::Ignored, Column::Value),
        };
        if column == Column::Ignored {
            notes.ignored(format!("line 1: column `{name}` is not known and is ignored"));
        } else if columns.contains(&column) {
            notes.ignored(format!("line 1: column `{name}` stands twice; the first counts"));
            columns.push(Column::Ignored);
            continue;
        }
        columns.push(column);
    }
    if !columns.contains(&Column::Timecode) {
        return wrong(format!("no column `Timecode`; the line begins with `{}`", quoted(&beginning(text))));
    }
    let missing = FaceUnit::ALL.iter().filter(|&&unit| !columns.contains(&Column::Value(unit as usize)));
    let missing: Vec<&str> = missing.map(|unit| unit.name()).collect();
    if missing.len() == UNITS {
        return wrong("none of its columns is one of ARKit's blend shapes, as `JawOpen`".to_owned());
    }
    if !missing.is_empty() {
        notes.say(format!(
            "line 1: {} blend shapes are missing and stay 0: {}",
            missing.len(),
            missing.join(", ")
        ));
    }
    Ok(columns)
}

fn read_row(line: &[u8], columns: &[Column]) -> Result<Row, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8 text".to_owned())?;
    if text.len() > MAX_LINE_BYTES {
        return Err(format!("{} bytes long", text.len()));
    }
    let mut raw = Box::new([0.0; VALUES]);
    let (mut timecode, mut is_seen, mut values, mut fields) = (None, true, 0, 0);
    for (index, field) in text.split(',').map(|field| field.trim().trim_matches('"')).enumerate() {
        fields += 1;
        match columns.get(index) {
            Some(Column::Timecode) => {
                let read = Timecode::parse(field);
                timecode = Some(read.ok_or_else(|| {
                    format!("column `Timecode`: `{}` is not a time as 10:20:30:15.250", beginning(field))
                })?);
            }
            Some(Column::Count) => is_seen = field != "0",
            Some(&Column::Value(place)) if !field.is_empty() => {
                let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
                raw[place] = value.ok_or_else(|| {
                    format!("column `{}`: `{}` is not a finite number", name_of(place), beginning(field))
                })?;
                values += 1;
            }
            _ => {}
        }
    }
    let timecode = timecode.ok_or_else(|| "column `Timecode`: missing".to_owned())?;
    if !is_seen || values == 0 {
        return Ok(Row { timecode, raw: None });
    }
    let wanted = columns.iter().filter(|column| matches!(column, Column::Value(_))).count();
    if values != wanted || fields != columns.len() {
        return Err(format!(
            "{fields} columns with {values} values; the header has {} with {wanted}",
            columns.len()
        ));
    }
    Ok(Row { timecode, raw: Some(raw) })
}

fn name_of(place: usize) -> &'static str {
    FaceUnit::ALL.get(place).map_or_else(|| ANGLE_NAMES[(place - UNITS).min(8)], |unit| unit.name())
}

/// The beginning of a text from a file.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Timecode,BlendshapeCount,JawOpen,MouthClose,HeadYaw";

    fn read(rows: &str) -> Result<Recording, ReadTrackingError> {
        read_csv(format!("{HEADER}\n{rows}").as_bytes())
    }

    #[test]
    fn what_is_wrong_is_named_and_survived() {
        let recording = read(
            "10:00:00:00.0,3,0.1,0,0\r\n\
             10:00:00:01.0,3,0.1,NaN,0\n\
             nonsense\n\
             10:00:00:03.0,0\n\
             \n\
             10:00:00:04.0,3,0.1,0\n\
             10:00:00:05.0,3,0.1,0,0,7,8\n\
             10:00:00:06.0,3,0.2,0,0\n",
        );
        let Recording { samples, notes, .. } = recording.unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!((notes.malformed, notes.dropouts), (4, 1));
        let said = notes.first.join("\n");
        for part in [
            "50 blend shapes are missing",
            "line 3, column `mouthClose`: `NaN`",
            "line 4, ",
            "line 7, 4 columns",
            "line 8, 7 columns",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn a_table_of_something_else_is_refused() {
        for (text, named) in [
            ("", "Timecode"),
            ("a,b,c\n1,2,3", "Timecode"),
            ("Timecode,x\n10:00:00:00,1", "blend shapes"),
            ("\u{1b}[2J,a\n", "\\u{1b}"),
        ] {
            let error = read_csv(text.as_bytes()).unwrap_err();
            assert!(
                matches!(error, ReadTrackingError::Header(_)) && error.to_string().contains(named),
                "{error}"
            );
        }
        let error = read("10:00:00:00.0,0\nx\n").unwrap_err();
        assert!(matches!(error, ReadTrackingError::NothingUsable { rows: 2, .. }), "{error}");
    }

    #[test]
    fn degrees_are_noticed() {
        let rows: String =
            (0..60).map(|i| format!("10:00:00:{i:02}.0,3,0.1,0,{}\n", i as f32 * 0.5)).collect();
        let recording = read(&rows).unwrap();
        let head = recording.samples[40].signals.as_ref().unwrap().head;
        assert!((head.rotation_vector().y - 20f32.to_radians()).abs() < 1e-5);
        assert!(recording.notes.first.iter().any(|note| note.contains("degrees")));
    }
}
