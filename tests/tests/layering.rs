//! Arrows run one way: `abi → sysv | posix | mapping → process → registry → os`. A module uses only what lies to its right.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and what must not be named in it.
const LAYERS: [(&str, &[&str]); 6] = [
    (
        "core/src/os",
        &[
            "registry",
            "process::",
            "namespace",
            "sysv",
            "posix",
            "mapping",
            "inspect",
            "backend",
        ],
    ),
    (
        "core/src/registry",
        &["process", "sysv", "posix", "mapping", "inspect", "backend"],
    ),
    (
        "core/src/process",
        &["sysv", "posix", "mapping", "inspect", "backend"],
    ),
    ("core/src/sysv", &["posix", "mapping", "inspect", "backend"]),
    (
        "core/src/posix",
        &[
            "sysv", "process", "registry", "mapping", "inspect", "backend",
        ],
    ),
    (
        "core/src/mapping.rs",
        &["sysv", "posix", "registry", "inspect", "backend"],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .for_each(|entry| sources(&entry.unwrap().path(), found));
    } else if path.extension().is_some_and(|suffix| suffix == "rs") {
        found.push(path.to_owned());
    }
}

fn breaches(layer: &str, forbidden: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    sources(&root().join(layer), &mut files);
    assert!(!files.is_empty(), "{layer} has moved");
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            if forbidden
                .iter()
                .any(|module| line.contains(&format!("crate::{module}")))
            {
                found.push(format!("{}:{}: {line}", file.display(), number + 1));
            }
        }
    }
    found
}

#[test]
fn no_module_looks_to_its_left() {
    let found: Vec<_> = LAYERS
        .iter()
        .flat_map(|(layer, forbidden)| breaches(layer, forbidden))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The C ABI is the only place where raw pointers of callers and errno are dealt with.
#[test]
fn errno_is_written_in_one_place() {
    let mut files = Vec::new();
    for part in ["abi/src", "core/src"] {
        sources(&root().join(part), &mut files);
    }
    let writers: Vec<_> = files
        .iter()
        .filter(|file| {
            fs::read_to_string(file)
                .unwrap()
                .contains("*libc::errno::location() =")
        })
        .map(|file| file.strip_prefix(root()).unwrap().display().to_string())
        .collect();
    assert_eq!(writers, ["abi/src/lib.rs"]);
}

/// The paths in backquotes. A file without a folder is in that of the path before it.
fn named_paths(line: &str) -> Vec<PathBuf> {
    let mut folder = PathBuf::new();
    let mut paths = Vec::new();
    for name in line.split('`').skip(1).step_by(2) {
        let path = if name.contains('/') {
            Path::new(name).to_owned()
        } else if name.ends_with(".c") {
            folder.join(name)
        } else {
            continue;
        };
        folder = if root().join(&path).is_dir() {
            path.clone()
        } else {
            path.parent().map_or_else(PathBuf::new, Path::to_owned)
        };
        paths.push(path);
    }
    paths
}

#[test]
fn each_file_of_the_core_says_what_tests_it() {
    let mut files = Vec::new();
    sources(&root().join("core/src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let head: Vec<&str> = text
            .lines()
            .skip_while(|line| line.starts_with("#!"))
            .map_while(|line| line.strip_prefix("//!"))
            .collect();
        let head = head.concat();
        let said = head.split_once("Tested by").map(|(_, said)| said);
        if said.is_none() && !text.contains("mod tests {") {
            wrong.push(format!("{}: nothing", file.display()));
        }
        for path in said.map(named_paths).unwrap_or_default() {
            if !root().join(&path).exists() {
                wrong.push(format!("{}: {}", file.display(), path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
