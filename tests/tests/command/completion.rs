//! Completion of command lines, by the shells themselves.

use crate::fixture::Namespace;
use crate::support::{Place, built, finish, outcome};
use crate::terminal::{self, Terminal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The script for a shell, in a file.
fn script(place: &Place, shell: &str) -> PathBuf {
    let file = place.join(&format!("partage.{shell}"));
    fs::write(&file, outcome(&["completions", shell]).1).unwrap();
    file
}

/// A shell that runs the built command by its name; skipped where there is no such shell.
fn shell(name: &str) -> Option<Command> {
    let there = Command::new(name).args(["-c", "exit"]).status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("PARTAGE_TEST_ALL").is_none(),
            "{name} is not installed"
        );
        eprintln!("skipped: {name} is not installed");
        return None;
    }
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(name);
    command.env("PATH", format!("{}:{path}", built().release.display()));
    Some(command)
}

/// What bash offers for the last of `words`, split as bash splits.
fn by_bash(words: &[&str]) -> String {
    let place = Place::new();
    let try_it =
        "source \"$1\"; shift; compopt() { :; }; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))
        last=${COMP_WORDS[COMP_CWORD]}; case $last in =) last=;; esac
        _partage partage \"$last\" x; printf '%s ' \"${COMPREPLY[@]}\"";
    let mut bash = shell("bash").unwrap();
    bash.args(["-c", try_it, "-"])
        .arg(script(&place, "bash"))
        .args(words);
    finish(&mut bash).output.trim().to_owned()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(by_bash(&["partage", "r"]), "run report rm");
    assert_eq!(by_bash(&["partage", "rm", "--or"]), "--orphans");
    assert_eq!(by_bash(&["partage", "ls", "--sort", "res"]), "resident");
    assert_eq!(
        by_bash(&["partage", "ls", "--sort", "=", "res"]),
        "resident"
    );
    assert_eq!(by_bash(&["partage", "ls", "--owner", "nobo"]), "nobody");
    let limits = ["partage", "run", "--limits", "shmmax", "=", "1G,shma"];
    assert_eq!(by_bash(&limits), "1G,shmall=");
}

#[test]
fn bash_completes_what_the_namespace_has() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 0xc0ffee 4096 0600 at posix /frames 10");
    let dir = namespace.dir();
    let id = &held.ids[0];
    let all = format!("0x00c0ffee {id} /frames");
    assert_eq!(by_bash(&["partage", "stat", "--dir", &dir, ""]), all);
    assert_eq!(by_bash(&["partage", "rm", "--dir", &dir, "/f"]), "/frames");
    assert_eq!(
        by_bash(&["partage", "rm", "--dir", "=", &dir, "0x"]),
        "0x00c0ffee"
    );
    assert_eq!(
        by_bash(&["partage", "cp", "--dir", &dir, "shm", ":", "/f"]),
        "/frames"
    );
    let pid = held.pid().to_string();
    assert_eq!(
        by_bash(&["partage", "ls", "--dir", &dir, "--pid", &pid]),
        pid
    );
    // Of another namespace there is nothing of this.
    let other = Namespace::new();
    assert_eq!(
        by_bash(&["partage", "stat", "--dir", &other.dir(), "0x00c0"]),
        ""
    );
}

#[test]
fn bash_completes_the_program_that_is_run() {
    // Once for each directory that has it, until the shell shows them.
    let found = by_bash(&["partage", "run", "--private", "--", "unam"]);
    assert!(found.starts_with("uname"), "{found}");
    assert!(found.split(' ').all(|word| word == "uname"), "{found}");
    let found = by_bash(&["partage", "check", "unam"]);
    assert_eq!(found, "uname");
}

#[test]
fn fish_completes() {
    let Some(_) = shell("fish") else { return };
    let namespace = Namespace::new();
    namespace.make("get 0xc0ffee 4096 0600");
    let place = Place::new();
    let script = script(&place, "fish");
    // Without its configuration it knows no other programs.
    let by_fish = |line: &str| {
        let mut fish = shell("fish").unwrap();
        fish.env("HOME", place.join("home"));
        fish.args(["-c", "source $argv[1]; complete -C $argv[2]"]);
        finish(fish.arg(&script).arg(line)).output
    };
    let line = format!("partage stat --dir {} 0x", namespace.dir());
    let found = by_fish(&line);
    assert!(found.starts_with("0x00c0ffee\t"), "{found}");
    assert!(by_fish("partage rm --orph").starts_with("--orphans\t"));
    let found = by_fish("partage run --private -- unam");
    assert!(found.starts_with("uname"), "{found}");
    let found = by_fish("partage run -- partage rm --orph");
    assert!(found.starts_with("--orphans\t"), "{found}");
    let found = by_fish("partage run --dir=/tmp -- env A=b tar --files");
    assert!(found.starts_with("--files-from\t"), "{found}");
}

#[test]
fn zsh_completes() {
    let Some(_) = shell("zsh") else { return };
    let Some(terminal) = terminal::open() else {
        return;
    };
    let namespace = Namespace::new();
    namespace.make("get 0xc0ffee 4096 0600");
    let place = Place::new();
    let script = script(&place, "zsh");
    terminal.type_line("PS1='zsh-$((6*7)) ' exec zsh -f -o promptsubst");
    terminal.wait_for("zsh-42");
    terminal.type_line("autoload -Uz compinit; compinit -u -D");
    terminal.type_line(&format!("source {}; clear", script.display()));
    let cases = [
        ("partage stat --dir DIR 0x", "0x00c0ffee"),
        ("partage rm --orph", "--orphans"),
        ("partage run --private -- unam", "uname"),
        ("partage run -- partage rm --orph", "--orphans"),
        ("partage run --dir=DIR -- tar --files", "--files-from"),
        ("partage trace -- env A=b ls --alm", "--almost-all"),
    ];
    each_becomes(&terminal, &namespace, &cases);
}

/// Types each line and the key for completion, until it has become what it should.
fn each_becomes(terminal: &Terminal, namespace: &Namespace, cases: &[(&str, &str)]) {
    for (line, whole) in cases {
        terminal.type_text(&line.replace("DIR", &namespace.dir()));
        terminal.press("Tab");
        terminal.wait_for(whole);
        terminal.press("C-u");
        terminal.type_line("clear");
        terminal.wait_until_gone(whole);
    }
}

/// With the completions that bash has of other programs.
#[test]
fn bash_completes_by_the_programs_own_completion() {
    const OWN: &str = "/usr/share/bash-completion/bash_completion";
    if !Path::new(OWN).exists() {
        let all = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!all, "bash-completion is not installed");
        return eprintln!("skipped: bash-completion is not installed");
    }
    let Some(terminal) = terminal::open() else {
        return;
    };
    let namespace = Namespace::new();
    let place = Place::new();
    let script = script(&place, "bash");
    terminal.type_line(&format!(
        "source {OWN}; source {}; clear; echo $((6*7))",
        script.display()
    ));
    terminal.wait_for("42");
    let cases = [
        ("partage run -- tar --files", "--files-from"),
        ("partage run --dir=DIR -- ls --alm", "--almost-all"),
        ("partage run --limits shmmax=1G -- unam", "uname"),
        ("partage run -- partage rm --orph", "--orphans"),
        ("partage trace -- ls --alm", "--almost-all"),
    ];
    each_becomes(&terminal, &namespace, &cases);
}
