//! How often, in which ways, and how a program is run.

use std::io;
use std::process::{Command, Output};

use partage_bench::way::Way;

pub(super) const RUNS: u32 = 5;

/// The two that programs can use without being changed.
pub(super) const WAYS: [Way; 2] = [Way::Kernel, Way::Partage];

/// Runs a program that must succeed.
pub(super) fn run(command: &mut Command) -> io::Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(io::Error::other(format!(
        "{name}: {} {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
