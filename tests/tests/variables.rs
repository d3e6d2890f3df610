//! The environment variables of the library: README has the table of `core/src/options.rs`, the command knows what values
//! they may have, and each is tried on privileged programs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn text(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(file)).unwrap()
}

fn rows<'a>(text: &'a str, before: &'static str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(before))
        .filter(|row| row.starts_with("| `PARTAGE_"))
        .collect()
}

/// The names in quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('"')
        .filter(|word| word.starts_with("PARTAGE_"))
        .collect()
}

#[test]
fn are_the_same_everywhere() {
    let options = text("core/src/options.rs");
    let table = rows(&options, "//! ");
    assert!(!table.is_empty(), "the table has moved");
    assert_eq!(rows(&text("README.md"), ""), table);

    let names: BTreeSet<&str> = table
        .iter()
        .map(|row| row.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(quoted(&options), names, "what the library reads");
    assert_eq!(
        quoted(&text("cli/src/variables.rs")),
        names,
        "what the command knows"
    );
    let privileged = text("reliability/tests/security/privileged.rs");
    let mut tried = quoted(&privileged);
    tried.remove("PARTAGE_SECURITY_ASK");
    assert_eq!(tried, names, "what is tried on privileged programs");
}
