//! The mmap family as programs call it. munmap(2), mmap(2) with `MAP_FIXED` and mremap(2) may detach an attachment,
//! split it, or map it a second time, and each of these is counted as the kernel counts it.
//! Tested by `c_tests/sysv`, the programs that begin with `munmap` and `mremap`.

use crate::error::{Errno, Result};
use crate::os::memory;
use crate::process::{self, Mapping, Range, Remains, TABLE};

const NOREPLACE_BIT: i32 = libc::MAP_FIXED_NOREPLACE & !libc::MAP_FIXED;

/// munmap(2), attachments included.
///
/// # Errors
/// As munmap(2).
///
/// # Safety
/// Nothing in the range is used any more.
pub unsafe fn munmap(address: usize, len: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    over(memory::untagged(address), len, || unsafe {
        memory::munmap(address, len)
    })
}

/// mmap(2), over attachments too.
///
/// # Errors
/// As mmap(2).
///
/// # Safety
/// With `MAP_FIXED`, nothing in the range is used any more.
pub unsafe fn mmap(
    address: usize,
    len: usize,
    prot: i32,
    flags: i32,
    fd: i32,
    offset: i64,
) -> Result<usize> {
    // SAFETY: the caller's promise.
    let map = || unsafe { memory::mmap(address, len, prot, flags, fd, offset) };
    if flags & libc::MAP_FIXED != 0 && flags & NOREPLACE_BIT == 0 {
        over(address, len, map)
    } else {
        map()
    }
}

/// Makes a system call that unmaps a range if it succeeds.
fn over<T>(address: usize, len: usize, act: impl FnOnce() -> Result<T>) -> Result<T> {
    if !TABLE.may_meet(address, len.max(1)) {
        let done = act();
        if TABLE.may_meet(address, len.max(1)) {
            process::look_after(Range::new(address, len));
        }
        return done;
    }
    process::settle();
    over_attachments(process::frame(), Range::new(address, len), act)
}

/// The same where attachments may be. It needs much more of the stack: how deep the call began is asked before.
#[inline(never)]
fn over_attachments<T>(frame: usize, range: Range, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let ranges = [range];
    let mut remains = Remains::claim(&ranges, None, frame)?;
    let done = act();
    remains.look();
    match done {
        Ok(_) => {
            remains.unmapped(&ranges);
            remains.done();
        }
        Err(_) => remains.failed(),
    }
    done
}

/// mlockall(2). A mapping that has to be locked cannot be made from a kept page.
///
/// # Errors
/// As mlockall(2).
pub fn mlockall(flags: i32) -> Result<()> {
    let future = flags & libc::MCL_FUTURE != 0;
    if future {
        process::forbid_keeping(true);
    }
    memory::mlockall(flags).inspect(|()| process::forbid_keeping(future))
}

/// munlockall(2).
///
/// # Errors
/// As munlockall(2).
pub fn munlockall() -> Result<()> {
    memory::munlockall().inspect(|()| process::forbid_keeping(false))
}

/// The arguments of mremap(2).
#[derive(Clone, Copy, Debug)]
pub struct RemapRequest {
    /// The mapping.
    pub old_address: usize,
    /// 0 makes a second mapping of a shared one.
    pub old_size: usize,
    /// In bytes.
    pub new_size: usize,
    /// `MREMAP_MAYMOVE`, `MREMAP_FIXED`, `MREMAP_DONTUNMAP`.
    pub flags: i32,
    /// Used with `MREMAP_FIXED` only.
    pub new_address: usize,
}

impl RemapRequest {
    /// # Safety
    /// As for [`mremap`].
    unsafe fn call(&self) -> Result<usize> {
        // Without these flags the caller passed no address: what is read then is chance. The kernel looks at it for
        // huge pages.
        let has_address = self.flags & (libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP) != 0;
        let new_address = if has_address { self.new_address } else { 0 };
        // SAFETY: the caller's promise.
        unsafe {
            memory::mremap(
                self.old_address,
                self.old_size,
                self.new_size,
                self.flags,
                new_address,
            )
        }
    }
}

/// The request as the kernel understands it: of huge pages it rounds sizes up to whole ones.
fn in_whole_pages(request: &RemapRequest) -> RemapRequest {
    let at = request.old_address;
    let mut log2 = 0;
    TABLE.each_in(at, at.saturating_add(1), |mapping| log2 = mapping.huge_log2);
    if log2 == 0 {
        return *request;
    }
    let page = 1usize.wrapping_shl(log2.into());
    let round = |size: usize| size.checked_next_multiple_of(page).unwrap_or(size);
    RemapRequest {
        old_size: round(request.old_size),
        new_size: round(request.new_size),
        ..*request
    }
}

