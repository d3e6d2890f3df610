//! The trace file of this process image: made, mapped, extended. No descriptor stays open.
//!
//! ```text
//! file:    header | window 0 (1 MiB) | window 1 | …          each window is mapped on its own, when it is first needed
//! header → cursor: slots handed out      RESERVED: slots with space behind them
//! ```
//! Space is reserved before slots in it are used, so that a full disk is an error here and no SIGBUS there.

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use partage_trace_format::header::{flag, offset};
use partage_trace_format::{HEADER_SIZE, SLOT_SIZE, SUFFIX};

use crate::header::{Header, Image};
use crate::options::{self, DIRECTORY_MAX};
use crate::sys::{self, Errno, Fd};
use crate::text::Text;

const WINDOW: usize = 1 << 20;
const WINDOW_SLOTS: u64 = (WINDOW / SLOT_SIZE) as u64;
/// 64 GiB of records.
const WINDOWS: usize = 1 << 16;
const MAX_LENGTH: usize = HEADER_SIZE + WINDOWS * WINDOW;
/// What is reserved at first; each time as much as there is, until a window at a time.
const FIRST_STEP: usize = 64 << 10;
/// Images of one pid in one directory.
const MAX_SEQ: u32 = 1 << 20;
/// Room for `/<pid>-<seq>.ptrace`.
const NAME_MAX: usize = 64;

static HEADER: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static MAPPED: [AtomicPtr<u8>; WINDOWS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; WINDOWS];
static RESERVED: AtomicU64 = AtomicU64::new(0);
/// Ticket → slot: all ones while the file grows.
static SLOT_MASK: AtomicU64 = AtomicU64::new(u64::MAX);
/// Whether the file has the longest length already.
static FULL_LENGTH: AtomicBool = AtomicBool::new(false);
static PID: AtomicU32 = AtomicU32::new(0);
static SEQ: AtomicU32 = AtomicU32::new(0);

type Path = Text<{ DIRECTORY_MAX + NAME_MAX }>;

fn path(pid: u32, seq: u32) -> Option<Path> {
    let mut path = Path::new();
    path.push(options::directory()?)
        .push(b"/")
        .push_number(pid.into())
        .push(b"-")
        .push_number(seq.into());
    path.push(SUFFIX.as_bytes());
    path.as_c_str().is_some().then_some(path)
}

fn with_path<T>(
    pid: u32,
    seq: u32,
    use_path: impl FnOnce(&CStr) -> Result<T, Errno>,
) -> Result<T, Errno> {
    match path(pid, seq).as_ref().and_then(Text::as_c_str) {
        Some(path) => use_path(path),
        None => Err(Errno(libc::ENAMETOOLONG)),
    }
}

/// Makes the file of a new image and maps its start; what the parent of a fork had mapped is let go.
pub(crate) fn create(image: &Image) -> Result<(), Errno> {
    release();
    let (fd, seq) = create_new(image.pid)?;
    let ring = options::ring();
    let len = if ring == 0 {
        WINDOW
    } else {
        ring as usize * SLOT_SIZE
    };
    check_limit(HEADER_SIZE + len)?;
    fd.truncate(HEADER_SIZE + len)?;
    let first = if ring == 0 { FIRST_STEP } else { len };
    allocate_start(&fd, HEADER_SIZE + first)?;
    let base = fd.map(0, HEADER_SIZE + len)?;
    populate(base, 0, HEADER_SIZE + first, || Ok(&fd))?;
    for (index, window) in MAPPED.iter().enumerate().take(len.div_ceil(WINDOW)) {
        // SAFETY: within the mapping of HEADER_SIZE + len bytes.
        window.store(
            unsafe { base.add(HEADER_SIZE + index * WINDOW) },
            Ordering::Relaxed,
        );
    }
    PID.store(image.pid, Ordering::Relaxed);
    SEQ.store(seq, Ordering::Relaxed);
    SLOT_MASK.store(ring.wrapping_sub(1), Ordering::Relaxed);
    RESERVED.store((first / SLOT_SIZE) as u64, Ordering::Release);
    HEADER.store(base, Ordering::Release);
    // SAFETY: the mapping starts with a header's worth of writable bytes, nobody else uses it yet.
    unsafe { Header::new(base) }.write(image, seq, ring, (first / SLOT_SIZE) as u64);
    Ok(())
}

