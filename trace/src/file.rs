//! The trace file of this process image: made, mapped, extended. No descriptor stays open.
//!
//! ```text
//! file:    header | window 0 (1 MiB) | window 1 | …          each window is mapped on its own, when it is first needed
//! header → cursor: slots handed out      RESERVED: slots with space behind them
//! ```
//! Space is reserved before slots in it are used, so that a full disk is an error here and no SIGBUS there: zeros are
//! appended to the file. A write of many pages costs a fraction of what the same pages cost one by one when they are
//! touched, and appending cannot overwrite what another thread has recorded behind.

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use partage_trace_format::header::{Origin, flag, offset};
use partage_trace_format::{HEADER_SIZE, SLOT_SIZE, SUFFIX};

use crate::header::{Header, Image};
use crate::options::{self, DIRECTORY_MAX};
use crate::sys::{self, Errno, Fd};
use crate::text::Text;

const WINDOW: usize = 1 << 20;
const WINDOW_SLOTS: u64 = (WINDOW / SLOT_SIZE) as u64;
const PAGE: usize = 4096;
/// Windows that stay in the program's memory once they are full.
const HELD: usize = 2;
/// 64 GiB of records.
const WINDOWS: usize = 1 << 16;
/// What is reserved at first; each time as much as there is, until a window at a time.
const FIRST_STEP: usize = 64 << 10;
/// What is reserved at first for the child of a fork, which often makes few calls.
const FIRST_STEP_FORKED: usize = 4 << 10;
/// Room below a limit of the file's length that is left free: several threads may append at once, and beyond the limit
/// they would be sent a signal.
const SPARE: usize = 8 * FIRST_STEP;
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
/// The smallest step.
static LEAST: AtomicUsize = AtomicUsize::new(FIRST_STEP);
/// Whether the file has no disk behind it.
static IN_MEMORY: AtomicBool = AtomicBool::new(false);
/// Whether somebody appends. Who comes meanwhile does not wait, but takes less.
static APPENDING: AtomicBool = AtomicBool::new(false);
static PID: AtomicU32 = AtomicU32::new(0);
static SEQ: AtomicU32 = AtomicU32::new(0);

/// How the file is opened.
const FLAGS: c_int = libc::O_RDWR | libc::O_APPEND | libc::O_NOFOLLOW;

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
    let parents = release();
    let made = make(image, parents.as_ref());
    if let Some(header) = parents {
        // SAFETY: a new process image has one thread, and that one has taken what it needed.
        unsafe { sys::unmap(header.base(), HEADER_SIZE) };
    }
    made
}

fn make(image: &Image, parents: Option<&Header>) -> Result<(), Errno> {
    let (fd, seq) = create_new(image.pid)?;
    let made = fill(image, &fd, seq, parents);
    if made.is_err() {
        // A file shorter than a header says that its process does not record. There is nobody to tell if that fails.
        let _ = fd.truncate(0);
    }
    made
}

/// Gives a new file its first length, maps it, and writes the header.
fn fill(image: &Image, fd: &Fd, seq: u32, parents: Option<&Header>) -> Result<(), Errno> {
    let ring = options::ring();
    let len = if ring == 0 {
        WINDOW
    } else {
        ring as usize * SLOT_SIZE
    };
    let first = match (ring, image.origin) {
        (0, Origin::Exec) => FIRST_STEP,
        (0, Origin::Fork) => FIRST_STEP_FORKED,
        _ => len,
    };
    check_limit(HEADER_SIZE + first + SPARE)?;
    let whole = HEADER_SIZE + first;
    let mut end = 0;
    while end < whole {
        end = fd.append_zeros(whole - end)?;
    }
    if parents.is_none() {
        IN_MEMORY.store(fd.is_in_memory(), Ordering::Relaxed);
    }
    // As a fork may have found it.
    APPENDING.store(false, Ordering::Relaxed);
    LEAST.store(first.min(FIRST_STEP), Ordering::Relaxed);
    let base = fd.map(0, HEADER_SIZE + len)?;
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
    let header = unsafe { Header::new(base) };
    header.write(image, seq, ring, (first / SLOT_SIZE) as u64, parents);
    Ok(())
}

