//! Whether the namespace is fit and sound.

use super::finding::{DEV_SHM, Finding, on_tmpfs};
use super::limits::{self, Whose};
use super::room;
use crate::changes;
use crate::failure::{Failure, reason};
use crate::launch;
use crate::liveness::{self, Keeper};
use crate::name::{quoted, shown};
use crate::namespace::{Backend, Choice};
use crate::output::format;
use crate::sources::{self, Location};
use nix::errno::Errno;
use nix::unistd::Uid;
use partage_core::inspect::{Finding as Breach, Namespace, State};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(super) fn look(choice: &Choice, repair: bool) -> Vec<Finding> {
    if choice.backend == Backend::Kernel {
        return Vec::new();
    }
    let mut findings = match choice.locate() {
        Err(failure) => vec![without(failure)],
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
    is_elsewhere.then(|| room::look(directory, &[]).about("namespace-room"))
}

fn look_at(location: &Location, repair: bool) -> Vec<Finding> {
    let shown = shown(&location.directory);
    let namespace = match sources::open(location) {
        Err(failure) => return vec![unusable(&location.directory, failure)],
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
    let mut breaches = lasting_breaches(&namespace);
    if let Some(finding) = changed_mode(&location.directory, &namespace) {
        // Nothing is missing, and nothing is to be computed anew.
        breaches.retain(|breach| !matches!(breach, Breach::File { .. }));
        findings.push(finding);
    }
    if breaches.is_empty() {
        findings.push(Finding::good("every invariant of the registry holds"));
    } else if repair {
        findings.push(repaired(location, &namespace, breaches.len()));
    } else {
        let broken = breaches
            .iter()
            .map(|breach| broken(&location.directory, breach));
        findings.extend(broken);
    }
    findings
}

/// The default namespace cannot be had.
pub(super) fn without(failure: Failure) -> Finding {
    Finding::failed(failure, on_tmpfs(Path::new("")))
}

/// One that is this user's can be removed, whatever is wrong with it.
pub(super) fn unusable(directory: &Path, failure: Failure) -> Finding {
    let place = quoted(directory);
    let owner = fs::metadata(directory).map(|data| Uid::from_raw(data.uid()));
    // Somebody may have put anything there: a pipe, of which an open waits for a writer.
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let command = match options.open(directory.join("registry")) {
        Ok(_) => format!("partage destroy {place}"),
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => match owner {
            Ok(owner) if owner != Uid::effective() => {
                let owner = format::user(owner.as_raw());
                format!("sudo partage doctor --dir {place} --user {owner}")
            }
            _ => format!("ls -la {place}"),
        },
        // A program that uses it makes it.
        Err(_) if !directory.exists() => format!("partage run --dir {place} -- ipcs -m"),
        Err(_) => on_tmpfs(Path::new("")),
    };
    Finding::failed(failure, command)
}

pub(super) fn broken(directory: &Path, breach: &Breach) -> Finding {
    let command = format!("partage doctor --dir {} --repair", quoted(directory));
    Finding::problem(words(breach), "it can be computed anew", command)
}

/// Where others may make files, segments' files have other names. With a mode that was changed later, no program finds
/// those that were made before.
fn changed_mode(directory: &Path, namespace: &Namespace) -> Option<Finding> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let files: HashSet<PathBuf> = entries.map(|entry| entry.path()).collect();
    let there: HashSet<Vec<u8>> = files.iter().map(|file| sources::segment_of(file)).collect();
    let mut lost = 0;
    namespace.each_slot(|_, segment| {
        let path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
        let file = namespace.with_file(segment, path);
        let is_renamed = !files.contains(&file) && there.contains(&sources::segment_of(&file));
        lost += usize::from(segment.state == State::Live && is_renamed);
    });
    let is_open_to_others = fs::metadata(directory).is_ok_and(|data| data.mode() & 0o022 != 0);
    (lost > 0).then(|| unreachable(directory, lost, is_open_to_others))
}

pub(super) fn unreachable(directory: &Path, segments: usize, is_open_to_others: bool) -> Finding {
    let segments = format::count(segments, "segment");
    let what = format!(
        "the mode of {} was changed after {segments} was made there, which no program can attach now",
        shown(directory)
    );
    let change = match is_open_to_others {
        true => "go-w",
        false => "g+w",
    };
    let command = format!("chmod {change} {}", quoted(directory));
    Finding::problem(what, "give it a mode as it had before", command)
}

fn limits_of(location: &Location) -> Vec<Finding> {
    let directory = quoted(&location.directory);
    match sources::user_table(location) {
        Ok(Some((limits, segments))) => {
            let owner = fs::metadata(&location.directory).map_or(0, |data| data.uid());
            limits::look(Whose::Namespace(&directory, owner), &limits, &segments)
        }
        // Why it cannot be opened was said.
        _ => Vec::new(),
    }
}

fn repaired(location: &Location, namespace: &Namespace, before: usize) -> Finding {
    if let Err(why) = changes::repair(location) {
        return beyond_repair(
            &location.directory,
            &format!("the registry cannot be repaired: {}", reason(&why)),
        );
    }
    match lasting_breaches(namespace).first() {
        None => Finding::good(format!(
            "repaired: {} put right",
            format::count(before, "fault")
        )),
        Some(breach) => beyond_repair(
            &location.directory,
            &format!("not all could be repaired: {}", words(breach)),
        ),
    }
}

pub(super) fn beyond_repair(directory: &Path, what: &str) -> Finding {
    Finding::problem(
        what,
        "stop the programs that use the namespace, then remove it",
        format!("partage destroy {}", quoted(directory)),
    )
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
    locked(directory, liveness::try_in(directory))
}

/// What came of the trial.
pub(super) fn locked(directory: &Path, tried: nix::Result<Keeper>) -> Finding {
    let shown = shown(directory);
    match tried {
        Ok(Keeper::Mapping) => Finding::good(format!("the liveness lock holds in {shown}")),
        Ok(Keeper::Descriptor) => Finding::note(
            format!("in {shown}, the liveness lock needs a descriptor in every process"),
            "programs that close all descriptors are lost count of: use a directory on a tmpfs",
            on_tmpfs(directory),
        ),
        Ok(Keeper::Nothing) => Finding::problem(
            format!("the file system of {shown} has no open-file-description locks"),
            "use a directory on a tmpfs, such as /dev/shm",
            on_tmpfs(directory),
        ),
        Err(why) => {
            let what = format!("cannot try the liveness lock in {shown}: {}", why.desc());
            let place = quoted(directory);
            match why {
                Errno::EACCES | Errno::EPERM if !Uid::effective().is_root() => Finding::note(
                    what,
                    "only who may make files there can",
                    format!("sudo partage doctor --dir {place}"),
                ),
                _ => Finding::note(
                    what,
                    "no file can be made there: see its room, and how it is mounted",
                    format!("df -h {place} && df -i {place} && findmnt -T {place}"),
                ),
            }
        }
    }
}

/// Private namespaces that nobody looks after.
fn dead_runs() -> Option<Finding> {
    let (runs, _) = launch::dead_runs();
    let resident = runs.iter().map(|run| run.resident).sum();
    (!runs.is_empty()).then(|| left_behind(runs.len(), resident))
}

pub(super) fn left_behind(runs: usize, resident: u64) -> Finding {
    let dead = format::count(runs, "dead private run");
    let what = format!("{dead} left {} of memory behind", format::size(resident));
    Finding::note(what, "nobody uses it: remove it", "partage gc")
}