/// mremap(2), of attachments too.
///
/// # Errors
/// As mremap(2).
///
/// # Safety
/// What was at the old place, and with `MREMAP_FIXED` at the new one, is not used any more.
pub unsafe fn mremap(request: &RemapRequest) -> Result<usize> {
    let request = &RemapRequest {
        old_address: memory::untagged(request.old_address),
        ..*request
    };
    let fixed = request.flags & libc::MREMAP_FIXED != 0;
    let meets = TABLE.may_meet(request.old_address, request.old_size.max(1))
        || fixed && TABLE.may_meet(request.new_address, request.new_size.max(1));
    if !meets {
        // SAFETY: the caller's promise.
        return unsafe { request.call() };
    }
    process::settle();
    // SAFETY: the caller's promise.
    unsafe { remap_attachments(process::frame(), request) }
}

/// The same where attachments may be.
///
/// # Safety
/// As for [`mremap`].
#[inline(never)]
unsafe fn remap_attachments(frame: usize, asked: &RemapRequest) -> Result<usize> {
    let request = in_whole_pages(asked);
    let fixed = request.flags & libc::MREMAP_FIXED != 0;
    if is_more_than_one(&request) {
        return Err(Errno::EFAULT);
    }
    let old = Range::new(request.old_address, request.old_size);
    let new = Range::new(request.new_address, request.new_size);
    // What stays of a shorter one is a new attachment, as when its end is unmapped.
    let ranges = [old, cut_off(old, new), new];
    let mut remains = Remains::claim(
        ranges.get(..2 + usize::from(fixed)).unwrap_or(&[]),
        None,
        frame,
    )?;
    let moved = remains.at(request.old_address);
    let may_move = request.old_size == 0 || request.flags & libc::MREMAP_MAYMOVE != 0;
    if let Some(mapping) = moved.filter(|_| may_move)
        && let Err(error) = remains.spare(mapping.shmid)
    {
        remains.done();
        return Err(error);
    }
    let before = remains.begin_to_move(fixed.then_some(new));
    // SAFETY: the caller's promise.
    let result = unsafe { asked.call() };
    remains.look_at_moved(before, moved.is_some());
    match result {
        Ok(new_start) => {
            settle_moved(&mut remains, &request, moved, new_start);
            remains.done();
        }
        // The kernel makes room and cuts the end off before it finds that it cannot move the rest.
        Err(_) => remains.failed(),
    }
    result
}

/// What mremap(2) unmaps of a range that it makes shorter.
fn cut_off(old: Range, new: Range) -> Range {
    Range {
        start: old.start.saturating_add(new.len()).min(old.end),
        end: old.end,
    }
}

/// The system call has worked: updates the attachments that it met.
fn settle_moved(
    remains: &mut Remains<'_>,
    request: &RemapRequest,
    moved: Option<Mapping>,
    new_start: usize,
) {
    let RemapRequest {
        old_address,
        old_size,
        new_size,
        flags,
        ..
    } = *request;
    let old = Range::new(old_address, old_size);
    let new = Range::new(new_start, new_size);
    if let Some(mapping) = moved
        && (old_size == 0 || new_start != old_address)
    {
        let skip = old_address - mapping.start;
        remains.added(&Mapping {
            start: new.start,
            len: new.len(),
            offset: mapping.offset + skip,
            ..mapping
        });
    }
    let shrunk = cut_off(old, new);
    let is_moved = new_start != old_address;
    let replaced = (is_moved && flags & libc::MREMAP_FIXED != 0).then_some(new);
    let left = if old_size == 0 {
        None
    } else if is_moved && flags & libc::MREMAP_DONTUNMAP == 0 {
        Some(old)
    } else {
        Some(shrunk)
    };
    remains.unmapped(&[
        replaced.unwrap_or(Range::EMPTY),
        left.unwrap_or(Range::EMPTY),
    ]);
    if old_size != 0 && !is_moved && new.end > old.end {
        remains.grown(old.end, new.end - old.end);
    }
}

/// Whether a call that is right otherwise would move an attachment together with its neighbours. The kernel moves
/// several mappings at once if their size stays, but not if attachments are among them.
fn is_more_than_one(request: &RemapRequest) -> bool {
    let page = memory::page_size();
    let old = Range::new(request.old_address, request.old_size);
    let new = Range::new(request.new_address, request.new_size);
    let fixed = request.flags & libc::MREMAP_FIXED != 0;
    let is_whole_move = fixed && request.old_size != 0 && old.len() == new.len();
    let is_wrong = !is_whole_move
        || !request.old_address.is_multiple_of(page)
        || request.new_size == 0
        || !request.new_address.is_multiple_of(page)
        || (old.start < new.end && new.start < old.end);
    let mut first: Option<Mapping> = None;
    TABLE.each_in(old.start, old.end, |mapping| {
        if first.is_none_or(|first| mapping.start < first.start) {
            first = Some(*mapping);
        }
    });
    !is_wrong && first.is_some_and(|first| first.start > old.start || first.end() < old.end)
}
