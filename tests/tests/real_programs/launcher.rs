//! On what a program runs: the kernel's own calls, or the library without them.

use super::account::{Account, Home};
use partage_tests::artefacts::artefacts;
use partage_tests::process::{Ended, run_bounded};
use partage_tests::sandbox::Sandbox;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longest time for one program of a test.
const BOUND: Duration = Duration::from_secs(120);

/// Starts programs as an unprivileged user with one implementation of shared memory, in
/// namespaces of the calling thread's own.
pub(crate) struct Launcher {
    /// Where the library and the command were copied: the user may be unable to reach the build.
    installed: Option<PathBuf>,
    sandbox: Sandbox,
    /// The namespace directory, made by `partage run` itself.
    namespace: PathBuf,
    account: Account,
    home: Home,
}

impl Launcher {
    /// On the kernel's own calls.
    pub(crate) fn kernel() -> Result<Self, String> {
        let account = Account::unprivileged();
        let sandbox = Sandbox::enter();
        let home = Home::create("/tmp", account)?;
        let namespace = PathBuf::from(format!("/dev/shm/partage-real-{}", std::process::id()));
        Ok(Self {
            installed: None,
            sandbox,
            namespace,
            account,
            home,
        })
    }

    /// On the library, with the kernel's calls refused.
    pub(crate) fn partage() -> Result<Self, String> {
        let built = artefacts()?;
        let mut launcher = Self::kernel()?;
        let bin = launcher.home.path().join("bin");
        fs::create_dir(&bin).map_err(|e| e.to_string())?;
        for file in [built.shared_object(), built.command()] {
            let copy = bin.join(file.file_name().unwrap_or_default());
            fs::copy(&file, &copy).map_err(|e| format!("{}: {e}", file.display()))?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))
                .map_err(|e| e.to_string())?;
        }
        launcher.installed = Some(bin);
        Ok(launcher)
    }

    /// A directory of the test's own, which the user may write to.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command that runs `program`.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = match &self.installed {
            None => Command::new(program),
            Some(bin) => {
                let mut run = Command::new(bin.join("partage"));
                run.args(["run", "--without-kernel-sysv", "--log", "warn", "--dir"]);
                run.arg(&self.namespace).arg("--").arg(program);
                run
            }
        };
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home());
        command.env("LC_ALL", "C").current_dir(self.home());
        self.account.apply(&mut command);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Result<Ended, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = self.home().join(format!("output-{number}"));
        run_bounded(command, &log, BOUND).map_err(|e| format!("{command:?}: {e}"))
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn succeed(&self, command: &mut Command) -> Result<String, String> {
        let ended = self.finish(command)?;
        match ended.code() {
            Some(0) => Ok(ended.output),
            _ => Err(format!(
                "{command:?}: {}\n{}",
                ended.describe(),
                ended.output
            )),
        }
    }

    /// Checks that the kernel's System V calls serve nobody: on the library nothing may lean on
    /// them. The table is the sandbox's own.
    pub(crate) fn check_kernel_unused(&self) -> Result<(), String> {
        if self.installed.is_none() || !self.sandbox.is_private() {
            return Ok(());
        }
        let table = fs::read_to_string("/proc/thread-self/root/proc/sysvipc/shm");
        match table.unwrap_or_default().lines().nth(1) {
            None => Ok(()),
            Some(line) => Err(format!("the kernel holds a segment: {line}")),
        }
    }

    /// Checks that everything is removed but the namespace itself, and removes that.
    pub(crate) fn check_nothing_left(&self) -> Result<(), String> {
        let left = self
            .sandbox
            .leftovers(&self.namespace)
            .map_err(|e| e.to_string())?;
        if !left.is_empty() {
            return Err(format!("left behind: {}", left.join(", ")));
        }
        Ok(())
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // A namespace that was never made is no error.
        let _ = fs::remove_dir_all(&self.namespace);
    }
}
