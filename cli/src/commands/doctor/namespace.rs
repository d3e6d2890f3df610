//! Whether the namespace is fit and sound.

use super::finding::{DEV_SHM, Finding};
use super::limits::{self, Whose};
use super::room;
use crate::changes;
use crate::failure::{Failure, reason};
use crate::launch;
use crate::liveness::{self, Keeper};
use crate::name::shown;
use crate::namespace::{Backend, Choice};
use crate::output::format;
use crate::sources::{self, Location};
use partage_core::inspect::{Finding as Breach, Namespace};
use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

pub(super) fn look(choice: &Choice, repair: bool) -> Vec<Finding> {
    if choice.backend == Backend::Kernel {
        return Vec::new();
    }
    let mut findings = match choice.locate() {
        Err(failure) => vec![Finding::from(failure)],
        Ok(None) => vec![Finding::good(
            "no program of this user has used the default namespace yet",
        )],
        Ok(Some(location)) => {
            let mut findings = look_at(&location, repair);
            findings.extend(other_room(&location.directory));
            findings
        }
    };
    findings.extend(dead_runs());
    findings
        .into_iter()
        .map(|finding| match finding.check {
            "" => finding.about("namespace"),
            _ => finding,
        })
        .collect()
}

/// The room where the namespace is, if that is not in /dev/shm.
fn other_room(directory: &Path) -> Option<Finding> {
    let is_elsewhere = !directory.starts_with(DEV_SHM);
    is_elsewhere.then(|| room::look(directory, None).about("namespace-room"))
}

fn look_at(location: &Location, repair: bool) -> Vec<Finding> {
    let shown = shown(&location.directory);
    let namespace = match sources::open(location) {
        Err(failure) => return vec![unusable(location, failure)],
        Ok(None) => {
            let empty = Finding::good(format!("no program has used {shown} yet"));
            return vec![empty, lock(&location.directory)];
        }
        Ok(Some(namespace)) => namespace,
    };
    let mut members = 0;
    namespace.each_member(|_| members += 1);
    let living = format::count(members, "living member");
    let mut findings = vec![
        Finding::good(format!("the namespace is {shown}, with {living}")),
        lock(&location.directory),
    ];
    findings.extend(limits_of(location));
    let breaches = lasting_breaches(&namespace);
    if breaches.is_empty() {
        findings.push(Finding::good("every invariant of the registry holds"));
    } else if repair {
        findings.push(repaired(location, &namespace, breaches.len()));
    } else {
        let advice = "`partage doctor --repair` computes it anew";
        findings.extend(
            breaches
                .iter()
                .map(|breach| Finding::problem(words(breach), advice)),
        );
    }
    findings
}

/// One that is this user's can be removed, whatever is wrong with it.
fn unusable(location: &Location, failure: Failure) -> Finding {
    let finding = Finding::from(failure);
    match File::open(location.directory.join("registry")) {
        Ok(_) => finding.with_command(format!("partage destroy {}", quoted(&location.directory))),
        Err(_) => finding,
    }
}

fn limits_of(location: &Location) -> Vec<Finding> {
    let directory = quoted(&location.directory);
    match sources::user_table(location) {
        Ok(Some((limits, segments))) => {
            limits::look(Whose::Namespace(&directory), &limits, &segments)
        }
        // Why it cannot be opened was said.
        _ => Vec::new(),
    }
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%".contains(&byte);
    let escaped = shown(path);
    match text.bytes().all(is_plain) {
        true => text,
        false if escaped == text => format!("'{}'", text.replace('\'', "'\\''")),
        // What a terminal cannot be shown, in a form that shells read.
        false => format!("$'{}'", escaped.replace('\'', "\\'")),
    }
}

fn repaired(location: &Location, namespace: &Namespace, before: usize) -> Finding {
    if let Err(why) = changes::repair(location) {
        return Finding::problem(
            format!("the registry cannot be repaired: {}", reason(&why)),
            "stop the programs that use it, then `partage destroy` it",
        );
    }
    match lasting_breaches(namespace).first() {
        None => Finding::good(format!(
            "repaired: {} put right",
            format::count(before, "fault")
        )),
        Some(breach) => Finding::problem(
            format!("not all could be repaired: {}", words(breach)),
            "`partage rm` what it concerns, or `partage destroy` the namespace",
        ),
    }
}

/// What is found twice: members may be changing things while we look.
fn lasting_breaches(namespace: &Namespace) -> Vec<Breach> {
    let look = || {
        let mut found = Vec::new();
        namespace.check(|breach| found.push(breach));
        found
    };
    let first: HashSet<String> = look().iter().map(words).collect();
    if first.is_empty() {
        return Vec::new();
    }
    look()
        .into_iter()
        .filter(|breach| first.contains(&words(breach)))
        .collect()
}

fn words(breach: &Breach) -> String {
    match breach {
        Breach::ForeignId { slot, shmid } => {
            format!("slot {slot} holds segment {shmid}, whose id names another slot")
        }
        Breach::KeyLost { slot, key } => {
            format!(
                "the segment in slot {slot} cannot be found by its key {}",
                format::key(*key)
            )
        }
        Breach::KeyDoubled { slot, key } => {
            format!(
                "slot {slot} has the key {} of another segment",
                format::key(*key)
            )
        }
        Breach::Count {
            slot,
            nattch,
            recorded,
        } => {
            format!("slot {slot} counts {nattch} attachments, and its members hold {recorded}")
        }
        Breach::File { slot } => {
            format!("the file of the segment in slot {slot} is missing or too small")
        }
        Breach::Total { name, says, is } => format!("the total `{name}` says {says} and is {is}"),
    }
}

/// Tries the liveness lock on the file system of `directory`.
fn lock(directory: &Path) -> Finding {
    let shown = shown(directory);
    match liveness::try_in(directory) {
        Ok(Keeper::Mapping) => Finding::good(format!("the liveness lock holds in {shown}")),
        Ok(Keeper::Descriptor) => Finding::note(
            format!("in {shown}, the liveness lock needs a descriptor in every process"),
            "programs that close all descriptors are lost count of: use a directory on a tmpfs",
        ),
        Ok(Keeper::Nothing) => Finding::problem(
            format!("the file system of {shown} has no open-file-description locks"),
            "use a directory on a tmpfs, such as /dev/shm",
        ),
        Err(why) => Finding::note(
            format!("cannot try the liveness lock in {shown}: {}", why.desc()),
            "only who may make files there can",
        ),
    }
}

/// Private namespaces that nobody looks after.
fn dead_runs() -> Option<Finding> {
    let (runs, _) = launch::dead_runs();
    let resident = runs.iter().map(|run| run.resident).sum();
    (!runs.is_empty()).then(|| {
        let dead = format::count(runs.len(), "dead private run");
        let what = format!("{dead} left {} of memory behind", format::size(resident));
        Finding::note(what, "`partage gc` removes them")
    })
}
