//! Namespaces for the command to look at, made by a C program on the library.

use crate::support::{Place, built, partage};
use partage_tests::artefacts::run_tool;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// The C program, compiled once into the build directory.
pub(crate) fn tool() -> &'static PathBuf {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/shmtool.c");
        let program = built().programs.join("shmtool");
        let fresh = program.with_extension(std::process::id().to_string());
        let mut compiler = Command::new("cc");
        compiler
            .args(["-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .arg(&fresh)
            .arg(source);
        run_tool(&mut compiler).unwrap();
        // Another test program may run the old one at this moment.
        std::fs::rename(&fresh, &program).unwrap();
        program
    })
}

/// A namespace of one test's own.
pub(crate) struct Namespace {
    place: Place,
}

impl Namespace {
    /// An empty place for one: the first program makes the namespace.
    pub(crate) fn new() -> Self {
        Self {
            place: Place::new(),
        }
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> String {
        self.place.join("namespace").to_str().unwrap().to_owned()
    }

    fn command(&self, steps: &str) -> Command {
        let mut command = partage(&["run", "--dir", &self.dir(), "--"]);
        command.arg(tool()).args(steps.split(' '));
        command
    }

    /// Carries out the steps and returns what they printed, one line per segment: its id.
    pub(crate) fn make(&self, steps: &str) -> Vec<String> {
        let output = self.command(steps).output().unwrap();
        assert!(
            output.status.success(),
            "{steps}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Carries out the steps in a process that stays at the end of them.
    pub(crate) fn hold(&self, steps: &str) -> Holder {
        Self::started(&mut self.command(&format!("{steps} hold")), steps)
    }

    /// The same, started by another command such as `unshare`.
    pub(crate) fn hold_under(&self, mut starter: Command, steps: &str) -> Holder {
        let command = self.command(&format!("{steps} hold"));
        starter.arg(command.get_program()).args(command.get_args());
        Self::started(&mut starter, steps)
    }

    fn started(command: &mut Command, steps: &str) -> Holder {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut ids = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "{steps}: ended too soon"
            );
            match line.trim() {
                "ready" => break,
                id => ids.push(id.to_owned()),
            }
        }
        Holder { child, output, ids }
    }

    /// Runs `partage WORD --dir ... WORDS` and returns exit status and output.
    pub(crate) fn partage(&self, words: &[&str]) -> (Option<i32>, String) {
        let (first, rest) = words.split_first().unwrap();
        crate::support::outcome(&[&[*first, "--dir", &self.dir()], rest].concat())
    }

    /// The same, which must succeed; returns the output.
    pub(crate) fn show(&self, words: &[&str]) -> String {
        let (code, output) = self.partage(words);
        assert_eq!(code, Some(0), "{words:?}: {output}");
        output
    }
}

/// A process that keeps what it has attached until it is dropped.
pub(crate) struct Holder {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Of the segments it made.
    pub(crate) ids: Vec<String>,
}

impl Holder {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go on to its end.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }

    /// Ends it as nothing else does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // After finish or kill there is nobody left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
