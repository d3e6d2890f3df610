//! What each thread knows: a block of its own, see `blocks.rs`.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

pub(crate) use crate::blocks::current;
use crate::sys;

/// Counts the processes that this memory has lived in; thread ids hold for one.
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// See `GENERATION`.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// A new process has this memory.
pub(crate) fn begin_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Most vfork calls inside one another's children.
pub(crate) const MAX_VFORKS: usize = 8;

/// What a thread keeps while a vfork of its is under way; see `vfork.rs`.
#[repr(C)]
pub(crate) struct VforkFrame {
    pub(crate) return_address: Cell<usize>,
    pub(crate) saved_register: Cell<usize>,
    pub(crate) frame_pointer: Cell<usize>,
    pub(crate) time: Cell<u64>,
    pub(crate) ids: Cell<(u32, u32)>,
    pub(crate) index: Cell<u32>,
}

impl VforkFrame {
    const fn empty() -> VforkFrame {
        VforkFrame {
            return_address: Cell::new(0),
            saved_register: Cell::new(0),
            frame_pointer: Cell::new(0),
            time: Cell::new(0),
            ids: Cell::new((0, 0)),
            index: Cell::new(0),
        }
    }
}

/// The block. All zeros at first; only its own thread reads and writes it, also from signal handlers.
#[repr(C)]
pub(crate) struct Thread {
    /// The block of all threads that have none of their own: what one of them notes there is not to be relied on.
    pub(crate) is_shared: bool,
    /// The process generation for which `pid` and `tid` hold; 0 at first, which none is.
    generation: Cell<u32>,
    pid: Cell<u32>,
    tid: Cell<u32>,
    /// Set while this thread looks up symbols: what it calls meanwhile goes straight to the kernel.
    pub(crate) resolving: Cell<bool>,
    /// Set while this thread starts the recording.
    pub(crate) starting: Cell<bool>,
    /// How many vforks are under way.
    pub(crate) vforks: Cell<u32>,
    /// Stack of this thread as far as it was looked up; see `frames.rs`.
    pub(crate) stack: Cell<(usize, usize)>,
    /// How often it was asked for in vain.
    pub(crate) stack_asked: Cell<u32>,
    pub(crate) vfork_frames: [VforkFrame; MAX_VFORKS],
}

/// One for all, see `is_shared`.
struct Shared(Thread);

// SAFETY: the cells are single words that any thread may find in any state: `is_shared` keeps all from relying on them.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(Thread {
    is_shared: true,
    generation: Cell::new(0),
    pid: Cell::new(0),
    tid: Cell::new(0),
    resolving: Cell::new(false),
    starting: Cell::new(false),
    vforks: Cell::new(MAX_VFORKS as u32),
    stack: Cell::new((0, 0)),
    stack_asked: Cell::new(0),
    vfork_frames: [const { VforkFrame::empty() }; MAX_VFORKS],
});

impl Thread {
    /// For a thread that can have no block.
    pub(crate) fn shared() -> &'static Thread {
        &SHARED.0
    }

    /// Process and thread id, looked up once per thread and process.
    #[inline(always)]
    pub(crate) fn ids(&self) -> (u32, u32) {
        if self.is_shared {
            return (sys::pid(), sys::tid());
        }
        if self.generation.get() != generation() {
            self.look_up_ids();
        }
        (self.pid.get(), self.tid.get())
    }

    #[cold]
    fn look_up_ids(&self) {
        self.set_ids(sys::pid(), sys::tid());
        self.generation.set(generation());
    }

    /// Takes on other ids: in a vfork child its own, back in the parent the parent's.
    pub(crate) fn set_ids(&self, pid: u32, tid: u32) {
        self.pid.set(pid);
        self.tid.set(tid);
    }

    /// Whether this is a vfork child, which shares its parent's memory but has its own descriptors.
    #[inline(always)]
    pub(crate) fn in_vfork_child(&self) -> bool {
        self.vforks.get() != 0 && !self.is_shared
    }
}
