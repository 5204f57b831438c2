//! Progress on stderr: a bar for a person, silence for a log.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many steps, with the time that is left.
pub(crate) fn bar(steps: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    let template = format!("{{bar:32}} {{pos}}/{{len}} {what}  {{per_sec}}  {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
