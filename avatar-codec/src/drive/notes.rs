//! What was wrong and survived: counted by kind, the first few in words.

use std::fmt::Display;

use crate::quoted::quoted;

/// How many problems are kept in words.
const KEPT: usize = 8;

/// Problems that were survived. Its size is bounded, whatever was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Rows, datagrams or messages that were skipped because they can't be read.
    pub malformed: u64,
    /// Rows or datagrams that say that no face was seen.
    pub dropouts: u64,
    /// Readable things that are not for this driver: unknown columns, other senders, other messages.
    pub ignored: u64,
    /// The first few problems, in words: where, what.
    pub first: Vec<String>,
}

impl Notes {
    /// Something that can't be read and is skipped.
    pub fn malformed(&mut self, problem: impl Display) {
        self.malformed += 1;
        self.say(problem);
    }

    /// Something that is left aside.
    pub fn ignored(&mut self, what: impl Display) {
        self.ignored += 1;
        self.say(what);
    }

    /// Something worth knowing.
    pub fn say(&mut self, what: impl Display) {
        if self.first.len() < KEPT {
            self.first.push(quoted(&what));
        }
    }
}
