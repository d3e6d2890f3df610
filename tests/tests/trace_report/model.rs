//! The object model on small recordings: who holds what, and how many bytes.

use partage_report::model::{Kind, Origin as Found, Release};
use partage_report::{Model, Recording, leaks};
use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State};
use partage_trace_format::payload::tag;
use partage_trace_format::record::flag;

use crate::scene::{CLIENT, SERVER, WORKER};
use crate::writer::TraceFile;

const A: u64 = 0x7f00_0000_0000;
const B: u64 = 0x7f00_1000_0000;

fn file() -> TraceFile {
    TraceFile::new(SERVER, 1, Origin::Exec, 1000, "/bin/x")
}

fn model(file: TraceFile) -> Model {
    Model::of(&Recording::of(vec![file.image(State::Exited, 0)]))
}

#[test]
fn a_remap_that_moves_keeps_the_mapping() {
    let mut file = file();
    file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, "/x");
    file.call(Call::Ftruncate, &[3, 65536], 0);
    file.call(Call::Mmap, &[0, 8192, 3, 1, 3, 0], A as i64);
    file.call(Call::Mremap, &[A, 8192, 65536, 1, 0], B as i64);
    file.call(Call::Munmap, &[B, 65536], 0);
    let model = model(file);
    assert_eq!((model.mapped().peak, model.mapped().current), (65536, 0));
    let mappings: Vec<_> = model.holds().iter().filter(|hold| hold.bytes > 0).collect();
    assert_eq!(mappings.len(), 1);
    assert!(matches!(mappings[0].to, Some((_, Release::Call))));
}

#[test]
fn old_size_zero_maps_a_second_time() {
    let mut file = file();
    file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, "/x");
    file.call(Call::Mmap, &[0, 4096, 3, 1, 3, 0], A as i64);
    file.call(Call::Mremap, &[A, 0, 4096, 1, 0], B as i64);
    file.call(Call::Munmap, &[A, 4096], 0);
    let model = model(file);
    assert_eq!(model.mapped().peak, 8192);
    assert_eq!(model.objects().count(), 1);
    assert_eq!(
        leaks::find(&model).held.len(),
        2,
        "the second mapping and the descriptor"
    );
}

#[test]
fn mapping_over_a_mapping_ends_it() {
    let mut file = file();
    file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, "/x");
    file.call(Call::Mmap, &[0, 8192, 3, 1, 3, 0], A as i64);
    // Private memory over the whole of it.
    file.call(Call::Mmap, &[A, 8192, 3, 0x32, u64::MAX, 0], A as i64);
    let model = model(file);
    assert_eq!(model.mapped().current, 0);
    let mapping = model.holds().iter().find(|hold| hold.bytes > 0).unwrap();
    assert!(matches!(mapping.to, Some((_, Release::Call))));
}

#[test]
fn duplicates_are_the_same_object() {
    let mut file = file();
    file.named(Call::MemfdCreate, &[0, 0], 3, "m");
    file.call(Call::Dup, &[3], 4);
    file.call(Call::Dup2, &[3, 10, 0], 10);
    file.call(Call::Fcntl, &[3, 1030, 0], 5);
    file.call(Call::Dup3, &[3, 6, 0o2000000, 0], 6);
    file.call(Call::CloseRange, &[3, 5, 0], 0);
    file.call(Call::Mmap, &[0, 4096, 3, 1, 10, 0], A as i64);
    file.call(Call::Closefrom, &[0], 0);
    let model = model(file);
    assert_eq!(model.objects().count(), 1);
    assert_eq!(leaks::find(&model).held.len(), 1, "the mapping alone");
    // The end of the process was the end of the memfd.
    assert!(model.objects().get(0).unwrap().gone.is_some());
    assert_eq!(model.existing().current, 0);
}

#[test]
fn an_id_that_comes_back_is_another_segment() {
    let mut file = file();
    for _ in 0..2 {
        file.call(Call::Shmget, &[0, 4096, 0o1600], 7);
        file.call(Call::Shmctl, &[7, 0, 0], 0);
    }
    let model = model(file);
    assert_eq!(model.objects().count(), 2);
    assert!(model.objects().iter().all(|object| object.gone.is_some()));
    assert_eq!((model.existing().peak, model.existing().current), (4096, 0));
}

#[test]
fn a_removed_segment_lives_until_the_last_detach() {
    let mut file = file();
    file.call(Call::Shmget, &[0, 4096, 0o1600], 7);
    file.call(Call::Shmat, &[7, 0, 0, 4096], A as i64);
    file.call(Call::Shmctl, &[7, 0, 0], 0);
    file.at(9000).call(Call::Shmdt, &[A, 4096], 0);
    let model = model(file);
    assert_eq!(model.objects().get(0).unwrap().gone, Some(10_500));
    assert!(leaks::find(&model).lasting.is_empty());
}

