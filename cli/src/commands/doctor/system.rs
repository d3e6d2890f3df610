//! What the kernel offers.

use super::finding::Finding;
use super::limits::{self, Whose};
use crate::sources;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use partage_core::backend;

pub(super) fn look() -> Vec<Finding> {
    let mut findings = vec![kernel().about("kernel-sysv")];
    findings.extend(kernel_limits());
    findings
}

/// Nothing where the kernel has no such segments.
fn kernel_limits() -> Vec<Finding> {
    match (sources::kernel_limits(), sources::kernel_table()) {
        (Some(limits), Some(segments)) => limits::look(Whose::Kernel, &limits, &segments),
        _ => Vec::new(),
    }
}

/// Tries the kernel's own System V calls.
fn kernel() -> Finding {
    judged(try_kernel())
}

/// What `partage run` gives to programs, shown by one of them.
const TRY_OURS: &str = "partage run -- ipcs -m";

/// What came of the trial.
pub(super) fn judged(ended: nix::Result<WaitStatus>) -> Finding {
    let provides = "`partage run` provides it";
    match ended {
        Ok(WaitStatus::Exited(_, 0)) => Finding::good(
            "the kernel has System V shared memory; `partage run --private` keeps it to a program",
        ),
        Ok(WaitStatus::Exited(_, code)) => refused(Errno::from_raw(code)),
        Ok(WaitStatus::Signaled(_, Signal::SIGSYS, _)) => Finding::good(format!(
            "System V shared memory is forbidden here, on pain of death: {provides}"
        )),
        Ok(other) => Finding::problem(
            format!("who tried the kernel's System V calls did not come back: {other:?}"),
            provides,
            TRY_OURS,
        ),
        Err(why) => Finding::note(
            format!("cannot try the kernel's System V calls: {}", why.desc()),
            "is there a limit on processes? It is shown by",
            "prlimit --nproc",
        ),
    }
}

/// A kernel or a sandbox without these calls is what partage is for; limits that are used up are
/// not, and what nobody knows is not good.
fn refused(why: Errno) -> Finding {
    let provides = "`partage run` provides it";
    match why {
        Errno::ENOSYS => Finding::good(format!(
            "the kernel has no System V shared memory here: {provides}"
        )),
        Errno::EPERM | Errno::EACCES => Finding::good(format!(
            "the kernel's System V shared memory is forbidden here ({}): {provides}",
            why.desc()
        )),
        Errno::ENOSPC => Finding::problem(
            "the kernel makes no segment any more: one of its limits is used up (shmget: ENOSPC)",
            format!("see below which, and here what uses it; {provides} with limits of its own"),
            "partage ls --backend kernel --sort size --reverse",
        ),
        Errno::ENOMEM => Finding::problem(
            "the kernel has no memory for a segment of one byte (shmget: ENOMEM)",
            "see what takes the memory: is the limit of a container or control group reached?",
            "partage ls --all-memory --sort size",
        ),
        Errno::EINVAL => Finding::problem(
            "the kernel makes no segment of one byte (shmget: EINVAL): kernel.shmmax is 0",
            "set a limit that lets programs work",
            "sysctl -w kernel.shmmax=18446744073692774399",
        ),
        _ => Finding::problem(
            format!(
                "the kernel's System V shared memory fails, and it is not known why ({}, {why})",
                why.desc()
            ),
            provides,
            TRY_OURS,
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
