//! `trace`: the program beside a thread that follows what it does.

use super::supervisor::{attend, receive_signals};
use super::{Environment, Launch};
use crate::failure::{Failure, RUN_FAILED};
use nix::sys::signal::{self, SigmaskHow};
use nix::unistd::{ForkResult, fork};
use std::sync::atomic::{AtomicBool, Ordering};

use super::supervisor::End;

/// Runs the program, passes signals on to it, and returns how it ended. Meanwhile `follow` runs in a
/// thread of its own; it shall return when the flag that it gets is set.
pub(crate) fn run_watched<T: Send>(
    launch: &Launch,
    environment: &Environment,
    follow: impl FnOnce(&AtomicBool) -> T + Send,
) -> Result<(End, T), Failure> {
    let (signals, before) = receive_signals()?;
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let forked = unsafe { fork() }.map_err(|why| Failure::io("cannot start a process", why))?;
    let child = match forked {
        ForkResult::Child => {
            // It fails for no valid mask, and this one came from the kernel.
            let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
            let status = launch.exec(environment).or_status(RUN_FAILED).report();
            // SAFETY: leaves at once, running no handler of the parent's.
            unsafe { libc::_exit(i32::from(status)) }
        }
        ForkResult::Parent { child } => child,
    };
    let over = AtomicBool::new(false);
    let (end, followed) = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(&over));
        let end = attend(&signals, child);
        over.store(true, Ordering::Release);
        (end, follower.join())
    });
    // What comes now is only ours: it can be interrupted.
    let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    let end = end.map_err(|why| Failure::io("cannot wait for the program", why))?;
    let followed = followed.map_err(|_| Failure::new("the follower has failed"))?;
    Ok((end, followed))
}
