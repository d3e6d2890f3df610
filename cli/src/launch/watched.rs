//! `trace`: the program beside a thread that follows what it does.

use super::supervisor::{attend, receive_signals};
use super::{Environment, Launch};
use crate::failure::{Failure, RUN_FAILED};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{ForkResult, Pid, fork};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::supervisor::End;

/// What the one who follows is told.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The program has ended.
    pub(crate) over: AtomicBool,
    /// Somebody wants no more: a signal came after the end of the program.
    pub(crate) interrupted: AtomicBool,
}

/// The signals that ask a process to end.
const ENDING: [Signal; 4] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// How often it is asked whether the follower has finished.
const PERIOD: Duration = Duration::from_millis(20);

/// Runs the program, passes signals on to it, and returns its process and how it ended. Meanwhile `follow` runs in a
/// thread of its own; it shall return when the program is over, or when it is interrupted after that.
pub(crate) fn run_watched<T: Send>(
    launch: &Launch,
    environment: &Environment,
    follow: impl FnOnce(&Watch) -> T + Send,
) -> Result<(Pid, End, T), Failure> {
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
    let watch = Watch::default();
    let (end, followed) = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(&watch));
        let end = attend(&signals, child);
        watch.over.store(true, Ordering::Release);
        interrupt(&follower, &signals, &watch);
        (end, follower.join())
    });
    // What comes now is only ours: it can be interrupted. That the reader of the output has gone is no reason to die.
    let mut mask = before;
    mask.add(Signal::SIGPIPE);
    let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    let end = end.map_err(|why| Failure::io("cannot wait for the program", why))?;
    let followed = followed.map_err(|_| Failure::new("the follower has failed"))?;
    Ok((child, end, followed))
}

/// Runs `follow` in a thread of its own, in a watch whose program is over: it shall return when a signal asks this process
/// to end, or before.
pub(crate) fn run_until_interrupted<T: Send>(
    follow: impl FnOnce(&Watch) -> T + Send,
) -> Result<T, Failure> {
    let failed = |why| Failure::io("cannot receive signals", why);
    let mut asking = SigSet::empty();
    ENDING.iter().for_each(|signal| asking.add(*signal));
    let signals = SignalFd::with_flags(&asking, SfdFlags::SFD_CLOEXEC).map_err(failed)?;
    asking.thread_block().map_err(failed)?;
    let watch = Watch::default();
    watch.over.store(true, Ordering::Release);
    let followed = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(&watch));
        interrupt(&follower, &signals, &watch);
        follower.join()
    });
    asking.thread_unblock().map_err(failed)?;
    followed.map_err(|_| Failure::new("the follower has failed"))
}

/// Tells the follower of signals, until it has finished.
fn interrupt<T>(follower: &ScopedJoinHandle<'_, T>, signals: &SignalFd, watch: &Watch) {
    while !follower.is_finished() {
        if ends_the_wait(signals) {
            watch.interrupted.store(true, Ordering::Release);
        }
    }
}

/// Waits a moment for a signal; whether one came that asks this process to end.
fn ends_the_wait(signals: &SignalFd) -> bool {
    let mut ready = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let period = PollTimeout::try_from(PERIOD).unwrap_or(PollTimeout::ZERO);
    if !poll(&mut ready, period).is_ok_and(|count| count > 0) {
        return false;
    }
    let received = signals.read_signal().ok().flatten();
    received.is_some_and(|received| ending(&received))
}

/// Whether a signal asks this process to end.
pub(crate) fn ending(received: &siginfo) -> bool {
    let signal = received.ssi_signo as i32;
    ENDING.iter().any(|ending| *ending as i32 == signal)
}
