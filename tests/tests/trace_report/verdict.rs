//! Recordings held against what the system has when they are over.

use partage_report::afterwards::{Afterwards, Object, Room, Segment};
use partage_report::style::Style;
use partage_report::symbols::Symbols;
use partage_report::verdict::{Counting, Status, Verdict};
use partage_report::{Model, Recording, deaths};
use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State, flag, offset};

use crate::scene::{CLIENT, SERVER, WORKER};
use crate::writer::TraceFile;

const PRIVATE: [u64; 3] = [0, 4096, 0o1600];
const MAKE: [u64; 3] = [0, 0o302, 0o600];
const MAKE_OR_FIND: [u64; 3] = [0, 0o102, 0o600];

fn file(pid: u32, ppid: u32, time: u64) -> TraceFile {
    TraceFile::new(pid, ppid, Origin::Exec, time, "/bin/x")
}

/// One process that made a segment and an object.
fn two_made() -> TraceFile {
    let mut file = file(SERVER, 1, 1000);
    file.call(Call::Shmget, &PRIVATE, 7);
    file.named(Call::ShmOpen, &MAKE, 3, "/x");
    file.call(Call::Close, &[3], 0);
    file
}

fn segment(shmid: i32, cpid: u32) -> Segment {
    Segment {
        shmid,
        size: 4096,
        cpid,
        new: true,
        ..Segment::default()
    }
}

fn object(name: &str) -> Object {
    Object {
        name: name.to_owned(),
        new: true,
        ..Object::default()
    }
}

struct Judged {
    status: Status,
    abandoned: Status,
    all: Status,
    text: String,
}

fn judge(files: Vec<TraceFile>, afterwards: Afterwards) -> Judged {
    let images = files.into_iter().map(|file| file.image(State::Exited, 0));
    let mut recording = Recording::of(images.collect());
    recording.end(afterwards);
    let model = Model::of(&recording);
    let verdict = Verdict::of(&recording, &model);
    Judged {
        status: verdict.status(Counting::Lasting),
        abandoned: verdict.status(Counting::Abandoned),
        all: verdict.status(Counting::All),
        text: verdict.text(&model, &mut Symbols::new(), Style::PLAIN),
    }
}

#[test]
fn what_is_still_there_is_a_leak() {
    let afterwards = Afterwards {
        segments: vec![segment(7, SERVER)],
        objects: vec![Object {
            size: 8192,
            ..object("/x")
        }],
        ..Afterwards::default()
    };
    let judged = judge(vec![two_made()], afterwards);
    assert_eq!(judged.status, Status::Leaks);
    // Written to, since no call of the recording gave it a size.
    let label = "/x 8 KiB: never unlinked";
    assert!(judged.text.contains(label), "{}", judged.text);
    assert!(
        judged
            .text
            .contains("1 segment never removed, 1 object never unlinked"),
        "{}",
        judged.text
    );
}

#[test]
fn what_is_gone_is_none() {
    let judged = judge(vec![two_made()], Afterwards::default());
    assert_eq!(judged.status, Status::Clean, "{}", judged.text);
    let told = "removed by somebody outside the recording";
    assert_eq!(judged.text.matches(told).count(), 2, "{}", judged.text);
}

#[test]
fn what_was_there_before_was_found() {
    let mut file = file(SERVER, 1, 1000);
    file.named(Call::ShmOpen, &MAKE_OR_FIND, 3, "/x");
    let old = |new| Afterwards {
        objects: vec![Object {
            new,
            ..object("/x")
        }],
        ..Afterwards::default()
    };
    assert_eq!(judge(vec![file], old(false)).status, Status::Clean);
    let mut file = TraceFile::new(SERVER, 1, Origin::Exec, 1000, "/bin/x");
    file.named(Call::ShmOpen, &MAKE_OR_FIND, 3, "/x");
    assert_eq!(judge(vec![file], old(true)).status, Status::Leaks);
}

#[test]
fn a_segment_of_a_recorded_process_is_a_leak_though_no_call_was_recorded() {
    let afterwards = Afterwards {
        segments: vec![segment(9, SERVER), segment(10, 1)],
        ..Afterwards::default()
    };
    let judged = judge(vec![file(SERVER, 1, 1000)], afterwards);
    assert_eq!(judged.status, Status::Leaks);
    assert!(
        judged
            .text
            .contains("shmid 9 \"private\" 4 KiB: never removed"),
        "{}",
        judged.text
    );
    assert!(
        judged.text.contains("by a call that was not recorded"),
        "{}",
        judged.text
    );
    assert!(!judged.text.contains("shmid 10"), "somebody else's");
}

