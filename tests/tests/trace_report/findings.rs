//! Leaks for continuous integration: lists for other programs, suppressions, baselines, comparisons.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::{Scratch, partage, traced};

/// Leaves as many segments as its first argument says from one place, and one from another if there is a second argument.
const LEAKY: &str = r#"
#include <stdlib.h>
#include <sys/shm.h>
__attribute__((noinline)) static int many(void) { return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600); }
__attribute__((noinline)) static int other(void) { return shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600); }
int main(int argc, char **argv)
{
    for (int i = atoi(argv[1]); i > 0; i--)
        if (many() < 0) return 2;
    return argc > 2 && other() < 0;
}
"#;

/// A recording of the program; the segments are removed when it is dropped.
struct Recorded {
    scratch: Scratch,
    program: PathBuf,
}

impl Recorded {
    fn new() -> Self {
        let scratch = Scratch::new();
        let program = scratch.compile("leaky", LEAKY, &["-g", "-O1"]);
        Recorded { scratch, program }
    }

    fn record(&self, name: &str, args: &[&str]) -> String {
        let path = self.scratch.path(name);
        let path = path.to_str().unwrap().to_owned();
        let ended = traced(
            &self.scratch,
            &["-o", &path, "--leaks"],
            &self.program,
            args,
        );
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        for line in self.report(&["--format", "json", &path]).0.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(shmid) = line["shmid"].as_i64() {
                let _ = Command::new("ipcrm")
                    .args(["-m", &shmid.to_string()])
                    .output();
            }
        }
        path
    }

    /// What a report says, and its exit status.
    fn report(&self, words: &[&str]) -> (String, Option<i32>) {
        let Output { status, stdout, .. } = partage(&["report"]).args(words).output().unwrap();
        (String::from_utf8(stdout).unwrap(), status.code())
    }
}

#[test]
fn many_equal_leaks_are_one_finding() {
    let run = Recorded::new();
    let path = run.record("rec", &["700", "x"]);
    let (text, _) = run.report(&["--leaks", &path]);
    assert!(text.contains("701 segments never removed"), "{text}");
    assert!(
        text.contains("  700 segments, 2.7 MiB: never removed"),
        "{text}"
    );
    assert!(text.contains("8 KiB: never removed"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
    let at = |needle: &str| text.find(needle).unwrap();
    assert!(at("many at ") < at("other at "), "the larger first: {text}");
    let (text, _) = run.report(&["--leaks", "--examples", "0", &path]);
    assert!(!text.contains("more\n"), "{text}");
}

#[test]
fn lists_for_other_programs() {
    let run = Recorded::new();
    let path = run.record("rec", &["3"]);
    let mut command = partage(&["report", "--format", "github", &path]);
    let output = command
        .env("GITHUB_WORKSPACE", &run.scratch.0)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let wanted = "::error file=leaky.c,line=4,title=Shared memory leak::3 segments, 12 KiB: never removed%0A";
    assert!(text.starts_with(wanted), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let (text, status) = run.report(&["--format", "junit", "--fail-on-leaks", &path]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.starts_with("<?xml"), "{text}");
    assert!(
        text.contains("tests=\"1\" failures=\"1\" errors=\"0\""),
        "{text}"
    );
    assert!(text.ends_with("</testsuites>\n"), "{text}");
}

#[test]
fn sarif_names_the_line_and_stays_the_same() {
    let run = Recorded::new();
    let sarif = |path: &str| -> serde_json::Value {
        let mut command = partage(&["report", "--format", "sarif", path]);
        command.env("GITHUB_WORKSPACE", &run.scratch.0);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    let (first, second) = (run.record("a", &["3", "x"]), run.record("b", &["4"]));
    let (first, second) = (sarif(&first), sarif(&second));
    let of = |log: &serde_json::Value| log["runs"][0]["results"].as_array().unwrap().clone();
    let (first, second) = (of(&first), of(&second));
    assert_eq!((first.len(), second.len()), (2, 1), "{first:?} {second:?}");
    let found = &first[0];
    assert_eq!(found["ruleId"], "lasting");
    assert_eq!(found["level"], "error");
    assert_eq!(found["occurrenceCount"], 3);
    let place = &found["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "leaky.c");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "SRCROOT");
    assert_eq!(place["region"]["startLine"], 4);
    let frames = found["stacks"][0]["frames"].as_array().unwrap();
    let logical = &frames[1]["location"]["logicalLocations"][0];
    assert_eq!(logical["fullyQualifiedName"], "main");
    // A leak is known again, and not taken for another.
    let mark = "partialFingerprints";
    assert_eq!(found[mark], second[0][mark]);
    assert_ne!(found[mark], first[1][mark]);
}

#[test]
fn suppressed_and_known_leaks_are_not_told() {
    let run = Recorded::new();
    let path = run.record("rec", &["3", "x"]);
    let file = run.scratch.path("suppressions");
    let suppressions = file.to_str().unwrap();
    let judge = |words: &[&str]| {
        let all = [&["--leaks", "--fail-on-leaks"], words, &[path.as_str()]].concat();
        run.report(&all)
    };
    fs::write(&file, "# ours\nleak:^many$\n").unwrap();
    let (text, status) = judge(&["--suppressions", suppressions]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("3 suppressed") && !text.contains("many at"),
        "{text}"
    );
    fs::write(&file, "leak:leaky.c\n").unwrap();
    assert_eq!(judge(&["--suppressions", suppressions]).1, Some(0));
    fs::write(&file, "no rule\n").unwrap();
    assert_eq!(judge(&["--suppressions", suppressions]).1, Some(2));

    let baseline = run.scratch.path("baseline");
    let baseline = baseline.to_str().unwrap();
    let few = run.record("few", &["2"]);
    run.report(&["--leaks", "--write-baseline", baseline, &few]);
    let (text, status) = judge(&["--baseline", baseline]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("1 segment never removed") && text.contains("other at"),
        "{text}"
    );
    assert!(text.contains("3 known from the baseline"), "{text}");
    run.report(&["--leaks", "--write-baseline", baseline, &path]);
    assert_eq!(judge(&["--baseline", baseline]).1, Some(0));
}

#[test]
fn recordings_are_compared() {
    let run = Recorded::new();
    let (old, new) = (run.record("old", &["2"]), run.record("new", &["5", "x"]));
    let (text, status) = run.report(&["--diff", &old, &new, "--fail-on-leaks"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("more: 5 segments, 20 KiB: never removed, were 2"),
        "{text}"
    );
    assert!(text.contains("new: shmid"), "{text}");
    let (text, status) = run.report(&["--diff", &new, &old, "--fail-on-leaks"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("fewer: 2 segments") && text.contains("gone: shmid"),
        "{text}"
    );
    let (text, _) = run.report(&["--diff", &old, &old]);
    assert!(text.contains("unchanged: 1 finding"), "{text}");
}
