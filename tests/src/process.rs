//! Running one program with a bound on its time.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status, or `None` if it was killed for taking too long.
    pub status: Option<ExitStatus>,
    /// Everything that it and its children wrote.
    pub output: String,
}

impl Ended {
    /// The exit code, if it exited by itself.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// What it printed; it must have succeeded.
    ///
    /// # Panics
    /// It has not: the test fails with its output and how it ended.
    #[must_use]
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert_eq!(self.code(), Some(0), "{}{}", self.output, self.describe());
        self.output
    }

    /// How it ended, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.status {
            None => "killed: took too long".to_owned(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (_, Some(signal)) => format!("killed by signal {signal}"),
                _ => status.to_string(),
            },
        }
    }
}

/// Runs `command` in a process group of its own, its output going to the file `log`, and kills the
/// group after `bound`.
///
/// A file, unlike a pipe, cannot be kept open by a child that outlives the program.
///
/// # Errors
/// The program could not be started, or its output not be stored.
pub fn run_bounded(command: &mut Command, log: &Path, bound: Duration) -> io::Result<Ended> {
    let out = File::create(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .spawn()?;
    let status = wait_bounded(&mut child, bound)?;
    kill_group(&child);
    if status.is_none() {
        child.wait()?;
    }
    let output = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    Ok(Ended { status, output })
}

/// Waits for `child`, at most for `bound`; `None` if it still runs.
fn wait_bounded(child: &mut Child, bound: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + bound;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends whatever is left of the program's process group.
fn kill_group(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: killpg touches no memory; the group is the one made for this child, and as long
        // as a member lives the kernel gives its number to no other process.
        unsafe { libc::killpg(group, libc::SIGKILL) };
    }
}
