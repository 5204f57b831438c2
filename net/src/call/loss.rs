//! How many of a sender's datagrams came, by their counters.

/// Counts over a window; counters go up by one per object.
#[derive(Clone, Debug, Default)]
pub(super) struct LossWindow {
    highest: Option<u64>,
    expected: u64,
    received: u64,
}

/// A jump by more than this isn't loss but a sender that was out of reach.
const LONGEST_GAP: u64 = 3000;

impl LossWindow {
    /// Notes an object that opened.
    pub(super) fn note(&mut self, counter: u64) {
        self.received += 1;
        match self.highest {
            None => {
                self.expected += 1;
                self.highest = Some(counter);
            }
            Some(highest) if counter > highest => {
                let step = counter - highest;
                self.expected += if step > LONGEST_GAP { 1 } else { step };
                self.highest = Some(counter);
            }
            Some(_) => {}
        }
    }

    /// Expected and received since the last call.
    pub(super) fn take(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.expected), std::mem::take(&mut self.received))
    }
}

/// The lost part, 0 to 1. Late ones of the window before can make up for missing ones.
pub(super) fn ratio(expected: u64, received: u64) -> f32 {
    if expected == 0 {
        return 0.0;
    }
    (1.0 - received as f32 / expected as f32).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_gaps_and_forgives_reordering() {
        let mut window = LossWindow::default();
        for counter in [10, 11, 13, 12, 15, 19] {
            window.note(counter);
        }
        assert_eq!(window.take(), (10, 6), "14, 16, 17 and 18 are missing");
        window.note(18);
        window.note(20);
        assert_eq!(window.take(), (1, 2), "18 came late");
        assert_eq!(ratio(1, 2), 0.0);
        window.note(1_000_000);
        assert_eq!(window.take(), (1, 1), "an outage isn't loss");
    }
}
