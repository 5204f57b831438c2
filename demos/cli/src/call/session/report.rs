//! What a call says of itself: while it goes on, and when it is over.

use serde_json::{Value, json};
use visavis_codec::Timestamp;

use super::Session;

impl Session {
    /// Brings the status lines up to date.
    pub(super) fn tell(&mut self, now: Timestamp) {
        let seconds = now.0.saturating_sub(self.start.0) as f64 * 1e-9;
        let there = self.listeners.values().filter(|listener| !listener.has_left);
        let lines: Vec<_> =
            there.map(|listener| (listener.name(), listener.figures(Some(&self.call)))).collect();
        self.status.show(seconds, self.speaker.as_ref(), &self.call.path_statistics(), &lines);
    }

    /// For `--json`.
    pub(super) fn report(&self) -> Value {
        let now = self.clock.now();
        let seconds = now.0.saturating_sub(self.start.0) as f64 * 1e-9;
        let paths: Vec<_> = self
            .call
            .path_statistics()
            .into_iter()
            .map(|(to, path)| {
                json!({
                    "to": to.map(|to| to.to_string()), "rtt_ms": path.rtt.as_secs_f64() * 1e3,
                    "sent_kbit_per_s": path.sent_bytes as f64 * 8e-3 / seconds,
                    "received_kbit_per_s": path.received_bytes as f64 * 8e-3 / seconds,
                    "sent_packets": path.sent_packets, "lost_packets": path.lost_packets,
                })
            })
            .collect();
        let peers: Vec<_> =
            self.listeners.values().map(|listener| listener.report(Some(&self.call))).collect();
        json!({
            "seconds": seconds, "me": self.call.me().to_string(), "most_peers": self.most, "peers": peers, "paths": paths,
            "sent": self.speaker.as_ref().map(|speaker| speaker.report(seconds)), "reconnections": self.reconnections,
            "warnings": self.warnings,
        })
    }
}
