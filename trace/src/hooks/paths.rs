//! Calls with a name: shm_open, shm_unlink, memfd_create; open, unlink and their kin where the path is one of shared memory.

use core::ffi::{c_char, c_int};

use partage_trace_format::Call;
use partage_trace_format::payload::{NAME_MAX, tag};
use partage_trace_format::structs::File;

use super::{Args, descriptors::note_shared, forward, int, signed};
use crate::frames::Site;
use crate::next::Symbol;
use crate::places::{self, Path};
use crate::recorder::{self, Begun, Outcome};
use crate::{descriptors, sys, text};

/// Where the paths of calls begin that take no directory.
pub(super) const HERE: c_int = libc::AT_FDCWD;

/// Records a call with the name at `address`.
pub(super) fn finish(begun: Begun, call: Call, outcome: Outcome, shown: Args, address: usize) {
    let mut buffer = [0; NAME_MAX];
    let name = name_at(address, &outcome, NAME_MAX, &mut buffer);
    recorder::finish_with(begun, call, outcome, shown, &[(tag::NAME, name)]);
}

/// Records a call that has made a descriptor, with its name and what it stands for.
fn finish_made(begun: Begun, call: Call, outcome: Outcome, shown: Args, name: &[u8], file: File) {
    let file = file.to_bytes();
    let pieces = [(tag::NAME, name), (tag::FILE, file.as_slice())];
    recorder::finish_with(begun, call, outcome, shown, &pieces);
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
    if !outcome.succeeded() {
        finish(begun, call, outcome, shown, name);
        return result;
    }
    note_shared(int(result));
    let mut buffer = [0; NAME_MAX];
    let name = name_at(name, &outcome, NAME_MAX, &mut buffer);
    match places::file(int(result)) {
        Some(file) => finish_made(begun, call, outcome, shown, name, file),
        None => recorder::finish_with(begun, call, outcome, shown, &[(tag::NAME, name)]),
    }
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

/// An open: how it is recorded, where its path begins and lies, its flags.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) call: Call,
    pub(super) shown: Args,
    pub(super) directory: c_int,
    pub(super) path: usize,
    pub(super) flags: i32,
}

impl Opening {
    /// Of a function that takes no directory.
    pub(super) fn here(path: usize, flags: usize, mode: usize) -> Self {
        Opening {
            call: Call::Open,
            shown: [path, signed(flags), mode_of(flags, mode), 0, 0, 0],
            directory: HERE,
            path,
            flags: int(flags),
        }
    }
}

pub(crate) fn open(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, flags, mode, ..] = args;
    open_path(symbol, args, site, Opening::here(path, flags, mode))
}

pub(crate) fn creat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, mode, ..] = args;
    let flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as usize;
    open_path(symbol, args, site, Opening::here(path, flags, mode))
}

pub(crate) fn openat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, flags, mode, ..] = args;
    open_path(symbol, args, site, below(directory, path, flags, mode))
}

/// openat2(2), by number, which has flags and mode in a structure; recorded as the openat that it extends.
pub(crate) fn openat2(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, how, ..] = args;
    let mut words = [[0; size_of::<u64>()]; 2];
    // What cannot be read makes the call fail.
    let _ = sys::read_memory(how, words.as_flattened_mut());
    let [flags, mode] = words.map(usize::from_ne_bytes);
    open_path(symbol, args, site, below(directory, path, flags, mode))
}

fn below(directory: usize, path: usize, flags: usize, mode: usize) -> Opening {
    Opening {
        call: Call::Openat,
        shown: [
            signed(directory),
            path,
            signed(flags),
            mode_of(flags, mode),
            0,
            0,
        ],
        directory: int(directory),
        path,
        flags: int(flags),
    }
}

/// The mode counts only where something may be created; else its register holds anything.
fn mode_of(flags: usize, mode: usize) -> usize {
    if int(flags) & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) != 0 {
        mode as u32 as usize
    } else {
        0
    }
}

fn open_path(symbol: Symbol, args: Args, site: Site, opening: Opening) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    if let Some(begun) = begun {
        opened(begun, Outcome::int(result), int(result), opening);
    }
    result
}