#[test]
fn an_object_that_nobody_recorded_made_leaves_doubt_unless_others_hold_it() {
    let with = |holders: Vec<u32>, uid| Afterwards {
        objects: vec![Object {
            holders,
            uid,
            ..object("/y")
        }],
        ..Afterwards::default()
    };
    let judged = |afterwards| judge(vec![file(SERVER, 1, 1000)], afterwards);
    let doubtful = judged(with(vec![], 0));
    assert_eq!(doubtful.status, Status::Unclear);
    assert!(
        doubtful
            .text
            .contains("cannot tell whether anything leaked")
            && doubtful.text.contains("/y 0 B: appeared meanwhile"),
        "{}",
        doubtful.text
    );
    assert_eq!(judged(with(vec![SERVER, 1], 0)).status, Status::Unclear);
    assert_eq!(judged(with(vec![1], 0)).status, Status::Clean);
    assert_eq!(judged(with(vec![], 77)).status, Status::Clean);
}

#[test]
fn losses_leave_doubt_and_leaks_are_leaks_all_the_same() {
    let mut lossy = file(SERVER, 1, 1000);
    lossy.long(offset::DROPPED, 2);
    assert_eq!(
        judge(vec![lossy], Afterwards::default()).status,
        Status::Unclear
    );
    let mut lossy = two_made();
    lossy.long(offset::DROPPED, 2);
    let afterwards = Afterwards {
        segments: vec![segment(7, SERVER)],
        ..Afterwards::default()
    };
    assert_eq!(judge(vec![lossy], afterwards).status, Status::Leaks);
    assert_eq!(judge(vec![], Afterwards::default()).status, Status::Unclear);
}

#[test]
fn more_mappings_than_are_tracked_leave_doubt_about_what_was_held_only() {
    let mut mapped = file(SERVER, 1, 1000);
    mapped.word(offset::FLAGS, flag::UNTRACKED_MAPPINGS);
    mapped.named(Call::ShmOpen, &MAKE, 3, "/x");
    mapped.named(Call::ShmUnlink, &[0], 0, "/x");
    mapped.call(Call::Close, &[3], 0);
    let judged = judge(vec![mapped], Afterwards::default());
    assert_eq!(judged.status, Status::Clean, "{}", judged.text);
    assert_eq!(judged.all, Status::Unclear, "{}", judged.text);
}

/// The maker, its parent, and the maker's helper.
fn tidied_by(remover: u32, parent_of_remover: u32, used_it: bool) -> Judged {
    let mut maker = file(SERVER, CLIENT, 1000);
    maker.named(Call::ShmOpen, &MAKE, 3, "/x");
    maker.entered(Call::Exit, &[0], "");
    let mut other = file(remover, parent_of_remover, 900);
    if used_it {
        other.at(900_000).named(Call::ShmOpen, &[0, 2, 0], 3, "/x");
        other.call(Call::Close, &[3], 0);
    }
    other.at(1_000_000).named(Call::ShmUnlink, &[0], 0, "/x");
    judge(vec![maker, other], Afterwards::default())
}

#[test]
fn what_a_stranger_tidied_up_is_a_kind_of_its_own() {
    let judged = tidied_by(WORKER, SERVER, false);
    assert_eq!(
        (judged.status, judged.abandoned),
        (Status::Clean, Status::Leaks)
    );
    assert!(
        judged
            .text
            .contains("left by its maker, cleaned up by another"),
        "{}",
        judged.text
    );
    assert!(
        judged
            .text
            .contains(&format!("cleaned up by pid {WORKER} (x --fast)")),
        "{}",
        judged.text
    );
    // A parent that tidies up after its child, or somebody who used it, is no stranger.
    for judged in [tidied_by(CLIENT, 1, false), tidied_by(WORKER, SERVER, true)] {
        assert_eq!(judged.abandoned, Status::Clean, "{}", judged.text);
    }
}

#[test]
fn a_bus_error_names_the_object_its_size_and_the_room() {
    let died = |length: u64, room| {
        let mut worker = file(WORKER, SERVER, 1000);
        worker.named(Call::ShmOpen, &MAKE, 3, "/batch");
        worker.call(Call::Ftruncate, &[3, 16 << 20], 0);
        worker.call(Call::Mmap, &[0, length, 3, 1, 3, 0], 0x7f00_0000_0000);
        let mut parent = file(SERVER, 1, 900);
        parent
            .at(1_000_000)
            .call(Call::Death, &[u64::from(WORKER), 7], 0);
        let mut recording = Recording::of(vec![
            parent.image(State::Exited, 1),
            worker.image(State::Running, 0),
        ]);
        recording.end(Afterwards {
            room: Some(room),
            ..Afterwards::default()
        });
        deaths::remarks(&recording, &Model::of(&recording))
    };
    let small = Room {
        total: 8 << 20,
        free: 8 << 20,
    };
    let told = died(16 << 20, small);
    assert!(told[0].contains("killed by SIGBUS"), "{told:?}");
    assert!(
        told[1].contains("/batch 16 MiB mapped, which does not fit into /dev/shm with 8 MiB"),
        "{told:?}"
    );
    let large = Room {
        total: 64 << 20,
        free: 0,
    };
    assert!(died(16 << 20, large)[1].contains("room for 64 MiB, of which 0 B are free"));
    assert!(died(32 << 20, large)[1].contains("beyond the object's end"));
}
