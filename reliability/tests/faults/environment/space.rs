//! File systems without room: bytes or inodes.

use crate::{Findings, first_call, mount_tmpfs, names, remount, same, with_namespace, works};
use partage_reliability::{calls, examine};
use std::path::Path;

/// `SHM_NORESERVE`.
const NORESERVE: i32 = 0o10000;

/// Too small for a registry.
pub(crate) fn small(place: &Path) -> Findings {
    mount_tmpfs(place, "size=252k,mode=711");
    let mut findings = same("the first call", first_call(place), Err(libc::ENOSPC));
    findings.extend(same("left", names(place), Vec::new()));
    remount(place, 0, "size=4m");
    findings.extend(works(place));
    findings
}

/// Segments are made and filled until there is no room: shmget says so, and no store is a fault.
pub(crate) fn full(place: &Path) -> Findings {
    mount_tmpfs(place, "size=4m,mode=711");
    let mut findings = with_namespace(place, || {
        let make = || calls::get(libc::IPC_PRIVATE, 256 << 10, 0o600);
        let mut made = Vec::new();
        let refusal = loop {
            match make() {
                Ok(id) => made.push(id),
                Err(errno) => break errno,
            }
        };
        let mut findings = same("the segment that does not fit", refusal, libc::ENOMEM);
        if made.len() < 8 {
            findings.push(format!("only {} segments", made.len()));
        }
        for &id in &made {
            match calls::attach(id, 0) {
                // SAFETY: the attachment was made just now and has 256 KiB; a fault would be the finding.
                Ok(address) => unsafe { std::ptr::write_bytes(address as *mut u8, 7, 256 << 10) },
                Err(errno) => findings.push(format!("shmat: errno {errno}")),
            }
        }
        findings.extend(same("when all are filled", make(), Err(libc::ENOMEM)));
        // What is not shared memory takes the rest.
        let filler = place.join("filler");
        let _ = std::fs::write(&filler, vec![1; 4 << 20]);
        let files = names(place);
        findings.extend(same(
            "a page, when it is full",
            calls::get(libc::IPC_PRIVATE, 1, 0o600),
            Err(libc::ENOMEM),
        ));
        findings.extend(same("left", names(place), files));
        let again = made
            .first()
            .map(|&id| calls::attach(id, 0).and_then(calls::detach));
        findings.extend(same(
            "shmat and shmdt, when it is full",
            again,
            Some(Ok(())),
        ));
        let _ = std::fs::remove_file(&filler);
        for id in made {
            findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        }
        findings
    });
    // It was attached to them to its end: what only the dead have is room for others.
    findings.extend(with_namespace(place, || {
        let made = calls::get(libc::IPC_PRIVATE, 3 << 20, 0o600);
        same(
            "in the room of the dead",
            made.and_then(calls::remove),
            Ok(()),
        )
    }));
    findings.extend(works(place));
    findings
}

/// No room for the part of the registry that the 161st segment needs, or one a little later.
pub(crate) fn registry_grows(place: &Path) -> Findings {
    mount_tmpfs(place, "size=264k,mode=711");
    let mut findings = with_namespace(place, || {
        let make = || calls::get(libc::IPC_PRIVATE, 1, NORESERVE | 0o600);
        let refusal = (0..600).map(|_| make()).find_map(Result::err);
        let mut findings = same(
            "the segment that needs a larger registry",
            refusal,
            Some(libc::ENOSPC),
        );
        remount(place, 0, "size=8m");
        findings.extend(same("with room", make().map(drop), Ok(())));
        for id in examine::segments(place) {
            findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        }
        findings
    });
    findings.extend(works(place));
    findings
}

/// One inode is the directory's own; a registry takes another, a lock file the third.
pub(crate) fn few_inodes(place: &Path) -> Findings {
    mount_tmpfs(place, "nr_inodes=1,mode=711");
    let mut findings = same("no inode", first_call(place), Err(libc::ENOSPC));
    findings.extend(same("left", names(place), Vec::new()));
    remount(place, 0, "nr_inodes=2");
    findings.extend(same("one inode", first_call(place), Err(libc::ENOSPC)));
    findings.extend(same("left", names(place), vec!["registry".to_owned()]));
    remount(place, 0, "nr_inodes=16");
    findings.extend(with_namespace(place, || {
        let make = || calls::get(libc::IPC_PRIVATE, 1, 0o600);
        let made: Vec<i32> = (0..16).map_while(|_| make().ok()).collect();
        let mut findings = same("segments", made.len(), 13);
        findings.extend(same("one more", make(), Err(libc::ENOSPC)));
        findings.extend(same("recorded", examine::segments(place), made.clone()));
        for id in made {
            let used = calls::attach(id, 0).and_then(calls::detach);
            findings.extend(same("shmat and shmdt", used, Ok(())));
            findings.extend(same("IPC_RMID", calls::remove(id), Ok(())));
        }
        findings
    }));
    findings.extend(works(place));
    findings
}
