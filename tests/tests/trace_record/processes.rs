//! Trees of processes.

use std::collections::BTreeMap;

use partage_trace_format::header::{Origin, State};
use partage_trace_format::{Call, Trace};

use crate::run::Traced;

#[test]
fn a_tree_of_forks_and_execs_is_recorded_whole() {
    let outcome = Traced::new("tree", &[]).run();
    // A raw clone's parent makes no recorded call; its child's file has no record of a fork either.
    let (told, recorded) = (outcome.told(), outcome.recorded());
    assert!(told.len() >= 18);
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        recorded.keys().collect::<Vec<_>>()
    );
    for (pid, told) in &told {
        assert_eq!(told, &recorded[pid]);
    }
}

#[test]
fn headers_tell_how_each_image_began_and_ended() {
    let outcome = Traced::new("tree", &[]).run();
    let mut images: BTreeMap<u32, Vec<(u32, Origin, State, i32)>> = BTreeMap::new();
    let mut parents = BTreeMap::new();
    for file in &outcome.files {
        let trace = Trace::parse(file).unwrap();
        let header = trace.header();
        images.entry(header.pid).or_default().push((
            header.seq,
            header.origin,
            header.state,
            header.exit_status,
        ));
        parents.insert(header.pid, header.ppid);
    }
    let root = Trace::parse(&outcome.files[0]).unwrap().header().pid;
    assert_eq!(images[&root], [(0, Origin::Exec, State::Exited, 0)]);
    assert!(
        parents
            .iter()
            .all(|(pid, ppid)| *pid == root || images.contains_key(ppid))
    );
    // Nine children forked and executed: a file for each image.
    let both = |images: &&Vec<(u32, Origin, State, i32)>| {
        ***images
            == [
                (0, Origin::Fork, State::Executed, 0),
                (1, Origin::Exec, State::Exited, 7),
            ]
    };
    assert_eq!(images.values().filter(both).count(), 9);
}

#[test]
fn vfork_children_write_into_the_parents_file_under_their_own_ids() {
    let outcome = Traced::new("tree", &[]).run();
    let parent = Trace::parse(&outcome.files[0]).unwrap();
    let root = parent.header().pid;
    let foreign: Vec<_> = parent
        .records()
        .filter(|record| record.pid != root)
        .collect();
    assert!(
        foreign
            .iter()
            .all(|record| record.flags & partage_trace_format::record::flag::VFORK_CHILD != 0)
    );
    let children: std::collections::BTreeSet<u32> =
        foreign.iter().map(|record| record.pid).collect();
    assert_eq!(children.len(), 3);
    let results = |pid: u32| -> Vec<i64> {
        parent
            .records()
            .filter(|record| record.call == Ok(Call::Vfork) && record.pid == pid)
            .map(|record| record.result)
            .collect()
    };
    assert!(
        results(root)
            .iter()
            .all(|child| children.contains(&(*child as u32)))
    );
}

#[test]
fn an_exec_without_the_recorder_is_marked() {
    use partage_trace_format::record::flag::UNTRACED_IMAGE;
    let scratch = crate::run::Scratch::new();
    let mut command = std::process::Command::new("/usr/bin/env");
    command
        .args(["-u", "LD_PRELOAD", "/bin/true"])
        .env("PARTAGE_TRACE", scratch.traces());
    command.env("LD_PRELOAD", &crate::run::built().recorder);
    assert!(command.status().unwrap().success());
    let files = crate::run::read_files(&scratch.traces());
    assert_eq!(files.len(), 1);
    let trace = Trace::parse(&files[0]).unwrap();
    let exec = trace
        .records()
        .find(|record| record.call == Ok(Call::Exec))
        .unwrap();
    assert_eq!(exec.flags & UNTRACED_IMAGE, UNTRACED_IMAGE);
    assert_eq!(exec.name(), Some(&b"/bin/true"[..]));
}

#[test]
fn descriptors_that_no_recorded_call_made_are_found() {
    let outcome = Traced::new("found", &[]).run();
    assert_eq!(outcome.files.len(), 2);
    for file in &outcome.files {
        let trace = Trace::parse(file).unwrap();
        let found: Vec<_> = trace
            .records()
            .filter(|record| record.call == Ok(Call::FoundFd))
            .collect();
        // The first image received one; the second inherited both.
        let first = trace.header().seq == 0;
        assert_eq!(found.len(), if first { 1 } else { 2 });
        assert!(
            found
                .iter()
                .all(|record| record.name() == Some(&b"/memfd:found (deleted)"[..]))
        );
        assert!(found.iter().all(|record| record.args[3] == 4096));
        let map = trace
            .records()
            .find(|record| record.call == Ok(Call::Mmap))
            .unwrap();
        assert!(found.iter().any(|record| record.args[0] == map.args[4]));
        assert_eq!(
            trace.records().any(|record| record.call == Ok(Call::Close)),
            !first
        );
    }
}
