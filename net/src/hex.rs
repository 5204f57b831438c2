//! Bytes as one writes them.

use std::fmt;

/// Bytes that are shown as lower-case hexadecimal.
pub(crate) struct Hex<'b>(pub(crate) &'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// N bytes from 2 N hexadecimal digits, of either case.
pub(crate) fn bytes_of_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let pairs = digits.as_bytes().as_chunks::<2>();
    if pairs.0.len() != N || !pairs.1.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs.0) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        assert_eq!(Hex(&[0, 0x1f, 0xff]).to_string(), "001fff");
        assert_eq!(bytes_of_hex("001FfF"), Some([0, 0x1f, 0xff]));
        for wrong in ["001ff", "001fff0", "001fff00", "00 fff", "+01fff", "é1fff", ""] {
            assert_eq!(bytes_of_hex::<3>(wrong), None, "{wrong}");
        }
    }
}
