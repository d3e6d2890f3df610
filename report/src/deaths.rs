//! Why processes died by a signal, as far as shared memory has to do with it.

use crate::afterwards::Room;
use crate::model::{Hold, HoldId, HoldKind, Kind, Model, Object, Process, Release};
use crate::recording::Recording;
use crate::words;

const SIGBUS: i32 = 7;

/// A sentence for each process that a signal ended, and for SIGBUS what it had to do with an object.
#[must_use]
pub fn remarks(recording: &Recording, model: &Model) -> Vec<String> {
    let room = recording
        .afterwards()
        .and_then(|afterwards| afterwards.room);
    let mut remarks = Vec::new();
    for (index, process) in model.processes().iter().enumerate() {
        let Some(signal) = process.killed else {
            continue;
        };
        let name = words::signal(signal);
        remarks.push(format!("pid {} was killed by {name}", process.label()));
        if signal == SIGBUS {
            remarks.extend(bus_errors(model, index, process, room));
        }
    }
    remarks
}

/// What of its mappings can have raised the bus error.
fn bus_errors(model: &Model, index: usize, process: &Process, room: Option<Room>) -> Vec<String> {
    if let Some((address, hold)) = process.fault {
        return vec![fault(model, process, address, hold, room)];
    }
    let at_end = |hold: &&Hold| {
        let mapped = matches!(hold.kind, HoldKind::Mapping(_));
        let ended = hold.to.is_none_or(|(_, how)| how == Release::Exit);
        hold.process == index && mapped && ended
    };
    let mut sentences = Vec::new();
    for hold in model.holds().iter().filter(at_end) {
        let Some(object) = model.object(hold.object) else {
            continue;
        };
        sentences.extend(bus_error(process, hold, object, room));
    }
    sentences.dedup();
    sentences
}

/// What the process itself could not reach.
fn fault(
    model: &Model,
    process: &Process,
    address: u64,
    hold: Option<HoldId>,
    room: Option<Room>,
) -> String {
    let pid = process.start.pid;
    let hold = hold.and_then(|hold| model.hold(hold));
    let Some((hold, object)) = hold.and_then(|hold| Some((hold, model.object(hold.object)?)))
    else {
        return format!(
            "pid {pid} could not reach {address:#x}, which is in no shared memory that was recorded"
        );
    };
    let inside = match hold.kind {
        HoldKind::Attachment(start) | HoldKind::Mapping(start) if start <= address => {
            format!(", {} into it", words::size(address - start))
        }
        _ => String::new(),
    };
    let why = bus_error(process, hold, object, room);
    let why = why.unwrap_or_else(|| format!("pid {pid} had {} mapped", object.label()));
    format!("{why}; the address was {address:#x}{inside}")
}

fn bus_error(
    process: &Process,
    hold: &Hold,
    object: &Object,
    room: Option<Room>,
) -> Option<String> {
    const PAGE: u64 = 4096;
    let pid = process.start.pid;
    let (label, size) = (object.label(), object.size?);
    let end = size.checked_next_multiple_of(PAGE).unwrap_or(size);
    if hold.left > end {
        let mapped = words::size(hold.left);
        return Some(format!(
            "pid {pid} had {mapped} of {label} mapped: to touch what lies beyond the object's end raises SIGBUS; \
             ftruncate makes it larger"
        ));
    }
    let room = room.filter(|room| room.total != 0 && matches!(object.kind, Kind::Named(_)))?;
    let (total, free) = (words::size(room.total), words::size(room.free));
    let advice = "a page for which there is no room raises SIGBUS; make /dev/shm larger (mount -o remount,size=SIZE \
                  /dev/shm; docker run --shm-size SIZE), or reserve memory by posix_fallocate, which says ENOSPC";
    Some(if size > room.total {
        format!(
            "pid {pid} had {label} mapped, which does not fit into /dev/shm with {total} in all: {advice}"
        )
    } else {
        format!(
            "pid {pid} had {label} mapped; /dev/shm has room for {total}, of which {free} are free now: {advice}"
        )
    })
}
