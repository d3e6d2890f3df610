//! What `PARTAGE_LOG` prints where an errno says too little: `EINVAL` stands for a dozen mistakes.
//! Tested by `c_tests/sysv`.

use crate::error::Errno;
use crate::log::{self, Line};
use crate::process;

/// No segment has this id. A program that passes a key instead of an id is told so.
#[cold]
#[inline(never)]
pub(super) fn no_segment(id: i32) -> Errno {
    let hint = |line: Line| {
        let line = line.str("no segment has the id ").signed(id.into());
        match with_key(id) {
            Some(shmid) => line
                .str("; ")
                .hex(u64::from(id as u32))
                .str(" is the key of segment ")
                .number(shmid.into())
                .str(": a key is where the id belongs"),
            None => line,
        }
    };
    log::write_error(Errno::EINVAL, hint)
}

fn with_key(key: i32) -> Option<u32> {
    let registry = process::registry().ok()?;
    let found = registry.find_key(key).ok()??;
    (key != 0).then_some(found.shmid)
}

/// Explains `EINVAL` if there is no such segment. Other errors were explained where they arose.
pub(super) fn unknown(id: u32) -> impl Fn(Errno) -> Errno {
    move |error| match error {
        Errno::EINVAL => no_segment(id as i32),
        other => other,
    }
}

/// An address at which nothing can be attached.
#[cold]
#[inline(never)]
pub(super) fn bad_address(address: usize, why: &'static str) -> Errno {
    log::write_error(Errno::EINVAL, |line| {
        line.str("cannot attach at ")
            .hex(address as u64)
            .str(": ")
            .str(why)
    })
}

/// Another mistake in the arguments.
#[cold]
#[inline(never)]
pub(super) fn bad_argument(why: &'static str) -> Errno {
    log::write_error(Errno::EINVAL, |line| line.str(why))
}

/// An id or a command that shmctl(2) cannot have.
#[cold]
#[inline(never)]
pub fn bad_arguments(id: i32, command: i32) -> Errno {
    if id < 0 {
        return no_segment(id);
    }
    log::write_error(Errno::EINVAL, |line| {
        line.str("shmctl has no command ").signed(command.into())
    })
}
