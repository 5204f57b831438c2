//! Reading the formats of this module: little-endian numbers, and LEB128 where they are mostly small.

/// Why bytes aren't what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct Malformed {
    /// What was read.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Takes fields from the front of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'b> {
    rest: &'b [u8],
    what: &'static str,
}

impl<'b> Fields<'b> {
    pub(super) fn new(what: &'static str, bytes: &'b [u8]) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) fn error(&self, problem: &'static str) -> Malformed {
        Malformed { what: self.what, problem }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.error("cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.error("cut short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Bytes that must stand here.
    pub(super) fn magic(&mut self, magic: &[u8]) -> Result<(), Malformed> {
        match self.take(magic.len())? == magic {
            true => Ok(()),
            false => Err(self.error("another kind of thing, or of another version")),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// An unsigned LEB128 number in its shortest form, below 2⁵⁶.
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for i in 0..8 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || i == 0;
                return if is_shortest { Ok(value) } else { Err(self.error("a number in a long form")) };
            }
        }
        Err(self.error("a number that is too large"))
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'b [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// That nothing follows.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("bytes behind its end")) }
    }
}

/// Writes an unsigned LEB128 number.
pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_have_one_form(value in prop_oneof![0u64..300, 0u64..1 << 56]) {
            let mut bytes = Vec::new();
            write_varint(value, &mut bytes);
            let mut fields = Fields::new("number", &bytes);
            prop_assert_eq!(fields.varint(), Ok(value));
            prop_assert_eq!(fields.end(), Ok(()));
            let last = bytes.len() - 1;
            bytes[last] |= 0x80;
            bytes.push(0);
            prop_assert!(Fields::new("number", &bytes).varint().is_err());
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_an_error() {
        assert!(Fields::new("x", &[0x80; 9]).varint().is_err());
        assert!(Fields::new("x", &[0x80]).varint().is_err());
        assert!(Fields::new("x", &[1, 2, 3]).u64().is_err());
        assert!(Fields::new("x", b"abc").magic(b"abd").is_err());
        assert!(Fields::new("x", b"abc").end().is_err());
        assert!(Fields::new("x", b"abc").take(usize::MAX).is_err());
    }
}
