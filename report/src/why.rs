//! Why a call failed, where the recording or the system knows.

use std::os::unix::fs::MetadataExt;

use partage_trace_format::Call;

use crate::event::Event;
use crate::model::{Deed, Kind, Model, Object, SHM_REMAP, command, name_of_call};
use crate::words;

const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const EIDRM: i32 = 43;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;

/// What is known of a failed call's reason, in a few words.
#[must_use]
pub fn of(event: &Event, model: &Model) -> Option<String> {
    if !event.failed() {
        return None;
    }
    let call = event.call.ok()?;
    match (call, event.errno) {
        (Call::Shmget, ENOENT) => key_is_gone(event, model),
        (Call::Shmget, EINVAL) => too_small(event, model),
        (Call::Shmget, EEXIST) => made_by(model, &segment_of_key(event, model)?.first),
        (Call::Shmat | Call::Shmctl, EINVAL | EIDRM) => bad_id(event, model),
        (Call::Shmdt, EINVAL) => bad_address(event, model),
        (_, ENOENT) => name_is_gone(event, model),
        (_, EEXIST) => made_by(model, &latest(model, &name_of_call(event)?)?.first),
        (Call::ShmOpen | Call::Open | Call::SemOpen, EACCES) => protected(event, event.int(1)),
        (Call::Openat, EACCES) => protected(event, event.int(2)),
        _ => None,
    }
}

fn who(model: &Model, deed: &Deed) -> String {
    let process = model.process(deed.process);
    process.map_or_else(String::new, |process| process.description())
}

fn made_by(model: &Model, deed: &Deed) -> Option<String> {
    Some(format!(
        "{} has it from {}",
        who(model, deed),
        deed.site.call
    ))
}

/// The latest object of this name.
fn latest<'m>(model: &'m Model, name: &str) -> Option<&'m Object> {
    let mut objects = model.objects().iter().rev();
    objects.find(|object| matches!(&object.kind, Kind::Named(known) if known == name))
}

fn name_is_gone(event: &Event, model: &Model) -> Option<String> {
    let object = latest(model, &name_of_call(event)?)?;
    Some(match &object.removed {
        Some(removed) => format!(
            "removed before by {}, {}",
            who(model, removed),
            removed.site.call
        ),
        None => removed_outside(model, object),
    })
}

fn segment_of_key<'m>(event: &Event, model: &'m Model) -> Option<&'m Object> {
    let key = event.int(0);
    let has_key = |object: &&Object| matches!(object.kind, Kind::Segment { key: Some(known), .. } if known == key);
    model
        .objects()
        .iter()
        .rev()
        .find(has_key)
        .filter(|_| key != 0)
}

fn key_is_gone(event: &Event, model: &Model) -> Option<String> {
    let segment = segment_of_key(event, model)?;
    let name = segment.name();
    Some(match &segment.removed {
        Some(removed) => format!("{name} was removed before by {}", who(model, removed)),
        None => format!("{name} was there; somebody outside the recording has removed it"),
    })
}

fn too_small(event: &Event, model: &Model) -> Option<String> {
    let segment = segment_of_key(event, model).filter(|segment| !segment.is_removed())?;
    let (size, wanted) = (segment.size?, event.arg(1));
    (wanted > size).then(|| {
        let (size, wanted) = (words::size(size), words::size(wanted));
        format!("the segment has {size}, less than the {wanted} asked for")
    })
}

/// A number that is no segment's id: it may be a key, or the id of one that is gone.
fn bad_id(event: &Event, model: &Model) -> Option<String> {
    let number = event.int(0);
    let mut objects = model.objects().iter().rev();
    let removed = objects.clone().find_map(|object| match object.kind {
        Kind::Segment { shmid, .. } if shmid == number => object.removed.as_ref(),
        _ => None,
    });
    if let Some(removed) = removed {
        return Some(format!("removed before by {}", who(model, removed)));
    }
    objects.find_map(|object| match object.kind {
        Kind::Segment { shmid, .. } if shmid == number => {
            names_only_the_id(event).then(|| removed_outside(model, object))
        }
        Kind::Segment {
            shmid,
            key: Some(key),
        } if key == number && key != 0 => Some(format!(
            "{number:#x} is the key of shmid {shmid}; the call takes the id"
        )),
        _ => None,
    })
}

/// Whether nothing but the id can be wrong with a call.
fn names_only_the_id(event: &Event) -> bool {
    match event.call {
        Ok(Call::Shmat) => event.arg(1) == 0 && event.int(2) & SHM_REMAP == 0,
        _ => matches!(
            event.int(1),
            command::IPC_RMID | command::IPC_STAT | command::SHM_LOCK | command::SHM_UNLOCK
        ),
    }
}

fn removed_outside(model: &Model, object: &Object) -> String {
    format!(
        "it was there, {} by {}; somebody outside the recording has removed it",
        object.first.site.call,
        who(model, &object.first)
    )
}

/// An address that is no attachment's start: it may lie inside of one.
fn bad_address(event: &Event, model: &Model) -> Option<String> {
    let address = event.arg(0);
    let (start, object) = model.attachment_around(event, address)?;
    let object = model.object(object)?.name();
    (start != address).then(|| {
        let inside = address - start;
        format!("{inside} bytes inside the attachment of {object} at {start:#x}; the call takes its start")
    })
}

/// `fs.protected_regular`: in a sticky directory, who opens another's file with `O_CREAT` is refused, root too.
fn protected(event: &Event, flags: i32) -> Option<String> {
    if flags & O_CREAT == 0 || flags & O_EXCL != 0 {
        return None;
    }
    let set = std::fs::read_to_string("/proc/sys/fs/protected_regular").ok()?;
    let name = name_of_call(event)?;
    let owner = std::fs::symlink_metadata(format!("/dev/shm{name}"))
        .ok()?
        .uid();
    let directory = std::fs::metadata("/dev/shm").ok()?;
    let sticky = directory.mode() & 0o1000 != 0;
    (set.trim() != "0" && sticky && owner != directory.uid()).then(|| {
        format!(
            "it belongs to uid {owner}: fs.protected_regular = {} refuses O_CREAT on another's object, to root too; \
             open it without O_CREAT",
            set.trim()
        )
    })
}
