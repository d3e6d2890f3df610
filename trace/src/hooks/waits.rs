//! The wait functions: the parent alone learns how a child ended. Ends by a signal are recorded, since such a child has
//! no word of its own in the recording.

use core::ffi::c_int;

use partage_trace_format::Call;

use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::{process, writer};

/// wait and wait3: the status comes first.
pub(crate) fn wait(symbol: Symbol, args: Args, _: Site) -> usize {
    let [status, second, third, ..] = args;
    with_status(status, |status| {
        forward(symbol, [status, second, third, 0, 0, 0])
    })
}

/// waitpid and wait4: the status comes second.
pub(crate) fn waitpid(symbol: Symbol, args: Args, _: Site) -> usize {
    let [pid, status, options, usage, ..] = args;
    with_status(status, |status| {
        forward(symbol, [pid, status, options, usage, 0, 0])
    })
}

/// Forwards a call with a place for the status, the program's own if it gave one.
fn with_status(given: usize, call: impl FnOnce(usize) -> usize) -> usize {
    let mut own: c_int = 0;
    let place = if given == 0 {
        (&raw mut own) as usize
    } else {
        given
    };
    let result = call(place);
    if int(result) > 0 {
        // SAFETY: a child was waited for, so the call has written its status there.
        let status = unsafe { (place as *const c_int).read_unaligned() };
        if libc::WIFSIGNALED(status) {
            record(int(result), libc::WTERMSIG(status));
        }
    }
    result
}

/// waitid, which tells in a siginfo_t, and may leave the child to be waited for again.
pub(crate) fn waitid(symbol: Symbol, args: Args, _: Site) -> usize {
    let [kind, id, given, options, usage, _] = args;
    // SAFETY: all zeros is a valid siginfo_t.
    let mut own: libc::siginfo_t = unsafe { core::mem::zeroed() };
    let place = if given == 0 {
        (&raw mut own) as usize
    } else {
        given
    };
    let result = forward(symbol, [kind, id, place, options, usage, 0]);
    if int(result) == 0 && int(options) & libc::WNOWAIT == 0 {
        // SAFETY: the call succeeded, so it has filled the structure.
        let info = unsafe { (place as *const libc::siginfo_t).read_unaligned() };
        if info.si_signo == libc::SIGCHLD
            && matches!(info.si_code, libc::CLD_KILLED | libc::CLD_DUMPED)
        {
            // SAFETY: of SIGCHLD it has these fields.
            let (pid, signal) = unsafe { (info.si_pid(), info.si_status()) };
            record(pid, signal);
        }
    }
    result
}

fn record(pid: c_int, signal: c_int) {
    if process::records() {
        writer::found(
            Call::Death,
            [pid as usize, signal as usize, 0, 0, 0, 0],
            &[],
        );
    }
}
