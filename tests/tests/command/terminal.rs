//! The command on a terminal, seen through tmux.

use crate::fixture::Namespace;
use crate::support::{Place, built, wait_until};
use std::process::Command;

/// A terminal with a shell in it.
pub(crate) struct Terminal {
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

    pub(crate) fn type_line(&self, line: &str) {
        self.type_text(line);
        self.press("Enter");
    }

    pub(crate) fn type_text(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-l", text]));
    }

    pub(crate) fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]));
    }

    fn resize(&self, columns: u32) {
        assert!(self.tmux(&["resize-window", "-x", &columns.to_string()]));
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

    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} on the screen"), || {
            self.screen().contains(text)
        });
    }

    pub(crate) fn wait_until_gone(&self, text: &str) {
        wait_until(&format!("no {text:?} on the screen"), || {
            !self.screen().contains(text)
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

pub(crate) fn open() -> Option<Terminal> {
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
    terminal.wait_for("remove 2 things of 4 KiB together? [y/N]");
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

/// The head stays in sight, and `q` ends it.
#[test]
fn watching_keeps_its_head_and_quits() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    namespace.make("many 100 get 0xabc 1 0600");
    terminal.type_line(&format!("partage ls --watch=1 --dir {}", namespace.dir()));
    terminal.wait_for("0x00000000");
    assert!(terminal.screen().contains("KEY"), "{}", terminal.screen());
    assert!(!terminal.screen().contains("0x00000abc"));
    terminal.wait_for(" lines more");
    suspends_and_goes_on(&terminal, "KEY");
    terminal.press("q");
    terminal.type_line("echo status-$((6*7)) $?");
    terminal.wait_for("status-42 0");
}

/// As the shell and the user know it from other programs.
fn suspends_and_goes_on(terminal: &Terminal, head: &str) {
    terminal.press("C-z");
    terminal.wait_for("Stopped");
    terminal.type_line("clear; echo shell-$((6*7))");
    terminal.wait_for("shell-42");
    terminal.wait_until_gone(head);
    terminal.type_line("fg");
    terminal.wait_for(head);
}

/// Long names are cut, and columns go, before a line breaks.
#[test]
fn tables_fit_the_window() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    let name = "n".repeat(150);
    namespace.make(&format!("posix /{name} 10"));
    let line = format!(
        "partage ls --posix --dir {}; echo done-$((6*7))",
        namespace.dir()
    );
    terminal.type_line(&line);
    terminal.wait_for("done-42");
    let screen = terminal.screen();
    assert!(screen.contains("nnn…"), "{screen}");
    assert!(!screen.contains(&name), "{screen}");
    assert!(
        namespace.show(&["ls", "--posix"]).contains(&name),
        "in a pipe it is whole"
    );
}

/// What the table cannot say is said while watching, too.
#[test]
fn watching_says_what_is_not_seen() {
    let Some(terminal) = open() else { return };
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let path = format!("/dev/shm/partage-test-watched-{}", std::process::id());
    std::fs::write(&path, "x").unwrap();
    terminal.type_line("setpriv --reuid=65534 --clear-groups partage ls --posix --watch=1");
    terminal.wait_for("partage: whether somebody holds ");
    std::fs::remove_file(&path).unwrap();
    terminal.press("q");
}

/// Live: sorted, with room, growth and orphans; keys as in top(1).
#[test]
fn top_is_live_and_obeys_keys() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    let held = namespace.hold("get 0x70b 30000000 0600 at");
    terminal.type_line("partage top -d 1");
    terminal.wait_for("GROWTH");
    terminal.wait_for("/dev/shm: ");
    terminal.press("N");
    terminal.wait_for("by name");
    terminal.press("o");
    terminal.wait_for("orphans only");
    terminal.press("o");
    terminal.press("G");
    terminal.wait_for("by growth since the start");
    // What appears now has grown, and comes first.
    let grown = namespace.hold("get 0x70c 9000000 0600 at posix /grown 20");
    terminal.press("h");
    terminal.wait_for("R reverse");
    terminal.press("q");
    // The view reads ahead: what is typed before it has gone may be lost.
    terminal.wait_for("$ partage top");
    terminal.type_line("echo status-$((6*7)) $?");
    terminal.wait_for("status-42 0");
    drop((held, grown));
}

/// A narrow window does without owners and kinds, and keeps what things are and who holds them.
#[test]
fn top_fits_the_window() {
    let Some(terminal) = open() else { return };
    let namespace = Namespace::new();
    let _held = namespace.hold("get 0x70b 30000000 0600 at");
    terminal.type_line("partage top -d 1");
    terminal.wait_for("OWNER");
    terminal.resize(50);
    terminal.wait_until_gone("OWNER");
    let screen = terminal.screen();
    // A name that was cut says so.
    for there in ["RES", "WHAT", "PIDS", " orphan", "…"] {
        assert!(screen.contains(there), "{there} in {screen}");
    }
    suspends_and_goes_on(&terminal, "WHAT");
    terminal.press("q");
    terminal.wait_for("$ fg");
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
