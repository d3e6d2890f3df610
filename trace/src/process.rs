//! Whether this process records, and the start of the recording.
//!
//! The answer stands in a page that the kernel wipes in a forked child (`MADV_WIPEONFORK`), however it was forked: a
//! child finds "not known" and starts a file of its own. A vfork child shares the page, and the file.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use partage_trace_format::Call;
use partage_trace_format::header::{Origin, flag};

use crate::header::Image;
use crate::outcome::Outcome;
use crate::{
    blocks, clock, file, found, ipc, modules, options, outside, script, stacks, sys, thread, writer,
};

const NOT_KNOWN: u32 = 0;
const ON: u32 = 1;
const OFF: u32 = 2;

const LIFE_PAGE: usize = 4096;

static NOT_STARTED: AtomicU32 = AtomicU32::new(NOT_KNOWN);
static LIFE: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const NOT_STARTED).cast_mut());
/// Whether an ancestor by fork has started before.
static INHERITED: AtomicBool = AtomicBool::new(false);
/// The call that made this process, and where it was made; 0 if that was not seen.
static FORKED_BY: AtomicU32 = AtomicU32::new(0);
static FORKED_AT: AtomicUsize = AtomicUsize::new(0);
/// pid and tid of the thread that is starting, 0 if none.
static STARTER: AtomicU64 = AtomicU64::new(0);
/// Records that fell into the start itself, by signal handlers.
static EARLY: AtomicU64 = AtomicU64::new(0);

fn life() -> &'static AtomicU32 {
    // SAFETY: points to NOT_STARTED or to a page that is never unmapped.
    unsafe { &*LIFE.load(Ordering::Acquire) }
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

/// In the child of a fork: the page is wiped already, except where the kernel's promise is not kept (emulators). Its file
/// begins with the first call that is recorded: many children make none.
pub(crate) fn forked(call: Call, return_address: usize) {
    if INHERITED.load(Ordering::Relaxed) && life().load(Ordering::Relaxed) != NOT_KNOWN {
        life().store(NOT_KNOWN, Ordering::Relaxed);
    }
    FORKED_BY.store(call as u32, Ordering::Relaxed);
    FORKED_AT.store(return_address, Ordering::Relaxed);
    blocks::forked();
}

/// Whether this is the child of a fork that has recorded nothing so far, and has no file.
pub(crate) fn is_silent() -> bool {
    INHERITED.load(Ordering::Relaxed) && life().load(Ordering::Acquire) == NOT_KNOWN
}

#[cold]
#[inline(never)]
fn start() -> bool {
    if !options::can_load() {
        // The C library's own calls, for its own memory.
        return false;
    }
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
    let wanted = options::directory().is_some() && !is_secure() && !outside::is_the_command();
    let on = wanted && prepare_life(forked) && open_file((me >> 32) as u32, forked);
    if forked || wanted {
        INHERITED.store(true, Ordering::Relaxed);
    }
    life().store(if on { ON } else { OFF }, Ordering::Release);
    if on && !forked {
        ipc::look();
        script::look();
        found::inherited();
    }
    if on && forked {
        record_fork();
    }
    on
}

/// The first record of a child: the fork, as it returned there.
fn record_fork() {
    let call = Call::from_number(FORKED_BY.swap(0, Ordering::Relaxed) as u16);
    if let Some(call) = call {
        let record = writer::raw(clock::ticks(), call, Outcome::NONE, [0; 6]);
        let caller = [FORKED_AT.load(Ordering::Relaxed) as u64];
        writer::write(
            record,
            caller.get(..options::depth().min(1)).unwrap_or(&[]),
            &[],
        );
    }
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
    thread::begin_generation();
    let stopped = file::header().is_some_and(|header| header.flags() & flag::STOPPED != 0);
    if !forked || stopped || options::ring() != 0 {
        modules::forget();
    }
    // Else what the parent has recorded of its code holds for the child, and the report knows whose child it is.
    stacks::forked();
    let image = Image {
        pid,
        origin,
        clock: clock::choose(),
    };
    file::create(&image).is_ok()
}
