//! prctl and seccomp: a filter may be about to forbid system calls, on pain of death. What the recorder will need for a while
//! it gets before that.

use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::{file, modules, process, thread};

pub(crate) fn prctl(symbol: Symbol, args: Args, _: Site) -> usize {
    let [option, ..] = args;
    if int(option) == libc::PR_SET_SECCOMP {
        prepare();
    }
    forward(symbol, args)
}

/// seccomp(2), by number: the C library has no function for it.
pub(crate) fn seccomp(symbol: Symbol, args: Args, _: Site) -> usize {
    const SET_MODE_FILTER: i32 = 1;
    let [operation, ..] = args;
    if int(operation) <= SET_MODE_FILTER {
        prepare();
    }
    forward(symbol, args)
}

/// The file, with room; this thread's ids and the end of its stack; where code lies.
fn prepare() {
    if process::records() {
        thread::current().ids();
        modules::look();
        file::reserve();
    }
}
