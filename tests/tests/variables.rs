//! The environment variables of the library: README has the table of `core/src/options.rs`, each is read, and each is tried on
//! privileged programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use partage_core::options::VARIABLES;

fn text(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(file)).unwrap()
}

fn rows(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines.filter(|row| row.starts_with("| `PARTAGE_")).collect()
}

/// The names in quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('"')
        .filter(|word| word.starts_with("PARTAGE_"))
        .collect()
}

#[test]
fn are_the_same_everywhere() {
    let table: Vec<String> = VARIABLES
        .iter()
        .map(|one| format!("| `{}` | {} | {} |", one.name, one.default, one.meaning))
        .collect();
    assert_eq!(rows(&text("README.md")), table);

    let names: BTreeSet<&str> = VARIABLES.iter().map(|one| one.name).collect();
    let options = text("core/src/options.rs");
    let (_, readers) = options.split_once("\n];\n").expect("the table has moved");
    assert_eq!(quoted(readers), names, "what the library reads");
    let privileged = text("reliability/tests/security/privileged.rs");
    let mut tried = quoted(&privileged);
    tried.remove("PARTAGE_SECURITY_ASK");
    assert_eq!(tried, names, "what is tried on privileged programs");
}
