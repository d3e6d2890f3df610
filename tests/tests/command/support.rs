//! Running the command and looking at what it leaves.

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::process::{Ended, run_bounded};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The longest that any program of these tests may run.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// The build, made once.
pub(crate) fn built() -> &'static Artefacts {
    artefacts().unwrap()
}

/// A directory of one test's own, removed with everything in it.
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes it, on the file system where namespaces live.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("partage-command-{}-{number}", std::process::id());
        let path = Path::new("/dev/shm").join(name);
        fs::DirBuilder::new().mode(0o755).create(&path).unwrap();
        Self { path }
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Compiles C `source` to the file `name`.
    pub(crate) fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let (file, program) = (self.join(&format!("{name}.c")), self.join(name));
        fs::write(&file, source).unwrap();
        run_tool(
            Command::new("cc")
                .arg("-o")
                .arg(&program)
                .arg(&file)
                .args(flags),
        )
        .unwrap();
        program
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What a failed test left running may still hold files: the next boot is soon enough.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `partage` with `words`, without the caller's own settings.
pub(crate) fn partage(words: &[&str]) -> Command {
    let mut command = Command::new(built().command());
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("PARTAGE_"))
        {
            command.env_remove(name);
        }
    }
    command
        .env_remove("LD_PRELOAD")
        .env("NO_COLOR", "1")
        .args(words);
    command
}

/// Runs `command` to its end.
pub(crate) fn finish(command: &mut Command) -> Ended {
    let place = Place::new();
    let ended = run_bounded(command, &place.join("output"), BOUND).unwrap();
    assert!(
        ended.status.is_some(),
        "{command:?} took too long: {}",
        ended.output
    );
    ended
}

/// Runs `partage` and returns its exit status and everything it printed.
pub(crate) fn outcome(words: &[&str]) -> (Option<i32>, String) {
    let ended = finish(&mut partage(words));
    (ended.code(), ended.output)
}

/// Waits until `done`, within the bound.
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The name of the user who runs the tests, as the command shows it.
pub(crate) fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
