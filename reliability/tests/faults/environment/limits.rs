//! Limits of a process: descriptors, address space, file size.

use crate::{Findings, first_call, life_cycle, names, same, with_namespace, works};
use partage_reliability::calls;
use std::path::Path;

/// Runs `body` with the soft limit lowered.
fn limited<T>(what: libc::__rlimit_resource_t, limit: u64, body: impl FnOnce() -> T) -> T {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structures are ours.
    unsafe {
        libc::getrlimit(what, &raw mut before);
        let lowered = libc::rlimit {
            rlim_cur: limit,
            ..before
        };
        libc::setrlimit(what, &raw const lowered);
    }
    let result = body();
    // SAFETY: as above.
    unsafe { libc::setrlimit(what, &raw const before) };
    result
}

pub(crate) fn no_descriptor(place: &Path) -> Findings {
    let mut findings = with_namespace(place, || {
        let none = |body: &dyn Fn() -> Result<u64, i32>| limited(libc::RLIMIT_NOFILE, 0, body);
        let make = || calls::get(7, 8192, libc::IPC_CREAT | 0o600);
        let mut findings = same(
            "the first call",
            none(&|| make().map(|_| 0)),
            Err(libc::EMFILE),
        );
        let Ok(id) = make() else {
            return vec!["cannot create".to_owned()];
        };
        let Ok(address) = calls::attach(id, 0) else {
            return vec!["cannot attach".to_owned()];
        };
        // A file is made and given its size by name.
        let made = none(&|| calls::get(8, 1, libc::IPC_CREAT | 0o600).map(|_| 0));
        findings.extend(same("shmget of a new one", made, Ok(0)));
        let removed = none(&|| calls::get(8, 0, 0).and_then(calls::remove).map(|()| 0));
        findings.extend(same("IPC_RMID of the new one", removed, Ok(0)));
        findings.extend(same("shmget by key", none(&|| make().map(|_| 0)), Ok(0)));
        findings.extend(same(
            "IPC_STAT",
            none(&|| calls::stat(id).map(|status| status.shm_nattch)),
            Ok(1),
        ));
        // A child that cannot have a lock of its own is asked after by its process.
        let in_fork = none(&|| {
            // SAFETY: this program has one thread; the child ends at once.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) };
            }
            // SAFETY: the process is a child of ours that nobody has waited for.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            calls::stat(id).map(|status| u64::from(status.shm_nattch >= 1))
        });
        findings.extend(same("IPC_STAT after a fork", in_fork, Ok(1)));
        findings.extend(same(
            "shmdt",
            none(&|| calls::detach(address).map(|()| 0)),
            Ok(0),
        ));
        // Nobody maps it: the first attach opens its file.
        let other = calls::get(9, 8192, libc::IPC_CREAT | 0o600).unwrap_or(-1);
        findings.extend(same(
            "shmat",
            none(&|| calls::attach(other, 0).map(|_| 0)),
            Err(libc::EMFILE),
        ));
        findings.extend(same(
            "nattch after it",
            calls::stat(other).map(|status| status.shm_nattch),
            Ok(0),
        ));
        findings.extend(same(
            "IPC_RMID",
            none(&|| calls::remove(other).map(|()| 0)),
            Ok(0),
        ));
        findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        findings
    });
    findings.extend(works(place));
    findings
}

