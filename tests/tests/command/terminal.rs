//! The command on a terminal, seen through tmux.

use crate::fixture::Namespace;
use crate::support::{Place, built, wait_until};
use std::process::Command;

/// A terminal with a shell in it.
struct Terminal {
    socket: String,
    _place: Place,
}

impl Terminal {
    fn open() -> Option<Self> {
        let place = Place::new();
        let socket = place.join("tmux").to_str().unwrap().to_owned();
        let terminal = Self {
            socket,
            _place: place,
        };
        let path = std::env::var("PATH").unwrap();
        let release = built().release.display().to_string();
        let shell = format!("env -u NO_COLOR PS1='$ ' PATH={release}:{path} bash --norc -i");
        let words = [
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "40",
            &shell,
        ];
        terminal.tmux(&words).then_some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> bool {
        let status = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(words)
            .status();
        status.is_ok_and(|status| status.success())
    }

    fn type_line(&self, line: &str) {
        assert!(self.tmux(&["send-keys", "-l", line]));
        self.press("Enter");
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]));
    }

    /// What is on the screen, colours included.
    fn screen(&self) -> String {
        let mut capture = Command::new("tmux");
        let words = ["capture-pane", "-p", "-e"];
        let output = capture
            .arg("-S")
            .arg(&self.socket)
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} on the screen"), || {
            self.screen().contains(text)
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn open() -> Option<Terminal> {
    let terminal = Terminal::open();
    if terminal.is_none() {
        assert!(
            std::env::var_os("PARTAGE_TEST_ALL").is_none(),
            "tmux is not installed"
        );
        eprintln!("skipped: tmux is not installed");
    }
    terminal
}

#[test]
fn bulk_removal_asks() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600 get 2 4000 0600");
    let line = format!("partage rm --all --dir {}; echo status $?", namespace.dir());
    terminal.type_line(&line);
    terminal.wait_for("remove 2 things of 4.1K together? [y/N]");
    terminal.type_line("n");
    terminal.wait_for("status 1");
    assert_eq!(namespace.show(&["ls"]).lines().count(), 3);
    namespace.make("get 3 1 0600");
    terminal.type_line(&line);
    terminal.wait_for("remove 3 things");
    terminal.type_line("y");
    terminal.wait_for("status 0");
    assert_eq!(namespace.show(&["ls"]).lines().count(), 1);
}

#[test]
fn headings_stand_out() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    terminal.type_line(&format!("partage ls --dir {}", namespace.dir()));
    terminal.wait_for("\x1b[1mKEY");
    terminal.type_line(&format!(
        "clear; NO_COLOR=1 partage ls --dir {}; echo done-$((6*7))",
        namespace.dir()
    ));
    terminal.wait_for("done-42");
    assert!(
        !terminal.screen().contains("\x1b[1m"),
        "{}",
        terminal.screen()
    );
}

#[test]
fn watching_follows_the_namespace() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    terminal.type_line(&format!("partage ls --watch=1 --dir {}", namespace.dir()));
    terminal.wait_for("0x00000001");
    namespace.make("get 0xabc 100 0600");
    terminal.wait_for("0x00000abc");
    terminal.press("C-c");
    terminal.type_line("echo status $?");
    terminal.wait_for("status 130");
}

/// Interrupt, stop and continue from the keyboard reach a program in a private namespace once,
/// and the shell sees its job as it would without us.
#[test]
fn keyboard_signals_in_a_private_run() {
    let Some(terminal) = open() else { return };
    let script = "n=0; trap \"n=\\$((n+1)); echo caught \\$n\" INT; echo up-$((6*7));
        for ((i = 0; i < 3000; i++)); do sleep 0.01; done"
        .replace('\n', "");
    terminal.type_line(&format!(
        "partage run --private -- bash -c '{script}'; echo status $?"
    ));
    terminal.wait_for("up-42");
    terminal.press("C-c");
    terminal.wait_for("caught 1");
    terminal.press("C-c");
    terminal.wait_for("caught 2");
    assert!(!terminal.screen().contains("caught 3"));
    terminal.press("C-z");
    terminal.wait_for("Stopped");
    terminal.type_line("kill -TERM %1; fg");
    terminal.wait_for("Terminated");
}
