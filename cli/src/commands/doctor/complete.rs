//! Every finding is constructed, and looked at: whoever reads it is told what to do, by a line for a shell.

use super::fills;
use super::finding::{DEV_SHM, Finding, NOTHING_TO_DO, Verdict};
use super::limits::{self, Whose};
use super::room::{self, Room};
use super::{machine, namespace, preload, system};
use crate::failure::Failure;
use crate::liveness::Keeper;
use crate::model::{Limits, Nameless, NamelessKind, Object, Owner, Segment, Snapshot};
use crate::name::Name;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use partage_core::inspect::Finding as Breach;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

const PLACE: &str = "/srv/it's a place";

#[test]
fn every_finding_says_what_to_do_by_a_command() {
    let all = all();
    let mut silent = 0;
    for finding in &all {
        let json = serde_json::to_value(finding).unwrap();
        let command = json["command"].as_str();
        if finding.verdict == Verdict::Good {
            assert_eq!((command, json["advice"].as_str()), (None, None), "{json}");
            continue;
        }
        let advice = json["advice"].as_str().unwrap();
        match command {
            Some(command) => assert_is_exact(command),
            None => {
                assert!(advice.starts_with(NOTHING_TO_DO), "no command: {json}");
                assert_eq!(finding.verdict, Verdict::Note, "a problem: {json}");
                silent += 1;
            }
        }
        let severity = match finding.verdict {
            Verdict::Note => "warning",
            _ => "error",
        };
        assert_eq!(json["severity"], severity);
        assert!(!finding.what.is_empty() && !advice.is_empty(), "{json}");
    }
    // Under proot, under another tracer, and on Android with a directory.
    assert_eq!(silent, 3);
}

/// A shell takes the line, and there is nothing in it to fill in.
fn assert_is_exact(command: &str) {
    let read = Command::new("sh").args(["-n", "-c", command]).output();
    let read = read.unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{command}");
    let words = ["...", "PROGRAM", " DIR", "NAME", "<", "`"];
    let left = words.iter().find(|word| command.contains(**word));
    assert_eq!(left, None, "to be filled in: {command}");
    assert!(!command.is_empty() && !command.contains('\n'), "{command}");
}

