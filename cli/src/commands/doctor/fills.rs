//! What fills `/dev/shm`: objects, memory without a name, and what is in namespaces there.

use super::finding::DEV_SHM;
use crate::model::{Attachment, Nameless, Object, Segment, Snapshot};
use crate::name::{quoted, shown};
use crate::output::format;
use crate::sources::Found;
use nix::unistd::Uid;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// So many of the largest are named.
pub(super) const NAMED: usize = 3;

/// Something that takes room.
pub(super) struct Fill {
    name: String,
    pub(super) bytes: u64,
    holders: String,
    /// What removes it, if nobody holds it.
    remedy: Option<String>,
}

impl Fill {
    pub(super) fn words(&self) -> String {
        format!(
            "{} {} ({})",
            format::size(self.bytes),
            self.name,
            self.holders
        )
    }
}

/// The smallest first: of `/dev/shm` itself, and of the namespaces that are in it.
pub(super) fn of(objects: Option<&Snapshot>, namespaces: &[Found]) -> Vec<Fill> {
    let mut fills = Vec::new();
    // A namespace tells of its unlinked objects as /dev/shm does.
    let mut known = HashSet::new();
    if let Some(snapshot) = objects {
        let remedy = "partage rm --orphans --posix --all-users";
        let objects = snapshot.objects.iter();
        fills.extend(objects.map(|object| of_object(object, None, remedy)));
        let nameless = snapshot.nameless.iter();
        let nameless = nameless.filter(|memory| known.insert(memory.identity));
        fills.extend(nameless.map(of_nameless));
    }
    for namespace in namespaces {
        let directory = namespace.directory.as_path();
        let Some(contents) = namespace.contents.as_ref() else {
            continue;
        };
        if !directory.starts_with(DEV_SHM) {
            continue;
        }
        // In another user's namespace root takes part as that user.
        let whose = match namespace.uid == Uid::current().as_raw() {
            true => "--all-users".to_owned(),
            false => format!("--user {}", format::user(namespace.uid)),
        };
        let remedy = format!("partage rm --orphans {whose} --dir {}", quoted(directory));
        let segments = contents.segments.iter();
        fills.extend(segments.map(|segment| of_segment(segment, directory, &remedy)));
        let objects = contents.objects.iter();
        fills.extend(objects.map(|object| of_object(object, Some(directory), &remedy)));
        let nameless = contents.nameless.iter();
        let nameless = nameless.filter(|memory| known.insert(memory.identity));
        fills.extend(nameless.map(of_nameless));
    }
    fills.retain(|fill| fill.bytes > 0);
    fills.sort_by_key(|fill| fill.bytes);
    fills
}

/// The command that frees most, and how much that is.
pub(super) fn freed(fills: &[Fill]) -> Option<(&str, u64)> {
    let mut freed: BTreeMap<&str, u64> = BTreeMap::new();
    for fill in fills {
        if let Some(remedy) = &fill.remedy {
            *freed.entry(remedy).or_default() += fill.bytes;
        }
    }
    freed.into_iter().max_by_key(|(_, bytes)| *bytes)
}

fn of_segment(segment: &Segment, directory: &Path, remedy: &str) -> Fill {
    let is_orphan = segment.is_orphan();
    Fill {
        name: format!("segment {} of {}", segment.id, shown(directory)),
        bytes: segment.resident.unwrap_or(0),
        holders: held(is_orphan, segment.owner.uid, &segment.attached),
        remedy: is_orphan.then(|| remedy.to_owned()),
    }
}

fn of_object(object: &Object, directory: Option<&Path>, remedy: &str) -> Fill {
    let is_orphan = object.is_orphan();
    let place = directory.map(|directory| format!(" of {}", shown(directory)));
    Fill {
        name: format!("{}{}", object.name, place.unwrap_or_default()),
        bytes: object.resident,
        holders: held(is_orphan, object.owner.uid, &object.attached),
        remedy: is_orphan.then(|| remedy.to_owned()),
    }
}

fn of_nameless(memory: &Nameless) -> Fill {
    Fill {
        name: format!("{}, unlinked", memory.name),
        bytes: memory.resident.unwrap_or(memory.size),
        holders: holders(&memory.attached),
        remedy: None,
    }
}

fn held(is_orphan: bool, owner: u32, attached: &[Attachment]) -> String {
    let owner = format::user(owner);
    match (is_orphan, attached.iter().any(|hold| hold.pid.is_some())) {
        (true, _) => format!("orphan of {owner}"),
        (false, false) => format!("of {owner}"),
        (false, true) => holders(attached),
    }
}

/// The first few processes, by name and number.
pub(super) fn holders(attached: &[Attachment]) -> String {
    let mut names: Vec<String> = attached
        .iter()
        .map(|hold| format!("{} {}", format::command(hold), format::pid(hold)))
        .collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match more {
        0 => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}
