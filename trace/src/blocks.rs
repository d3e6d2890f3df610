//! A block of memory for each thread, found by a key of pthreads: bionic before Android 10 loads no object with thread-local
//! storage of its own.
//!
//! Blocks come in chunks that are never given back; a thread that ends gives back its block.

use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::thread::Thread;
use crate::{signals, sys};

const PER_CHUNK: usize = u64::BITS as usize;
const CHUNK: usize = PER_CHUNK * size_of::<Thread>();
/// Room for 65536 threads at one time; the kernel's own limit is usually half of that.
const CHUNKS: usize = 1024;

struct Chunk {
    /// A bit for each block that a thread has.
    taken: AtomicU64,
    blocks: AtomicPtr<Thread>,
}

static ALL: [Chunk; CHUNKS] = [const {
    Chunk {
        taken: AtomicU64::new(0),
        blocks: AtomicPtr::new(core::ptr::null_mut()),
    }
}; CHUNKS];

/// The key, above a bit that says that there is one.
static KEY: AtomicU64 = AtomicU64::new(0);
const HAS_KEY: u64 = 1 << 32;
/// Whether a key could not be had: then it is not tried again.
static NO_KEY: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn pthread_key_create(
        key: *mut c_uint,
        at_end: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> c_int;
    fn pthread_key_delete(key: c_uint) -> c_int;
    fn pthread_getspecific(key: c_uint) -> *mut c_void;
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
}

/// This thread's block. A thread for which none can be had gets one that it shares.
#[inline(always)]
pub(crate) fn current() -> &'static Thread {
    let key = KEY.load(Ordering::Acquire);
    if key != 0 {
        // SAFETY: a key that was made and is never deleted.
        let block = unsafe { pthread_getspecific(key as c_uint) };
        // SAFETY: null, or a block that is this thread's until it ends.
        if let Some(block) = unsafe { block.cast::<Thread>().as_ref() } {
            return block;
        }
    }
    first()
}

/// With signals blocked: a handler must not take another block meanwhile.
#[cold]
#[inline(never)]
fn first() -> &'static Thread {
    let before = signals::block_signals();
    let block = key().and_then(own).unwrap_or(Thread::shared());
    signals::restore_signals(before);
    block
}

fn own(key: c_uint) -> Option<&'static Thread> {
    // SAFETY: a key that was made and is never deleted.
    let there = unsafe { pthread_getspecific(key) };
    if !there.is_null() {
        // SAFETY: this thread's block, see `current`.
        return unsafe { there.cast::<Thread>().as_ref() };
    }
    let block = take()?;
    // SAFETY: the key as above; the value is ours.
    if unsafe { pthread_setspecific(key, block.cast()) } != 0 {
        give_back(block);
        return None;
    }
    // SAFETY: taken by this thread alone, zeroed, aligned and large enough.
    unsafe { block.as_ref() }
}

/// The key, made by the first thread that asks for it.
fn key() -> Option<c_uint> {
    let known = KEY.load(Ordering::Acquire);
    if known != 0 {
        return Some(known as c_uint);
    }
    if NO_KEY.load(Ordering::Relaxed) != 0 {
        return None;
    }
    let mut key = 0;
    // SAFETY: `key` is writable; the function stays, this object is never unloaded.
    if unsafe { pthread_key_create(&mut key, Some(at_end)) } != 0 {
        NO_KEY.store(1, Ordering::Relaxed);
        return None;
    }
    let made = HAS_KEY | u64::from(key);
    match KEY.compare_exchange(0, made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(key),
        Err(others) => {
            // SAFETY: nobody else has seen it.
            unsafe { pthread_key_delete(key) };
            Some(others as c_uint)
        }
    }
}

unsafe extern "C" fn at_end(block: *mut c_void) {
    give_back(block.cast());
}

/// A zeroed block, the caller's alone.
fn take() -> Option<*mut Thread> {
    ALL.iter().find_map(|chunk| {
        let blocks = chunk.mapped()?;
        let mut taken = chunk.taken.load(Ordering::Relaxed);
        while taken != u64::MAX {
            let index = taken.trailing_ones();
            match chunk.taken.compare_exchange_weak(
                taken,
                taken | 1 << index,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    // SAFETY: inside the chunk, and now ours; zeroes are a valid block.
                    unsafe {
                        let block = blocks.add(index as usize);
                        block.write_bytes(0, 1);
                        return Some(block);
                    }
                }
                Err(now) => taken = now,
            }
        }
        None
    })
}

impl Chunk {
    /// Its memory, mapped by the first thread that needs it.
    fn mapped(&self) -> Option<*mut Thread> {
        let there = self.blocks.load(Ordering::Acquire);
        if !there.is_null() {
            return Some(there);
        }
        let made = sys::map_anonymous(CHUNK).ok()?;
        let place = &self.blocks;
        match place.compare_exchange(there, made.cast(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(made.cast()),
            Err(others) => {
                // SAFETY: nobody else has seen it.
                unsafe { sys::unmap(made, CHUNK) };
                Some(others)
            }
        }
    }

    /// The bit of a block, if it is one of this chunk's.
    fn bit(&self, block: *const Thread) -> Option<u64> {
        let start = self.blocks.load(Ordering::Relaxed);
        let distance = block.addr().wrapping_sub(start.addr());
        (!start.is_null() && distance < CHUNK).then(|| 1 << (distance / size_of::<Thread>()))
    }
}

fn give_back(block: *const Thread) {
    for chunk in &ALL {
        if let Some(bit) = chunk.bit(block) {
            chunk.taken.fetch_and(!bit, Ordering::Release);
            return;
        }
    }
}

/// In the child of a fork, which has one thread: the others' blocks are free.
pub(crate) fn forked() {
    let own = current();
    // Each page that is looked at costs the child a fault.
    let is_mapped = |chunk: &&Chunk| !chunk.blocks.load(Ordering::Relaxed).is_null();
    for chunk in ALL.iter().take_while(is_mapped) {
        if chunk.taken.load(Ordering::Relaxed) != 0 {
            let kept = chunk.bit(own).unwrap_or(0);
            chunk.taken.store(kept, Ordering::Relaxed);
        }
    }
}
