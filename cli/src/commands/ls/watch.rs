//! `--watch`: the same again every few seconds.

use crate::failure::Failure;
use crate::output;
use std::io::IsTerminal;
use std::time::Duration;

/// Shows what `text` says every so many seconds, until the process is interrupted. On a terminal
/// each replaces the one before; elsewhere they follow each other.
pub(super) fn every(
    seconds: u32,
    text: impl Fn() -> Result<String, Failure>,
) -> Result<(), Failure> {
    const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";
    let clear = if std::io::stdout().is_terminal() {
        CLEAR
    } else {
        ""
    };
    loop {
        let now = text()?;
        // Not through the colour filter: this is no colour, and is wanted under NO_COLOR too.
        print!("{clear}");
        output::print(&now)?;
        std::thread::sleep(Duration::from_secs(seconds.into()));
    }
}
