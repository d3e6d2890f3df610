//! What a user does not want to hear of: suppressions, in LeakSanitizer's way, and leaks known from an earlier run.
//!
//! ```text
//! # A comment
//! leak:load_users          any place of the stack: function, source file or module; `*`, and `^` and `$` at the ends
//! object:^/pulse-shm-      the object's name
//! ```

use std::collections::{BTreeMap, HashSet};

use crate::symbols::Frame;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Leak(String),
    Object(String),
}

/// Lines of a suppressions file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions(Vec<Rule>);

impl Suppressions {
    /// Reads the lines of a file.
    ///
    /// # Errors
    /// The number of the first line that is none, and what is wrong.
    pub fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((kind, pattern)) = line.split_once(':') else {
                return Err((number, "neither leak:PATTERN nor object:PATTERN"));
            };
            let pattern = pattern.trim();
            if pattern.is_empty() {
                return Err((number, "an empty pattern would suppress everything"));
            }
            rules.push(match kind {
                "leak" => Rule::Leak(pattern.to_owned()),
                "object" => Rule::Object(pattern.to_owned()),
                _ => return Err((number, "neither leak:PATTERN nor object:PATTERN")),
            });
        }
        Ok(Suppressions(rules))
    }

    /// Whether nothing is suppressed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what was made at these places, with this name, is suppressed.
    #[must_use]
    pub fn holds(&self, object: &str, frames: &[Frame]) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::Object(pattern) => matches(pattern, object),
            Rule::Leak(pattern) => frames.iter().any(|frame| {
                let file = frame.line.as_ref().map(|(file, _)| file.as_str());
                let words = [frame.function.as_deref(), file, frame.module.as_deref()];
                let mut words = words.into_iter().flatten();
                words.any(|word| matches(pattern, word))
            }),
        })
    }
}

/// Whether the pattern is in the text: `*` stands for anything, `^` and `$` for its ends.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (from_start, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (to_end, pattern) = match pattern.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let pieces: Vec<&str> = pattern.split('*').collect();
    let last = pieces.len().saturating_sub(1);
    let mut rest = text;
    for (index, piece) in pieces.into_iter().enumerate() {
        if index == last && to_end {
            return rest.ends_with(piece) && (index > 0 || !from_start || rest == piece);
        }
        let found = if index == 0 && from_start {
            rest.starts_with(piece).then_some(0)
        } else {
            rest.find(piece)
        };
        match found.and_then(|at| rest.get(at + piece.len()..)) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

/// Leaks of an earlier run, by what stays the same from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(HashSet<String>);

/// First line of a baseline.
const HEAD: &str = "# partage baseline: leaks that are known";

impl Baseline {
    /// Reads what [`Baseline::text`] has written.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.lines().next() != Some(HEAD) {
            return Err("not a baseline: --write-baseline makes one");
        }
        let lines = text.lines().skip(1).filter(|line| !line.is_empty());
        Ok(Baseline(lines.map(str::to_owned).collect()))
    }

    /// The file for these leaks.
    #[must_use]
    pub fn text(signatures: &BTreeMap<String, u64>) -> String {
        let lines = signatures.keys().map(|signature| format!("{signature}\n"));
        format!("{HEAD}\n{}", lines.collect::<String>())
    }

    /// Whether a leak is known.
    #[must_use]
    pub fn knows(&self, signature: &str) -> bool {
        self.0.contains(signature)
    }
}

/// What stays the same of a finding when lines move and addresses change: what leaked, the call, the program, and the
/// functions.
pub(crate) fn signature(kind: &str, call: &str, program: &str, places: &[Frame]) -> String {
    let name = |path: &str| crate::words::file_name(path).to_owned();
    let place = |frame: &Frame| {
        let file = frame.line.as_ref().map(|(file, _)| name(file));
        let module = frame.module.as_deref().map(name);
        frame.function.clone().or(file).or(module)
    };
    let places: Vec<String> = places
        .iter()
        .map(|frame| place(frame).unwrap_or_else(|| "?".to_owned()))
        .collect();
    let line = format!("{kind} {call} {program} {}", places.join(" < "));
    crate::words::printable(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_leak_sanitizer() {
        assert!(matches("load", "preload_users"));
        assert!(matches("^load*users$", "load_all_users"));
        assert!(!matches("^load", "preload"));
        assert!(!matches("users$", "users_of"));
        assert!(matches("^exact$", "exact") && !matches("^exact$", "exactly"));
        assert!(!matches("^a$", "ba") && !matches("^ab*ab$", "ab"));
        assert!(matches("*.so", "/usr/lib/libx.so.1"));
    }

    #[test]
    fn bad_lines_are_told() {
        assert!(Suppressions::parse("# a\n\nleak:x\nobject:^/y").is_ok());
        assert_eq!(
            Suppressions::parse("leak:x\nnothing").map_err(|(line, _)| line),
            Err(2)
        );
        assert_eq!(
            Suppressions::parse("leak:").map_err(|(line, _)| line),
            Err(1)
        );
        assert_eq!(
            Suppressions::parse("fun:x").map_err(|(line, _)| line),
            Err(1)
        );
    }

    #[test]
    fn a_baseline_is_read_again() {
        let known = BTreeMap::from([("lasting shmget app f < main".to_owned(), 3)]);
        let baseline = Baseline::parse(&Baseline::text(&known)).unwrap_or_default();
        assert!(baseline.knows("lasting shmget app f < main"));
        assert!(!baseline.knows("lasting shmget app g < main"));
        assert!(Baseline::parse("{}").is_err());
    }
}
