//! A receiver's nonces: what makes statements fresh.

use std::collections::VecDeque;
use std::time::Duration;

use visavis_codec::Timestamp;

use crate::hex::{Hex, bytes_of_hex};
use crate::seal::random;

/// A nonce stays good for those who appear within this time after it.
const FRESH: Duration = Duration::from_secs(2);
/// A new nonce is made this often even if nobody appears, so that statements bound the senders' clocks anew.
const REFRESH: Duration = Duration::from_secs(600);
/// How many nonces are remembered.
const REMEMBERED: usize = 16;

/// A receiver's nonce: 8 random bytes, 16 hexadecimal digits in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 8]);

impl std::fmt::Display for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl std::fmt::Debug for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nonce({self})")
    }
}

impl std::str::FromStr for Nonce {
    type Err = super::Malformed;

    fn from_str(digits: &str) -> Result<Self, Self::Err> {
        let wrong = super::Malformed { what: "nonce", problem: "not 16 hexadecimal digits" };
        bytes_of_hex(digits).map(Self).ok_or(wrong)
    }
}

/// Makes a participant's nonces and remembers when. The newest stands in its catalogue; senders put it into their join
/// statements, so that a statement with it was made after it.
#[derive(Clone, Debug)]
pub struct Challenger {
    /// Oldest first, never empty.
    published: VecDeque<(Nonce, Timestamp)>,
}

impl Challenger {
    /// With a first nonce.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn new(now: Timestamp) -> Self {
        Self { published: VecDeque::from([(Nonce(random()), now)]) }
    }

    /// What is to stand in the catalogue.
    pub fn nonce(&self) -> Nonce {
        self.published.back().map_or(Nonce([0; 8]), |newest| newest.0)
    }

    /// Notes that a participant appeared or that a [`Proof`](super::Proof) asks for a fresh statement
    /// ([`Proof::wants_challenge`](super::Proof::wants_challenge)). True: there is a new nonce, publish the catalogue again.
    pub fn appeared(&mut self, now: Timestamp) -> bool {
        self.renew(now, FRESH)
    }

    /// Looks whether it is time for a new nonce. True: there is one, publish the catalogue again.
    pub fn poll(&mut self, now: Timestamp) -> bool {
        self.renew(now, REFRESH)
    }

    /// When one of these nonces, the newest of them, was made; only nonces that were made, or were still fresh, since
    /// `since` count.
    pub(super) fn newest_of(&self, nonces: &[Nonce], since: Timestamp) -> Option<Timestamp> {
        let oldest = since.0.saturating_sub(FRESH.as_nanos() as u64);
        let mut newest_first = self.published.iter().rev();
        newest_first.find(|(nonce, at)| at.0 >= oldest && nonces.contains(nonce)).map(|found| found.1)
    }

    fn renew(&mut self, now: Timestamp, age: Duration) -> bool {
        let newest = self.published.back().map_or(0, |newest| newest.1.0);
        if u128::from(now.0.saturating_sub(newest)) < age.as_nanos() {
            return false;
        }
        self.published.push_back((Nonce(random()), now));
        if self.published.len() > REMEMBERED {
            self.published.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp((1000.0 * 1e9 + seconds * 1e9) as u64)
    }

    #[test]
    fn whoever_appears_gets_a_nonce_that_is_not_old() {
        let mut challenger = Challenger::new(at(0.0));
        let first = challenger.nonce();
        assert!(!challenger.appeared(at(1.9)), "the first is fresh enough");
        assert_eq!(challenger.newest_of(&[first], at(1.9)), Some(at(0.0)));
        assert!(challenger.appeared(at(2.0)));
        let second = challenger.nonce();
        assert_ne!(first, second);
        assert_eq!(
            challenger.newest_of(&[first], at(2.1)),
            None,
            "a recorded statement would have the first"
        );
        assert_eq!(challenger.newest_of(&[first, second], at(2.1)), Some(at(2.0)));
        assert_eq!(
            challenger.newest_of(&[first], at(0.5)),
            Some(at(0.0)),
            "who appeared earlier may answer late"
        );
        assert!(!challenger.poll(at(601.0)));
        assert!(challenger.poll(at(602.0)));
        for i in 0..1000 {
            challenger.appeared(at(700.0 + 3.0 * f64::from(i)));
        }
        assert_eq!(challenger.published.len(), REMEMBERED);
    }

    #[test]
    fn nonces_are_written_as_digits() {
        let nonce = Nonce([0xfe; 8]);
        assert_eq!(nonce.to_string().parse(), Ok(nonce));
        assert!("fe".parse::<Nonce>().is_err());
    }
}
