//! Two recordings compared: which leaks are new, which are gone, which have become more or fewer.

use std::collections::BTreeMap;

use crate::findings::Finding;
use crate::leaks;
use crate::model::Model;
use crate::style::{Role, Style};
use crate::symbols::Frame;
use crate::words;

/// One side.
#[derive(Clone, Copy, Debug)]
pub struct Side<'s> {
    /// What is known of it.
    pub model: &'s Model,
    /// Its leaks.
    pub findings: &'s [Finding],
}

/// What changed from the first to the second; and whether a leak is new or has become more.
#[must_use]
pub fn text(before: Side<'_>, after: Side<'_>, style: Style) -> (String, bool) {
    let mut text = style.paint(Role::Heading, "Changes") + "\n";
    for (what, value) in measures() {
        let (old, new) = (value(before.model), value(after.model));
        let shown = |value| match what {
            "objects made" => format!("{value}"),
            _ => words::size(value),
        };
        if old == new {
            text += &format!("  {what}: {} in both\n", shown(old));
        } else {
            text += &format!("  {what}: {}, was {}\n", shown(new), shown(old));
        }
    }
    let (old, new) = (by_signature(before.findings), by_signature(after.findings));
    let mut worse = false;
    for (signature, (finding, count)) in &new {
        match old.get(signature) {
            None => {
                worse = true;
                text += &line(style, Role::Error, "new", finding, String::new());
            }
            Some((_, was)) if was < count => {
                worse = true;
                text += &line(style, Role::Error, "more", finding, format!(", were {was}"));
            }
            Some((_, was)) if was > count => {
                text += &line(style, Role::Good, "fewer", finding, format!(", were {was}"));
            }
            Some(_) => {}
        }
    }
    let gone = old
        .iter()
        .filter(|(signature, _)| !new.contains_key(*signature));
    for (_, (finding, _)) in gone {
        text += &line(style, Role::Good, "gone", finding, String::new());
    }
    let is_same = |(signature, (_, count)): &(&&str, &(&Finding, u64))| {
        old.get(**signature).is_some_and(|(_, was)| was == count)
    };
    let same = new.iter().filter(is_same).count();
    text += &format!("  unchanged: {}\n", words::count(same as u64, "finding"));
    (text, worse)
}

type Measure = (&'static str, fn(&Model) -> u64);

fn measures() -> [Measure; 3] {
    [
        ("objects made", leaks::made),
        ("most bytes in objects", |model| model.existing().peak),
        ("most bytes mapped", |model| model.mapped().peak),
    ]
}

fn by_signature(findings: &[Finding]) -> BTreeMap<&str, (&Finding, u64)> {
    let mut known: BTreeMap<&str, (&Finding, u64)> = BTreeMap::new();
    for finding in findings {
        let entry = known
            .entry(finding.signature.as_str())
            .or_insert((finding, 0));
        entry.1 += finding.count;
    }
    known
}

fn line(style: Style, role: Role, word: &str, finding: &Finding, was: String) -> String {
    let mut text = style.paint(role, &format!("  {word}: {}{was}", finding.what));
    text += &format!("\n    by {}, {}\n", finding.who, finding.call);
    for label in finding.places.iter().map(Frame::label) {
        text += &format!("      {}\n", style.paint(Role::Call, &label));
    }
    text
}
