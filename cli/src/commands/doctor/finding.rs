//! What `partage doctor` finds.

use serde::Serialize;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// Works, and is worth knowing.
    Note,
    /// Does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at, in a word that stays the same.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// The verdict in the words of logs: `info`, `warning`, `error`.
    pub(super) severity: &'static str,
    /// In plain words.
    pub(super) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// The command that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
}

impl Finding {
    pub(super) fn about(self, check: &'static str) -> Self {
        Self { check, ..self }
    }

    pub(super) fn with_command(self, command: impl ToString) -> Self {
        Self {
            command: Some(command.to_string()),
            ..self
        }
    }

    pub(super) fn new(verdict: Verdict, what: impl ToString, advice: Option<String>) -> Self {
        Self {
            check: "",
            severity: match verdict {
                Verdict::Good => "info",
                Verdict::Note => "warning",
                Verdict::Problem => "error",
            },
            verdict,
            what: what.to_string(),
            advice,
            command: None,
        }
    }

    pub(super) fn good(what: impl ToString) -> Self {
        Self::new(Verdict::Good, what, None)
    }

    pub(super) fn note(what: impl ToString, advice: impl ToString) -> Self {
        Self::new(Verdict::Note, what, Some(advice.to_string()))
    }

    pub(super) fn problem(what: impl ToString, advice: impl ToString) -> Self {
        Self::new(Verdict::Problem, what, Some(advice.to_string()))
    }
}

/// Where POSIX objects are, and namespaces by default.
pub(super) const DEV_SHM: &str = "/dev/shm";
