//! Strange names, values and directories: said so that no terminal is confused, and always in one way.

use crate::fixture::Namespace;
use crate::support::{Place, finish, outcome, partage};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Blanks at the end, which nobody would see, and what takes more than one column, are escaped; all
/// names are accepted as they are shown.
#[test]
fn names_are_accepted_as_they_are_shown() {
    let namespace = Namespace::new();
    namespace.make("posix /first 1");
    let directory = Path::new(&namespace.dir()).join("posix");
    let names: [&[u8]; 8] = [
        b"trail  ",
        b"\xff\xfe",
        b"nl\nx",
        b"back\\slash",
        b"\x1b[31m",
        "wide\u{3000}".as_bytes(),
        b" lead",
        b"--all",
    ];
    for name in names {
        fs::write(directory.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    let text = namespace.show(&["ls"]);
    let shown = text.lines().filter(|line| line.starts_with('/'));
    let user = format!(" {} ", crate::support::user());
    let shown: Vec<&str> = shown
        .map(|line| line.split_once(&user).unwrap().0.trim_end())
        .collect();
    assert_eq!(shown.len(), 9, "{text}");
    assert!(shown.contains(&"/trail\\x20\\x20"), "{text}");
    for name in shown {
        namespace.show(&["stat", name]);
        namespace.show(&["rm", name]);
    }
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}

/// In messages, too: a directory's name comes from outside like any other.
#[test]
fn directories_are_shown_escaped() {
    let place = Place::new();
    let directory = place.join("a\x1b[2J\nb");
    let dir = directory.to_str().unwrap();
    let (code, said) = outcome(&["ls", "--dir", dir]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("/a\\x1b[2J\\x0ab\n"), "{said:?}");
    let (code, said) = outcome(&["run", "--dir", dir, "--", "ipcmk", "-M", "100"]);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        &["gc", "--dir", dir][..],
        &["doctor", "--dir", dir, "--color=always"],
        &["destroy", dir],
        &["destroy", dir, "--yes"],
    ] {
        let (_, said) = outcome(words);
        assert!(
            !said.contains("[2J\nb") && !said.contains("\x1b[2J"),
            "{said:?}"
        );
    }
    assert!(!directory.exists());
    // A program's name, and the one that it gives itself.
    let program = place.join("p\x1b[2Jq");
    let (_, said) = outcome(&["check", program.to_str().unwrap()]);
    assert!(said.contains("p\\x1b[2Jq"), "{said:?}");
    fs::copy("/bin/sleep", &program).unwrap();
    let mut sleeping = std::process::Command::new(&program)
        .arg("100")
        .spawn()
        .unwrap();
    crate::support::wait_until("it runs", || {
        let name = fs::read(format!("/proc/{}/comm", sleeping.id())).unwrap_or_default();
        name.contains(&b'q')
    });
    let (_, said) = outcome(&["check", &sleeping.id().to_string()]);
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    assert!(said.contains("(p\\x1b[2Jq)"), "{said:?}");
}

/// Programs are not started in a directory of something else: the library would make it a namespace.
#[test]
fn running_in_a_directory_that_is_no_namespace() {
    let place = Place::new();
    let dir = place.join("stuff");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("letter"), "x").unwrap();
    let words = ["run", "--dir", dir.to_str().unwrap(), "--", "true"];
    let (code, said) = outcome(&words);
    assert_eq!(code, Some(125), "{said}");
    assert!(
        said.contains("is no namespace") && said.contains("letter"),
        "{said}"
    );
    fs::remove_file(dir.join("letter")).unwrap();
    assert_eq!(outcome(&words), (Some(0), String::new()));
}

/// A user may put a link where his objects would be: what it leads to is none of them, whoever tidies.
#[test]
fn link_in_place_of_the_objects() {
    let namespace = Namespace::new();
    let place = Place::new();
    let victim = place.join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("letter"), "x").unwrap();
    namespace.make("get 1 100 0600");
    std::os::unix::fs::symlink(&victim, format!("{}/posix", namespace.dir())).unwrap();
    assert!(!namespace.show(&["ls"]).contains("letter"));
    let (code, said) = namespace.partage(&["rm", "/letter", "--force"]);
    assert_eq!(code, Some(1), "{said}");
    namespace.show(&["rm", "--all", "--force", "--yes"]);
    namespace.show(&["gc"]);
    let (code, said) = outcome(&["destroy", "--yes", &namespace.dir()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(victim.join("letter").exists());
}

/// Nobody writes into it: whoever opens it as a file waits.
#[test]
fn pipe_in_place_of_the_registry() {
    let place = Place::new();
    let dir = place.join("pipe");
    fs::create_dir(&dir).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(dir.join("registry"))
        .status();
    assert!(made.unwrap().success());
    let dir = dir.to_str().unwrap();
    for words in [
        &["ls", "--dir", dir][..],
        &["doctor", "--dir", dir],
        &["gc", "--dir", dir],
        &["destroy", "--yes", dir],
    ] {
        let (code, said) = outcome(words);
        assert_eq!(code, Some(1), "{words:?}: {said}");
    }
}

/// By whoever asks the library, not only by `run` and `doctor`.
#[test]
fn variables_that_mean_nothing() {
    let namespace = Namespace::new();
    namespace.make("get 1 1 0600");
    for words in [
        &["ls"][..],
        &["top"],
        &["stat", "0x1"],
        &["rm", "-n", "0x1"],
        &["gc", "-n"],
    ] {
        let mut command = partage(words);
        command.env("PARTAGE_DIR", namespace.dir());
        command.env("PARTAGE_SHMMNI", "many");
        let ended = finish(&mut command);
        assert_eq!(ended.code(), Some(0), "{words:?}: {}", ended.output);
        let warning = "partage: warning: PARTAGE_SHMMNI is `many`, which means nothing to it";
        assert!(
            ended.output.contains(warning),
            "{words:?}: {}",
            ended.output
        );
    }
}

/// What is wrong with a value has the status of a wrong command line, whatever finds it.
#[test]
fn wrong_values_have_one_status() {
    for words in [
        &["ls", "--min-size", "1Q"][..],
        &["ls", "--older-than", "soon"],
        &["ls", "--owner", "no-such-user"],
        &["ls", "--user", "no-such-user"],
        &["top", "-n", "0"],
        &["stat", ""],
        &["cp", "a", "b"],
        &["gc", "--backend", "kernel"],
    ] {
        let (code, said) = outcome(words);
        assert_eq!(code, Some(2), "{words:?}: {said}");
        assert!(said.starts_with("partage: error: "), "{said}");
    }
}
