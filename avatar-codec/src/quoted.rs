//! Messages that quote a file.

use std::fmt::Display;

/// The most characters of a message that are shown, from its beginning and from its end.
const BEGINNING: usize = 200;
const END: usize = 80;

/// What a library says of a file, fit to be shown. Libraries quote a file's own names as they are: of any length, and
/// with control characters that would steer a terminal. Those are escaped, and what is too long loses its middle (where
/// in the file it was stands at the end).
pub(crate) fn quoted(message: &impl Display) -> String {
    let message: Vec<char> = message.to_string().chars().collect();
    let mut out = String::new();
    for (i, &c) in message.iter().enumerate() {
        match c {
            _ if i == BEGINNING && message.len() > BEGINNING + END => out.push('…'),
            _ if (BEGINNING..message.len().saturating_sub(END)).contains(&i) => {}
            '"' | '\'' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_is_quoted_is_short_and_cannot_steer_a_terminal() {
        assert_eq!(quoted(&"unknown field `é`, expected \"a\""), "unknown field `é`, expected \"a\"");
        assert_eq!(quoted(&"field `\u{1b}[2J\u{7f}\u{202e}`"), "field `\\u{1b}[2J\\u{7f}\\u{202e}`");
        assert_eq!(quoted(&"x".repeat(280)), "x".repeat(280));
        let long = quoted(&format!("field `{}` at line 7", "y".repeat(100_000)));
        assert!(long.starts_with("field `yyy") && long.ends_with("` at line 7"), "{long}");
        assert_eq!(long.chars().count(), 281);
    }
}
