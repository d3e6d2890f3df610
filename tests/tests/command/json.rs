//! What the command says to programs: whole texts, with what differs from run to run masked. With
//! `PARTAGE_BLESS=1` in the environment they are written instead of compared.

use crate::fixture::Namespace;
use crate::support::{built, partage};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Fields whose values belong to the run, the machine or the user.
const MASKED: [&str; 17] = [
    "pid",
    "cpid",
    "lpid",
    "uid",
    "gid",
    "cuid",
    "cgid",
    "address",
    "since",
    "atime",
    "ctime",
    "dtime",
    "mtime",
    "time",
    "used",
    "version",
    "unseen_processes",
];

fn masked(text: &str, dir: &str) -> String {
    let lines = text.lines().map(|line| {
        let field = line.trim_start().strip_prefix('"');
        let Some((name, value)) = field.and_then(|rest| rest.split_once("\": ")) else {
            return line.replace(dir, "DIR");
        };
        let begin = &line[..line.len() - value.len()];
        let end = if value.ends_with(',') { "," } else { "" };
        // Nobody and never are the same in every run, but for the numbers of users.
        let is_nothing = matches!(value.trim_end_matches(','), "0" | "null")
            && !name.ends_with("uid")
            && !name.ends_with("gid");
        if name == "file" && value.contains("/segment-") {
            format!("{begin}\"DIR/segment\"{end}")
        } else if MASKED.contains(&name) && !is_nothing {
            format!("{begin}N{end}")
        } else {
            line.replace(dir, "DIR")
        }
    });
    lines.map(|line| line + "\n").collect()
}

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/command")
        .join(name);
    if std::env::var_os("PARTAGE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, wanted, "{name}");
}

/// Exit status and standard output, which alone is for programs.
fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

fn of(namespace: &Namespace, words: &[&str]) -> (Option<i32>, String) {
    let (code, text) = said(partage(words).args(["--dir", &namespace.dir()]));
    (code, masked(&text, &namespace.dir()))
}

/// One segment that somebody has attached, one that nobody has, and an object.
fn something() -> (Namespace, crate::fixture::Holder) {
    let namespace = Namespace::new();
    let held = namespace.hold("get 0x10 4096 0600 at write x");
    namespace.make("get 0x20 5000 0640");
    namespace.make("posix /psm_12ab 4096");
    (namespace, held)
}

#[test]
fn of_rm() {
    let (namespace, _held) = something();
    let (code, text) = of(&namespace, &["rm", "--json", "--all", "--dry-run"]);
    assert_eq!(code, Some(0), "{text}");
    compare("rm-dry-run.json", &text);
    let words = ["rm", "--json", "0x20", "0x10", "0x30"];
    let (code, text) = of(&namespace, &words);
    assert_eq!(code, Some(1), "{text}");
    compare("rm.json", &text);
    // Nobody can be asked here, and then nothing is said that was not done.
    let (code, text) = of(&namespace, &["rm", "--json", "--all"]);
    assert_eq!((code, text.as_str()), (Some(1), ""));
}

#[test]
fn of_gc() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 1000000 0600 at remove get 2 100 0600 at");
    held.kill();
    std::fs::write(format!("{}/segment-999-1000", namespace.dir()), "x").unwrap();
    let (code, would) = of(&namespace, &["gc", "--json", "--dry-run"]);
    assert_eq!(code, Some(0), "{would}");
    let (code, did) = of(&namespace, &["gc", "--json"]);
    assert_eq!(code, Some(0), "{did}");
    compare("gc.json", &did);
    assert_eq!(would.replace("true", "false"), did);
    namespace.show(&["rm", "--all", "--yes"]);
    let (code, text) = of(&namespace, &["gc", "--json"]);
    assert_eq!(code, Some(0), "{text}");
    compare("gc-unused.json", &text);
}

/// `-l`, `-p` and `--tree` choose what people see; programs get all of it.
#[test]
fn of_ls() {
    let (namespace, _held) = something();
    let (code, text) = of(&namespace, &["ls", "--json"]);
    assert_eq!(code, Some(0), "{text}");
    compare("ls.json", &text);
    for form in ["-l", "-p", "--tree"] {
        let other = of(&namespace, &["ls", form, "--json"]);
        assert_eq!(other, (Some(0), text.clone()), "{form}");
    }
}

/// A line for each look, of what is in this namespace.
#[test]
fn of_top() {
    let (namespace, _held) = something();
    let mut top = partage(&["top", "--json", "-n", "2", "-d", "1", "--sort", "name"]);
    let (code, text) = said(top.env("PARTAGE_DIR", namespace.dir()));
    assert_eq!(code, Some(0), "{text}");
    let looks: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(looks.len(), 2, "{text}");
    for mut look in looks {
        assert!(look["time"].as_i64() > Some(0), "{look}");
        assert!(look["room"]["size"].as_u64() > Some(0), "{look}");
        let things = look["things"].as_array_mut().unwrap();
        // Other tests have things at the same time, and objects are nobody's but the namespace's.
        things.retain(|thing| thing["directory"] == namespace.dir());
        let text = serde_json::to_string_pretty(things).unwrap();
        compare("top.json", &masked(&text, &namespace.dir()));
    }
}

#[test]
fn of_check() {
    let command = built().command();
    let check = |words: &[&str]| {
        let mut command = partage(words);
        let (code, text) = said(&mut command);
        (code, masked(&text, &built().release.display().to_string()))
    };
    let word = command.to_str().unwrap();
    let (code, text) = check(&["check", "--json", word]);
    assert_eq!(code, Some(1), "{text}");
    compare("check-not.json", &text);
    let run = ["run", "--private", "--", word, "check", "--json", "sh"];
    let (code, text) = check(&run);
    assert_eq!(code, Some(0), "{text}");
    compare("check-preloaded.json", &text);
}
