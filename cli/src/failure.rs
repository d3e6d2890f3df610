//! An error of the command: what failed, why, what to do about it, and the exit status.

use clap::builder::styling::AnsiColor;
use serde::Serialize;
use std::fmt::Display;
use std::io;

/// Exit status of a subcommand that could not do what was asked, or not all of it.
pub(crate) const FAILED: u8 = 1;
/// Exit status where it cannot be told whether anything leaked.
pub(crate) const UNCLEAR: u8 = 3;
/// Exit status for a command line that makes no sense (clap's own).
pub(crate) const USAGE: u8 = 2;
/// `run`: partage itself failed before the program started, as in env(1).
pub(crate) const RUN_FAILED: u8 = 125;
/// `run`: the program was found and cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// `run`: the program was not found.
pub(crate) const NOT_FOUND: u8 = 127;

/// What every subcommand returns: an exit status, or a failure to report.
pub(crate) type Outcome = Result<u8, Failure>;

/// A failure, ready to be told to the user.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(skip)]
    status: u8,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Failure {
    /// A failure with the ordinary status; `what` says what and why.
    pub(crate) fn new(what: impl Display) -> Self {
        Self {
            status: FAILED,
            what: what.to_string(),
            advice: None,
        }
    }

    /// `what` failed with the system error `why`.
    pub(crate) fn io(what: impl Display, why: impl Into<io::Error>) -> Self {
        let why = why.into();
        Self::new(format!("{what}: {}", reason(&why)))
    }

    /// Adds what the user can do.
    pub(crate) fn advise(mut self, advice: impl Display) -> Self {
        self.advice = Some(advice.to_string());
        self
    }

    /// Sets the exit status.
    pub(crate) fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Replaces the statuses that a program may have as well: those that say more stay.
    pub(crate) fn or_status(self, status: u8) -> Self {
        match self.status {
            FAILED | USAGE => self.with_status(status),
            _ => self,
        }
    }

    /// What failed and why, and what can be done about it.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.what, self.advice)
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Tells the user on stderr and returns the exit status.
    pub(crate) fn report(&self) -> u8 {
        anstream::eprintln!("{}: {}", error_prefix(), self.what);
        if let Some(advice) = &self.advice {
            anstream::eprintln!("  {advice}");
        }
        self.status
    }
}

/// `partage: error`, coloured when stderr is a terminal.
fn error_prefix() -> String {
    let red = AnsiColor::Red.on_default().bold();
    format!("partage: {red}error{red:#}")
}

/// The system's words for an error, without Rust's "(os error N)".
pub(crate) fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}
