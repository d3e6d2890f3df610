//! Options, from the environment. The table is in `docs/trace-format.md`.

use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use partage_trace_format::SLOT_SIZE;
use partage_trace_format::clock::ClockKind;
use partage_trace_format::header::RING_SLOTS_MAX;
use partage_trace_format::record::MAX_CALLERS;

use crate::once::Once;
use crate::sys;
use crate::text::{Text, c_bytes};

/// Longest directory name, in bytes.
pub(crate) const DIRECTORY_MAX: usize = 1024;
const VALUE_MAX: usize = 4096;
/// Fewest slots of a ring, so that a record and those of a few threads fit: 64 KiB.
const RING_SLOTS_MIN: u64 = 512;

static DEPTH: AtomicU32 = AtomicU32::new(1);
static RING_SLOTS: AtomicU64 = AtomicU64::new(0);
static CLOCK: AtomicU32 = AtomicU32::new(AUTOMATIC);
/// How much of a stack is looked at, in bytes.
static STACK: AtomicUsize = AtomicUsize::new(STACK_DEFAULT as usize);
const STACK_DEFAULT: u64 = 4096;
/// Places in a stack are numbers of 16 bits that count words.
const STACK_MAX: u64 = 256 << 10;
static IPC: AtomicU64 = AtomicU64::new(0);
static SCRIPTS: AtomicBool = AtomicBool::new(true);
static JIT_MAPS: AtomicBool = AtomicBool::new(false);
static ANONYMOUS: AtomicBool = AtomicBool::new(false);
static DIRECTORY: Once<Text<DIRECTORY_MAX>> = Once::new();
static POSIX_DIRECTORY: Once<Text<DIRECTORY_MAX>> = Once::new();
static OUTSIDE: Once<Text<DIRECTORY_MAX>> = Once::new();

const AUTOMATIC: u32 = u32::MAX;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// What to do with an option's value.
type Setter = fn(&[u8]);

/// Name → what it sets.
const TABLE: &[(&[u8], Setter)] = &[
    (b"PARTAGE_TRACE=", |value| set_directory(value)),
    (b"PARTAGE_TRACE_DEPTH=", |value| {
        let depth = number(value).unwrap_or(1).min(MAX_CALLERS as u64);
        DEPTH.store(depth as u32, Ordering::Relaxed);
    }),
    (b"PARTAGE_TRACE_RING=", |value| {
        RING_SLOTS.store(ring_slots(value), Ordering::Relaxed)
    }),
    (b"PARTAGE_TRACE_CLOCK=", |value| {
        let kind = match value {
            b"monotonic" => ClockKind::Monotonic.number(),
            b"counter" => ClockKind::Counter.number(),
            _ => AUTOMATIC,
        };
        CLOCK.store(kind, Ordering::Relaxed);
    }),
    (b"PARTAGE_TRACE_ANONYMOUS=", |value| {
        ANONYMOUS.store(value == b"1", Ordering::Relaxed)
    }),
    (b"PARTAGE_TRACE_STACK=", |value| {
        let size = number(value).unwrap_or(STACK_DEFAULT).min(STACK_MAX);
        STACK.store(size as usize, Ordering::Relaxed);
    }),
    (b"PARTAGE_TRACE_SCRIPTS=", |value| {
        SCRIPTS.store(value != b"0", Ordering::Relaxed)
    }),
    (b"PARTAGE_TRACE_JIT_MAPS=", |value| {
        JIT_MAPS.store(value == b"1", Ordering::Relaxed)
    }),
    (b"PARTAGE_TRACE_IPC=", |value| {
        IPC.store(number(value).unwrap_or(0), Ordering::Relaxed)
    }),
    (b"PARTAGE_TRACE_OUTSIDE=", |value| {
        if value.starts_with(b"/") {
            let mut text = Text::new();
            text.push(value);
            OUTSIDE.set(text);
        }
    }),
    (b"PARTAGE_DIR=", |value| {
        let mut text = Text::new();
        text.push(value).push(b"/posix/");
        POSIX_DIRECTORY.set(text);
    }),
];

/// Reads the environment.
pub(crate) fn load() {
    // SAFETY: libc's own variable; the process has started just now, nobody changes it.
    let mut entry = unsafe { environ };
    if entry.is_null() {
        // Before libc's own start, as in an early initialiser of the program.
        return load_from_kernel();
    }
    loop {
        // SAFETY: environ is an array that ends with a null pointer, which is not passed.
        let text = unsafe { *entry };
        if text.is_null() {
            return;
        }
        // SAFETY: its elements are C strings.
        apply(unsafe { c_bytes(text, VALUE_MAX) });
        // SAFETY: not beyond the null pointer.
        entry = unsafe { entry.add(1) };
    }
}

