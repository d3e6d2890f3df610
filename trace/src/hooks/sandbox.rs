//! What a program shuts itself in with: a filter that forbids system calls, on pain of death; a root directory without /proc and
//! without the recording; a limit that lets it open nothing more. What the recorder will need for a while it gets before that.

use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::{file, modules, process, sys, thread};

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

pub(crate) fn chroot(symbol: Symbol, args: Args, _: Site) -> usize {
    prepare();
    forward(symbol, args)
}

pub(crate) fn setrlimit(symbol: Symbol, args: Args, _: Site) -> usize {
    let [resource, limit, ..] = args;
    limits(resource, limit);
    forward(symbol, args)
}

pub(crate) fn prlimit(symbol: Symbol, args: Args, _: Site) -> usize {
    let [_, resource, limit, ..] = args;
    limits(resource, limit);
    forward(symbol, args)
}

/// A new limit. Many programs raise that of descriptors, and are to pay nothing for it.
fn limits(resource: usize, limit: usize) {
    const FEW: u64 = 64;
    let mut soft = [0; size_of::<u64>()];
    if int(resource) == libc::RLIMIT_NOFILE as i32
        && sys::read_memory(limit, &mut soft) == Ok(soft.len())
        && u64::from_ne_bytes(soft) < FEW
    {
        prepare();
    }
}

/// The file, with room; this thread's ids and the end of its stack; where code lies.
fn prepare() {
    if process::records() {
        thread::current().ids();
        modules::look();
        file::reserve();
    }
}
