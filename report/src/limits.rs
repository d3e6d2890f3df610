//! What a recording cannot say: better told than shown as an empty trace.

use std::collections::BTreeSet;

use partage_trace_format::Call;
use partage_trace_format::record::flag;

use crate::event::Event;
use crate::model::{Model, Process};
use crate::recording::Recording;
use crate::stream::{Item, Stream};
use crate::words::{count, errno, printable, text};

/// Remarks, one sentence each.
#[must_use]
pub fn remarks(recording: &Recording, model: &Model) -> Vec<String> {
    let mut remarks = Vec::new();
    let silent = |process: &Process| process.memory_calls == 0;
    if !recording.images().is_empty() && model.processes().iter().all(silent) {
        remarks.push(
            "no call about shared memory was seen; system calls made without libc would not be"
                .to_owned(),
        );
    }
    remarks.extend(doubts(recording, model));
    remarks.extend(doubts_of_holds(recording));
    for path in recording.losses().unborn {
        let path = printable(&path.display().to_string());
        remarks.push(format!(
            "{path}: its process was ended before its first call"
        ));
    }
    remarks
}

/// What was not seen, one sentence each: with it, nobody can say that nothing leaked.
#[must_use]
pub fn doubts(recording: &Recording, model: &Model) -> Vec<String> {
    let mut doubts = Vec::new();
    if recording.images().is_empty() {
        doubts.push(
            "no process made a recording: PROGRAM may be statically linked, set-uid, privileged by capabilities, for \
             another processor, or it cleared LD_PRELOAD; this is not a verdict about its shared memory"
                .to_owned(),
        );
    }
    doubts.extend(losses(recording));
    doubts.extend(untraced(recording, model).into_iter().map(|(_, why)| why));
    doubts
}

/// What was not seen of mappings and descriptors, one sentence each. What is made and removed has names and ids, and is seen
/// all the same.
#[must_use]
pub fn doubts_of_holds(recording: &Recording) -> Vec<String> {
    let tell = |pid: &u32| {
        format!(
            "pid {pid} had more mappings or higher descriptors than are tracked: some calls may be missing or too many"
        )
    };
    recording.losses().untracked.iter().map(tell).collect()
}

/// Processes that ran a program which left no recording.
#[must_use]
pub fn unseen_pids(recording: &Recording, model: &Model) -> BTreeSet<u32> {
    let unseen = untraced(recording, model).into_iter();
    unseen.map(|(pid, _)| pid).collect()
}

fn losses(recording: &Recording) -> Vec<String> {
    let losses = recording.losses();
    let mut remarks = Vec::new();
    let mut tell = |number: u64, thing: &str, why: &str| {
        if number > 0 {
            remarks.push(format!("{} {why}", count(number, thing)));
        }
    };
    tell(
        losses.torn,
        "torn record",
        "left out: the process ended while it wrote",
    );
    tell(losses.missing, "slot", "missing: a file was cut");
    tell(losses.dropped, "record", "dropped by the recorder");
    tell(
        losses.unrecorded,
        "record slot",
        "not written for want of space",
    );
    tell(
        losses.overwritten,
        "older slot",
        "overwritten in the ring: of what was made, opened, attached or removed before the oldest call that is left, it is not \
         known by whom and where, nor whether it still is there",
    );
    tell(losses.unreadable, "file", "could not be read");
    for (pid, number) in &losses.stopped {
        remarks.push(format!("pid {pid} stopped recording: {}", errno(*number)));
    }
    for pid in &losses.namespaces {
        remarks.push(format!(
            "pid {pid} loaded objects into a namespace of their own (dlmopen): their calls were not seen"
        ));
    }
    for (path, why) in &losses.damaged {
        remarks.push(format!("{}: {why}", printable(&path.display().to_string())));
    }
    remarks
}

/// Programs that took a recorded process's place, or were spawned, and left no recording.
fn untraced(recording: &Recording, model: &Model) -> Vec<(u32, String)> {
    let mut remarks: Vec<(u32, Option<String>)> = Vec::new();
    for item in Stream::new(recording) {
        let Item::Event(event) = item else { continue };
        match event.call {
            Ok(Call::Exec) if event.entered() => {
                remarks.push((event.pid, unseen(recording, model, &event, event.pid)));
            }
            // It was entered, and failed: the same program goes on.
            Ok(Call::Exec) => {
                let entered = remarks.iter().rposition(|(pid, _)| *pid == event.pid);
                entered.map(|index| remarks.remove(index));
            }
            Ok(Call::PosixSpawn) if !event.failed() && event.int(3) != 0 => {
                let child = event.int(3) as u32;
                remarks.push((child, unseen(recording, model, &event, child)));
            }
            _ => {}
        }
    }
    remarks
        .into_iter()
        .filter_map(|(pid, remark)| Some((pid, remark?)))
        .collect()
}

/// Why there is nothing of the program that an event started in process `pid`; None if there is.
fn unseen(recording: &Recording, model: &Model, event: &Event, pid: u32) -> Option<String> {
    let name = text(event.name.as_deref().unwrap_or(b"a descriptor"));
    let name = printable(&name);
    if event.flags & flag::UNTRACED_IMAGE != 0 {
        return Some(format!(
            "pid {pid} ran {name} without the recorder in its environment: not traced"
        ));
    }
    let from = if event.entered() {
        event.end()
    } else {
        event.time
    };
    let seen = model.processes().iter().any(|process| {
        process.start.pid == pid && !process.start.forked && process.start.time >= from
    });
    let why = match recording.is_full() {
        true => "the recording's directory has no room for another file",
        false => "statically linked, set-uid, or for another processor",
    };
    (!seen).then(|| format!("pid {pid} ran {name}, which left no recording: {why}"))
}
