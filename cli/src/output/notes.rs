//! What a table cannot say: how much of the truth could not be seen, on standard error.

use super::format;
use crate::model::Snapshot;
use nix::unistd::Uid;

/// What to say of this snapshot.
pub(crate) fn of(snapshot: &Snapshot) -> Vec<String> {
    let segments = snapshot.segments.iter().map(|segment| segment.unseen);
    let objects = snapshot.objects.iter().filter_map(|object| object.unseen);
    let unseen: u64 = segments.chain(objects).sum();
    let unknown = snapshot
        .objects
        .iter()
        .filter(|object| object.unseen.is_none());
    let unknown = unknown.count();
    let mut notes = Vec::new();
    if unseen > 0 {
        let holders = format::count(unseen as usize, "holder");
        notes.push(format!("{holders} cannot be seen{}", who_could()));
    }
    if unknown > 0 {
        notes.push(format!(
            "whether somebody holds {} cannot be told, with {}{}",
            format::count(unknown, "object"),
            match snapshot.unseen_processes {
                0 => "processes that are not listed".to_owned(),
                1 => "1 process that may not be looked into".to_owned(),
                several => format!("{several} processes that may not be looked into"),
            },
            who_could()
        ));
    }
    notes
}

/// An empty table is not the whole truth where others have namespaces.
pub(crate) fn of_others(owners: &[u32]) -> Option<String> {
    if owners.is_empty() {
        return None;
    }
    let there = match owners.len() {
        1 => "there is 1 namespace".to_owned(),
        several => format!("there are {several} namespaces"),
    };
    let how = match Uid::effective().is_root() {
        true => "`partage ls --all-users` shows what is in them",
        false => "run as root (`ls --all-users`) or as them",
    };
    Some(format!("{there} of {}: {how}", users(owners)))
}

/// Their names, each once.
pub(crate) fn users(numbers: &[u32]) -> String {
    let mut names: Vec<String> = numbers.iter().map(|number| format::user(*number)).collect();
    names.sort();
    names.dedup();
    and(&names)
}

fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Who would see what this user does not.
pub(crate) fn who_could() -> &'static str {
    match Uid::effective().is_root() {
        true => ": look from the pid namespace that they are in",
        false => ": run as root",
    }
}

/// Says it on standard error.
pub(crate) fn print(notes: &[String]) {
    for note in notes {
        anstream::eprintln!("partage: {note}");
    }
}
