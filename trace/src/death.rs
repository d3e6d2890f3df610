//! A bus error, as the process itself sees it: the address tells which object had no page for it. Who waits for the
//! process, if anybody does, learns no more than the signal.
//!
//! The handler is there only where the program has none of its own; it writes a record and lets the signal do what it
//! does without a handler. To a program that asks there is none, see `hooks/handlers.rs`.

use core::ffi::{c_int, c_void};

use partage_trace_format::Call;

use crate::signals::{self, Action};
use crate::{process, sys, writer};

/// What the signal does without a handler.
pub(crate) const DEFAULT: Action = Action {
    handler: libc::SIG_DFL,
    flags: 0,
    restorer: 0,
    mask: 0,
};

/// Prepares for a bus error, unless the program has or does something else about it.
pub(crate) fn prepare() {
    let mut now = DEFAULT;
    if signals::signal_action(libc::SIGBUS, None, Some(&mut now)).is_err()
        || now.handler != libc::SIG_DFL
    {
        return;
    }
    let ours = Action {
        handler: handler(),
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK) as usize | signals::RESTORER_FLAG,
        restorer: signals::restorer(),
        mask: 0,
    };
    // Without it there is nothing but the signal.
    let _ = signals::signal_action(libc::SIGBUS, Some(&ours), None);
}

/// The handler's address.
pub(crate) fn handler() -> usize {
    (on_bus_error as *const ()).expose_provenance()
}

extern "C" fn on_bus_error(signal: c_int, info: *const libc::siginfo_t, _: *const c_void) {
    // SAFETY: the kernel hands a handler with SA_SIGINFO a whole siginfo_t.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr()) };
    let raised = code > 0;
    let address = if raised { address.addr() } else { 0 };
    if process::records() {
        let args = [sys::pid() as usize, signal as usize, address, 0, 0, 0];
        writer::found(Call::Death, args, &[]);
    }
    // The instruction that could not reach its memory tries again; what was sent is sent again.
    let _ = signals::signal_action(signal, Some(&DEFAULT), None);
    if !raised {
        signals::send_to_self(signal);
    }
}
