//! The wire format of protocol buffers, as far as ONNX files use it: fields one after the other, borrowed from the file.
//! Nothing is allocated by what a length says; a length that the file doesn't hold is an error.

use super::graph::GraphError;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The fields of a message: number and value. Ends after the first error.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    message: &'static str,
}

impl<'a> Fields<'a> {
    /// `message` names what is read, for errors.
    pub(super) fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self { rest: bytes, message }
    }

    fn malformed(&mut self, reason: &'static str) -> GraphError {
        self.rest = &[];
        GraphError::Malformed { message: self.message, reason }
    }

    fn varint(&mut self) -> Result<u64, GraphError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.rest.split_first() else {
                return Err(self.malformed("ends inside a number"));
            };
            self.rest = rest;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed("has a number of more than 64 bits"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], GraphError> {
        let rest = self.rest;
        match usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.malformed("is shorter than a field of it")),
        }
    }

    fn field(&mut self) -> Result<(u64, Wire<'a>), GraphError> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Wire::Fixed64
            }
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?;
                Wire::Fixed32([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            _ => return Err(self.malformed("has a field of an unknown kind")),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), GraphError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.field())
    }
}

/// Appends a number.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field that holds a number.
pub(super) fn put_integer(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

/// Appends a field that holds a float.
pub(super) fn put_float(out: &mut Vec<u8>, field: u64, value: f32) {
    put_varint(out, field << 3 | 5);
    out.extend(value.to_le_bytes());
}

/// Appends a field that holds bytes, text or a message.
pub(super) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let mut bytes = Vec::new();
        put_integer(&mut bytes, 3, u64::MAX);
        put_float(&mut bytes, 300, -0.5);
        put_bytes(&mut bytes, 2, b"abc");
        let fields: Vec<_> = Fields::new(&bytes, "test").map(Result::unwrap).collect();
        let float = Wire::Fixed32((-0.5f32).to_le_bytes());
        assert_eq!(fields, [(3, Wire::Varint(u64::MAX)), (300, float), (2, Wire::Bytes(b"abc"))]);
        for cut in 1..bytes.len() {
            let read: Result<Vec<_>, _> = Fields::new(&bytes[..cut], "test").collect();
            // Between two fields a message may end.
            assert_eq!(read.is_err(), ![11, 17].contains(&cut), "{cut}");
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_and_unknown_kinds_are_refused() {
        for wrong in
            [&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..], &[0x0b], &[0x0c]]
        {
            let read: Result<Vec<_>, _> = Fields::new(wrong, "test").collect();
            assert!(matches!(read, Err(GraphError::Malformed { message: "test", .. })), "{wrong:?}");
        }
    }
}
