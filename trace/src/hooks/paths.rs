//! Calls with a name: shm_open, shm_unlink, memfd_create; open, unlink and their kin where the path is one of shared memory.

use core::ffi::c_char;

use partage_trace_format::Call;
use partage_trace_format::payload::{NAME_MAX, tag};

use super::{Args, descriptors::note_shared, forward, int, signed};
use crate::frames::Site;
use crate::next::Symbol;
use crate::recorder::{self, Begun, Outcome};
use crate::{descriptors, found, text};

/// Records a call with the name at `address`.
fn finish(begun: Begun, call: Call, outcome: Outcome, shown: Args, address: usize) {
    let mut buffer = [0; NAME_MAX];
    let name = name_at(address, &outcome, NAME_MAX, &mut buffer);
    recorder::finish_with(begun, call, outcome, shown, &[(tag::NAME, name)]);
}

/// The name that a call was given, up to `max` bytes. Where the callee has read it, it can be read; where the callee may have
/// failed before that, the kernel copies it, or refuses.
#[inline(always)]
fn name_at<'b>(address: usize, outcome: &Outcome, max: usize, buffer: &'b mut [u8]) -> &'b [u8] {
    match outcome.errno() {
        libc::EFAULT
        | libc::EINVAL
        | libc::EBADF
        | libc::ENOSYS
        | libc::EPERM
        | libc::ENOMEM
        | libc::EINTR => text::copy_c_bytes(address, buffer),
        // SAFETY: the callee has read the name up to its NUL, or found it longer than any path.
        _ => unsafe { text::c_bytes(address as *const c_char, max) },
    }
}

pub(crate) fn shm_open(symbol: Symbol, args: Args, site: Site) -> usize {
    let [name, flags, mode, ..] = args;
    make_descriptor(
        Call::ShmOpen,
        symbol,
        args,
        site,
        [name, signed(flags), mode as u32 as usize, 0, 0, 0],
    )
}

pub(crate) fn memfd_create(symbol: Symbol, args: Args, site: Site) -> usize {
    let [name, flags, ..] = args;
    make_descriptor(
        Call::MemfdCreate,
        symbol,
        args,
        site,
        [name, flags as u32 as usize, 0, 0, 0, 0],
    )
}

/// Forwards and records a call that makes a shared memory descriptor from the name in its first argument.
fn make_descriptor(call: Call, symbol: Symbol, args: Args, site: Site, shown: Args) -> usize {
    let [name, ..] = args;
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    if outcome.succeeded() {
        note_shared(int(result));
    }
    finish(begun, call, outcome, shown, name);
    result
}

pub(crate) fn shm_unlink(symbol: Symbol, args: Args, site: Site) -> usize {
    let [name, ..] = args;
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    if let Some(begun) = begun {
        finish(
            begun,
            Call::ShmUnlink,
            Outcome::int(result),
            [name, 0, 0, 0, 0, 0],
            name,
        );
    }
    result
}

pub(crate) fn open(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, flags, mode, ..] = args;
    let shown = [path, signed(flags), mode_of(flags, mode), 0, 0, 0];
    open_path(Call::Open, symbol, args, site, shown, path)
}

pub(crate) fn creat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, mode, ..] = args;
    let flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as usize;
    open_path(
        Call::Open,
        symbol,
        args,
        site,
        [path, flags, mode as u32 as usize, 0, 0, 0],
        path,
    )
}

pub(crate) fn openat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, flags, mode, ..] = args;
    let shown = [
        signed(directory),
        path,
        signed(flags),
        mode_of(flags, mode),
        0,
        0,
    ];
    open_path(Call::Openat, symbol, args, site, shown, path)
}

/// The mode counts only where something may be created; else its register holds anything.
fn mode_of(flags: usize, mode: usize) -> usize {
    if int(flags) & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) != 0 {
        mode as u32 as usize
    } else {
        0
    }
}

fn open_path(
    call: Call,
    symbol: Symbol,
    args: Args,
    site: Site,
    shown: Args,
    path: usize,
) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    if !is_shared(path, &outcome) {
        // The number may have stood for shared memory that was closed behind our back.
        if outcome.succeeded() {
            descriptors::note(int(result), false);
        }
        return result;
    }
    if outcome.succeeded() {
        note_shared(int(result));
    }
    finish(begun, call, outcome, shown, path);
    result
}

/// Whether the path that a call was given is one of shared memory.
#[inline(always)]
fn is_shared(path: usize, outcome: &Outcome) -> bool {
    if outcome.succeeded() {
        // SAFETY: the call succeeded, so it has read the path.
        return found::is_shared_path(unsafe {
            text::c_bytes(path as *const c_char, found::prefix_len())
        });
    }
    let mut buffer = [0; NAME_MAX];
    let max = found::prefix_len().min(NAME_MAX);
    let prefix = buffer.get_mut(..max).unwrap_or(&mut []);
    found::is_shared_path(name_at(path, outcome, max, prefix))
}

pub(crate) fn unlink(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, ..] = args;
    unlink_path(
        Call::Unlink,
        symbol,
        args,
        site,
        [path, 0, 0, 0, 0, 0],
        path,
    )
}

pub(crate) fn unlinkat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, flags, ..] = args;
    unlink_path(
        Call::Unlinkat,
        symbol,
        args,
        site,
        [signed(directory), path, signed(flags), 0, 0, 0],
        path,
    )
}

fn unlink_path(
    call: Call,
    symbol: Symbol,
    args: Args,
    site: Site,
    shown: Args,
    path: usize,
) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    if is_shared(path, &outcome) {
        finish(begun, call, outcome, shown, path);
    }
    result
}
