//! PostgreSQL, of whichever version is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a test says that needs it and has not got it.
pub const MISSING: &str = "PostgreSQL (package postgresql)";

/// Where its programs are, as `scripts/find-postgresql.sh` finds them.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let finder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/find-postgresql.sh");
    let output = Command::new(finder).output().ok()?;
    let found = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| found.trim().into())
}
