//! Return addresses, by walking frame pointers.
//!
//! Nothing here may fault, whatever the registers hold: frames are read directly only inside the thread's own stack,
//! whose bounds were looked up and which stays mapped as long as the thread runs. On any other stack (a signal stack, a
//! coroutine's) the kernel copies each frame, and refuses what is not mapped.

use crate::maps::{self, Mapping};
use crate::{sys, thread};

/// Where a call came from: the return address and the caller's frame pointer.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) return_address: usize,
    pub(crate) frame_pointer: usize,
}

const WORD: usize = size_of::<usize>();
/// A frame record: the caller's frame pointer, then the return address.
const FRAME: usize = 2 * WORD;

/// Fills `callers`, innermost first; how many there are.
pub(crate) fn walk(site: Site, callers: &mut [u64]) -> usize {
    let mut count = 0;
    let mut frame = site.frame_pointer;
    let mut address = site.return_address;
    let stack = stack_of(frame);
    for place in callers.iter_mut() {
        *place = address as u64;
        count += 1;
        let Some((next, above)) = read_frame(frame, stack).filter(|(next, _)| *next > frame) else {
            break;
        };
        if above == 0 {
            break;
        }
        (frame, address) = (next, above);
    }
    count
}

/// The frame record at `frame`: the next frame and the return address.
fn read_frame(frame: usize, (low, high): (usize, usize)) -> Option<(usize, usize)> {
    if frame == 0 || !frame.is_multiple_of(WORD) {
        return None;
    }
    if frame >= low && frame <= high.saturating_sub(FRAME) {
        // SAFETY: aligned, and inside the stack of this thread, which is mapped.
        return Some(unsafe { *(frame as *const (usize, usize)) });
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

/// Bounds of this thread's own stack from `frame` up, if that is where `frame` is; else an empty range.
fn stack_of(frame: usize) -> (usize, usize) {
    let thread = thread::current();
    let (low, high) = thread.stack.get();
    if frame >= low && frame < high {
        return (low, high);
    }
    // The thread's block lies at the top of its stack; the first thread's stack has a name.
    let block = core::ptr::from_ref(thread) as usize;
    let mut found = (0, 0);
    maps::each(|mapping: &Mapping<'_>| {
        let own = mapping.holds(block) || mapping.path == b"[stack]";
        if mapping.holds(frame) && own {
            found = (mapping.start, mapping.end);
        }
    });
    if found != (0, 0) {
        thread.stack.set(found);
    }
    found
}
