//! The functions that tell what handler a signal has had: the recorder's own, see `death.rs`, is none to the program,
//! which may call or keep what it finds.

use super::{Args, forward, int};
use crate::death;
use crate::frames::Site;
use crate::next::Symbol;
use crate::signals::Action;

/// sigaction, whose third argument is a place for the old action.
pub(crate) fn sigaction(symbol: Symbol, args: Args, _: Site) -> usize {
    let [_, _, old, ..] = args;
    let result = forward(symbol, args);
    if int(result) == 0 && old != 0 {
        let old = old as *mut libc::sigaction;
        // SAFETY: the call has succeeded, so it has written the action there.
        let told = unsafe { &mut *old };
        if told.sa_sigaction == death::handler() {
            // SAFETY: all zeros is a valid action, the default.
            *told = unsafe { core::mem::zeroed() };
        }
    }
    result
}

/// rt_sigaction(2) by number: the same of the kernel's structure.
pub(crate) fn by_number(symbol: Symbol, args: Args, _: Site) -> usize {
    let [_, _, old, ..] = args;
    let result = forward(symbol, args);
    if int(result) == 0 && old != 0 {
        let old = old as *mut Action;
        // SAFETY: the call has succeeded, so it has written the action there.
        let told = unsafe { old.read_unaligned() };
        if told.handler == death::handler() {
            // SAFETY: as above.
            unsafe { old.write_unaligned(death::DEFAULT) };
        }
    }
    result
}

/// signal and its kin, which return the old handler.
pub(crate) fn signal(symbol: Symbol, args: Args, _: Site) -> usize {
    match forward(symbol, args) {
        ours if ours == death::handler() => libc::SIG_DFL,
        other => other,
    }
}
