//! Which caller may do what with a segment: the kernel's rules, as pure functions of the segment and the caller.

#![forbid(unsafe_code)]

use crate::error::{Errno, Result};
use crate::os::identity::{self, Capability};
use crate::process;
use crate::registry::{Segment, Stamps, sequence_of};

/// Permission to read, in a mode's digit.
pub(super) const READ: u32 = 4;
/// Permission to write.
pub(super) const WRITE: u32 = 2;
/// Permission to execute.
pub(super) const EXECUTE: u32 = 1;

/// The caller. Questions about it cost system calls, so they are asked only if the answer matters.
pub(super) trait Caller {
    fn euid(&self) -> u32;
    fn is_in_group(&self, groups: [u32; 2]) -> bool;
    fn has(&self, capability: Capability) -> bool;
}

/// The calling process.
pub(super) struct Current;

impl Caller for Current {
    fn euid(&self) -> u32 {
        identity::euid()
    }

    fn is_in_group(&self, groups: [u32; 2]) -> bool {
        identity::in_group(groups)
    }

    fn has(&self, capability: Capability) -> bool {
        process::registry().is_ok_and(|registry| registry.is_privileged(capability))
    }
}

/// The bits that `shmget` asks for: the three digits of the flags, folded into one.
pub(super) fn requested(shmflg: i32) -> u32 {
    let mode = shmflg as u32;
    (mode >> 6 | mode >> 3 | mode) & 7
}

/// Checks that the caller has all `wanted` bits: exactly one digit of the mode applies, the owner's, the group's or
/// the others'.
///
/// # Errors
/// - `EACCES` a bit is missing
pub(super) fn check(segment: &Segment, wanted: u32, caller: &impl Caller) -> Result<()> {
    let [owner, group, others] = [segment.mode >> 6, segment.mode >> 3, segment.mode];
    if wanted & !(owner & group & others) == 0 {
        return Ok(());
    }
    let euid = caller.euid();
    let digit = if euid == segment.uid || euid == segment.cuid {
        owner
    } else if wanted & !(group & others) == 0 || caller.is_in_group([segment.gid, segment.cgid]) {
        // If both digits grant it, it does not matter which one applies.
        group
    } else {
        others
    };
    if wanted & !digit == 0 || caller.has(Capability::IpcOwner) {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

/// Checks that the caller may change or remove the segment.
///
/// # Errors
/// - `EPERM` neither owner nor creator, nor privileged
pub(super) fn check_control(segment: &Segment, caller: &impl Caller) -> Result<()> {
    if is_owner(segment, caller) || caller.has(Capability::SysAdmin) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

pub(super) fn is_owner(segment: &Segment, caller: &impl Caller) -> bool {
    let euid = caller.euid();
    euid == segment.uid || euid == segment.cuid
}

/// What the stat commands of shmctl(2) return: `struct shmid_ds` without its padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of struct shmid_ds")]
pub struct Status {
    pub key: i32,
    pub uid: u32,
    pub gid: u32,
    pub cuid: u32,
    pub cgid: u32,
    pub mode: u32,
    pub seq: u32,
    pub segsz: u64,
    pub atime: i64,
    pub dtime: i64,
    pub ctime: i64,
    pub cpid: i32,
    pub lpid: i32,
    pub nattch: u32,
    /// The full id.
    pub shmid: u32,
}

impl Status {
    pub(super) fn of(segment: &Segment, stamps: &Stamps) -> Status {
        Status {
            key: segment.key,
            uid: segment.uid,
            gid: segment.gid,
            cuid: segment.cuid,
            cgid: segment.cgid,
            mode: segment.mode,
            seq: sequence_of(segment.shmid),
            segsz: segment.size,
            atime: stamps.atime,
            dtime: stamps.dtime,
            ctime: segment.ctime,
            cpid: segment.cpid,
            lpid: stamps.lpid,
            nattch: segment.nattch,
            shmid: segment.shmid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Someone {
        euid: u32,
        groups: &'static [u32],
        capabilities: &'static [Capability],
    }

    impl Caller for Someone {
        fn euid(&self) -> u32 {
            self.euid
        }
        fn is_in_group(&self, groups: [u32; 2]) -> bool {
            self.groups.iter().any(|group| groups.contains(group))
        }
        fn has(&self, capability: Capability) -> bool {
            self.capabilities.contains(&capability)
        }
    }

    fn someone(euid: u32, groups: &'static [u32]) -> Someone {
        Someone {
            euid,
            groups,
            capabilities: &[],
        }
    }

    fn segment(mode: u32) -> Segment {
        Segment {
            mode,
            uid: 10,
            cuid: 11,
            gid: 20,
            cgid: 21,
            ..Segment::default()
        }
    }

    #[test]
    fn one_digit_applies_for_every_mode() {
        for mode in 0..0o1000 {
            for wanted in 0..8 {
                for (caller, digit) in [
                    (someone(10, &[20]), mode >> 6),
                    (someone(11, &[]), mode >> 6),
                    (someone(5, &[20]), mode >> 3),
                    (someone(5, &[1, 21]), mode >> 3),
                    (someone(5, &[1]), mode),
                    (someone(0, &[0]), mode),
                ] {
                    let expected = if wanted & !digit == 0 {
                        Ok(())
                    } else {
                        Err(Errno::EACCES)
                    };
                    assert_eq!(
                        check(&segment(mode), wanted, &caller),
                        expected,
                        "mode {mode:o} wanted {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn ipc_owner_passes_and_only_that() {
        let with = |capabilities| Someone {
            euid: 0,
            groups: &[],
            capabilities,
        };
        assert_eq!(
            check(&segment(0), 6, &with(&[Capability::IpcOwner])),
            Ok(())
        );
        assert_eq!(
            check(
                &segment(0),
                6,
                &with(&[Capability::SysAdmin, Capability::IpcLock])
            ),
            Err(Errno::EACCES)
        );
        assert_eq!(
            check_control(&segment(0o777), &with(&[Capability::SysAdmin])),
            Ok(())
        );
        assert_eq!(
            check_control(&segment(0o777), &with(&[Capability::IpcOwner])),
            Err(Errno::EPERM)
        );
        assert_eq!(check_control(&segment(0), &someone(11, &[])), Ok(()));
    }

    #[test]
    fn digits_fold() {
        assert_eq!(requested(0o1000), 0);
        assert_eq!(requested(0o421), 7);
        assert_eq!(requested(0o040), 4);
        assert_eq!(requested(0o002), 2);
    }
}
