//! Progress on a terminal; nowhere else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `length` steps, or nothing where it is not `shown` or nobody looks.
pub fn bar(shown: bool, length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target(shown));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.with_message(what)
}

/// A sign that something goes on, with words that can be changed.
pub fn spinner(shown: bool) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, target(shown));
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

fn target(shown: bool) -> ProgressDrawTarget {
    match shown && std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    }
}