/// Allocates the first blocks at once, which is faster than page by page. A file system that cannot is told the size of
/// the longest file now, all hole: later there is no way to make it longer that could not, raced, make it shorter.
fn allocate_start(fd: &Fd, len: usize) -> Result<(), Errno> {
    let allocated = fd.allocate(0, len);
    let cannot = allocated == Err(Errno(libc::EOPNOTSUPP));
    FULL_LENGTH.store(cannot, Ordering::Relaxed);
    if cannot {
        fd.truncate(MAX_LENGTH.min(sys::file_size_limit()))
    } else {
        allocated
    }
}

/// Creates the first file of this pid that does not exist yet.
fn create_new(pid: u32) -> Result<(Fd, u32), Errno> {
    for seq in 0..MAX_SEQ {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        match with_path(pid, seq, |path| sys::open(path, flags, 0o600)) {
            Ok(fd) => return Ok((fd, seq)),
            Err(Errno(libc::EEXIST)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno(libc::EEXIST))
}

fn reopen() -> Result<Fd, Errno> {
    let (pid, seq) = (PID.load(Ordering::Relaxed), SEQ.load(Ordering::Relaxed));
    with_path(pid, seq, |path| {
        sys::open(path, libc::O_RDWR | libc::O_NOFOLLOW, 0)
    })
}

/// To write beyond `RLIMIT_FSIZE` would raise SIGXFSZ.
fn check_limit(len: usize) -> Result<(), Errno> {
    if len > sys::file_size_limit() {
        Err(Errno(libc::EFBIG))
    } else {
        Ok(())
    }
}

/// Makes `len` mapped bytes at `at` (file offset `offset`) safe to write: space in the file system, pages in memory.
fn populate<'f>(
    at: *mut u8,
    offset: usize,
    len: usize,
    fd: impl FnOnce() -> Result<&'f Fd, Errno>,
) -> Result<(), Errno> {
    // SAFETY: populating changes no contents.
    match unsafe { sys::advise(at, len, libc::MADV_POPULATE_WRITE) } {
        Ok(()) => Ok(()),
        // A write would have raised SIGBUS.
        Err(Errno(libc::EFAULT)) => Err(Errno(libc::ENOSPC)),
        // Kernels before 5.14.
        Err(Errno(libc::EINVAL)) => fd()?.allocate(offset, len),
        Err(error) => Err(error),
    }
}

/// Lets go of the mappings inherited over a fork; they are the parent's.
fn release() {
    let header = HEADER.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if header.is_null() {
        return;
    }
    let window = WINDOW.min(
        SLOT_MASK
            .load(Ordering::Relaxed)
            .saturating_add(1)
            .saturating_mul(SLOT_SIZE as u64) as usize,
    );
    for place in &MAPPED {
        let at = place.swap(core::ptr::null_mut(), Ordering::Relaxed);
        if at.is_null() {
            break;
        }
        // SAFETY: a new process image has one thread, and that one writes no record now.
        unsafe { sys::unmap(at, window) };
    }
    // SAFETY: as above.
    unsafe { sys::unmap(header, HEADER_SIZE) };
}

/// The header, while there is one.
#[inline(always)]
pub(crate) fn header() -> Option<Header> {
    let base = HEADER.load(Ordering::Acquire);
    // SAFETY: a mapped header stays mapped as long as the process image.
    (!base.is_null()).then(|| unsafe { Header::new(base) })
}

/// Whether slots are used again and again.
#[inline(always)]
pub(crate) fn is_ring() -> bool {
    SLOT_MASK.load(Ordering::Relaxed) != u64::MAX
}

/// Whether the slots below `end` have space; extends the file as needed.
#[inline(always)]
pub(crate) fn has_space(end: u64) -> bool {
    end <= RESERVED.load(Ordering::Acquire) || is_ring() || extend_to(end)
}

/// The slot of a ticket for which there is space.
#[inline(always)]
pub(crate) fn slot(ticket: u64) -> Option<*mut u8> {
    let index = ticket & SLOT_MASK.load(Ordering::Relaxed);
    let window = MAPPED
        .get((index / WINDOW_SLOTS) as usize)?
        .load(Ordering::Relaxed);
    if window.is_null() {
        return None;
    }
    // SAFETY: within the window, which is mapped for WINDOW bytes (or the whole ring).
    Some(unsafe { window.add((index % WINDOW_SLOTS) as usize * SLOT_SIZE) })
}

/// Reserves step by step until slots below `end` have space. Threads that come here together do the same work; none waits.
#[cold]
#[inline(never)]
fn extend_to(end: u64) -> bool {
    let Some(header) = header() else { return false };
    loop {
        let have = RESERVED.load(Ordering::Acquire);
        if end <= have {
            return true;
        }
        if header.flags() & flag::STOPPED != 0 {
            return false;
        }
        if let Err(error) = extend_from(have, &header) {
            header.stop(error.0);
            return false;
        }
    }
}

fn extend_from(have: u64, header: &Header) -> Result<(), Errno> {
    let index = (have / WINDOW_SLOTS) as usize;
    let window = MAPPED.get(index).ok_or(Errno(libc::EFBIG))?;
    let mut at = window.load(Ordering::Acquire);
    if at.is_null() {
        at = map_window(index, window)?;
    }
    let inside = (have % WINDOW_SLOTS) as usize * SLOT_SIZE;
    let step = (have as usize * SLOT_SIZE)
        .clamp(FIRST_STEP, WINDOW)
        .min(WINDOW - inside);
    // SAFETY: inside is below WINDOW.
    let start = unsafe { at.add(inside) };
    let file_offset = HEADER_SIZE + index * WINDOW + inside;
    let mut fd = None;
    populate(start, file_offset, step, || Ok(&*fd.insert(reopen()?)))?;
    let now = have + (step / SLOT_SIZE) as u64;
    if RESERVED
        .compare_exchange(have, now, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
    {
        header.raise(offset::RESERVED, now);
    }
    Ok(())
}

/// Maps window `index` behind the present end of the file. `fallocate` never shortens, so threads may come here together.
fn map_window(index: usize, window: &AtomicPtr<u8>) -> Result<*mut u8, Errno> {
    let file_offset = HEADER_SIZE + index * WINDOW;
    check_limit(file_offset + WINDOW)?;
    let fd = reopen()?;
    if !FULL_LENGTH.load(Ordering::Relaxed) {
        fd.allocate(file_offset, WINDOW)?;
    }
    let at = fd.map(file_offset, WINDOW)?;
    match window.compare_exchange(
        core::ptr::null_mut(),
        at,
        Ordering::AcqRel,
        Ordering::Acquire,
    ) {
        Ok(_) => Ok(at),
        Err(other) => {
            // SAFETY: nobody else knows this mapping.
            unsafe { sys::unmap(at, WINDOW) };
            Ok(other)
        }
    }
}

/// Reads a whole small file of `/proc` into `buf`; what fitted.
pub(crate) fn read_proc<'b>(path: &CStr, buf: &'b mut [u8]) -> &'b [u8] {
    let mut filled = 0;
    if let Ok(fd) = sys::open(path, libc::O_RDONLY as c_int, 0) {
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match fd.read(rest) {
                Ok(count) if count > 0 => filled += count,
                _ => break,
            }
        }
    }
    buf.get(..filled).unwrap_or(&[])
}
