//! Running the loop program, alone and under a tool.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one run measured, in ns per call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Of the fastest round.
    pub(crate) fastest: f64,
    /// Of all rounds.
    pub(crate) all: f64,
}

/// A tool that traces a program, and how to call it; `{log}` stands for a file.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    args: &'static [&'static str],
}

/// The tools that people use today.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "strace",
        args: &["strace", "-f", "-o", "{log}"],
    },
    Tool {
        name: "strace --seccomp-bpf",
        args: &[
            "strace",
            "-f",
            "--seccomp-bpf",
            "-e",
            "trace=shmdt,shmat,shmget,shmctl",
            "-o",
            "{log}",
        ],
    },
    Tool {
        name: "ltrace",
        args: &["ltrace", "-f", "-o", "{log}"],
    },
    Tool {
        name: "uftrace",
        args: &[
            "uftrace",
            "record",
            "--force",
            "--no-libcall",
            "-d",
            "{log}.uftrace",
        ],
    },
    Tool {
        name: "uftrace, library calls",
        args: &["uftrace", "record", "--force", "-d", "{log}.uftrace"],
    },
];

/// The loop program.
pub(crate) struct Program(pub(crate) PathBuf);

impl Program {
    /// A run of `calls` calls in each of `rounds` rounds.
    pub(crate) fn command(&self, kind: &str, (calls, rounds): (u32, u32)) -> Command {
        let mut command = Command::new(&self.0);
        command
            .arg(kind)
            .arg(calls.to_string())
            .arg(rounds.to_string());
        command
    }

    /// The same under a tool.
    pub(crate) fn under(&self, tool: &Tool, kind: &str, size: (u32, u32), log: &Path) -> Command {
        let mut args = tool
            .args
            .iter()
            .map(|arg| arg.replace("{log}", &log.display().to_string()));
        let mut command = Command::new(args.next().unwrap_or_default());
        command
            .args(args)
            .arg(&self.0)
            .arg(kind)
            .arg(size.0.to_string())
            .arg(size.1.to_string());
        command
    }
}

/// Runs the loop program and reads its two numbers.
pub(crate) fn time(command: &mut Command) -> io::Result<Time> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = quiet(command)
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other("not installed"),
            _ => error,
        })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let numbers = text.lines().rev().find_map(|line| {
        let (fastest, all) = line.split_once(' ')?;
        Some(Time {
            fastest: fastest.parse().ok()?,
            all: all.parse().ok()?,
        })
    });
    numbers.ok_or_else(|| io::Error::other(format!("{tool}: {} {}", output.status, text.trim())))
}

/// Runs a command that must succeed.
pub(crate) fn must(command: &mut Command) -> io::Result<()> {
    let output = quiet(command).output()?;
    if output.status.success() {
        return Ok(());
    }
    let tool = command.get_program().to_string_lossy().into_owned();
    Err(io::Error::other(format!(
        "{tool}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// Output that nobody reads.
pub(crate) fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}
