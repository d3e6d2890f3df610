//! How things are shown.

pub(crate) mod format;
pub(crate) mod ipcs;
pub(crate) mod notes;
pub(crate) mod table;

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

/// Writes `text` to stdout; colours only where they are wanted (NO_COLOR, no terminal). A reader
/// that went away is no failure: `partage ls | head` shall be silent.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::io("cannot write the output", why))
        }
        _ => Ok(()),
    }
}

/// Writes `value` as JSON, for programs to read.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    print(&(text + "\n"))
}

/// The same on one line, where more may follow.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::new)?;
    print(&(text + "\n"))
}
