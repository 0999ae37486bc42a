//! Progress, shown on standard error where it is a terminal, and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often it moves, so that one sees that the program lives.
const TICK: Duration = Duration::from_millis(200);

const OF_BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const BYTES: &str = "{msg} {spinner} {bytes} {bytes_per_sec} {elapsed}";
const LINE: &str = "{spinner} {wide_msg}";
const OF_COMMANDS: &str = "{msg} {wide_bar} {pos}/{len} {eta}";

/// Bytes of a known or an unknown total.
pub(super) fn bytes(what: &'static str, total: Option<u64>) -> ProgressBar {
    match total {
        Some(total) => started(ProgressBar::new(total), OF_BYTES, what),
        None => started(ProgressBar::no_length(), BYTES, what),
    }
}

/// Commands that have ended.
pub(super) fn commands(what: &'static str) -> ProgressBar {
    started(ProgressBar::new(0), OF_COMMANDS, what)
}

/// A line that its owner writes.
pub(super) fn line() -> ProgressBar {
    started(ProgressBar::no_length(), LINE, "")
}

fn started(bar: ProgressBar, template: &str, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(what);
    bar.enable_steady_tick(TICK);
    bar
}
