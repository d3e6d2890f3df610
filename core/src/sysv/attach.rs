//! shmat(2): map a segment.

use super::explain;
use super::huge;
use super::permission::{self, Current, EXECUTE, READ, WRITE};
use crate::error::{Errno, Result};
use crate::os::files::File;
use crate::os::memory::{self, page_size};
use crate::process::{self, Attached, Attaching, Range, Remains, Wanted};
use crate::registry::{SHM_LOCKED, Segment};

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

/// Where to map, and what to do if something is mapped there.
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

    /// Whether what is mapped there already has to stay.
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
                Err(explain::bad_address(0, NO_ADDRESS))
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
                return Err(explain::bad_address(
                    address,
                    "no multiple of the page size, and no SHM_RND",
                ));
            }
            address -= beyond;
            if address == 0 && remap {
                return Err(explain::bad_address(0, NO_ADDRESS));
            }
        }
        // At address 0 the kernel does not check for other mappings either.
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

const NO_ADDRESS: &str = "SHM_REMAP needs an address";
const TAKEN: &str = "something is mapped there already, and no SHM_REMAP";

/// How often an attach begins anew because another thread settled it.
const TRIES: u32 = 1000;

/// Attaches; returns the address.
///
/// # Errors
/// - `EINVAL` no such segment, or an address that is not aligned, not free, or needed with `SHM_REMAP`
/// - `EACCES` no permission
/// - `ENOMEM` no address space, or no more attachments can be counted
/// - `EAGAIN` memory is locked (`mlockall`) and the limit reached
/// - `EPERM` an address below `vm.mmap_min_addr`
/// - `EIDRM` the segment's file is gone
/// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
///
/// # Safety
/// With `SHM_REMAP`, what was mapped in the range is replaced: the caller must not use it any more.
pub unsafe fn attach(request: &AttachRequest) -> Result<usize> {
    let shmid = u32::try_from(request.shmid).map_err(|_| explain::no_segment(request.shmid))?;
    let target = request.target()?;
    let registry = process::registry()?;
    process::settle();
    let segment = process::find_id(registry, shmid).map_err(explain::unknown(shmid))?;
    permission::check(&segment, request.permission(), &Current)?;
    if segment.is_removed() {
        registry.check_held(shmid, process::current_token())?;
    }
    let member = process::member()?;
    let frame = process::frame();
    for _ in 0..TRIES {
        let attaching = Attaching::begin(member, shmid, frame)?;
        // SAFETY: the caller's promise.
        let attached = match unsafe { map(&attaching, request, target, &segment) } {
            Ok(attached) => attached,
            Err(error) => {
                attaching.cancel();
                return Err(error);
            }
        };
        if process::finish(attaching, &attached) {
            return Ok(attached.start);
        }
        // SAFETY: the mapping was made here, and nobody knows of it.
        let _ = unsafe { memory::munmap(attached.start, attached.len) };
    }
    Err(Errno::EAGAIN)
}

/// # Safety
/// As for [`attach`].
unsafe fn map(
    attaching: &Attaching,
    request: &AttachRequest,
    target: Target,
    segment: &Segment,
) -> Result<Attached> {
    let len = segment.bytes().ok_or(Errno::EUCLEAN)?;
    // The kernel checks for overflow with the size as asked for.
    if target.keeps_others() && (target.address as u64).checked_add(segment.size).is_none() {
        return Err(explain::bad_address(
            target.address,
            "it would reach beyond the end of memory",
        ));
    }
    let target = Target {
        flags: target.flags | huge::map_flags(segment),
        ..target
    };
    if !target.is_anywhere() {
        attaching.aim(target.address, len);
    }
    let is_plain =
        target.is_anywhere() && request.shmflg & SHM_EXEC == 0 && segment.huge_page().is_none();
    let wanted = Wanted {
        shmid: segment.shmid,
        len,
        read_only: request.is_read_only(),
    };
    let kept = process::kept().filter(|kept| is_plain && kept.is_attached_again(segment.shmid));
    let start = match kept.and_then(|kept| kept.map(&wanted)) {
        Some(start) => start,
        None => {
            // SAFETY: the caller's promise.
            let start = unsafe { map_anew(attaching, request, target, segment, len) }?;
            if let Some(kept) = kept {
                kept.keep(&wanted, start, attaching.holding());
            }
            start
        }
    };
    if segment.mode & SHM_LOCKED != 0 {
        // Kept from swapping if this process may. If it may not, the attach succeeds all the same, as in the kernel.
        let _ = memory::lock_on_fault(start, len);
    }
    Ok(Attached {
        start,
        len,
        read_only: request.is_read_only(),
        huge_log2: segment.huge_log2(),
    })
}

/// Opens the segment's file and maps it.
///
/// # Safety
/// As for [`attach`].
#[inline(never)]
unsafe fn map_anew(
    attaching: &Attaching,
    request: &AttachRequest,
    target: Target,
    segment: &Segment,
    len: usize,
) -> Result<usize> {
    let registry = attaching.registry();
    for _ in 0..TRIES {
        let file = match registry.open_file(segment, request.is_read_only()) {
            Err(Errno::ESTALE) => continue,
            opened => opened?,
        };
        // SAFETY: the caller's promise for MAP_FIXED; else the kernel chooses free memory.
        let mapped = unsafe {
            if target.replaces_others() {
                map_over(attaching, &file, request, target, len)
            } else {
                map_file(&file, request, target, len)
            }
        };
        if registry.is_file_of(&file, segment) {
            return mapped;
        }
        if let Ok(start) = mapped {
            // SAFETY: the mapping was made just now, of a file that is not the segment's.
            let _ = unsafe { memory::munmap(start, len) };
        }
    }
    Err(Errno::EAGAIN)
}

/// Maps over everything that is there, attachments too.
///
/// # Safety
/// As for [`attach`].
#[cold]
#[inline(never)]
unsafe fn map_over(
    attaching: &Attaching,
    file: &File,
    request: &AttachRequest,
    target: Target,
    len: usize,
) -> Result<usize> {
    let ranges = [Range::new(target.address, len)];
    let mut remains = Remains::claim(&ranges, Some(attaching), attaching.frame())?;
    // SAFETY: the caller's promise.
    let mapped = unsafe { map_file(file, request, target, len) };
    remains.look();
    match mapped {
        Ok(_) => {
            remains.unmapped(&ranges);
            remains.done();
        }
        Err(_) => remains.failed(),
    }
    mapped
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
        memory::mmap(
            target.address,
            len,
            request.protection(),
            target.flags,
            file.fd(),
            0,
        )
    };
    match mapped {
        Err(Errno::EEXIST) => Err(explain::bad_address(target.address, TAKEN)),
        // Longer than the address space. The kernel says so only if nothing else is wrong.
        Err(Errno::ENOMEM) if target.keeps_others() && is_taken(target.address, len) => {
            Err(explain::bad_address(target.address, TAKEN))
        }
        // A kernel older than 4.17 takes MAP_FIXED_NOREPLACE for a hint.
        Ok(start) if target.address != 0 && start != target.address => {
            // SAFETY: the mapping was made just now.
            let _ = unsafe { memory::munmap(start, len) };
            Err(explain::bad_address(target.address, TAKEN))
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
    match unsafe { memory::mmap(address, len, libc::PROT_NONE, flags, -1, 0) } {
        Ok(start) => {
            // SAFETY: the mapping was made just now.
            let _ = unsafe { memory::munmap(start, len) };
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
