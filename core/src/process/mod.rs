//! This process's own part: its membership, where its attachments lie, what becomes of them in a fork.

pub(crate) mod anchors;
pub(crate) mod attachments;
pub(crate) mod fork;
mod lock;
mod session;

pub use fork::{at_exit, register as register_fork_handlers};
pub(crate) use session::{Change, Session};

use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::os::memory;
use crate::os::process::pid;
use crate::os::signals::Blocked;
use crate::registry::{A_FEW, Liveness, MAX_SEGMENTS, Prober, Registry, Segment, State, Token};
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use anchors::Anchors;
use attachments::Attachments;
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use lock::ThreadLock;

static REGISTRY: Registry = Registry::closed();

static PROCESS: Process = Process {
    lock: ThreadLock::new(),
    starter: AtomicU32::new(0),
    birth: AtomicPtr::new(null_mut()),
    lowest: AtomicUsize::new(usize::MAX),
    highest: AtomicUsize::new(0),
    token: AtomicU32::new(0),
    inner: UnsafeCell::new(Inner {
        pid: 0,
        member: None,
        attachments: Attachments::new(),
        anchors: Anchors::new(),
        fork: None,
    }),
};

/// Birth certificate: on a page that the kernel wipes in every child, however the child was made.
const UNKNOWN: u32 = 0;
const BEING_KNOWN: u32 = 1;
const KNOWN: u32 = 2;

struct Process {
    lock: ThreadLock,
    /// The process that first took the lock, while `birth` is not there yet.
    starter: AtomicU32,
    birth: AtomicPtr<AtomicU32>,
    /// Bounds of all attachments, for a quick look without the lock.
    lowest: AtomicUsize,
    highest: AtomicUsize,
    /// The member's token, 0 for none, for readers.
    token: AtomicU32,
    inner: UnsafeCell<Inner>,
}

// SAFETY: `inner` is used by the holder of `lock` only.
unsafe impl Sync for Process {}

/// What the holder of the lock may use.
struct Inner {
    pid: i32,
    member: Option<Liveness>,
    attachments: Attachments,
    anchors: Anchors,
    /// While a fork is under way.
    fork: Option<fork::Fork>,
}

impl Process {
    /// Whether this process, and not only one that it is a copy of, has been set up.
    fn is_known(&self) -> bool {
        let birth = self.birth.load(Ordering::Acquire);
        // SAFETY: the page was mapped before the pointer was published, and stays.
        !birth.is_null() && unsafe { &*birth }.load(Ordering::Acquire) == KNOWN
    }

    /// Takes the lock, with what has to come first in a process that is new.
    fn enter(&'static self) -> Result<Entered> {
        let signals = Blocked::new();
        let adopt = self.begin_adoption()?;
        self.lock.lock(|| {
            self.birth.load(Ordering::Acquire).is_null()
                && self.starter.load(Ordering::Relaxed) != pid() as u32
        })?;
        // SAFETY: the lock is held until the value is dropped, and is not taken twice by one thread: nothing that runs
        // with it held calls back into the C ABI, and signals are blocked.
        let inner = unsafe { &mut *self.inner.get() };
        let mut entered = Entered {
            process: self,
            inner,
            signals: Some(signals),
        };
        if self.birth.load(Ordering::Relaxed).is_null() {
            entered.set_up()?;
        }
        if adopt {
            entered.adopt();
        }
        Ok(entered)
    }

    /// In a child that was made without fork handlers: whoever comes first sees to what was inherited. The lock may
    /// have been held by a thread that is not here.
    fn begin_adoption(&self) -> Result<bool> {
        let birth = self.birth.load(Ordering::Acquire);
        if birth.is_null() {
            return Ok(false);
        }
        // SAFETY: the page was mapped before the pointer was published, and stays.
        let birth = unsafe { &*birth };
        if birth
            .compare_exchange(UNKNOWN, BEING_KNOWN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            self.lock.reset();
            return Ok(true);
        }
        for _ in 0..10_000 {
            if birth.load(Ordering::Acquire) == KNOWN {
                return Ok(false);
            }
            let _ = crate::os::futex::wait(birth, BEING_KNOWN, 2);
        }
        Err(Errno::EDEADLK)
    }

    fn set_known(&self, known: u32) {
        let birth = self.birth.load(Ordering::Acquire);
        if !birth.is_null() {
            // SAFETY: the page was mapped before the pointer was published, and stays.
            unsafe { &*birth }.store(known, Ordering::Release);
        }
    }
}

/// The process's lock is held, with all signals blocked.
struct Entered {
    process: &'static Process,
    inner: &'static mut Inner,
    /// Taken out when the lock is to be held beyond this value: from one fork handler to the next.
    signals: Option<Blocked>,
}

impl Entered {
    fn set_up(&mut self) -> Result<()> {
        self.inner.pid = pid();
        self.process
            .starter
            .store(self.inner.pid as u32, Ordering::Relaxed);
        let page = memory::map_private(memory::page_size())?;
        // SAFETY: the page is ours and empty. Where the kernel does not know the advice, fork handlers do its work.
        let _ = unsafe { memory::advise(page, memory::page_size(), libc::MADV_WIPEONFORK) };
        let birth = page as *mut AtomicU32;
        // SAFETY: the page is zeroed memory of ours.
        unsafe { &*birth }.store(KNOWN, Ordering::Release);
        self.process.birth.store(birth, Ordering::Release);
        fork::register();
        Ok(())
    }

