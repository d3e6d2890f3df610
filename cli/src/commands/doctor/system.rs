//! What the kernel and `/dev/shm` offer.

use super::Finding;
use crate::failure::reason;
use crate::output::format;
use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{AccessFlags, ForkResult, access, fork};
use partage_core::backend;
use std::io;
use std::path::Path;

/// A container's `/dev/shm` is often this large and no larger.
const SMALL: u64 = 64 << 20;

pub(super) fn look() -> Vec<Finding> {
    vec![kernel(), shared_memory_directory()]
}

/// Tries the kernel's own System V calls.
fn kernel() -> Finding {
    let provides = "`partage run` provides it";
    match try_kernel() {
        Ok(WaitStatus::Exited(_, 0)) => Finding::good(
            "the kernel has System V shared memory; `partage run --private` keeps it to a program",
        ),
        Ok(WaitStatus::Exited(_, code)) => match Errno::from_raw(code) {
            Errno::ENOSYS => Finding::good(format!(
                "the kernel has no System V shared memory here: {provides}"
            )),
            why => Finding::good(format!(
                "the kernel's System V shared memory does not work here ({}): {provides}",
                why.desc()
            )),
        },
        Ok(_) => Finding::good(format!(
            "System V shared memory is forbidden here, on pain of death: {provides}"
        )),
        Err(why) => Finding::note(
            format!("cannot try the kernel's System V calls: {}", why.desc()),
            "is there a limit on processes?",
        ),
    }
}

/// Makes a segment of one byte and removes it, in a child, since a sandbox may kill who tries;
/// its exit status is the errno. By system calls of our own: syscall(3) may be answered by a preload.
fn try_kernel() -> nix::Result<WaitStatus> {
    // SAFETY: this process has one thread, so the child may go on as it likes.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        return waitpid(child, None);
    }
    let status = match backend::kernel_shmget(libc::IPC_PRIVATE, 1, 0o600) {
        Ok(id) => {
            // SAFETY: removes the segment just made; IPC_RMID reads no buffer.
            let _ = unsafe { backend::kernel_shmctl(id, libc::IPC_RMID, 0) };
            0
        }
        Err(why) => why.0,
    };
    // SAFETY: leaves at once, running no handler of the parent's.
    unsafe { libc::_exit(status) }
}

fn shared_memory_directory() -> Finding {
    let path = Path::new("/dev/shm");
    let elsewhere = "name a directory on a tmpfs in PARTAGE_DIR, or mount one: \
        mount -t tmpfs -o mode=1777 tmpfs /dev/shm";
    let system = match statvfs(path) {
        Ok(system) => system,
        Err(why) => {
            return Finding::note(format!("/dev/shm is not there: {}", why.desc()), elsewhere);
        }
    };
    if access(path, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        let why = reason(&io::Error::last_os_error());
        return Finding::note(format!("/dev/shm cannot be written to: {why}"), elsewhere);
    }
    let unit = system.fragment_size();
    let (size, free) = (system.blocks() * unit, system.blocks_available() * unit);
    let what = format!(
        "/dev/shm has {}, {} free",
        format::size(size),
        format::size(free)
    );
    if !is_memory(path) {
        return Finding::note(format!("{what}; it is on a disk"), elsewhere);
    }
    if size != 0 && size <= SMALL {
        return Finding::note(
            what,
            "that is little: a larger one is `docker run --shm-size=1g`",
        );
    }
    if system.flags().contains(FsFlags::ST_NOEXEC) {
        return Finding::note(what, "it is mounted noexec: SHM_EXEC will fail with EPERM");
    }
    Finding::good(what)
}

/// Whether files there are memory.
fn is_memory(path: &Path) -> bool {
    use nix::sys::statfs::{TMPFS_MAGIC, statfs};
    statfs(path).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC)
}
