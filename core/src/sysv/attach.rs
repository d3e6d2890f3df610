//! shmat(2): map a segment.

use super::huge;
use super::permission::{self, Current, EXECUTE, READ, WRITE};
use crate::error::{Errno, Result};
use crate::os::memory::{self, page_size};
use crate::os::{clock, files::File};
use crate::process::anchors::Anchored;
use crate::process::attachments::Fragment;
use crate::process::{self, Session};
use crate::registry::{ANCHORED, Attachment, RECORD_READ_ONLY, SHM_LOCKED, Segment, is_reap_due};

/// The arguments of shmat(2).
#[derive(Clone, Copy, Debug)]
pub struct AttachRequest {
    /// The segment.
    pub shmid: i32,
    /// Where; 0 lets the kernel choose.
    pub shmaddr: usize,
    /// `SHM_RDONLY`, `SHM_RND`, `SHM_REMAP`, `SHM_EXEC`.
    pub shmflg: i32,
}

/// `SHM_EXEC`, which not every C library names.
const SHM_EXEC: i32 = 0o100000;

/// Where to map, and how firmly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Target {
    address: usize,
    flags: i32,
}

impl Target {
    /// Whether the kernel chooses the place.
    fn is_anywhere(self) -> bool {
        !self.keeps_others() && !self.replaces_others()
    }

    /// Whether what is mapped there already is to stay.
    fn keeps_others(self) -> bool {
        self.flags & libc::MAP_FIXED_NOREPLACE == libc::MAP_FIXED_NOREPLACE
    }

    /// Whether what is mapped there already is replaced.
    fn replaces_others(self) -> bool {
        self.flags & libc::MAP_FIXED != 0
    }
}

impl AttachRequest {
    fn is_read_only(&self) -> bool {
        self.shmflg & libc::SHM_RDONLY != 0
    }

    /// The address and flags for mmap(2).
    fn target(&self) -> Result<Target> {
        let remap = self.shmflg & libc::SHM_REMAP != 0;
        if self.shmaddr == 0 {
            return if remap {
                Err(Errno::EINVAL)
            } else {
                Ok(Target {
                    address: 0,
                    flags: libc::MAP_SHARED,
                })
            };
        }
        let mut address = self.shmaddr;
        let beyond = address & (page_size() - 1);
        if beyond != 0 {
            if self.shmflg & libc::SHM_RND == 0 {
                return Err(Errno::EINVAL);
            }
            address -= beyond;
            if address == 0 && remap {
                return Err(Errno::EINVAL);
            }
        }
        // At address 0 the kernel does not look for others either.
        let firmly = if remap || address == 0 {
            libc::MAP_FIXED
        } else {
            libc::MAP_FIXED_NOREPLACE
        };
        Ok(Target {
            address,
            flags: libc::MAP_SHARED | firmly,
        })
    }

    fn protection(&self) -> i32 {
        let write = if self.is_read_only() {
            0
        } else {
            libc::PROT_WRITE
        };
        let execute = if self.shmflg & SHM_EXEC != 0 {
            libc::PROT_EXEC
        } else {
            0
        };
        libc::PROT_READ | write | execute
    }

    fn permission(&self) -> u32 {
        let write = if self.is_read_only() { 0 } else { WRITE };
        let execute = if self.shmflg & SHM_EXEC != 0 {
            EXECUTE
        } else {
            0
        };
        READ | write | execute
    }
}

