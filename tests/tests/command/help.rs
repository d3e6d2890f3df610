//! Help, manual pages and completions: made from one source, and complete.

use crate::support::{Place, finish, outcome, partage};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const COMMANDS: [&str; 14] = [
    "trace",
    "report",
    "run",
    "ls",
    "stat",
    "rm",
    "top",
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

/// The pages of all sections, made in `place`.
fn manual(place: &Place) -> Vec<PathBuf> {
    let directory = place.join("man");
    assert_eq!(outcome(&["man", directory.to_str().unwrap()]).0, Some(0));
    let sections = ["man1", "man3", "man7"].map(|section| directory.join(section));
    let files = sections
        .iter()
        .flat_map(|section| fs::read_dir(section).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// Each command has its page, and man(1) has nothing to say against any.
#[test]
fn one_manual_page_each() {
    let place = Place::new();
    let pages = manual(&place);
    let named = |name: &str| pages.iter().any(|page| page.ends_with(name));
    for command in COMMANDS {
        assert!(named(&format!("man1/partage-{command}.1")), "{command}");
    }
    for page in [
        "man1/partage.1",
        "man3/partage.3",
        "man3/partage_shmat.3",
        "man7/partage.7",
    ] {
        assert!(named(page), "{page}");
    }
    for page in &pages {
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"])
            .arg(page)
            .env("MANPAGER", "cat")
            .env("LC_ALL", "C.UTF-8");
        let shown = finish(&mut man);
        assert_eq!(shown.code(), Some(0), "{}", shown.output);
        let (name, section) = (page.file_stem().unwrap(), page.extension().unwrap());
        let heading = format!("{}({})", name.display(), section.display());
        assert!(shown.output.contains(&heading), "{}", shown.output);
        assert!(!shown.output.contains("warning"), "{}", shown.output);
    }
}

/// The sections that a reader looks for are there, in the usual order.
#[test]
fn manual_pages_have_the_usual_sections() {
    let place = Place::new();
    for page in manual(&place) {
        let text = fs::read_to_string(&page).unwrap();
        let shown = page.display();
        let at = |section: &str| text.find(&format!("\n.SH {section}\n"));
        let wanted: &[&str] = match page.extension().unwrap().to_str().unwrap() {
            "1" => &[
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXIT STATUS",
                "EXAMPLES",
                "SEE ALSO",
            ],
            "3" => &["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"],
            _ => &["NAME", "DESCRIPTION", "ENVIRONMENT", "FILES", "SEE ALSO"],
        };
        let places: Vec<_> = wanted.iter().map(|section| at(section)).collect();
        assert!(places.iter().all(Option::is_some), "{shown}: {places:?}");
        assert!(places.is_sorted(), "{shown}: {places:?}");
        assert!(!text.contains('@') && !text.contains('`'), "{shown}");
    }
    let run = fs::read_to_string(place.join("man/man1/partage-run.1")).unwrap();
    for section in ["ENVIRONMENT", "FILES"] {
        assert!(run.contains(&format!("\n.SH {section}\n")), "{section}");
    }
}

/// mandoc's lint. The pages have no date, since nothing knows one that is true.
#[test]
fn manual_pages_have_style() {
    if Command::new("mandoc").arg("-V").output().is_err() {
        eprintln!("skipped: mandoc is not installed");
        return;
    }
    let place = Place::new();
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-Tlint", "-Wwarning"]).args(manual(&place));
    let found = finish(&mut mandoc).output;
    let wrong: Vec<&str> = found
        .lines()
        .filter(|line| !line.contains("missing date"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
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
    // What the command line says goes before what the environment says.
    for (word, wanted) in [("always", true), ("never", false)] {
        let mut doctor = partage(&["--color", word, "doctor"]);
        doctor.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
        assert_eq!(coloured(&mut doctor), wanted, "{word}");
    }
    assert!(!coloured(
        partage(&["doctor"])
            .env("NO_COLOR", "1")
            .env("CLICOLOR_FORCE", "0")
    ));
}

/// What is wrong with the command line is said as all other errors are, and tips fit.
#[test]
fn errors_have_one_style() {
    let wrong: [(&[&str], &str); 3] = [
        (
            &["ls", "--color", "sometimes"],
            "partage: error: invalid value 'sometimes'",
        ),
        (
            &["ls", "--older", "1h"],
            "partage: error: unexpected argument '--older' found",
        ),
        (
            &["stat", "/none"],
            "partage: error: there is no such thing: object /none",
        ),
    ];
    for (words, said) in wrong {
        let (code, output) = outcome(words);
        assert!(code == Some(2) || code == Some(1), "{words:?}: {code:?}");
        assert!(output.starts_with(said), "{output}");
    }
    let tip = "a similar argument exists: '--older-than'";
    assert!(outcome(&["ls", "--older", "1h"]).1.contains(tip));
    let help = outcome(&[]);
    assert_eq!(help.0, Some(2));
    assert!(help.1.starts_with("System V and POSIX"), "{}", help.1);
}