/// Every limit from none free to enough: each call works or says EMFILE, and no number is taken for good.
pub(crate) fn few_descriptors(place: &Path) -> Findings {
    let mut findings = Findings::new();
    for free in 0..6 {
        findings.extend(with_namespace(place, || {
            let open = || {
                names(Path::new("/proc/self/fd"))
                    .iter()
                    .filter_map(|name| name.parse::<u64>().ok())
                    .max()
                    .unwrap_or(0)
            };
            // The listing itself takes one.
            let before = open();
            let answer = limited(libc::RLIMIT_NOFILE, before + free, life_cycle);
            let mut findings = match answer {
                Ok([2, 1, 0]) | Err(libc::EMFILE) => Vec::new(),
                // A child without a lock that was killed before it came to its first instruction: what it had counts as
                // long as its parent lives.
                Ok([2, 2, 1]) if free < 2 => Vec::new(),
                other => vec![format!("{free} free: {other:?}")],
            };
            findings.extend(same("descriptors at the end", open(), before));
            findings
        }));
    }
    for id in partage_reliability::examine::segments(place) {
        findings.extend(with_namespace(place, || {
            same("IPC_RMID", calls::remove(id), Ok(()))
        }));
    }
    findings.extend(works(place));
    findings
}

pub(crate) fn address_space(place: &Path) -> Findings {
    let mut findings = with_namespace(place, || {
        let used = || {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
            pages
                .split(' ')
                .next()
                .and_then(|pages| pages.parse::<u64>().ok())
                .unwrap_or(0)
                * 4096
        };
        let tight = |room: u64, body: &dyn Fn() -> Result<u64, i32>| {
            limited(libc::RLIMIT_AS, used() + room, body)
        };
        let make = || calls::get(7, 1 << 20, libc::IPC_CREAT | 0o600);
        let mut findings = same(
            "the first call",
            tight(64 << 10, &|| make().map(|_| 0)),
            Err(libc::ENOMEM),
        );
        let Ok(id) = make() else {
            return vec!["cannot create".to_owned()];
        };
        let attach = || calls::attach(id, 0).map(|_| 0);
        findings.extend(same("shmat", tight(64 << 10, &attach), Err(libc::ENOMEM)));
        findings.extend(same(
            "nattch",
            calls::stat(id).map(|status| status.shm_nattch),
            Ok(0),
        ));
        findings.extend(same("shmat with room", tight(4 << 20, &attach), Ok(0)));
        findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        findings
    });
    findings.extend(works(place));
    findings
}

pub(crate) fn file_size(place: &Path) -> Findings {
    let mut findings = with_namespace(place, || {
        let small = |body: &dyn Fn() -> Result<i32, i32>| limited(libc::RLIMIT_FSIZE, 4096, body);
        // SIGXFSZ would end the child.
        let mut findings = same(
            "the first call",
            small(&|| calls::get(7, 4096, libc::IPC_CREAT | 0o600)),
            Err(libc::ENOSPC),
        );
        findings.extend(same("left", names(place), Vec::new()));
        let joined = calls::get(libc::IPC_PRIVATE, 4096, 0o600).and_then(calls::remove);
        findings.extend(same("without the limit", joined, Ok(())));
        let before = names(place);
        let made = small(&|| calls::get(8, 8192, libc::IPC_CREAT | 0o600));
        findings.extend(same("a segment that is too large", made, Err(libc::ENOSPC)));
        findings.extend(same("left", names(place), before));
        let fits = small(&|| calls::get(8, 4096, libc::IPC_CREAT | 0o600)).and_then(calls::remove);
        findings.extend(same("a segment that fits", fits, Ok(())));
        findings
    });
    findings.extend(works(place));
    findings
}

/// The registry has its size from the beginning: the part of it that the 161st segment needs is no growth to the limit.
pub(crate) fn file_size_of_registry(place: &Path) -> Findings {
    let mut findings = with_namespace(place, || {
        let make = || calls::get(libc::IPC_PRIVATE, 1, 0o600);
        let first = make();
        let made = limited(libc::RLIMIT_FSIZE, 4096, || {
            (0..600).map(|_| make()).find_map(Result::err)
        });
        let mut findings = same("the first", first.is_ok(), true);
        findings.extend(same("a segment beyond the prefix", made, None));
        let segments = partage_reliability::examine::segments(place);
        findings.extend(same("recorded", segments.len(), 601));
        for id in segments {
            findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        }
        findings
    });
    findings.extend(same("a new process", first_call(place), Ok(())));
    findings.extend(works(place));
    findings
}
