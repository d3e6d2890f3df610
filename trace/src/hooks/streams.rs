//! fopen, mkstemp and their kin: the C library opens the file inside of itself. Recorded as the open that they are.

use core::ffi::c_char;

use super::paths::{Opening, opened};
use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::recorder::{self, Outcome};
use crate::{options, sys, text};

const MODE: usize = 0o666;
const PRIVATE: usize = 0o600;

/// fopen and freopen, which begin alike.
pub(crate) fn fopen(symbol: Symbol, args: Args, site: Site) -> usize {
    if options::jit_maps()
        && is_log_of_v8(args[0])
        && let Some(stream) = open_nothing(symbol, args)
    {
        return stream;
    }
    let [path, mode, ..] = args;
    let begun = recorder::begin(site);
    let stream = forward(symbol, args);
    // Without a path, freopen changes the mode only.
    let Some(begun) = begun.filter(|_| path != 0) else {
        return stream;
    };
    let outcome = Outcome::nullable(stream);
    let fd = if stream == 0 {
        -1
    } else {
        super::descriptors::number_of(stream)
    };
    // SAFETY: the call has read the mode, whatever came of it.
    let flags = flags_of(unsafe { text::c_bytes(mode as *const c_char, 8) });
    let opening = Opening::here(path, flags as usize, MODE);
    opened(begun, outcome.with_result(fd), fd, opening);
    stream
}

/// Whether a path is the log that node leaves in its working directory when it is told to give interpreted functions an
/// address of their own: nobody has asked for it.
fn is_log_of_v8(path: usize) -> bool {
    let mut buffer = [0; 256];
    let path = text::copy_c_bytes(path, &mut buffer);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    name.starts_with(b"isolate") && name.ends_with(b"-v8.log")
}

/// Opens a file that stays empty: V8 wants a regular one, and writes on standard output if it gets none.
fn open_nothing(symbol: Symbol, args: Args) -> Option<usize> {
    let fd = sys::empty_file().ok()?;
    let mut path = text::Text::<32>::new();
    path.push(b"/proc/self/fd/")
        .push_number(fd.number().unsigned_abs().into());
    let path = path.as_c_str()?.as_ptr().expose_provenance();
    let mode = c"r+e".as_ptr().expose_provenance();
    let [_, _, stream, ..] = args;
    let opened = forward(symbol, [path, mode, stream, 0, 0, 0]);
    (opened != 0).then_some(opened)
}

/// The flags of open(2) that a mode of fopen(3) stands for.
fn flags_of(mode: &[u8]) -> i32 {
    let has = |letter| mode.contains(&letter);
    let made = match mode.first() {
        Some(b'w') => libc::O_CREAT | libc::O_TRUNC,
        Some(b'a') => libc::O_CREAT | libc::O_APPEND,
        _ => 0,
    };
    let access = match (has(b'+'), made) {
        (true, _) => libc::O_RDWR,
        (false, 0) => libc::O_RDONLY,
        _ => libc::O_WRONLY,
    };
    let exclusive = if has(b'x') { libc::O_EXCL } else { 0 };
    let close = if has(b'e') { libc::O_CLOEXEC } else { 0 };
    access | made | exclusive | close
}

/// mkstemp and its kin: the name is made in the place of its template.
pub(crate) fn mkstemp(symbol: Symbol, args: Args, site: Site) -> usize {
    let [template, ..] = args;
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    if let Some(begun) = begun {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let opening = Opening::here(template, flags as usize, PRIVATE);
        opened(begun, Outcome::int(result), int(result), opening);
    }
    result
}