#[test]
fn a_found_segment_is_nobodys_leak_and_creat_without_excl_may_be() {
    let mut file = file();
    file.call(Call::Shmat, &[3, 0, 0, 4096], A as i64);
    file.call(Call::Shmget, &[0x1234, 4096, 0o1600], 4);
    file.call(Call::Shmget, &[0x1235, 0, 0], 5);
    let model = model(file);
    let origins: Vec<Found> = model.objects().iter().map(|object| object.origin).collect();
    assert_eq!(origins, [Found::Found, Found::CreatedOrFound, Found::Found]);
    assert_eq!(leaks::find(&model).lasting, [1]);
}

#[test]
fn a_received_memfd_is_the_senders() {
    let mut sender = file();
    sender.named(Call::MemfdCreate, &[0, 0], 3, "m");
    let mut receiver = TraceFile::new(CLIENT, 1, Origin::Exec, 1500, "/bin/y");
    receiver
        .at(9000)
        .named(Call::FoundFd, &[8, 1, 99, 4096], 0, "/memfd:m (deleted)");
    receiver.call(Call::Mmap, &[0, 4096, 3, 1, 8, 0], A as i64);
    let files = vec![
        sender.image(State::Running, 0),
        receiver.image(State::Exited, 0),
    ];
    let model = Model::of(&Recording::of(files));
    // The sender is gone when the receiver comes: it is another memfd, for all that can be known.
    assert!(
        model
            .objects()
            .iter()
            .all(|object| object.kind == Kind::Memfd("m".into()))
    );
    let mut sender = file();
    sender.named(Call::MemfdCreate, &[0, 0], 3, "m");
    sender.at(50_000).call(Call::Close, &[3], 0);
    let mut receiver = TraceFile::new(CLIENT, 1, Origin::Exec, 1500, "/bin/y");
    receiver
        .at(9000)
        .named(Call::FoundFd, &[8, 1, 99, 4096], 0, "/memfd:m (deleted)");
    let files = vec![
        sender.image(State::Exited, 0),
        receiver.image(State::Exited, 0),
    ];
    let model = Model::of(&Recording::of(files));
    assert_eq!(model.objects().count(), 1);
    assert_eq!(model.objects().get(0).unwrap().inode, Some((1, 99)));
}

#[test]
fn a_child_inherits_what_the_parent_held_when_it_forked() {
    let mut parent = file();
    parent.call(Call::Shmget, &[0, 4096, 0o1600], 7);
    parent.call(Call::Shmat, &[7, 0, 0, 4096], A as i64);
    parent.call(Call::Fork, &[], i64::from(WORKER));
    // Before the child's file begins.
    parent.call(Call::Shmdt, &[A, 4096], 0);
    let mut child = TraceFile::new(WORKER, SERVER, Origin::Fork, 50_000, "/bin/x");
    child.call(Call::Shmdt, &[A, 4096], 0);
    let files = vec![
        parent.image(State::Exited, 0),
        child.image(State::Exited, 0),
    ];
    let model = Model::of(&Recording::of(files));
    assert_eq!(model.holds().count(), 2);
    assert!(
        model
            .holds()
            .iter()
            .all(|hold| matches!(hold.to, Some((_, Release::Call))))
    );
    assert_eq!(model.processes()[1].mapped.peak, 4096);
}

#[test]
fn a_vfork_childs_descriptors_are_its_own() {
    let mut file = file();
    file.named(Call::MemfdCreate, &[0, 0], 3, "m");
    file.record(Call::Vfork, &[], 0, 0, flag::VFORK_CHILD, &[]);
    file.record(Call::Close, &[3], 0, 0, flag::VFORK_CHILD, &[]);
    let name: &[u8] = b"/bin/true";
    let flags = flag::VFORK_CHILD | flag::ENTERED;
    file.record(Call::Exec, &[0, 0, 0], 0, 0, flags, &[(tag::NAME, name)]);
    file.call(Call::Vfork, &[], i64::from(WORKER));
    file.call(Call::Close, &[3], 0);
    let model = model(file);
    assert_eq!(model.holds().count(), 1);
    let (time, how) = model.holds().get(0).unwrap().to.unwrap();
    assert_eq!((time, how), (1000 + 6 * 1500, Release::Call));
}

#[test]
fn an_exec_passes_on_what_is_not_close_on_exec() {
    let mut file = file();
    file.named(Call::MemfdCreate, &[0, 0], 3, "kept");
    file.named(Call::MemfdCreate, &[0, 1], 4, "closed");
    file.named(Call::ShmOpen, &[0, 0o302, 0o600], 5, "/x");
    file.call(Call::Fcntl, &[5, 2, 0], 0);
    file.named(Call::ShmUnlink, &[0], 0, "/x");
    file.entered(Call::Exec, &[0, 0, 0], "/bin/y");
    let model = Model::of(&Recording::of(vec![file.image(State::Executed, 0)]));
    let how: Vec<Release> = model
        .holds()
        .iter()
        .map(|hold| hold.to.unwrap().1)
        .collect();
    assert_eq!(how, [Release::PassedOn, Release::Exec, Release::PassedOn]);
    assert!(leaks::find(&model).held.is_empty());
}
