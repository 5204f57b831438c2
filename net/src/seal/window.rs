//! Which counters came.

use super::OpenError;

const WORDS: usize = 16;

/// A sliding window over counters (RFC 9605, section 9.3; the method is that of RFC 6479): counter c is bit c mod
/// [`Window::SIZE`]; words are cleared as the newest counter enters them.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The newest counter plus one; 0 before the first.
    end: u64,
    bits: [u64; WORDS],
}

impl Window {
    /// How far back it reaches: half a minute of datagrams. One word less than there are, since the newest is half empty.
    pub(super) const SIZE: u64 = 64 * (WORDS as u64 - 1);

    pub(super) fn check(&self, counter: u64) -> Result<(), OpenError> {
        if counter >= self.end {
            return Ok(());
        }
        if self.end - counter > Self::SIZE {
            return Err(OpenError::TooOld { counter });
        }
        if self.bits[word(counter)] & bit(counter) != 0 {
            return Err(OpenError::Replayed { counter });
        }
        Ok(())
    }

    /// Remembers a counter that [`check`](Self::check) let through.
    pub(super) fn mark(&mut self, counter: u64) {
        if counter >= self.end {
            let first = if self.end == 0 { 0 } else { (self.end - 1) / 64 + 1 };
            let cleared = (counter / 64 + 1).saturating_sub(first).min(WORDS as u64);
            for i in 0..cleared {
                self.bits[((counter / 64 - i) % WORDS as u64) as usize] = 0;
            }
            self.end = counter.saturating_add(1);
        } else if self.end - counter > Self::SIZE {
            return;
        }
        self.bits[word(counter)] |= bit(counter);
    }
}

const fn word(counter: u64) -> usize {
    (counter / 64 % WORDS as u64) as usize
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counters_at_the_edges() {
        let mut window = Window::default();
        for counter in [0, 1, 63, 64, 65, Window::SIZE, u64::MAX - 1] {
            assert_eq!(window.check(counter), Ok(()), "{counter}");
            window.mark(counter);
            assert_eq!(window.check(counter), Err(OpenError::Replayed { counter }));
        }
        let oldest = u64::MAX - Window::SIZE;
        assert_eq!(window.check(oldest), Ok(()));
        assert_eq!(window.check(oldest - 1), Err(OpenError::TooOld { counter: oldest - 1 }));
    }

    proptest! {
        #[test]
        fn it_says_what_a_set_of_all_counters_says(
            steps in prop::collection::vec((0u64..3000, any::<bool>()), 1..400),
            start in prop_oneof![Just(0u64), Just(5000), Just(1 << 40)],
        ) {
            let mut window = Window::default();
            let mut seen = BTreeSet::new();
            let mut newest = start;
            for (step, is_forward) in steps {
                let counter = if is_forward { newest + step / 10 } else { newest.saturating_sub(step) };
                newest = newest.max(counter);
                let last = seen.last().copied();
                let expected = match last {
                    Some(last) if counter <= last && last - counter >= Window::SIZE => {
                        Err(OpenError::TooOld { counter })
                    }
                    _ if seen.contains(&counter) => Err(OpenError::Replayed { counter }),
                    _ => Ok(()),
                };
                prop_assert_eq!(window.check(counter), expected);
                if expected.is_ok() {
                    window.mark(counter);
                    seen.insert(counter);
                }
            }
        }
    }
}
