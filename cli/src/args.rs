//! The command line.

use crate::commands::Command;
use crate::failure::{RUN_FAILED, USAGE};
use clap::Parser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use std::ffi::OsString;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// System V and POSIX shared memory in user space
#[derive(Debug, Parser)]
#[command(name = "partage", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  partage run -- postgres -D data        run a program on partage
  partage run --private -- make check    ... in a namespace that goes with it
  partage ls                             list the segments of the namespace

Exit status: 0 done, 1 not done or not all of it, 2 wrong usage; `partage run` passes on the
program's own, and has 125, 126 and 127 as env(1) has them.";

/// `partage: error`, coloured when stderr is a terminal.
pub(crate) fn error_prefix() -> String {
    let red = AnsiColor::Red.on_default().bold();
    format!("partage: {red}error{red:#}")
}

/// Prints clap's message and returns the exit status: a wrong command line of `run` is that
/// command's own failure, so that it cannot be taken for the program's status 2.
pub(crate) fn report_usage(error: &clap::Error, words: &[OsString]) -> u8 {
    // A closed stdout or stderr leaves nobody to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ if words
            .get(1)
            .is_some_and(|word| word == "run" || word == "trace") =>
        {
            RUN_FAILED
        }
        _ => USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_of_run_is_not_the_programs_status() {
        let words = ["partage", "run", "--nonsense"].map(OsString::from);
        let error = Cli::try_parse_from(&words).unwrap_err();
        assert_eq!(report_usage(&error, &words), RUN_FAILED);
    }
}