/// False before the C library's own start where nothing of it can be used, on bionic: it calls the constructors of what is
/// preloaded first.
pub(crate) fn can_load() -> bool {
    // SAFETY: libc's own variable, read only.
    unsafe { !environ.is_null() || !libc::errno::is_bionic() }
}

/// Reads the environment that the program was started with; of a variable, what fits into the buffer.
fn load_from_kernel() {
    let Ok(fd) = sys::open(c"/proc/self/environ", libc::O_RDONLY, 0) else {
        return;
    };
    let mut variable = Text::<VALUE_MAX>::new();
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = fd.read(&mut buffer) {
        for byte in buffer.iter().take(count) {
            if *byte == 0 {
                apply(variable.as_bytes());
                variable = Text::new();
            } else {
                variable.push(&[*byte]);
            }
        }
    }
}

fn apply(variable: &[u8]) {
    for (name, set) in TABLE {
        if let Some(value) = variable.strip_prefix(*name) {
            set(value);
        }
    }
}

fn set_directory(value: &[u8]) {
    // A relative directory would mean another one after chdir.
    if value.starts_with(b"/") {
        let mut text = Text::new();
        text.push(value);
        DIRECTORY.set(text);
    }
}

/// A number with an optional binary suffix.
fn number(value: &[u8]) -> Option<u64> {
    let (digits, shift) = match value.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        _ => (value, 0),
    };
    let number: u64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// The largest power of two of slots that the size holds, within bounds.
fn ring_slots(value: &[u8]) -> u64 {
    let Some(bytes) = number(value).filter(|bytes| *bytes != 0) else {
        return 0;
    };
    let slots = (bytes / SLOT_SIZE as u64).clamp(RING_SLOTS_MIN, RING_SLOTS_MAX);
    1 << slots.ilog2()
}

/// Where the files go; None: do not record.
pub(crate) fn directory() -> Option<&'static [u8]> {
    DIRECTORY
        .get()
        .filter(|text| text.as_c_str().is_some())
        .map(Text::as_bytes)
}

/// The directory of partage's own POSIX objects, with a slash at its end.
pub(crate) fn posix_directory() -> Option<&'static [u8]> {
    POSIX_DIRECTORY
        .get()
        .filter(|text| text.as_c_str().is_some())
        .map(Text::as_bytes)
}

/// The command that records from outside what no preload reaches.
pub(crate) fn outside() -> Option<&'static CStr> {
    OUTSIDE.get().and_then(Text::as_c_str)
}

/// Where programs are searched for, as the environment says now.
pub(crate) fn search_path() -> Option<&'static [u8]> {
    // SAFETY: libc's own variable; execvp reads it without a lock as well.
    let mut entry = unsafe { environ };
    while !entry.is_null() {
        // SAFETY: environ is an array that ends with a null pointer, which is not passed.
        let text = unsafe { *entry };
        if text.is_null() {
            break;
        }
        // SAFETY: its elements are C strings.
        let variable = unsafe { c_bytes(text, VALUE_MAX) };
        if let Some(value) = variable.strip_prefix(b"PATH=") {
            return Some(value);
        }
        // SAFETY: not beyond the null pointer.
        entry = unsafe { entry.add(1) };
    }
    None
}

/// Most return addresses per record.
#[inline(always)]
pub(crate) fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed) as usize
}

/// Slots of the ring; 0 to let the file grow.
pub(crate) fn ring() -> u64 {
    RING_SLOTS.load(Ordering::Relaxed)
}

/// The clock asked for; None: the best there is.
pub(crate) fn clock() -> Option<ClockKind> {
    let number = CLOCK.load(Ordering::Relaxed);
    [ClockKind::Monotonic, ClockKind::Counter]
        .into_iter()
        .find(|kind| kind.number() == number)
}

/// How much of a stack is looked at, in bytes; 0: it is not copied.
#[inline(always)]
pub(crate) fn stack() -> usize {
    STACK.load(Ordering::Relaxed)
}

/// The IPC namespace in which the run began; 0: it does not matter.
pub(crate) fn ipc_namespace() -> u64 {
    IPC.load(Ordering::Relaxed)
}

/// Whether interpreters are asked for their lines.
pub(crate) fn scripts() -> bool {
    SCRIPTS.load(Ordering::Relaxed)
}

/// Whether just-in-time compilers were told to write maps.
pub(crate) fn jit_maps() -> bool {
    JIT_MAPS.load(Ordering::Relaxed)
}

/// Whether shared anonymous mappings are recorded too.
#[inline(always)]
pub(crate) fn anonymous() -> bool {
    ANONYMOUS.load(Ordering::Relaxed)
}