/// Attaches; returns the address.
///
/// # Errors
/// - `EINVAL` no such segment, or an address that is not aligned, not free, or needed with `SHM_REMAP`
/// - `EACCES` no permission
/// - `ENOMEM` no address space, or all attachment records of the namespace are taken
/// - `EAGAIN` memory is locked (`mlockall`) and the limit reached
/// - `EPERM` an address below `vm.mmap_min_addr`
/// - `EIDRM` the segment's file is gone
/// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
///
/// # Safety
/// With `SHM_REMAP`, what the range holds is replaced: the caller must not use it any more.
pub unsafe fn attach(request: &AttachRequest) -> Result<usize> {
    let shmid = u32::try_from(request.shmid).map_err(|_| Errno::EINVAL)?;
    let target = request.target()?;
    process::check_id(shmid)?;
    let mut session = Session::begin()?;
    session.attachments().make_room(2)?;
    let again = session.anchors().is_attached_again(shmid);
    let (segment, record) = hold(&session, request, shmid, again)?;
    // SAFETY: the caller's promise.
    match unsafe { map(&mut session, request, target, &segment, again) } {
        Ok(start) => {
            session.registry.set_address(record, start);
            let len = segment.bytes().unwrap_or(0);
            session.add(Fragment {
                start,
                len,
                offset: 0,
                shmid,
                record,
                child_record: 0,
                read_only: request.is_read_only(),
                huge_log2: segment.huge_log2(),
                has_siblings: false,
            });
            Ok(start)
        }
        Err(error) => {
            let_go(&session, &segment, record);
            Err(error)
        }
    }
}

/// Enters the attachment in the registry, before there is one: from here on nobody destroys the segment. An anchor that
/// may be made of it is announced. Returns the segment as it was before.
fn hold(
    session: &Session,
    request: &AttachRequest,
    shmid: u32,
    again: bool,
) -> Result<(Segment, u32)> {
    let (slot, mut segment) = session.lock_live(shmid)?;
    permission::check(&segment, request.permission(), &Current)?;
    if is_reap_due(&slot, &segment) {
        segment = slot.reap(&mut crate::registry::Prober::new(
            session.registry,
            Some(session.me),
        ));
    }
    let now = clock::now();
    let attachment = Attachment {
        address: 0,
        since: now,
        pid: session.pid,
        flags: if request.is_read_only() {
            RECORD_READ_ONLY
        } else {
            0
        },
        fragments: 1,
    };
    let record = slot.attach(shmid, session.me, &attachment)?;
    let before = segment;
    segment.nattch = segment.nattch.saturating_add(1);
    segment.atime = now;
    segment.lpid = session.pid;
    segment.flags |= if again { ANCHORED } else { 0 };
    slot.write(&segment);
    Ok((before, record))
}

/// Takes the entry out again: the attach has failed and shall have changed nothing.
fn let_go(session: &Session, before: &Segment, record: u32) {
    let Ok(slot) = session.registry.lock_id(before.shmid, session.me) else {
        return;
    };
    let mut segment = slot.read();
    if !segment.is_live(before.shmid) {
        return;
    }
    slot.recount(&mut segment, session.me, record, 0);
    if segment.lpid == session.pid {
        segment.atime = before.atime;
        segment.lpid = before.lpid;
    }
    slot.write(&segment);
    let finished = slot.is_finished(&segment) && (segment.is_removed() || before.atime != 0);
    drop(slot);
    if finished {
        let _ = session
            .registry
            .destroy_if_finished(before.shmid, session.me);
    }
}

/// # Safety
/// As for [`attach`].
unsafe fn map(
    session: &mut Session,
    request: &AttachRequest,
    target: Target,
    segment: &Segment,
    again: bool,
) -> Result<usize> {
    let len = segment.bytes().ok_or(Errno::EUCLEAN)?;
    // The kernel looks for the wrap with the size as it was asked for.
    if target.keeps_others() && (target.address as u64).checked_add(segment.size).is_none() {
        return Err(Errno::EINVAL);
    }
    let target = Target {
        flags: target.flags | huge::map_flags(segment),
        ..target
    };
    let anchored = Anchored {
        shmid: segment.shmid,
        file: segment.file,
        len,
        read_only: request.is_read_only(),
    };
    let is_plain =
        target.is_anywhere() && request.shmflg & SHM_EXEC == 0 && segment.huge_page().is_none();
    let from_anchor = (is_plain && again)
        .then(|| session.anchors().map(&anchored))
        .flatten();
    let start = match from_anchor {
        Some(start) => start,
        None => {
            let file = session
                .registry
                .open_file(segment, request.is_read_only())?;
            // SAFETY: the caller's promise for MAP_FIXED; else the kernel chooses free memory.
            let start = unsafe { map_file(&file, request, target, len) }?;
            if is_plain && again {
                session.anchors().keep(&anchored, start);
            }
            start
        }
    };
    if target.replaces_others() {
        session.drop_range(start, len);
    }
    if segment.mode & SHM_LOCKED != 0 {
        // Kept from swapping where this process may; the kernel does not fail an attach for it either.
        let _ = memory::lock_on_fault(start, len);
    }
    Ok(start)
}