/// Creates the first file of this pid that does not exist yet.
fn create_new(pid: u32) -> Result<(Fd, u32), Errno> {
    for seq in 0..MAX_SEQ {
        let flags = FLAGS | libc::O_CREAT | libc::O_EXCL;
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
    with_path(pid, seq, |path| sys::open(path, FLAGS, 0))
}

/// To write beyond `RLIMIT_FSIZE` would raise SIGXFSZ.
fn check_limit(len: usize) -> Result<(), Errno> {
    if len > sys::file_size_limit() {
        Err(Errno(libc::EFBIG))
    } else {
        Ok(())
    }
}

/// Lets go of the mappings inherited over a fork, which are the parent's, but for the header: it is returned.
fn release() -> Option<Header> {
    let header = HEADER.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if header.is_null() {
        return None;
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
    // SAFETY: it is mapped until the caller unmaps it.
    Some(unsafe { Header::new(header) })
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

/// Makes room for a while to come.
pub(crate) fn reserve() {
    has_space(tickets() + WINDOW_SLOTS / 2);
}

/// Tickets handed out.
#[inline(always)]
pub(crate) fn tickets() -> u64 {
    header().map_or(0, |header| header.tickets())
}

/// Whether a record of this ticket will be there for a while: a ring overwrites its oldest.
#[inline(always)]
pub(crate) fn keeps(ticket: u64) -> bool {
    !is_ring()
        || header().is_some_and(|header| {
            let newer = header.tickets().saturating_sub(ticket);
            newer <= SLOT_MASK.load(Ordering::Relaxed) / 2
        })
}

/// Whether a ring will keep a record of this ticket while it takes an eighth of it more.
#[inline(always)]
pub(crate) fn keeps_for_long(ticket: u64) -> bool {
    let slots = SLOT_MASK.load(Ordering::Relaxed);
    tickets().saturating_sub(ticket) <= slots - slots / 8
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

/// Appends a step, and maps what it reaches.
fn extend_from(have: u64, header: &Header) -> Result<(), Errno> {
    let fd = reopen()?;
    let alone = !APPENDING.swap(true, Ordering::Acquire);
    let step = if alone {
        (have as usize * SLOT_SIZE).clamp(LEAST.load(Ordering::Relaxed), WINDOW)
    } else {
        FIRST_STEP
    };
    let appended = check_limit(fd.length()? + step + SPARE).and_then(|()| fd.append_zeros(step));
    if alone {
        APPENDING.store(false, Ordering::Release);
    }
    let slots = (appended?.saturating_sub(HEADER_SIZE) / SLOT_SIZE) as u64;
    for index in have / WINDOW_SLOTS..slots.div_ceil(WINDOW_SLOTS) {
        map_window(index as usize, &fd)?;
    }
    if IN_MEMORY.load(Ordering::Relaxed) {
        enter_pages(have, slots);
    }
    RESERVED.fetch_max(slots, Ordering::AcqRel);
    header.raise(offset::RESERVED, slots);
    Ok(())
}

/// Enters the pages of these slots in the page table at once, as for reading: where nothing keeps track of what is to be
/// written to a disk, that is as good as for writing, and sixteen pages are had at a time.
fn enter_pages(from: u64, to: u64) {
    let mut from = from;
    while from < to {
        let end = to.min((from / WINDOW_SLOTS + 1) * WINDOW_SLOTS);
        if let Some(start) = slot(from) {
            let inside = start.addr() % PAGE;
            let len = (end - from) as usize * SLOT_SIZE + inside;
            // SAFETY: mapped, as the slots are. It changes no contents; where it is refused, pages are entered one by one.
            let _ = unsafe { sys::advise(start.sub(inside), len, libc::MADV_POPULATE_READ) };
        }
        from = end;
    }
}

/// Gives back the memory of a window that was filled some time ago. It stays mapped, and its contents stay in the file: a
/// thread that still writes there finds them again.
fn let_go(index: usize) {
    let window = MAPPED
        .get(index)
        .map_or(core::ptr::null_mut(), |place| place.load(Ordering::Relaxed));
    if !window.is_null() {
        // SAFETY: of a shared mapping of a file nothing is lost. Where it is refused, the memory stays.
        let _ = unsafe { sys::advise(window, WINDOW, libc::MADV_DONTNEED) };
    }
}

/// Maps window `index`, if nobody has yet.
fn map_window(index: usize, fd: &Fd) -> Result<(), Errno> {
    let window = MAPPED.get(index).ok_or(Errno(libc::EFBIG))?;
    if !window.load(Ordering::Acquire).is_null() {
        return Ok(());
    }
    let at = fd.map(HEADER_SIZE + index * WINDOW, WINDOW)?;
    match window.compare_exchange(
        core::ptr::null_mut(),
        at,
        Ordering::AcqRel,
        Ordering::Acquire,
    ) {
        Ok(_) => {
            let_go(index.wrapping_sub(HELD));
        }
        Err(_) => {
            // SAFETY: nobody else knows this mapping.
            unsafe { sys::unmap(at, WINDOW) };
        }
    }
    Ok(())
}
