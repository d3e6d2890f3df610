//! Running the command, and scratch directories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::process::{Ended, run_bounded};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

pub(crate) fn built() -> &'static Artefacts {
    artefacts().unwrap()
}

/// A directory that goes away with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("partage-report-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        Scratch(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Compiles a C program.
    pub(crate) fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let (file, program) = (self.path(&format!("{name}.c")), self.path(name));
        fs::write(&file, source).unwrap();
        let strict = [
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fno-omit-frame-pointer",
        ];
        let mut compiler = Command::new("gcc");
        compiler
            .args(strict)
            .args(flags)
            .arg("-o")
            .arg(&program)
            .arg(&file);
        run_tool(&mut compiler).unwrap();
        program
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `partage` with these words, without the caller's own settings.
pub(crate) fn partage(words: &[&str]) -> Command {
    let mut command = Command::new(built().command());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARTAGE_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("LD_PRELOAD")
        .env_remove("NO_COLOR")
        .args(words);
    command
}

/// What a test leaves in `/dev/shm` for a moment has appeared for every run that is judged meanwhile.
static APPEARING: RwLock<()> = RwLock::new(());

/// For tests that leave something there: nobody else's run is judged meanwhile.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    APPEARING.write().unwrap_or_else(PoisonError::into_inner)
}

/// For tests whose runs are judged beside others: nobody leaves anything there meanwhile.
pub(crate) fn among_others() -> RwLockReadGuard<'static, ()> {
    APPEARING.read().unwrap_or_else(PoisonError::into_inner)
}

/// `partage WORDS -- PROGRAM`, to its end; both outputs together. A name among `args` must be gone then: until its
/// program unlinks it, it must hold it, since nobody else could tell whose it is.
pub(crate) fn traced(scratch: &Scratch, words: &[&str], program: &Path, args: &[&str]) -> Ended {
    let _others = among_others();
    let ended = traced_alone(scratch, words, program, args);
    for name in args.iter().filter(|arg| arg.starts_with('/')) {
        assert!(
            !Path::new(&format!("/dev/shm{name}")).exists(),
            "{name} is left while others are judged: its test must be alone"
        );
    }
    ended
}

/// The same for whoever is alone already.
pub(crate) fn traced_alone(
    scratch: &Scratch,
    words: &[&str],
    program: &Path,
    args: &[&str],
) -> Ended {
    let mut command = partage(&["trace"]);
    command.args(words).arg("--").arg(program).args(args);
    run_bounded(&mut command, &scratch.path("log"), BOUND).unwrap()
}

/// `partage report WORDS`, which must succeed; its standard output.
pub(crate) fn reported(words: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = partage(&["report"]).args(words).output().unwrap();
    assert!(
        status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}
