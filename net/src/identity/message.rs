//! What stands on the track `proof`: a byte that says what follows.

use super::bytes::Malformed;

const STATEMENT: u8 = 1;
const CHECKPOINT: u8 = 2;
const REVOCATION: u8 = 3;

/// An object of the track `proof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message<'m> {
    /// A signed join statement.
    Statement(&'m [u8]),
    /// A signed checkpoint.
    Checkpoint(&'m [u8]),
    /// A signed revocation.
    Revocation(&'m [u8]),
}

impl<'m> Message<'m> {
    pub(super) fn parse(bytes: &'m [u8]) -> Result<Self, Malformed> {
        match bytes.split_first() {
            Some((&STATEMENT, rest)) => Ok(Self::Statement(rest)),
            Some((&CHECKPOINT, rest)) => Ok(Self::Checkpoint(rest)),
            Some((&REVOCATION, rest)) => Ok(Self::Revocation(rest)),
            _ => {
                Err(Malformed { what: "proof", problem: "of no known kind: empty, or from a newer program" })
            }
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Statement(body) => (STATEMENT, body),
            Self::Checkpoint(body) => (CHECKPOINT, body),
            Self::Revocation(body) => (REVOCATION, body),
        };
        [&[kind], body].concat()
    }
}
