//! What a call's state looks like in a terminal: a line for each participant, and one for oneself.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use visavis_net::seal::ParticipantId;
use visavis_net::transport::PathStatistics;

use super::listener::Figures;
use super::speaker::Speaker;

/// More lines than this help nobody.
const MAX_LINES: usize = 24;

/// Live lines on stderr; none where that is no terminal.
pub(crate) struct Status {
    screen: MultiProgress,
    own: ProgressBar,
    others: Vec<ProgressBar>,
}

impl Status {
    pub(crate) fn new() -> Self {
        let screen = MultiProgress::new();
        let own = screen.add(line());
        Self { screen, own, others: Vec::new() }
    }

    /// Says something that stays, above the lines that change.
    pub(crate) fn say(&self, text: &str) {
        // Peers choose their names: nothing of theirs may steer the terminal.
        let plain: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        self.screen.suspend(|| eprintln!("visavis: {plain}"));
    }

    pub(crate) fn show(
        &mut self,
        seconds: f64,
        speaker: Option<&Speaker>,
        paths: &[(Option<ParticipantId>, PathStatistics)],
        others: &[(String, Figures)],
    ) {
        let round_trip = paths.iter().map(|(_, path)| path.rtt).max().unwrap_or_default();
        let sending = speaker.map_or_else(
            || "listening".to_owned(),
            |speaker| {
                let plan = speaker.plan();
                format!(
                    "{} sending {:.0} of {:.0} kbit/s: {} Hz, rung {}, {} repeats, voice {:.0} kbit/s in {} ms",
                    speaker.meter().bar(8),
                    speaker.kbit_per_s(paths, seconds),
                    speaker.budget_bit_s() * 1e-3,
                    plan.face_hz,
                    plan.rung.number(),
                    plan.redundancy,
                    f64::from(plan.audio_bit_s) * 1e-3,
                    plan.audio_ms,
                )
            },
        );
        self.own
            .set_message(format!("{seconds:5.0} s  round trip {:3} ms  {sending}", round_trip.as_millis()));
        while self.others.len() < others.len().min(MAX_LINES) {
            self.others.push(self.screen.add(line()));
        }
        for (n, bar) in self.others.iter().enumerate() {
            bar.set_message(others.get(n).map(|(name, figures)| text(name, figures)).unwrap_or_default());
            bar.tick();
        }
        self.own.tick();
    }

    pub(crate) fn finish(&self) {
        self.own.finish_and_clear();
        self.others.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// One participant's line.
fn text(name: &str, figures: &Figures) -> String {
    let Figures { delay, voice_delay, skew_ms, loss, concealed, kbit_per_s, rung, proof } = figures;
    let name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(16).collect();
    let rung = rung.map_or("-".to_owned(), |rung| rung.to_string());
    let skew = skew_ms.map_or("-".to_owned(), |skew| format!("{skew:+.0}"));
    format!(
        "  {name:<16} delay {:3} ms (voice {:3}, skew {skew})  loss {:4.1} %  concealed {:5.2} %  {kbit_per_s:5.1} kbit/s  \
         rung {rung}  {proof}",
        delay.as_millis(),
        voice_delay.as_millis(),
        100.0 * loss,
        100.0 * concealed,
    )
}

fn line() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        bar.set_style(style);
    }
    bar
}
