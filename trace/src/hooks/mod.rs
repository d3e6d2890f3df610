//! What is done around each call: one function per C function, of its symbol, arguments and call site.
//!
//! Each forwards first and records afterwards, so that a record in the file means a call that was made; what does not
//! return (exec, exit) is recorded on entry. None writes errno.

pub(crate) mod descriptors;
pub(crate) mod exec;
pub(crate) mod handlers;
pub(crate) mod memory;
pub(crate) mod moves;
pub(crate) mod paths;
pub(crate) mod process;
pub(crate) mod sandbox;
pub(crate) mod semaphores;
pub(crate) mod streams;
pub(crate) mod sysv;
pub(crate) mod waits;

use partage_trace_format::Call;

use crate::frames::Site;
use crate::next::{self, Symbol};
use crate::recorder::{self, Outcome};

/// The registers that hold a call's arguments.
pub(crate) type Args = [usize; 6];

/// A C `int` argument: the upper half of its register means nothing.
#[inline(always)]
pub(crate) fn int(arg: usize) -> i32 {
    arg as i32
}

/// A C `int` as an argument of a record.
#[inline(always)]
pub(crate) fn signed(arg: usize) -> usize {
    arg as i32 as isize as usize
}

/// Forwards and records a call that returns an `int`.
#[inline(always)]
pub(crate) fn record_int(call: Call, symbol: Symbol, args: Args, site: Site, shown: Args) -> usize {
    let begun = recorder::begin(site);
    // SAFETY: the caller's own call, handed on.
    let result = unsafe { next::call(symbol, args) };
    if let Some(begun) = begun {
        recorder::finish(begun, call, Outcome::int(result), shown);
    }
    result
}

/// Hands a call on, unrecorded.
#[inline(always)]
pub(crate) fn forward(symbol: Symbol, args: Args) -> usize {
    // SAFETY: the caller's own call, handed on.
    unsafe { next::call(symbol, args) }
}
