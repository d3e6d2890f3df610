//! Asking before something is removed for good.

use crate::failure::{Failure, reason};
use std::io::{self, IsTerminal, Write};

/// Asks on the terminal; anything but `y` or `yes` is a no. Without a terminal there is nobody to
/// ask, and nothing is done.
pub(crate) fn ask(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(
            Failure::new(format_args!("{question} There is no terminal to ask on"))
                .advise("`--yes` does it without asking; `--dry-run` shows what would go"),
        );
    }
    let cannot = |why: io::Error| Failure::new(format_args!("cannot ask: {}", reason(&why)));
    anstream::eprint!("{question} [y/N] ");
    io::stderr().flush().map_err(cannot)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(cannot)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