fn all() -> Vec<Finding> {
    [
        of_system(),
        of_limits(),
        of_room(),
        of_machine(),
        of_namespace(),
        of_preload(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_system() -> Vec<Finding> {
    let child = Pid::from_raw(1);
    let codes = [
        Errno::ENOSYS,
        Errno::EPERM,
        Errno::ENOSPC,
        Errno::ENOMEM,
        Errno::EINVAL,
        Errno::EIO,
    ];
    let codes = codes.into_iter().map(|code| code as i32).chain([0]);
    let ended = codes.map(|code| Ok(WaitStatus::Exited(child, code)));
    let others = [
        Ok(WaitStatus::Signaled(child, Signal::SIGSYS, false)),
        Ok(WaitStatus::Signaled(child, Signal::SIGKILL, false)),
        Err(Errno::EAGAIN),
    ];
    ended.chain(others).map(system::judged).collect()
}

fn of_limits() -> Vec<Finding> {
    let limits = |shmmni| Limits {
        shmmax: 4096,
        shmall: 1,
        shmmni,
        rmid_forced: false,
    };
    let mut findings = Vec::new();
    for whose in [Whose::Kernel, Whose::Namespace("/srv/shm", 0)] {
        for (nattch, shmmni) in [(0, 1), (1, 1), (1, 1000)] {
            findings.extend(limits::look(whose, &limits(shmmni), &[segment(nattch)]));
        }
        let nearly = Limits {
            shmmax: u64::MAX,
            shmall: u64::MAX,
            ..limits(5)
        };
        findings.extend(limits::look(whose, &nearly, &vec![segment(0); 4]));
        findings.extend(limits::look(whose, &nearly, &[]));
    }
    findings
}

fn segment(nattch: u64) -> Segment {
    Segment {
        key: 1,
        id: 0,
        owner: Owner { uid: 0, gid: 0 },
        cuid: 0,
        cgid: 0,
        mode: 0o600,
        size: 4096,
        resident: None,
        nattch,
        atime: 0,
        dtime: 0,
        ctime: 0,
        cpid: 0,
        lpid: 0,
        creator: None,
        last_user: None,
        file: None,
        attached: Vec::new(),
        unseen: nattch,
    }
}

fn of_room() -> Vec<Finding> {
    let roomy = Room {
        size: 1 << 30,
        free: 1 << 30,
        takes_files: true,
        is_tmpfs: true,
        is_noexec: false,
    };
    let rooms = [
        roomy,
        Room { free: 0, ..roomy },
        Room {
            takes_files: false,
            ..roomy
        },
        Room {
            is_tmpfs: false,
            ..roomy
        },
        Room {
            size: 64 << 20,
            ..roomy
        },
        Room {
            is_noexec: true,
            ..roomy
        },
    ];
    let snapshot = Snapshot {
        directory: None,
        limits: None,
        segments: Vec::new(),
        objects: vec![orphan()],
        nameless: vec![Nameless {
            name: Name::from_text(OsStr::new("/gone")),
            name_bytes: None,
            kind: NamelessKind::Unlinked,
            size: 4096,
            resident: None,
            attached: Vec::new(),
            identity: [0; 3],
            segment: None,
        }],
        unseen_processes: 0,
        lists_all: true,
    };
    let mut findings: Vec<Finding> = room::unlinked(&snapshot).into_iter().collect();
    for path in [DEV_SHM, PLACE].map(Path::new) {
        findings.extend([Errno::ENOENT, Errno::EIO].map(|why| room::unseen(path, why)));
        findings.extend([Errno::EROFS, Errno::EACCES].map(|why| room::closed(path, why)));
        for snapshot in [None, Some(&snapshot)] {
            let fills = fills::of(snapshot, &[]);
            findings.extend(rooms.iter().map(|one| room::judged(path, one, &fills)));
        }
    }
    findings
}

fn orphan() -> Object {
    Object {
        name: Name::from_text(OsStr::new("/orphan")),
        name_bytes: None,
        owner: Owner { uid: 0, gid: 0 },
        mode: 0o600,
        size: 4096,
        resident: 4096,
        mtime: 0,
        file: "/dev/shm/orphan".into(),
        kind: None,
        attached: Vec::new(),
        unseen: Some(0),
    }
}

fn of_machine() -> Vec<Finding> {
    vec![
        machine::removed_by_logind(),
        machine::protected(),
        machine::traced("proot", 7, true),
        machine::traced("gdb", 7, false),
        machine::on_android(true),
        machine::on_android(false),
        machine::memory_used_up(4096, 4096),
    ]
}

fn of_namespace() -> Vec<Finding> {
    let mut findings = vec![
        namespace::without(Failure::new("no place")),
        namespace::beyond_repair(Path::new(PLACE), "not all could be repaired"),
        namespace::left_behind(2, 4096),
    ];
    for path in [DEV_SHM, PLACE].map(Path::new) {
        let keepers = [Keeper::Mapping, Keeper::Descriptor, Keeper::Nothing];
        let refusals = [Errno::EACCES, Errno::ENOSPC].map(Err);
        let tried = keepers.map(Ok).into_iter().chain(refusals);
        findings.extend(tried.map(|tried| namespace::locked(path, tried)));
        findings.push(namespace::unusable(path, Failure::new("no namespace")));
        findings.push(namespace::broken(path, &Breach::File { slot: 1 }));
        findings.extend([true, false].map(|open| namespace::unreachable(path, 2, open)));
    }
    findings
}

fn of_preload() -> Vec<Finding> {
    let place = Path::new(PLACE);
    let failure = || Failure::new("it fails");
    vec![
        preload::not_found(failure()),
        preload::unlistable(failure(), place),
        preload::no_trial(&io::Error::from(Errno::ENOENT)),
        preload::not_loaded(place),
        preload::out_of_reach(failure(), place),
        preload::out_of_reach(failure(), Path::new("/bin/sh")),
    ]
}
