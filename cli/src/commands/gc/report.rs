//! What `partage gc` cleared away and left, told to people or to programs.

use super::remains::{Remains, Slot};
use crate::failure::{Failure, Outcome};
use crate::launch::DeadRun;
use crate::name::{self, shown};
use crate::output::{self, format};
use crate::sources::Location;
use serde::Serialize;
use std::path::PathBuf;

/// What is said where there was nothing.
const NOTHING: &str = "nothing to clear away\n";

/// Everything that became of what was found.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(skip)]
    status: u8,
    /// What names the namespace to another command.
    #[serde(skip)]
    choice: String,
    #[serde(serialize_with = "name::optional_path")]
    directory: Option<PathBuf>,
    dry_run: bool,
    /// What went, or would go.
    removed: Removed,
    kept: Kept,
    failures: Vec<Failure>,
}

#[derive(Default, Serialize)]
struct Removed {
    #[serde(flatten)]
    remains: Remains,
    /// Bytes of a registry that nobody used.
    bookkeeping: Option<u64>,
    runs: Vec<DeadRun>,
}

#[derive(Default, Serialize)]
struct Kept {
    segments: Vec<Orphan>,
    /// Of other users, and of no segment.
    #[serde(serialize_with = "name::paths")]
    files: Vec<PathBuf>,
    /// Whose dead runs are left.
    run_owners: Vec<u32>,
}

#[derive(Serialize)]
struct Orphan {
    reason: &'static str,
    #[serde(flatten)]
    slot: Slot,
}

impl Report {
    pub(super) fn new(dry_run: bool, choice: String) -> Self {
        Self {
            status: 0,
            choice,
            directory: None,
            dry_run,
            removed: Removed::default(),
            kept: Kept::default(),
            failures: Vec::new(),
        }
    }

    /// Which namespace it is about.
    pub(super) fn at(&mut self, location: &Location) {
        self.directory = Some(location.directory.clone());
    }

    /// What only nobody uses, and files of other users.
    pub(super) fn stays(&mut self, slots: Vec<Slot>, files: Vec<PathBuf>) {
        let orphans = slots.into_iter().map(|slot| Orphan {
            reason: "orphan",
            slot,
        });
        self.kept.segments.extend(orphans);
        self.kept.files = files;
    }

    pub(super) fn runs_of_others(&mut self, owners: &[u32]) {
        self.kept.run_owners = owners.to_vec();
    }

    pub(super) fn cleared(&mut self, remains: Remains) {
        self.removed.remains = remains;
    }

    pub(super) fn given_back(&mut self, bytes: u64) {
        self.removed.bookkeeping = Some(bytes);
    }

    pub(super) fn run(&mut self, run: DeadRun) {
        self.removed.runs.push(run);
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        self.status = failure.report();
        self.failures.push(failure);
    }

    /// `others` own namespaces that this was not about.
    pub(super) fn end(self, json: bool, others: &[u32]) -> Outcome {
        let lines = self.lines();
        match json {
            true => output::print_json(&self)?,
            false => output::print(&lines.concat())?,
        }
        let mut notes = self.notes();
        if lines == [NOTHING] {
            notes.extend(output::notes::of_others_to_tidy(others));
        }
        output::notes::print(&notes);
        Ok(self.status)
    }

    fn lines(&self) -> Vec<String> {
        let verb = match self.dry_run {
            true => "would clear away",
            false => "cleared away",
        };
        let directory = self.directory.as_deref().map(shown).unwrap_or_default();
        let Removed {
            remains,
            bookkeeping,
            runs,
        } = &self.removed;
        let mut lines = Vec::new();
        if *remains != Remains::default() {
            let resident = remains.segments.iter().map(|slot| slot.resident).sum();
            lines.push(format!(
                "{verb} {}, {} ({}), {} of {directory}",
                format::count(remains.attachments as usize, "dead attachment"),
                format::count(remains.segments.len(), "segment"),
                format::size(resident),
                format::count(remains.files.len(), "stray file"),
            ));
        }
        if let Some(bytes) = bookkeeping {
            let size = format::size(*bytes);
            lines.push(format!(
                "{verb} the bookkeeping of {directory}, which nobody uses, with {size}"
            ));
        }
        for run in runs {
            let what = match run.recording {
                true => "recording",
                false => "namespace",
            };
            lines.push(format!(
                "{verb} {}, the {what} of a dead run, with {}",
                shown(&run.path),
                format::size(run.resident)
            ));
        }
        if lines.is_empty() && self.status == 0 {
            lines.push(NOTHING.trim_end().to_owned());
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn notes(&self) -> Vec<String> {
        let Kept {
            segments,
            files,
            run_owners,
        } = &self.kept;
        let mut notes = Vec::new();
        if !segments.is_empty() {
            let sizes = segments.iter().map(|orphan| orphan.slot.size);
            notes.push(format!(
                "stay: {} of {}, which nobody is attached to: `partage rm --orphans{}` removes them",
                format::count(segments.len(), "segment"),
                format::size(sizes.fold(0, u64::saturating_add)),
                self.choice
            ));
        }
        if !files.is_empty() {
            let files = format::count(files.len(), "stray file");
            notes.push(format!(
                "stay: {files} of other users: they remove them, or root with --user"
            ));
        }
        if !run_owners.is_empty() {
            let runs = format::count(run_owners.len(), "dead run");
            let names = output::notes::users(run_owners);
            notes.push(format!(
                "stay: {runs} of {names}: they remove them, or root with --user"
            ));
        }
        notes
    }
}
