//! Return addresses, by walking frame pointers.
//!
//! Nothing here may fault, whatever the registers hold: frames are read directly only inside the thread's own stack,
//! whose bounds were looked up and which stays mapped as long as the thread runs. On any other stack (a signal stack, a
//! coroutine's) the kernel copies each frame, and refuses what is not mapped.

use core::arch::asm;

use crate::maps::{self, Mapping};
use crate::{sys, thread};

/// Where a call came from: the return address, and the caller's registers.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) return_address: usize,
    pub(crate) frame_pointer: usize,
    /// The stack pointer when the call was made; 0 where that is not known.
    pub(crate) stack_pointer: usize,
}

const WORD: usize = size_of::<usize>();
/// A frame record: the caller's frame pointer, then the return address.
const FRAME: usize = 2 * WORD;

/// What the entry of syscall(2) leaves on the stack, see `capture/`: whether it lies at these words, and how many words
/// above the first the stack pointer was.
#[cfg(target_arch = "x86_64")]
fn is_entry(site: Site, word: impl Fn(usize) -> usize) -> Option<usize> {
    let ours = word(0) == site.return_address && word(1) == site.frame_pointer;
    // The third is the return address that the caller has pushed.
    (ours && word(2) == site.return_address).then_some(2)
}

/// See above.
#[cfg(target_arch = "aarch64")]
fn is_entry(site: Site, word: impl Fn(usize) -> usize) -> Option<usize> {
    let ours = word(0) == site.frame_pointer && word(2) == site.frame_pointer;
    (ours && word(3) == site.return_address).then_some(4)
}

/// Fills `callers`, innermost first; how many there are.
pub(crate) fn walk(site: Site, callers: &mut [u64]) -> usize {
    let mut count = 0;
    let mut frame = site.frame_pointer;
    let mut address = site.return_address;
    let end = end_of_stack(site.stack_pointer);
    let mut below = here();
    for place in callers.iter_mut() {
        *place = address as u64;
        count += 1;
        let Some((next, above)) = read_frame(frame, below, end).filter(|(next, _)| *next > frame)
        else {
            break;
        };
        if above == 0 {
            break;
        }
        below = frame;
        (frame, address) = (next, above);
    }
    count
}

/// The frame record at `frame`: the next frame and the return address. Without frame pointers the register holds anything:
/// what lies not far above the frame before is none, and costs nothing.
fn read_frame(frame: usize, below: usize, end: usize) -> Option<(usize, usize)> {
    /// Largest frame that is believed in on a stack whose bounds are not known.
    const LARGEST: usize = 64 << 10;
    if !frame.is_multiple_of(WORD) || frame <= below {
        return None;
    }
    if end != 0 {
        // SAFETY: aligned, and inside the stack of this thread, which is mapped.
        return (frame <= end - FRAME).then(|| unsafe { *(frame as *const (usize, usize)) });
    }
    if frame - below > LARGEST {
        return None;
    }
    let mut bytes = [0; FRAME];
    if sys::read_memory(frame, &mut bytes) != Ok(FRAME) {
        return None;
    }
    let (next, above) = bytes.split_at(WORD);
    Some((
        usize::from_ne_bytes(next.try_into().ok()?),
        usize::from_ne_bytes(above.try_into().ok()?),
    ))
}

/// An address of the stack that is in use.
#[inline(never)]
fn here() -> usize {
    let marker = 0u8;
    (&raw const marker).addr()
}

/// The site with its stack pointer: where an entry does not pass it on, it lies not far above, and the return address
/// tells it.
pub(crate) fn complete(site: Site) -> Option<Site> {
    if site.return_address == 0 || !site.stack_pointer.is_multiple_of(WORD) {
        return None;
    }
    if site.stack_pointer != 0 {
        return Some(site);
    }
    /// Our own frames between here and the entry.
    const MOST: usize = 1024;
    let start = here().next_multiple_of(WORD);
    let word = |index: usize| {
        // SAFETY: our own frames, and those of our callers, up to the entry that holds the return address.
        unsafe { *((start + index * WORD) as *const usize) }
    };
    let found = (0..MOST).find_map(|first| {
        let above = is_entry(site, |index| word(first + index))?;
        Some(first + above)
    })?;
    Some(Site {
        stack_pointer: start + found * WORD,
        ..site
    })
}

/// Where this thread's own stack ends, if that is the stack that is in use; else 0.
#[inline(always)]
pub(crate) fn end_of_stack(stack_pointer: usize) -> usize {
    let (low, high) = thread::current().stack.get();
    if stack_pointer >= low && stack_pointer < high {
        high
    } else {
        look_for_end(stack_pointer)
    }
}

/// To read the maps costs a thread that makes few calls more than the calls.
#[cold]
#[inline(never)]
fn look_for_end(stack_pointer: usize) -> usize {
    const FIRST: u32 = 4;
    const LAST: u32 = 64;
    let thread = thread::current();
    if thread.is_shared {
        return 0;
    }
    let asked = thread.stack_asked.get().saturating_add(1);
    thread.stack_asked.set(asked);
    if !(FIRST..=LAST).contains(&asked) || !asked.is_power_of_two() {
        return 0;
    }
    maps::each(learn);
    let (low, high) = thread.stack.get();
    if stack_pointer >= low && stack_pointer < high {
        high
    } else {
        0
    }
}

/// Takes note of a mapping that is this thread's own stack. What the thread pointer points to lies at the top of the
/// thread's stack; the first thread's stack has a name, and grows downwards, where nothing else is mapped for a while.
pub(crate) fn learn(mapping: &Mapping<'_>) {
    const GROWTH: usize = 64 << 20;
    let thread = thread::current();
    let stack = here();
    if thread.is_shared || !mapping.holds(stack) {
        return;
    }
    if mapping.path == b"[stack]" {
        let low = mapping.end.saturating_sub(GROWTH);
        thread.stack.set((low.min(mapping.start), mapping.end));
    } else if mapping.holds(thread_pointer()) {
        thread.stack.set((mapping.start, mapping.end));
    }
}

/// Where the C library has what belongs to this thread.
fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: the first word there is its own address, in every C library.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(nostack, pure, readonly));
    }
    // SAFETY: reads a register.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, pure, nomem));
    }
    pointer
}
