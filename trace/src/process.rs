//! Whether this process records, and the start of the recording.
//!
//! The answer stands in a page that the kernel wipes in a forked child (`MADV_WIPEONFORK`), however it was forked: a
//! child finds "not known" and starts a file of its own. A vfork child shares the page, and the file.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use partage_trace_format::header::Origin;

use crate::header::Image;
use crate::{clock, file, found, modules, next, options, sys, thread};

const NOT_KNOWN: u32 = 0;
const ON: u32 = 1;
const OFF: u32 = 2;

const LIFE_PAGE: usize = 4096;

static NOT_STARTED: AtomicU32 = AtomicU32::new(NOT_KNOWN);
static LIFE: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const NOT_STARTED).cast_mut());
/// Counts the processes that this memory has lived in; thread ids hold for one.
static GENERATION: AtomicU32 = AtomicU32::new(1);
/// Whether an ancestor by fork has started before.
static INHERITED: AtomicBool = AtomicBool::new(false);
/// pid and tid of the thread that is starting, 0 if none.
static STARTER: AtomicU64 = AtomicU64::new(0);
/// Records that fell into the start itself, by signal handlers.
static EARLY: AtomicU64 = AtomicU64::new(0);

fn life() -> &'static AtomicU32 {
    // SAFETY: points to NOT_STARTED or to a page that is never unmapped.
    unsafe { &*LIFE.load(Ordering::Acquire) }
}

/// See `GENERATION`.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Whether to record now; starts the recording if that is not decided yet.
#[inline(always)]
pub(crate) fn records() -> bool {
    match life().load(Ordering::Acquire) {
        ON => true,
        OFF => false,
        _ => start(),
    }
}

/// In the child of a fork: the page is wiped already, except where the kernel's promise is not kept (emulators).
pub(crate) fn forked() {
    if INHERITED.load(Ordering::Relaxed) {
        life().store(NOT_KNOWN, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn start() -> bool {
    let thread = thread::current();
    if thread.starting.get() || thread.resolving.get() {
        EARLY.fetch_add(1, Ordering::Relaxed);
        return false;
    }
    let me = u64::from(sys::pid()) << 32 | u64::from(sys::tid());
    if !claim(me) {
        return life().load(Ordering::Acquire) == ON;
    }
    thread.starting.set(true);
    let decided = life().load(Ordering::Acquire);
    let on = if decided == NOT_KNOWN {
        decide(me)
    } else {
        decided == ON
    };
    thread.starting.set(false);
    STARTER.store(0, Ordering::Release);
    if on && let Some(header) = file::header() {
        header.add_dropped(EARLY.swap(0, Ordering::Relaxed));
    }
    on
}

/// Makes this thread the one that starts; false once another thread of this process has. A claim that a fork copied
/// from the parent counts for nothing.
fn claim(me: u64) -> bool {
    loop {
        let holder = STARTER.load(Ordering::Acquire);
        if holder >> 32 != me >> 32 {
            if STARTER
                .compare_exchange(holder, me, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return true;
            }
        } else if life().load(Ordering::Acquire) != NOT_KNOWN {
            return false;
        } else {
            sys::yield_now();
        }
    }
}

/// Starts the recording if the environment asks for it. Returns whether this process records.
fn decide(me: u64) -> bool {
    let forked = INHERITED.load(Ordering::Relaxed);
    if !forked {
        options::load();
    }
    let wanted = options::directory().is_some() && !is_secure();
    let on = wanted && prepare_life(forked) && open_file((me >> 32) as u32, forked);
    if forked || wanted {
        INHERITED.store(true, Ordering::Relaxed);
    }
    life().store(if on { ON } else { OFF }, Ordering::Release);
    if on && !forked {
        found::inherited();
    }
    on
}

/// A set-uid program must not write where its caller says.
fn is_secure() -> bool {
    // SAFETY: getauxval only reads.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Maps the page that a fork wipes, once.
fn prepare_life(forked: bool) -> bool {
    if forked {
        return true;
    }
    let Ok(page) = sys::map_anonymous(LIFE_PAGE) else {
        return false;
    };
    // SAFETY: the page is new. If the advice is refused (before Linux 4.14), only our own fork wrappers notice forks.
    let _ = unsafe { sys::advise(page, LIFE_PAGE, libc::MADV_WIPEONFORK) };
    LIFE.store(page.cast(), Ordering::Release);
    true
}

fn open_file(pid: u32, forked: bool) -> bool {
    let origin = if forked { Origin::Fork } else { Origin::Exec };
    GENERATION.fetch_add(1, Ordering::Relaxed);
    modules::forget();
    let image = Image {
        pid,
        origin,
        clock: clock::choose(),
    };
    file::create(&image).is_ok()
}

/// Runs when the object is loaded: before most of the program, though not before everything.
extern "C" fn constructor() {
    next::look_up_all();
    if records() {
        crate::hooks::process::at_exit();
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;
