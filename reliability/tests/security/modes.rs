//! Modes and owners of everything that is made, and directories whose maker died before the mode was right.

use crate::{Findings, USER, as_user, create_as, files, one_of, open_to_all};
use partage_reliability::calls;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

const UMASKS: [u32; 7] = [0, 0o022, 0o027, 0o077, 0o177, 0o277, 0o777];
const MODES: [i32; 6] = [0o600, 0o640, 0o666, 0o444, 0o060, 0];

fn expect(path: &Path, mode: u32, owner: u32) -> Findings {
    match path.symlink_metadata() {
        Ok(status)
            if status.mode() & 0o7777 == mode && [status.uid(), status.gid()] == [owner; 2] =>
        {
            Vec::new()
        }
        Ok(status) => vec![format!(
            "{}: mode {:o}, owner {}, group {}, not {mode:o} and {owner}",
            path.display(),
            status.mode() & 0o7777,
            status.uid(),
            status.gid()
        )],
        Err(error) => vec![format!("{}: {error}", path.display())],
    }
}

pub(crate) fn under_umasks(parent: &Path) -> Findings {
    let mut findings = Findings::new();
    for user in [0, USER] {
        for umask in UMASKS {
            let place = parent.join(format!("{user}-{umask:o}"));
            findings.extend(as_user(user, &place, || make_everything(umask)));
            findings.extend(everything(&place, user, umask));
        }
    }
    findings
}

fn make_everything(umask: u32) -> Findings {
    // SAFETY: a plain number.
    unsafe { libc::umask(umask) };
    let mut findings = Findings::new();
    for (place, mode) in MODES.into_iter().enumerate() {
        // The size tells the files apart.
        let made = calls::get(libc::IPC_PRIVATE, (place + 1) * 4096, mode);
        let attached = made.and_then(|id| calls::attach(id, 0)).map(drop);
        let right = if mode & 0o600 == 0o600 {
            Ok(())
        } else {
            attached
        };
        if attached != right {
            findings.push(format!("a segment of mode {mode:o}: {attached:?}"));
        }
    }
    if let Err(errno) = calls::make_object(c"/object") {
        findings.push(format!("shm_open: errno {errno}"));
    }
    findings
}

fn everything(place: &Path, owner: u32, umask: u32) -> Findings {
    let mut findings = expect(place, 0o711, owner);
    findings.extend(expect(&place.join("registry"), 0o600, owner));
    let lock_files = files(place, "members-");
    if lock_files.is_empty() {
        findings.push("no lock file".to_owned());
    }
    for path in lock_files {
        findings.extend(expect(&path, 0o666, owner));
    }
    let segments = files(place, "segment-");
    if segments.len() != MODES.len() {
        findings.push(format!("{} segments", segments.len()));
    }
    for path in segments {
        let pages = path
            .metadata()
            .map_or(0, |status| status.len() as usize / 4096);
        let mut mode = MODES
            .get(pages.wrapping_sub(1))
            .map_or(0, |&mode| mode as u32);
        // A umask that takes rights from the owner himself: root needs none, others get them when they attach.
        if mode == 0o600 && owner == 0 {
            mode &= !umask;
        }
        findings.extend(expect(&path, mode, owner));
    }
    findings.extend(expect(&place.join("posix"), 0o711, owner));
    findings.extend(expect(&place.join("posix/object"), 0o600 & !umask, owner));
    let names = files(place, "").len();
    if names != MODES.len() + 3 {
        findings.push(format!("{names} names in {}", place.display()));
    }
    findings
}

/// As mkdir(2) of the library leaves a directory under a umask; and as somebody wants it who made it himself.
pub(crate) fn half_made(parent: &Path) -> Findings {
    let mut findings = Findings::new();
    for user in [0, USER] {
        for (found, right) in [
            (0o1711, 0o711),
            (0o1700, 0o711),
            (0o1000, 0o711),
            (0o3701, 0o711),
            (0o700, 0o700),
            (0o1777, 0o1777),
            (0o1770, 0o1770),
        ] {
            let place = parent.join(format!("{user}-{found:o}"));
            let made = fs::create_dir(&place)
                .and_then(|()| chown(&place, Some(user), Some(user)))
                .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(found)));
            if let Err(error) = made {
                findings.push(error.to_string());
            }
            findings.extend(one_of("shmget", create_as(user, &place), &[0]));
            findings.extend(expect(&place, right, user));
        }
        // Somebody else's is not for others to put right.
        let place = parent.join(format!("{user}-other"));
        let _ = open_to_all(&place);
        let inner = place.join("namespace");
        let _ = fs::create_dir(&inner)
            .and_then(|()| chown(&inner, Some(crate::STRANGER), Some(crate::STRANGER)))
            .and_then(|()| fs::set_permissions(&inner, fs::Permissions::from_mode(0o1711)));
        findings.extend(one_of("shmget", create_as(user, &inner), &[libc::ENOSYS]));
        findings.extend(expect(&inner, 0o1711, crate::STRANGER));
    }
    findings
}

pub(crate) fn half_made_posix(place: &Path) -> Findings {
    let posix = place.join("posix");
    let made = fs::create_dir(&posix)
        .and_then(|()| chown(&posix, Some(USER), Some(USER)))
        .and_then(|()| fs::set_permissions(&posix, fs::Permissions::from_mode(0o700)));
    let mut findings: Findings = made
        .err()
        .map(|error| error.to_string())
        .into_iter()
        .collect();
    let object = |user| {
        as_user(user, place, || {
            let made =
                calls::make_object(c"/object").and_then(|()| calls::unlink_object(c"/object"));
            made.err()
                .map(|errno| format!("user {user}: shm_open: errno {errno}"))
                .into_iter()
                .collect()
        })
    };
    findings.extend(object(USER));
    findings.extend(expect(&posix, 0o1777, USER));
    findings.extend(object(crate::STRANGER));
    findings
}
