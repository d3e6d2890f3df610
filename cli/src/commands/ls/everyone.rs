//! `partage ls --all-users`: the namespaces of the whole machine.

use super::select::Selection;
use super::tables;
use crate::failure::Failure;
use crate::name::shown;
use crate::output::table::{Align, Table};
use crate::output::{format, notes};
use crate::sources::{Found, State};

/// One line for each, then what is in those that have something; and what could not be seen.
pub(super) fn text(
    mut found: Vec<Found>,
    selection: &Selection,
    bytes: bool,
) -> Result<(String, Vec<String>), Failure> {
    let mut text = summary(&found);
    let closed = found.iter().filter(|one| one.state == State::Closed);
    let closed: Vec<u32> = closed.map(|one| one.uid).collect();
    let mut unseen: Vec<String> = notes::of_closed(&closed).into_iter().collect();
    for namespace in &mut found {
        let Some(contents) = &mut namespace.contents else {
            continue;
        };
        let place = shown(&namespace.directory);
        let told = selection.apply(contents)?.into_iter();
        unseen.extend(told.map(|note| format!("{place}: {note}")));
        if !contents.segments.is_empty() || !contents.objects.is_empty() {
            text += &format!("\n{place}\n");
            if let Some(contents) = &namespace.contents {
                text += &tables::short(contents, bytes);
            }
        }
    }
    Ok((text, unseen))
}

fn summary(found: &[Found]) -> String {
    let mut table = Table::new(vec![
        ("NAMESPACE", Align::Left),
        ("OWNER", Align::Left),
        ("STATE", Align::Left),
        ("MEMBERS", Align::Right),
        ("SEGMENTS", Align::Right),
        ("OBJECTS", Align::Right),
        ("RES", Align::Right),
    ]);
    for namespace in found {
        let contents = namespace.contents.as_ref();
        let unknown = || "?".to_owned();
        let told = |number: Option<usize>| number.map_or_else(unknown, |number| number.to_string());
        let resident = contents.map(|contents| {
            let segments = contents
                .segments
                .iter()
                .filter_map(|segment| segment.resident);
            segments
                .chain(contents.objects.iter().map(|object| object.resident))
                .sum()
        });
        table.push(vec![
            shown(&namespace.directory),
            format::user(namespace.uid),
            match namespace.state {
                State::Used => "used",
                State::Leftover => "leftover",
                State::Empty => "empty",
                State::Closed => "closed",
            }
            .to_owned(),
            told(namespace.members),
            told(contents.map(|contents| contents.segments.len())),
            told(contents.map(|contents| contents.objects.len())),
            resident.map_or_else(unknown, format::size_in_table),
        ]);
    }
    table.render()
}
