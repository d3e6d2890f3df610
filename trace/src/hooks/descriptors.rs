//! Calls on descriptors: ftruncate, close, dup and their kin. Descriptors that are not shared memory pay for one look
//! at a bit.

use partage_trace_format::{Call, header};

use super::{Args, forward, int, record_int, signed};
use crate::frames::Site;
use crate::next::Symbol;
use crate::recorder::{self, Outcome};
use crate::{descriptors, file, outcome};

/// Notes a new shared memory descriptor; says so if it is too high to be tracked.
pub(crate) fn note_shared(fd: i32) {
    if !descriptors::note(fd, true)
        && let Some(header) = file::header()
    {
        header.set_flags(header::flag::UNTRACKED_DESCRIPTORS);
    }
}

#[inline(always)]
pub(crate) fn ftruncate(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, len, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    record_int(
        Call::Ftruncate,
        symbol,
        args,
        site,
        [signed(fd), len, 0, 0, 0, 0],
    )
}

#[inline(always)]
pub(crate) fn fallocate(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, mode, offset, len, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    record_int(
        Call::Fallocate,
        symbol,
        args,
        site,
        [signed(fd), signed(mode), offset, len, 0, 0],
    )
}

#[inline(always)]
pub(crate) fn posix_fallocate(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, offset, len, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    if let Some(begun) = begun {
        recorder::finish(
            begun,
            Call::Fallocate,
            Outcome::code(result),
            [signed(fd), 0, offset, len, 0, 0],
        );
    }
    result
}

#[inline(always)]
pub(crate) fn close(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    // Before the call: afterwards another thread may have been given the number. Linux closes it whatever it answers.
    descriptors::note(int(fd), false);
    record_int(Call::Close, symbol, args, site, [signed(fd), 0, 0, 0, 0, 0])
}

pub(crate) fn fclose(symbol: Symbol, args: Args, site: Site) -> usize {
    let [stream, ..] = args;
    let fd = if stream == 0 { -1 } else { number_of(stream) };
    if !descriptors::is_shared(fd) {
        return forward(symbol, args);
    }
    descriptors::note(fd, false);
    record_int(
        Call::Fclose,
        symbol,
        args,
        site,
        [stream, signed(fd as usize), 0, 0, 0, 0],
    )
}

/// The descriptor of a stream, -1 if it has none.
pub(super) fn number_of(stream: usize) -> i32 {
    let before = outcome::errno();
    // SAFETY: the caller is about to close this stream, so it is one.
    let fd = unsafe { libc::fileno(stream as *mut libc::FILE) };
    // SAFETY: errno's address is valid in every thread; fileno sets it for a stream without descriptor.
    unsafe { *libc::errno::location() = before };
    fd
}

#[inline(always)]
pub(crate) fn dup(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    record_duplicate(Call::Dup, symbol, args, site, [signed(fd), 0, 0, 0, 0, 0])
}

/// dup2 and dup3: from or onto a shared memory descriptor, or both.
pub(crate) fn dup_onto(symbol: Symbol, args: Args, site: Site) -> usize {
    let [old, new, flags, ..] = args;
    let (shared, replaced) = (
        descriptors::is_shared(int(old)),
        descriptors::is_shared(int(new)),
    );
    if !shared && !replaced {
        return forward(symbol, args);
    }
    let replaced = usize::from(replaced && int(old) != int(new));
    match symbol {
        Symbol::dup3 | Symbol::by_dup3 => {
            let shown = [signed(old), signed(new), signed(flags), replaced, 0, 0];
            record_duplicate(Call::Dup3, symbol, args, site, shown)
        }
        _ => record_duplicate(
            Call::Dup2,
            symbol,
            args,
            site,
            [signed(old), signed(new), replaced, 0, 0, 0],
        ),
    }
}

/// Forwards and records a call whose result, if any, stands for what its first argument does.
fn record_duplicate(call: Call, symbol: Symbol, args: Args, site: Site, shown: Args) -> usize {
    let [old, ..] = args;
    let shared = descriptors::is_shared(int(old));
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let outcome = Outcome::int(result);
    if outcome.succeeded() {
        if shared {
            note_shared(int(result));
        } else {
            descriptors::note(int(result), false);
        }
    }
    if let Some(begun) = begun {
        recorder::finish(begun, call, outcome, shown);
    }
    result
}

#[inline(always)]
pub(crate) fn fcntl(symbol: Symbol, args: Args, site: Site) -> usize {
    let [fd, command, arg, ..] = args;
    if !descriptors::is_shared(int(fd)) {
        return forward(symbol, args);
    }
    let shown = [signed(fd), signed(command), arg, 0, 0, 0];
    match int(command) {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
            record_duplicate(Call::Fcntl, symbol, args, site, shown)
        }
        libc::F_SETFD | libc::F_ADD_SEALS => record_int(Call::Fcntl, symbol, args, site, shown),
        _ => forward(symbol, args),
    }
}

pub(crate) fn close_range(symbol: Symbol, args: Args, site: Site) -> usize {
    /// Marks the descriptors close-on-exec instead of closing them.
    const CLOSE_RANGE_CLOEXEC: i32 = 4;
    let [first, last, flags, ..] = args;
    let closes = int(flags) & CLOSE_RANGE_CLOEXEC == 0 && first as u32 <= last as u32;
    if !descriptors::any_shared(first as u32, last as u32, closes) {
        return forward(symbol, args);
    }
    record_int(
        Call::CloseRange,
        symbol,
        args,
        site,
        [
            first as u32 as usize,
            last as u32 as usize,
            signed(flags),
            0,
            0,
            0,
        ],
    )
}

pub(crate) fn closefrom(symbol: Symbol, args: Args, site: Site) -> usize {
    let [low, ..] = args;
    if !descriptors::any_shared(int(low).max(0) as u32, u32::MAX, true) {
        return forward(symbol, args);
    }
    let begun = recorder::begin(site);
    forward(symbol, args);
    if let Some(begun) = begun {
        // It returns nothing.
        recorder::finish(
            begun,
            Call::Closefrom,
            Outcome::int(0),
            [signed(low), 0, 0, 0, 0, 0],
        );
    }
    0
}
