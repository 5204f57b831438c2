//! Sound as a WAV file, exactly as long as the picture, written piece by piece.

use std::io::{BufWriter, Seek, SeekFrom, Write};

use anyhow::{Context as _, Result};

/// Samples that are written at a time: five seconds at 48 kHz. What reads them holds eight bytes for each.
const PIECE: u64 = 1 << 18;

/// Writes so many 16-bit samples of one channel as RIFF/WAVE. `fill` is given the number of a piece's first sample and
/// the piece, and says whether it holds any sound; pieces of silence are skipped over, so that they take no room where
/// the file system knows holes.
///
/// Data of 4 GiB and more, which the header can't count, are given the length that stands for "to the file's end".
pub(crate) fn write(
    out: &mut (impl Write + Seek),
    rate: u32,
    samples: u64,
    fill: &mut dyn FnMut(u64, &mut [i16]) -> Result<bool>,
) -> Result<()> {
    let mut out = BufWriter::new(out);
    let writing = "writing the sound";
    out.write_all(&header(rate, samples)).context(writing)?;
    let mut piece = vec![0i16; samples.min(PIECE) as usize];
    let mut first = 0;
    while first < samples {
        let count = (samples - first).min(PIECE);
        let piece = &mut piece[..count as usize];
        let is_heard = fill(first, piece)?;
        first += count;
        // A file ends where something was written.
        if is_heard || first == samples {
            for sample in piece.iter() {
                out.write_all(&sample.to_le_bytes()).context(writing)?;
            }
        } else {
            out.seek(SeekFrom::Current(2 * count as i64)).context(writing)?;
        }
    }
    out.flush().context(writing)
}

fn header(rate: u32, samples: u64) -> [u8; 44] {
    let data = u32::try_from(samples.saturating_mul(2)).unwrap_or(u32::MAX);
    let mut header = [0; 44];
    let fields: [(usize, &[u8]); 11] = [
        (0, b"RIFF"),
        (4, &data.saturating_add(36).to_le_bytes()),
        (8, b"WAVEfmt "),
        (16, &16u32.to_le_bytes()),
        (20, &1u16.to_le_bytes()), // integer samples
        (22, &1u16.to_le_bytes()), // one channel
        (24, &rate.to_le_bytes()),
        (28, &rate.saturating_mul(2).to_le_bytes()),
        (32, &2u16.to_le_bytes()),
        (34, &16u16.to_le_bytes()),
        (36, b"data"),
    ];
    for (at, bytes) in fields {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    header[40..].copy_from_slice(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_header_says_what_follows() {
        let mut out = Cursor::new(Vec::new());
        let mut fill = |_, piece: &mut [i16]| {
            piece.fill(7);
            Ok(true)
        };
        write(&mut out, 48_000, 100, &mut fill).unwrap();
        let bytes = out.into_inner();
        assert_eq!(bytes.len(), 244);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(bytes[4..8], 236u32.to_le_bytes());
        assert_eq!(bytes[24..28], 48_000u32.to_le_bytes());
        assert_eq!(bytes[28..32], 96_000u32.to_le_bytes());
        assert_eq!(bytes[40..44], 200u32.to_le_bytes());
        assert_eq!(bytes[44..46], 7i16.to_le_bytes());
        assert_eq!(header(48_000, 1 << 31)[40..44], u32::MAX.to_le_bytes());
    }

    #[test]
    fn pieces_follow_one_another_and_silence_is_skipped() {
        let samples = 3 * PIECE + 5;
        let mut out = Cursor::new(Vec::new());
        let mut asked = Vec::new();
        let mut fill = |first: u64, piece: &mut [i16]| {
            asked.push((first, piece.len() as u64));
            piece.fill(if first == PIECE { 9 } else { 0 });
            Ok(first == PIECE)
        };
        write(&mut out, 8_000, samples, &mut fill).unwrap();
        assert_eq!(asked, [(0, PIECE), (PIECE, PIECE), (2 * PIECE, PIECE), (3 * PIECE, 5)]);
        let bytes = out.into_inner();
        assert_eq!(bytes.len() as u64, 44 + 2 * samples);
        let at = |sample: u64| bytes[44 + 2 * sample as usize];
        assert_eq!([at(PIECE - 1), at(PIECE), at(2 * PIECE - 1), at(2 * PIECE)], [0, 9, 9, 0]);
    }

    #[test]
    fn what_keeps_sound_from_being_read_is_passed_on() {
        let mut fill = |_, _: &mut [i16]| anyhow::bail!("no sound today");
        let error = write(&mut Cursor::new(Vec::new()), 8_000, 10, &mut fill).unwrap_err();
        assert!(error.to_string().contains("no sound today"));
    }
}
