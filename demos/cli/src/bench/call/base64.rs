//! Base64 (RFC 4648, section 4), and PEM files (RFC 7468) made of it.

/// Bytes as base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for letter in 0..4 {
            let shown = letter <= three.len();
            text.push(if shown { LETTERS[(word >> (18 - 6 * letter)) as usize & 63].into() } else { '=' });
        }
    }
    text
}

/// A PEM file of DER bytes: `label` is what they are, as `CERTIFICATE`.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    // 48 bytes are a line of 64 letters.
    for line in der.chunks(48) {
        text.push_str(&base64(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_lines_of_64() {
        let text = pem("THING", &[0; 49]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["-----BEGIN THING-----", &"A".repeat(64), "AA==", "-----END THING-----"]);
    }

    #[test]
    fn base64_is_as_in_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
