//! Short messages over the picture.

use std::path::PathBuf;

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something was done.
    Done,
    /// Good to know.
    Hint,
    /// Something didn't work; it stays until it is closed.
    Problem,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// A file that it speaks of.
    pub(crate) file: Option<PathBuf>,
    /// Seconds that it stays; none: until it is closed.
    left: Option<f32>,
    number: u64,
}

impl Notice {
    /// Tells it from the others.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

/// More would hide the picture.
const MAX_NOTICES: usize = 4;

/// The messages at present, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    all: Vec<Notice>,
    count: u64,
}

impl Notices {
    pub(crate) fn done(&mut self, text: impl Into<String>, file: Option<PathBuf>) {
        self.push(Kind::Done, text.into(), file, Some(6.0));
    }

    pub(crate) fn hint(&mut self, text: impl Into<String>) {
        self.push(Kind::Hint, text.into(), None, Some(8.0));
    }

    pub(crate) fn problem(&mut self, text: impl Into<String>) {
        self.push(Kind::Problem, text.into(), None, None);
    }

    fn push(&mut self, kind: Kind, text: String, file: Option<PathBuf>, left: Option<f32>) {
        self.all.retain(|other| other.text != text);
        if self.all.len() >= MAX_NOTICES {
            self.all.remove(0);
        }
        self.count += 1;
        self.all.push(Notice { kind, text, file, left, number: self.count });
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, seconds: f32) {
        for notice in &mut self.all {
            notice.left = notice.left.map(|left| left - seconds);
        }
        self.all.retain(|notice| notice.left.is_none_or(|left| left > 0.0));
    }

    pub(crate) fn close(&mut self, number: u64) {
        self.all.retain(|notice| notice.number != number);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.all.iter()
    }

    /// Whether one of them goes by itself.
    pub(crate) fn is_changing(&self) -> bool {
        self.all.iter().any(|notice| notice.left.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_stay_and_the_rest_goes() {
        let mut notices = Notices::default();
        notices.done("saved", None);
        notices.problem("broken");
        notices.problem("broken");
        assert_eq!(notices.iter().count(), 2, "the same thing is said once");
        notices.advance(10.0);
        let left: Vec<_> = notices.iter().map(|notice| notice.text.as_str()).collect();
        assert_eq!(left, ["broken"]);
        let number = notices.iter().next().unwrap().number();
        notices.close(number);
        assert_eq!(notices.iter().count(), 0);
        for n in 0..20 {
            notices.problem(n.to_string());
        }
        assert_eq!(notices.iter().count(), MAX_NOTICES);
    }
}
