//! fork, exit, unshare, setns, dlclose. (vfork is in `vfork.rs`, exec in `exec.rs`.)

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use partage_trace_format::{Call, header};

use super::{Args, forward, int, signed};
use crate::frames::Site;
use crate::next::{self, Symbol};
use crate::recorder::{self, Outcome};
use crate::{file, ipc, modules, process, thread};

pub(crate) fn fork(symbol: Symbol, args: Args, site: Site) -> usize {
    let call = if matches!(symbol, Symbol::underscore_fork) {
        Call::UnderscoreFork
    } else {
        Call::Fork
    };
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else {
        return result;
    };
    if int(result) == 0 {
        process::forked(call, site.return_address);
    } else {
        recorder::finish(begun, call, Outcome::int(result), [0; 6]);
    }
    result
}

/// unshare and setns, which may lead to another IPC namespace.
pub(crate) fn namespaces(symbol: Symbol, args: Args, _: Site) -> usize {
    let result = forward(symbol, args);
    // A vfork child goes on in its parent's file, alone.
    if int(result) == 0 && process::records() && !thread::current().in_vfork_child() {
        ipc::look();
    }
    result
}

/// exit and quick_exit.
pub(crate) fn exit(symbol: Symbol, args: Args, site: Site) -> usize {
    record_exit(Call::Exit, args, site);
    forward(symbol, args)
}

/// _exit and _Exit. bionic's exit ends with a call of it: that is not one of the program's.
pub(crate) fn underscore_exit(symbol: Symbol, args: Args, site: Site) -> usize {
    let [status, ..] = args;
    let is_the_end_of_exit = exit_is_recorded()
        && EXIT_STATUS.load(Ordering::Relaxed) == int(status)
        && !thread::current().in_vfork_child();
    if !is_the_end_of_exit {
        record_exit(Call::UnderscoreExit, args, site);
    }
    forward(symbol, args)
}

/// The generation in which the exit was recorded: a program that returns from main does not call our `exit`.
static EXIT_RECORDED: AtomicU32 = AtomicU32::new(0);
/// With which status.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(0);

/// The end of a child that has recorded nothing is no reason to begin a file.
fn record_exit(call: Call, args: Args, site: Site) {
    if process::is_silent() {
        return;
    }
    let Some(begun) = recorder::begin(site) else {
        return;
    };
    let [status, ..] = args;
    recorder::finish(
        begun,
        call,
        Outcome::entered(0),
        [signed(status), 0, 0, 0, 0, 0],
    );
    if !thread::current().in_vfork_child() {
        EXIT_STATUS.store(int(status), Ordering::Relaxed);
        EXIT_RECORDED.store(thread::generation(), Ordering::Relaxed);
        if let Some(header) = file::header() {
            header.set_exited(int(status));
        }
    }
}

/// Asks libc to say when the program returns from main, and with what status.
pub(crate) fn at_exit() {
    type OnExit =
        unsafe extern "C" fn(unsafe extern "C" fn(c_int, *mut c_void), *mut c_void) -> c_int;
    // glibc has on_exit, musl has not.
    let found = next::next_definition(c"on_exit");
    if found != 0 {
        // SAFETY: on_exit has this type.
        let on_exit = unsafe { core::mem::transmute::<usize, OnExit>(found) };
        // SAFETY: the handler stays loaded (nodelete).
        let done = unsafe { on_exit(returned_from_main, core::ptr::null_mut()) } == 0;
        ON_EXIT.store(done, Ordering::Relaxed);
    }
}

unsafe extern "C" fn returned_from_main(status: c_int, _: *mut c_void) {
    if !exit_is_recorded() {
        record_exit(Call::Exit, [status as usize, 0, 0, 0, 0, 0], NOWHERE);
    }
}

/// The exit of a program that returned from main has no call site.
const NOWHERE: Site = Site {
    return_address: 0,
    frame_pointer: 0,
    stack_pointer: 0,
};

fn exit_is_recorded() -> bool {
    EXIT_RECORDED.load(Ordering::Relaxed) == thread::generation()
}

/// Whether `returned_from_main` will be called.
static ON_EXIT: AtomicBool = AtomicBool::new(false);

/// An exit that nothing else records is a return from main where there is no on_exit.
extern "C" fn destructor() {
    if !ON_EXIT.load(Ordering::Relaxed) && !exit_is_recorded() && process::records() {
        record_exit(Call::Exit, [0; 6], NOWHERE);
        if let Some(header) = file::header() {
            header.set_flags(header::flag::STATUS_UNKNOWN);
        }
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static DESTRUCTOR: extern "C" fn() = destructor;

pub(crate) fn dlclose(symbol: Symbol, args: Args, _: Site) -> usize {
    let result = forward(symbol, args);
    modules::forget();
    result
}