/// Notes and records what an open has led to, or would have, if that is shared memory.
pub(super) fn opened(begun: Begun, outcome: Outcome, fd: c_int, opening: Opening) {
    let Opening {
        call, shown, path, ..
    } = opening;
    let nameless = opening.flags & libc::O_TMPFILE == libc::O_TMPFILE;
    let shared = !nameless && is_shared(path, &outcome);
    if !outcome.succeeded() {
        if shared {
            finish(begun, call, outcome, shown, path);
        } else if let Some(whole) = relative(opening.directory, path, &outcome) {
            let name = [(tag::NAME, whole.as_bytes())];
            recorder::finish_with(begun, call, outcome, shown, &name);
        }
        return;
    }
    if shared {
        // A directory among the objects is none.
        let Some(file) = places::file(fd) else { return };
        note_shared(fd);
        let mut buffer = [0; NAME_MAX];
        let name = name_at(path, &outcome, NAME_MAX, &mut buffer);
        finish_made(begun, call, outcome, shown, name, file);
    } else if may_lead_there(path)
        && let Some(whole) = places::of_descriptor(fd)
        && let Some(file) = places::file(fd)
    {
        note_shared(fd);
        finish_made(begun, call, outcome, shown, whole.as_bytes(), file);
    } else {
        // The number may have stood for shared memory that was closed behind our back.
        descriptors::note(fd, false);
    }
}

/// Whether the path of a call that has succeeded may lead to shared memory, though it does not say so.
#[inline(always)]
fn may_lead_there(path: usize) -> bool {
    const LOOKED_AT: usize = 16;
    // SAFETY: the call has read the path.
    places::may_lead_there(unsafe { text::c_bytes(path as *const c_char, LOOKED_AT) })
}

/// The whole of the path that a call was given, if it is relative and leads to shared memory.
pub(super) fn relative(directory: c_int, path: usize, outcome: &Outcome) -> Option<Path> {
    let mut first = [0; 1];
    if name_at(path, outcome, 1, &mut first).first()? == &b'/' {
        return None;
    }
    let mut buffer = [0; NAME_MAX];
    let name = name_at(path, outcome, NAME_MAX, &mut buffer);
    places::of_relative(directory, name)
}

/// The path that a call was given, if it is one of shared memory.
pub(super) fn shared_path(directory: c_int, path: usize, outcome: &Outcome) -> Option<Path> {
    if !is_shared(path, outcome) {
        return relative(directory, path, outcome);
    }
    let mut buffer = [0; NAME_MAX];
    let mut whole = Path::new();
    whole.push(name_at(path, outcome, NAME_MAX, &mut buffer));
    Some(whole)
}

/// Whether the path that a call was given is one of shared memory.
#[inline(always)]
fn is_shared(path: usize, outcome: &Outcome) -> bool {
    if outcome.succeeded() {
        // SAFETY: the call succeeded, so it has read the path.
        return places::is_shared_path(unsafe {
            text::c_bytes(path as *const c_char, places::prefix_len())
        });
    }
    let mut buffer = [0; NAME_MAX];
    let max = places::prefix_len().min(NAME_MAX);
    let prefix = buffer.get_mut(..max).unwrap_or(&mut []);
    places::is_shared_path(name_at(path, outcome, max, prefix))
}

pub(crate) fn unlink(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, ..] = args;
    let shown = [path, 0, 0, 0, 0, 0];
    unlink_path(Call::Unlink, symbol, args, site, shown, (HERE, path))
}

pub(crate) fn unlinkat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, flags, ..] = args;
    let shown = [signed(directory), path, signed(flags), 0, 0, 0];
    let place = (int(directory), path);
    unlink_path(Call::Unlinkat, symbol, args, site, shown, place)
}

fn unlink_path(
    call: Call,
    symbol: Symbol,
    args: Args,
    site: Site,
    shown: Args,
    (directory, path): (c_int, usize),
) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    if let Some(whole) = shared_path(directory, path, &outcome) {
        let name = [(tag::NAME, whole.as_bytes())];
        recorder::finish_with(begun, call, outcome, shown, &name);
    }
    result
}
