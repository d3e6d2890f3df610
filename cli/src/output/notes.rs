//! What a table cannot say: how much of the truth could not be seen, on standard error.

use super::format;
use crate::model::Snapshot;
use nix::unistd::Uid;

/// What to say of this snapshot.
pub(crate) fn of(snapshot: &Snapshot) -> Vec<String> {
    let segments = snapshot.segments.iter().map(|segment| segment.unseen);
    let objects = snapshot.objects.iter().filter_map(|object| object.unseen);
    let unseen: u64 = segments.chain(objects).sum();
    let mut notes = Vec::new();
    if unseen > 0 {
        let holders = format::count(unseen as usize, "holder");
        notes.push(format!("{holders} cannot be seen{}", who_could()));
    }
    notes.extend(of_unknown(snapshot));
    notes
}

/// Objects of which it is not known whether they have holders: any may be an orphan, or none.
pub(crate) fn of_unknown(snapshot: &Snapshot) -> Option<String> {
    let objects = snapshot.objects.iter();
    let unknown = objects.filter(|object| object.unseen.is_none()).count();
    let whose = match snapshot.unseen_processes {
        0 => UNLISTED.to_owned(),
        some => closed_processes(some),
    };
    (unknown > 0).then(|| {
        format!(
            "whether somebody holds {} cannot be told, with {whose}{}",
            format::count(unknown, "object"),
            who_could()
        )
    })
}

/// Memory without a name is seen with its holders only.
pub(crate) fn of_nameless(snapshot: &Snapshot) -> Option<String> {
    let whose = match (snapshot.unseen_processes, snapshot.lists_all) {
        (0, true) => return None,
        (0, false) => UNLISTED.to_owned(),
        (some, _) => closed_processes(some),
    };
    let how = who_could();
    Some(format!("memory held only by {whose} is not shown{how}"))
}

/// What there may be, and `/proc` does not show.
pub(crate) const UNLISTED: &str = "processes that are not listed";

/// Those whose holdings this user cannot see.
fn closed_processes(number: usize) -> String {
    match number {
        1 => "1 process that may not be looked into".to_owned(),
        several => format!("{several} processes that may not be looked into"),
    }
}

/// An empty table is not the whole truth where others have namespaces.
pub(crate) fn of_others(owners: &[u32]) -> Option<String> {
    let how = match Uid::effective().is_root() {
        true => "`partage ls --all-users` shows what is in them",
        false => "run as root (`ls --all-users`) or as them",
    };
    Some(format!("{}: {how}", namespaces_of(owners)?))
}

/// Nor is it where the kernel has segments.
pub(crate) fn of_the_kernel(segments: usize) -> Option<String> {
    let them = match segments {
        0 => return None,
        1 => "it",
        _ => "them",
    };
    let there = format::count(segments, "segment");
    Some(format!(
        "the kernel has {there} of its own: `partage ls --backend kernel` shows {them}"
    ))
}

/// Nor is it if nothing is found to be removed.
pub(crate) fn of_others_to_tidy(owners: &[u32]) -> Option<String> {
    let name = match owners {
        [one] => format::user(*one),
        _ => "NAME".to_owned(),
    };
    let how = match Uid::effective().is_root() {
        true => format!("`--user {name}` tidies there"),
        false => format!("run as root (`--user {name}`) or as them"),
    };
    Some(format!("{}: {how}", namespaces_of(owners)?))
}

/// What is in these was not seen.
pub(crate) fn of_closed(owners: &[u32]) -> Option<String> {
    let how = match Uid::effective().is_root() {
        true => "`partage doctor --dir` says what is wrong",
        false => "run as root or as them",
    };
    let there = namespaces_of(owners)?;
    Some(format!("{there} that cannot be looked into: {how}"))
}

fn namespaces_of(owners: &[u32]) -> Option<String> {
    let there = match owners.len() {
        0 => return None,
        1 => "there is 1 namespace".to_owned(),
        several => format!("there are {several} namespaces"),
    };
    Some(format!("{there} of {}", users(owners)))
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
        anstream::eprintln!("{}", line(note));
    }
}

/// A note as the command says it.
pub(crate) fn line(note: &str) -> String {
    format!("partage: {note}")
}
