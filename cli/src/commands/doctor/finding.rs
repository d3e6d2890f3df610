//! What `partage doctor` finds.

use crate::failure::Failure;
use serde::Serialize;
use std::fmt::Display;
use std::path::Path;

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

    fn new(verdict: Verdict, what: impl ToString) -> Self {
        Self {
            check: "",
            severity: match verdict {
                Verdict::Good => "info",
                Verdict::Note => "warning",
                Verdict::Problem => "error",
            },
            verdict,
            what: what.to_string(),
            advice: None,
            command: None,
        }
    }

    fn with_remedy(self, advice: impl ToString, command: impl ToString) -> Self {
        Self {
            advice: Some(advice.to_string()),
            command: Some(command.to_string()),
            ..self
        }
    }

    pub(super) fn good(what: impl ToString) -> Self {
        Self::new(Verdict::Good, what)
    }

    /// What works with less than it could: what to do about it, and the line for a shell that does it.
    pub(super) fn note(what: impl ToString, advice: impl ToString, command: impl ToString) -> Self {
        Self::new(Verdict::Note, what).with_remedy(advice, command)
    }

    /// What is worth knowing, and why nothing needs to be done about it.
    pub(super) fn remark(what: impl ToString, why: impl Display) -> Self {
        Self {
            advice: Some(format!("{NOTHING_TO_DO}: {why}")),
            ..Self::new(Verdict::Note, what)
        }
    }

    /// What does not work: what to do about it, and the line for a shell that does it.
    pub(super) fn problem(
        what: impl ToString,
        advice: impl ToString,
        command: impl ToString,
    ) -> Self {
        Self::new(Verdict::Problem, what).with_remedy(advice, command)
    }

    /// A failure of the command's own, with its advice, and the line for a shell that helps.
    pub(super) fn failed(failure: Failure, command: impl ToString) -> Self {
        let (what, advice) = failure.into_parts();
        let advice = advice.unwrap_or_else(|| "this helps, or shows more".to_owned());
        Self::problem(what, advice, command)
    }
}

/// How the advice of a finding begins that has no command.
pub(super) const NOTHING_TO_DO: &str = "nothing is to be done";

/// Puts a namespace where everything works: on the tmpfs that should be there.
pub(super) fn on_tmpfs(directory: &Path) -> String {
    if directory.starts_with(DEV_SHM) {
        return MOUNT.to_owned();
    }
    let user = nix::unistd::Uid::effective();
    format!("export PARTAGE_DIR={DEV_SHM}/partage-own-{user}")
}

/// Puts a tmpfs where the system should have one.
pub(super) const MOUNT: &str = "mkdir -p /dev/shm && mount -t tmpfs -o mode=1777 tmpfs /dev/shm";

/// Where POSIX objects are, and namespaces by default.
pub(super) const DEV_SHM: &str = "/dev/shm";
