//! What there is on the machine, for arguments that name some of it.

use crate::launch::Limits;
use crate::model::Snapshot;
use crate::namespace::{Backend, Choice};
use crate::output::format;
use clap::{ArgMatches, Command, ValueHint};
use clap_complete::CompletionCandidate as Candidate;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, PathCompleter, ValueCompleter};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// The definitions, with candidates for what `name` takes, from the namespace that its arguments
/// so far mean.
pub(super) fn add(program: Command, name: &str, matches: &ArgMatches) -> Command {
    let choice = Arc::new(choice(matches));
    program.mut_subcommand(name, |command| {
        command.mut_args(|arg| {
            // The name of its value says what an argument is.
            let names = arg.get_value_names().unwrap_or_default();
            match names.first().map_or("", |name| name.as_str()) {
                "DIR" => arg.value_hint(ValueHint::DirPath),
                "USER" => arg.add(ArgValueCandidates::new(|| names_in("/etc/passwd"))),
                "GROUP" => arg.add(ArgValueCandidates::new(|| names_in("/etc/group"))),
                "PID" => arg.add(now(&choice, processes)),
                "PROGRAM" | "PROGRAM|PID" => arg.add(ArgValueCompleter::new(programs)),
                "FROM" | "TO" => arg.add(copied(&choice)),
                "NAME=VALUE,..." => arg.add(ArgValueCandidates::new(limits)),
                thing if thing.starts_with("ID|") => arg.add(now(&choice, things)),
                _ => arg,
            }
        })
    })
}

/// Which namespace is meant; that of a command that does not choose is the default one.
fn choice(matches: &ArgMatches) -> Choice {
    Choice {
        dir: value(matches, "dir"),
        backend: value(matches, "backend").unwrap_or(Backend::User),
        user: value(matches, "user"),
    }
}

fn value<T: Any + Clone + Send + Sync>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.try_get_one::<T>(id).ok().flatten().cloned()
}

/// What `list` finds in the namespace when it is asked for.
fn now(choice: &Arc<Choice>, list: fn(&Snapshot) -> Vec<Candidate>) -> ArgValueCandidates {
    let choice = Arc::clone(choice);
    ArgValueCandidates::new(move || {
        let snapshot = choice.snapshot();
        snapshot.map(|found| list(&found)).unwrap_or_default()
    })
}

/// Shared memory by its name, or a file.
fn copied(choice: &Arc<Choice>) -> ArgValueCompleter {
    let choice = Arc::clone(choice);
    ArgValueCompleter::new(move |word: &OsStr| {
        let mut found = PathCompleter::any().complete(word);
        let things = choice
            .snapshot()
            .map(|now| things(&now))
            .unwrap_or_default();
        let named = things.into_iter().map(|thing| thing.add_prefix("shm:"));
        let word = word.as_encoded_bytes();
        found.extend(named.filter(|thing| thing.get_value().as_encoded_bytes().starts_with(word)));
        found
    })
}

/// The names of limits.
fn limits() -> Vec<Candidate> {
    Limits::names()
        .map(|name| Candidate::new(format!("{name}=")))
        .collect()
}

fn candidate(value: impl ToString, help: String) -> Candidate {
    Candidate::new(value.to_string()).help(Some(help.into()))
}

/// Ids, keys and names.
fn things(snapshot: &Snapshot) -> Vec<Candidate> {
    let mut found = Vec::new();
    for segment in &snapshot.segments {
        let (id, key) = (segment.id, format::key(segment.key));
        let what = of_whom(segment.size, segment.owner.uid);
        if segment.key != 0 {
            found.push(candidate(&key, format!("{id}, {what}")));
        }
        found.push(candidate(id, format!("{key}, {what}")));
    }
    let objects = snapshot.objects.iter();
    found.extend(objects.map(|object| {
        let what = of_whom(object.size, object.owner.uid);
        candidate(&object.name, what)
    }));
    found
}

fn of_whom(size: u64, uid: u32) -> String {
    format!("{} of {}", format::size(size), format::user(uid))
}

/// Processes that hold any of it.
fn processes(snapshot: &Snapshot) -> Vec<Candidate> {
    let segments = snapshot.segments.iter().flat_map(|one| &one.attached);
    let objects = snapshot.objects.iter().flat_map(|one| &one.attached);
    let held = segments.chain(objects);
    let seen: BTreeMap<i32, String> = held
        .filter_map(|hold| Some((hold.pid?, format::command(hold))))
        .collect();
    let seen = seen.into_iter();
    seen.map(|(pid, command)| candidate(pid, command)).collect()
}

/// Users or groups. Those of a directory service are too many to list.
fn names_in(file: &str) -> Vec<Candidate> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split(':').next());
    names.map(Candidate::new).collect()
}

/// Programs by path, or by a name that a shell would find.
fn programs(word: &OsStr) -> Vec<Candidate> {
    if word.as_encoded_bytes().contains(&b'/') {
        return PathCompleter::file().filter(is_program).complete(word);
    }
    let places = std::env::var_os("PATH").unwrap_or_default();
    let files = std::env::split_paths(&places).filter_map(|place| fs::read_dir(place).ok());
    let begun = |name: &OsStr| name.as_encoded_bytes().starts_with(word.as_encoded_bytes());
    let found: BTreeSet<_> = files
        .flat_map(|files| files.flatten())
        .filter(|file| begun(&file.file_name()) && is_program(&file.path()))
        .map(|file| file.file_name())
        .collect();
    found.into_iter().map(Candidate::new).collect()
}

fn is_program(path: &Path) -> bool {
    let kind = fs::metadata(path);
    kind.is_ok_and(|kind| kind.is_file() && kind.permissions().mode() & 0o111 != 0)
}
