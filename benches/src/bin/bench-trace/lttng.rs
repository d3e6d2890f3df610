//! LTTng-UST, with a preload written by hand, in a session of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{self, Program, Time};

/// A session daemon and a session that end with their owner.
struct Session<'a> {
    home: &'a Path,
}

impl<'a> Session<'a> {
    fn start(home: &'a Path) -> io::Result<Self> {
        let session = Session { home };
        let output = format!("--output={}", home.join("lttng").display());
        let pid_file = format!("--pidfile={}", session.pid_file().display());
        tools::must(
            session
                .lttng("lttng-sessiond")
                .arg("--daemonize")
                .arg(pid_file),
        )?;
        tools::must(session.lttng("lttng").args(["create", "bench", &output]))?;
        tools::must(session.lttng("lttng").args([
            "enable-event",
            "--userspace",
            "partage_bench:*",
        ]))?;
        for context in ["vpid", "vtid"] {
            tools::must(session.lttng("lttng").args([
                "add-context",
                "--userspace",
                "--type",
                context,
            ]))?;
        }
        tools::must(session.lttng("lttng").arg("start"))?;
        Ok(session)
    }

    fn pid_file(&self) -> PathBuf {
        self.home.join("sessiond.pid")
    }

    /// A command of the session's own daemon, beside any other that may run.
    fn lttng(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("LTTNG_HOME", self.home)
            .env("HOME", self.home)
            .env("LTTNG_RUNDIR", self.home.join("run"));
        command
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = tools::must(self.lttng("lttng").args(["destroy", "bench"]));
        if let Ok(pid) = std::fs::read_to_string(self.pid_file()) {
            let _ = tools::must(Command::new("kill").arg(pid.trim()));
        }
    }
}

/// Builds the preload, and times the program under it.
pub(crate) fn time(program: &Program, scratch: &Path, size: (u32, u32)) -> io::Result<Time> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("c");
    let library = scratch.join("lttng.so");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg("lttng.c")
        .arg("-I.")
        .args(["-llttng-ust", "-ldl"]);
    tools::must(gcc.current_dir(&sources)).map_err(|_| io::Error::other("not installed"))?;
    let session = Session::start(scratch)?;
    // The program waits until the session knows its tracepoints.
    let mut command = program.command("event", size);
    command
        .env("LD_PRELOAD", &library)
        .env("LTTNG_HOME", session.home)
        .env("LTTNG_UST_REGISTER_TIMEOUT", "-1");
    tools::time(&mut command)
}
