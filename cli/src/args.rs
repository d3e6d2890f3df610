//! The command line.

use crate::commands::Command;
use crate::failure::{RUN_FAILED, USAGE};
use clap::Parser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::io::Write;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// System V and POSIX shared memory in user space
#[derive(Debug, Parser)]
#[command(name = "partage", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", global = true, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR says otherwise
    Auto,
    Always,
    Never,
}

impl Color {
    /// From here on, all output is like this.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => return,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

const EXAMPLES: &str = "\
Examples:
  partage run -- postgres -D data        run a program on partage
  partage run --private -- make check    ... in a namespace that goes with it
  partage ls                             list the segments of the namespace

Exit status: 0 done, 1 not done or not all of it, 2 wrong usage; `partage run` passes on the
program's own, and has 125, 126 and 127 as env(1) has them.";

/// Prints clap's message and returns the exit status: a wrong command line of `run` is that
/// command's own failure, so that it cannot be taken for the program's status 2.
pub(crate) fn report_usage(mut error: clap::Error, words: &[OsString]) -> u8 {
    drop_far_tip(&mut error);
    let text = error.render();
    // A closed stdout or stderr leaves nobody to tell.
    let _ = match text.to_string().starts_with("error") {
        // As all other errors begin.
        true => write!(anstream::stderr(), "partage: {}", text.ansi()),
        false => error.print(),
    };
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

/// Takes away a tip that does not fit: the options that clap finds similar may begin differently.
fn drop_far_tip(error: &mut clap::Error) {
    let begin = |kind| match error.get(kind)? {
        ContextValue::String(option) => option.trim_start_matches('-').chars().next(),
        _ => None,
    };
    let begins = (
        begin(ContextKind::InvalidArg),
        begin(ContextKind::SuggestedArg),
    );
    if matches!(begins, (Some(typed), Some(similar)) if typed != similar) {
        error.remove(ContextKind::SuggestedArg);
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
        assert_eq!(report_usage(error, &words), RUN_FAILED);
    }

    #[test]
    fn tips_fit() {
        let tip = |words: &str| {
            let mut error = Cli::try_parse_from(words.split(' ')).unwrap_err();
            drop_far_tip(&mut error);
            error.to_string().contains("a similar argument exists")
        };
        assert!(tip("partage ls --older 1h"));
        assert!(!tip("partage stat --older 1"));
    }
}
