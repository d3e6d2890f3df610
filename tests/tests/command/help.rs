//! Help, manual pages and completions: made from one source, and complete.

use crate::support::{Place, finish, outcome, partage};
use std::fs;
use std::process::Command;

const COMMANDS: [&str; 13] = [
    "trace",
    "report",
    "run",
    "ls",
    "stat",
    "rm",
    "gc",
    "dump",
    "cp",
    "init",
    "destroy",
    "doctor",
    "completions",
];

#[test]
fn every_command_teaches_by_example() {
    let (code, general) = outcome(&["--help"]);
    assert_eq!(code, Some(0));
    for command in COMMANDS {
        assert!(general.contains(&format!("  {command}")), "{general}");
        let (code, help) = outcome(&[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(help.contains("Examples:\n"), "{command}: {help}");
        assert!(
            help.contains(&format!("  partage {command}")),
            "{command}: {help}"
        );
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{command}: {widest:?}");
    }
}

#[test]
fn one_manual_page_each() {
    let place = Place::new();
    let directory = place.join("man");
    fs::create_dir(&directory).unwrap();
    assert_eq!(outcome(&["man", directory.to_str().unwrap()]).0, Some(0));
    for command in COMMANDS {
        let page = directory.join(format!("partage-{command}.1"));
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"])
            .arg(&page)
            .env("MANPAGER", "cat")
            .env("LC_ALL", "C.UTF-8");
        let shown = finish(&mut man);
        assert_eq!(shown.code(), Some(0), "{}", shown.output);
        assert!(
            shown.output.contains(&format!("partage-{command}(1)")),
            "{}",
            shown.output
        );
        assert!(!shown.output.contains("warning"), "{}", shown.output);
    }
}

#[test]
fn completions_know_the_commands_and_options() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script) = outcome(&["completions", shell]);
        assert_eq!(code, Some(0));
        for word in COMMANDS.iter().chain(&["without-kernel-sysv", "orphans"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let place = Place::new();
    let script = place.join("partage.bash");
    fs::write(&script, outcome(&["completions", "bash"]).1).unwrap();
    let try_it = "source $1; COMP_WORDS=(partage r); COMP_CWORD=1; _partage partage r partage
        echo ${COMPREPLY[@]}";
    let mut bash = Command::new("bash");
    let ended = finish(bash.args(["-c", try_it, "-"]).arg(&script));
    assert_eq!(ended.output.trim(), "run report rm", "{}", ended.output);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let coloured = |command: &mut Command| finish(command).output.contains("\x1b[");
    assert!(
        !coloured(partage(&["doctor"]).env_remove("NO_COLOR")),
        "no terminal, no colours"
    );
    let mut forced = partage(&["doctor"]);
    assert!(coloured(
        forced.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1")
    ));
    assert!(!coloured(
        partage(&["doctor"])
            .env("NO_COLOR", "1")
            .env("CLICOLOR_FORCE", "0")
    ));
}