/// # Safety
/// As for [`attach`].
unsafe fn map_file(
    file: &File,
    request: &AttachRequest,
    target: Target,
    len: usize,
) -> Result<usize> {
    // SAFETY: the caller's promise.
    let mapped = unsafe {
        memory::map(
            target.address,
            len,
            request.protection(),
            target.flags,
            file.fd(),
            0,
        )
    };
    match mapped {
        Err(Errno::EEXIST) => Err(Errno::EINVAL),
        // More than there can be: the kernel says so only when nothing else is in the way.
        Err(Errno::ENOMEM) if target.keeps_others() && is_taken(target.address, len) => {
            Err(Errno::EINVAL)
        }
        // A kernel older than 4.17 takes MAP_FIXED_NOREPLACE for a hint.
        Ok(start) if target.address != 0 && start != target.address => {
            // SAFETY: the mapping was made just now.
            let _ = unsafe { memory::unmap(start, len) };
            Err(Errno::EINVAL)
        }
        other => other,
    }
}

/// Whether something is mapped in the part of the range that programs can use.
fn is_taken(address: usize, len: usize) -> bool {
    let len = len.min(memory::USER_SPACE.saturating_sub(address));
    let flags =
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: nothing is replaced.
    match unsafe { memory::map(address, len, libc::PROT_NONE, flags, -1, 0) } {
        Ok(start) => {
            // SAFETY: the mapping was made just now.
            let _ = unsafe { memory::unmap(start, len) };
            false
        }
        Err(error) => error == Errno::EEXIST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(shmaddr: usize, shmflg: i32) -> Result<(usize, bool)> {
        let target = AttachRequest {
            shmid: 1,
            shmaddr,
            shmflg,
        }
        .target()?;
        Ok((target.address, target.flags & libc::MAP_FIXED != 0))
    }

    #[test]
    fn addresses_are_rounded_or_refused() {
        let page = page_size();
        assert_eq!(target(0, 0), Ok((0, false)));
        assert_eq!(target(0, libc::SHM_REMAP), Err(Errno::EINVAL));
        assert_eq!(target(page + 1, 0), Err(Errno::EINVAL));
        assert_eq!(target(page * 5 + 1, libc::SHM_RND), Ok((page * 5, false)));
        assert_eq!(target(1, libc::SHM_RND), Ok((0, true)));
        assert_eq!(
            target(1, libc::SHM_RND | libc::SHM_REMAP),
            Err(Errno::EINVAL)
        );
        assert_eq!(target(page, libc::SHM_REMAP), Ok((page, true)));
    }

    #[test]
    fn flags_choose_protection_and_permission() {
        let request = |shmflg| AttachRequest {
            shmid: 1,
            shmaddr: 0,
            shmflg,
        };
        assert_eq!(
            (request(0).permission(), request(0).protection()),
            (6, libc::PROT_READ | libc::PROT_WRITE)
        );
        let both = request(libc::SHM_RDONLY | SHM_EXEC);
        assert_eq!(
            (both.permission(), both.protection()),
            (5, libc::PROT_READ | libc::PROT_EXEC)
        );
    }
}