    fn open_registry(&self) -> Result<&'static Registry> {
        if !REGISTRY.is_open()
            && let Some(signals) = &self.signals
        {
            REGISTRY.open(signals)?;
        }
        Ok(&REGISTRY)
    }

    /// Makes this process a member, if it is none yet.
    fn join(&mut self) -> Result<(&'static Registry, Token)> {
        let registry = self.open_registry()?;
        if let Some(member) = self.inner.member {
            return Ok((registry, member.token));
        }
        let member = registry.claim_member(self.inner.pid)?;
        if let Err(error) = member.keep_from_children() {
            member.release();
            return Err(error);
        }
        self.set_member(Some(member));
        log::write(Level::Debug, |line| {
            line.str("member ")
                .number(member.token.index().into())
                .str(" of ")
                .bytes(registry.path().bytes())
        });
        registry.sweep(member.token, A_FEW);
        Ok((registry, member.token))
    }

    fn set_member(&mut self, member: Option<Liveness>) -> Option<Liveness> {
        self.process.token.store(
            member.map_or(0, |member| member.token.bits()),
            Ordering::Relaxed,
        );
        core::mem::replace(&mut self.inner.member, member)
    }

    fn note_bounds(&self) {
        let all = self.inner.attachments.all();
        let lowest = all.last().map_or(usize::MAX, |fragment| fragment.start);
        let highest = all.first().map_or(0, |fragment| fragment.end());
        self.process.lowest.store(lowest, Ordering::Relaxed);
        self.process.highest.store(highest, Ordering::Relaxed);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.signals.is_some() {
            self.process.lock.unlock();
        }
    }
}

/// The namespace's registry, for reading: opened at the first call.
///
/// # Errors
/// What [`Registry::open`] says.
pub(crate) fn registry() -> Result<&'static Registry> {
    if !(REGISTRY.is_open() && PROCESS.is_known()) {
        PROCESS.enter()?.open_registry()?;
    }
    if REGISTRY.limits().rmid_forced {
        // Segments of dead creators must not be met.
        if let Ok(session) = Session::begin() {
            REGISTRY.sweep_all(session.me);
        }
    }
    Ok(&REGISTRY)
}

/// Whether the range might meet an attachment of this process: a quick look, without a lock.
pub(crate) fn may_be_attached(start: usize, len: usize) -> bool {
    start < PROCESS.highest.load(Ordering::Relaxed)
        && start.saturating_add(len) > PROCESS.lowest.load(Ordering::Relaxed)
}

/// Whether this process has any attachment at all: a quick look, without a lock.
pub(crate) fn may_have_attachments() -> bool {
    PROCESS.highest.load(Ordering::Relaxed) != 0
}

/// This process as a member, if it is one already.
pub(crate) fn current_token() -> Option<Token> {
    match PROCESS.token.load(Ordering::Relaxed) {
        0 => None,
        bits => Some(Token::from_bits(bits)),
    }
}

/// Takes dead members' attachments off the segment in slot `index`, and destroys it if that was all that kept it.
/// `None` when the slot's lock is not free, or this process cannot become a member.
pub(crate) fn reap(registry: &'static Registry, index: u32) -> Option<Segment> {
    let session = Session::begin().ok()?;
    registry.recover_if_owner_died(session.me);
    let slot = registry.try_lock_slot(index, session.me)?;
    let mut segment = slot.reap(&mut Prober::new(registry, Some(session.me)));
    let finished = slot.is_finished(&segment);
    drop(slot);
    if finished {
        let _ = registry.destroy_if_finished(segment.shmid, session.me);
        segment.state = State::Free;
    }
    Some(segment)
}

/// A process that is no member yet does not become one for an id that names nothing; a member will find out anyway.
///
/// # Errors
/// - `EINVAL` no live segment has the id
pub(crate) fn check_id(shmid: u32) -> Result<()> {
    let registry = registry()?;
    if current_token().is_some() {
        return Ok(());
    }
    find_id(registry, shmid).map(drop)
}

/// The live segment with this id. Where there is none, the namespace is looked after: one that is gone may have left a
/// file that only this process has the right to remove.
///
/// # Errors
/// - `EINVAL` there is none
pub(crate) fn find_id(registry: &'static Registry, shmid: u32) -> Result<Segment> {
    registry.find_id(shmid).inspect_err(|_| sweep(registry))
}

/// Looks after what the dead left in the namespace, if there is anything.
pub(crate) fn sweep(registry: &'static Registry) {
    if registry.needs_sweep()
        && let Ok(session) = Session::begin()
    {
        registry.sweep(session.me, MAX_SEGMENTS);
    }
}

/// Looks after all that the dead left.
///
/// # Errors
/// What [`Session::begin`] says.
pub(crate) fn collect() -> Result<()> {
    let session = Session::begin()?;
    session.registry.sweep_all(session.me);
    Ok(())
}

/// Computes anew what is derived.
///
/// # Errors
/// What [`Session::begin`] says; `EDEADLK` where a lock is never let go.
pub(crate) fn repair() -> Result<()> {
    let session = Session::begin()?;
    session.registry.repair(session.me)?;
    session.registry.sweep_all(session.me);
    Ok(())
}
