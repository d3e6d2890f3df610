//! Which member this process is: its token, on a page that the kernel wipes in every child however it is made, and the
//! page that keeps its lock. Tested by `c_tests/process`.

use super::kept::{self, Kept};
use super::registry::REGISTRY;
use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::os::process::pid;
use crate::os::signals::Blocked;
use crate::os::{files, futex, memory};
use crate::registry::{A_FEW, Membership, Registry, Token};
use crate::sync::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::ptr::null_mut;

/// What is wiped in a child.
#[repr(C)]
pub(super) struct Own {
    /// Whether this process itself has been set up, and not only the one that it is a copy of.
    known: AtomicU32,
    pid: AtomicI32,
    token: AtomicU64,
    pub(super) kept: Kept,
}

const UNKNOWN: u32 = 0;
const BEING_KNOWN: u32 = 1;
const KNOWN: u32 = 2;

static OWN: AtomicPtr<Own> = AtomicPtr::new(null_mut());

/// The kernel does not wipe the page. Fork handlers do so instead, and the process id shows other children.
static IS_NOT_WIPED: AtomicU32 = AtomicU32::new(0);
/// Advice about pages (`madvise`) is accepted and not followed, as by qemu's emulation of programs: children inherit the
/// parent's lock as well.
static ADVICE_IS_IGNORED: AtomicU32 = AtomicU32::new(0);

/// Address space for pages that keep locks: this process's own, and those of children that are being made. It is at a
/// known place, so that a child knows which pages it must not keep.
static AREA: AtomicUsize = AtomicUsize::new(0);
/// Pages in the area.
pub(super) const PAGES: usize = 33;
/// One bit for each page in use.
static PAGES_USED: AtomicU64 = AtomicU64::new(0);

/// What a child has to know of its parent. It is not wiped.
static PARENT: LastMember = LastMember {
    token: AtomicU64::new(0),
    page: AtomicUsize::new(NO_PAGE),
    fd: AtomicI32::new(-1),
};

struct LastMember {
    token: AtomicU64,
    /// Address in the area of the page that children do not inherit.
    page: AtomicUsize,
    /// Kept open for the lock if a mapping does not keep it, else -1.
    fd: AtomicI32,
}

const NO_PAGE: usize = usize::MAX;

/// This process as a member.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) registry: &'static Registry,
    pub(crate) token: Token,
    pub(crate) pid: i32,
}

pub(super) fn own() -> Option<&'static Own> {
    let own = OWN.load(Ordering::Acquire);
    // SAFETY: the page was mapped before the pointer was published, and stays; zeroes are a valid value.
    (!own.is_null()).then(|| unsafe { &*own })
}

/// Whether this process, or one that it is a copy of, has used the library.
pub(super) fn is_set_up() -> bool {
    own().is_some()
}

/// Whether the process has been set up. Before that it takes part in nothing.
pub(super) fn is_known() -> bool {
    own().is_some_and(|own| own.known.load(Ordering::Acquire) == KNOWN)
}

/// This process has been set up: what it inherited is its own. `None` before its first call.
pub(super) fn is_entered() -> Option<bool> {
    let own = own()?;
    if IS_NOT_WIPED.load(Ordering::Relaxed) != 0 && own.pid.load(Ordering::Relaxed) != pid() {
        wipe(own);
    }
    Some(own.known.load(Ordering::Acquire) == KNOWN)
}

/// The first call.
///
/// # Errors
/// - `ENOMEM` no memory for the first page
#[cold]
#[inline(never)]
pub(super) fn set_up() -> Result<()> {
    let _signals = Blocked::new();
    let area = memory::reserve_addresses(0, PAGES * memory::page_size(), 0)?;
    if AREA
        .compare_exchange(0, area, Ordering::AcqRel, Ordering::Relaxed)
        .is_err()
    {
        // SAFETY: nobody else knows of it.
        let _ = unsafe { memory::munmap(area, PAGES * memory::page_size()) };
    }
    let bytes = memory::page_round(size_of::<Own>()).ok_or(Errno::ENOMEM)?;
    let page = memory::map_private(bytes)?;
    // SAFETY: the page is ours and empty.
    if unsafe { memory::madvise(page, bytes, libc::MADV_WIPEONFORK) }.is_err() {
        IS_NOT_WIPED.store(1, Ordering::Relaxed);
    }
    // SAFETY: the page is zeroed memory of ours, and large enough.
    let own = unsafe { &*(page as *const Own) };
    own.pid.store(pid(), Ordering::Relaxed);
    own.known.store(KNOWN, Ordering::Release);
    let swap = OWN.compare_exchange(
        null_mut(),
        page as *mut Own,
        Ordering::AcqRel,
        Ordering::Relaxed,
    );
    if swap.is_err() {
        // SAFETY: nobody else knows of it.
        let _ = unsafe { memory::munmap(page, bytes) };
    }
    Ok(())
}

/// A child: the first thread to come takes over what was inherited.
#[cold]
#[inline(never)]
pub(super) fn get_known(inherit: impl FnOnce()) {
    let Some(own) = own() else {
        return;
    };
    let _signals = Blocked::new();
    for _ in 0..10_000 {
        match own
            .known
            .compare_exchange(UNKNOWN, BEING_KNOWN, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => break,
            Err(KNOWN) => return,
            Err(_) => {
                let _ = futex::wait(&own.known, BEING_KNOWN, 2);
            }
        }
    }
    own.pid.store(pid(), Ordering::Relaxed);
    inherit();
    own.known.store(KNOWN, Ordering::Release);
}

/// In a child: what the kernel does where it can.
pub(super) fn wipe_if_needed() {
    let Some(own) = own() else {
        return;
    };
    let of_parent = own.pid.load(Ordering::Relaxed);
    if IS_NOT_WIPED.load(Ordering::Relaxed) == 0 && of_parent != 0 && of_parent != pid() {
        ADVICE_IS_IGNORED.store(1, Ordering::Relaxed);
        IS_NOT_WIPED.store(1, Ordering::Relaxed);
    }
    if IS_NOT_WIPED.load(Ordering::Relaxed) != 0 {
        wipe(own);
    }
}

fn wipe(own: &Own) {
    own.token.store(0, Ordering::Relaxed);
    own.kept.wipe();
    own.known.store(UNKNOWN, Ordering::Release);
}

/// This process's token, if it is a member already.
pub(crate) fn current_token() -> Option<Token> {
    let own = own().filter(|own| own.known.load(Ordering::Acquire) == KNOWN)?;
    Token::from_bits(own.token.load(Ordering::Acquire))
}

/// The pages that this process keeps for its next attaches.
pub(crate) fn kept() -> Option<&'static Kept> {
    own().map(|own| &own.kept)
}

/// The token of the process that this one is a copy of.
pub(super) fn parents_token() -> Option<Token> {
    Token::from_bits(PARENT.token.load(Ordering::Relaxed))
}

/// This process's id, as of its first call.
pub(super) fn own_pid() -> i32 {
    own().map_or(0, |own| own.pid.load(Ordering::Relaxed))
}

/// Makes this process a member, if it is none yet.
///
/// # Errors
/// - what [`Registry::claim_member`] says; `ENOSYS` the kernel keeps pages from no children
pub(super) fn join(registry: &'static Registry) -> Result<Member> {
    let Some(own) = own() else {
        return Err(Errno::ENOMEM);
    };
    let bits = own.token.load(Ordering::Acquire);
    let token = match Token::from_bits(bits) {
        Some(token) => token,
        None => become_member(registry, own)?,
    };
    Ok(Member {
        registry,
        token,
        pid: own.pid.load(Ordering::Relaxed),
    })
}

/// A member slot with a lock, and the page that goes with it; `None` where there is no page.
///
/// # Errors
/// - what [`Registry::claim_member`] says
pub(super) fn claim_with_page(
    registry: &Registry,
    pid: i32,
    parent: u64,
) -> Option<Result<(Membership, usize)>> {
    let page = take_page()?;
    let claimed = registry.claim_member(pid, address(page), parent);
    Some(
        claimed
            .map(|membership| (membership, page))
            .inspect_err(|_| give_page_back(page)),
    )
}

#[cold]
#[inline(never)]
fn become_member(registry: &'static Registry, own: &Own) -> Result<Token> {
    let _signals = Blocked::new();
    let pid = own.pid.load(Ordering::Relaxed);
    let (membership, page) = claim_with_page(registry, pid, 0).ok_or(Errno::EAGAIN)??;
    let kept = keep_from_children(&membership, page);
    let swap = kept.and_then(|()| {
        own.token
            .compare_exchange(
                0,
                membership.token.bits(),
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .map_err(|_| Errno::EEXIST)
    });
    if let Err(error) = swap {
        give_up_lock(&membership, Some(page));
        return Token::from_bits(own.token.load(Ordering::Acquire)).ok_or(error);
    }
    remember(&membership, page);
    log::write(Level::Debug, |line| {
        line.str("member ")
            .number(membership.token.index().into())
            .str(" of ")
            .bytes(registry.path().bytes())
    });
    registry.sweep(Some(membership.token), A_FEW);
    Ok(membership.token)
}

/// What a child will have to know.
fn remember(membership: &Membership, page: usize) {
    PARENT
        .token
        .store(membership.token.bits(), Ordering::Relaxed);
    PARENT.page.store(page, Ordering::Relaxed);
    PARENT.fd.store(membership.fd, Ordering::Relaxed);
}

/// Children shall not inherit the lock.
pub(super) fn keep_from_children(membership: &Membership, page: usize) -> Result<()> {
    if !membership.is_pinned {
        return Ok(());
    }
    // SAFETY: the page is ours and never accessed.
    unsafe { memory::madvise(address(page), memory::page_size(), libc::MADV_DONTFORK) }.map_err(
        |error| {
            log::write_error(error, |line| {
                line.str("the kernel cannot keep a page from children (MADV_DONTFORK)")
            });
            if error == Errno::ENOMEM {
                error
            } else {
                Errno::ENOSYS
            }
        },
    )
}

/// A lock that this process does not keep.
pub(super) fn give_up_lock(membership: &Membership, page: Option<usize>) {
    if membership.fd >= 0 {
        let _ = files::close(membership.fd);
    }
    if let Some(page) = page {
        if membership.is_pinned {
            memory::unmap_token(address(page));
        }
        give_page_back(page);
    }
}

/// A page of the area that is not in use.
pub(super) fn take_page() -> Option<usize> {
    loop {
        let used = PAGES_USED.load(Ordering::Relaxed);
        let page = (!used).trailing_zeros() as usize;
        if page >= PAGES {
            return None;
        }
        let swap = PAGES_USED.compare_exchange(
            used,
            used | 1 << page,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if swap.is_ok() {
            return Some(page);
        }
    }
}

pub(super) fn give_page_back(page: usize) {
    PAGES_USED.fetch_and(!(1 << page), Ordering::AcqRel);
}

pub(super) fn address(page: usize) -> usize {
    AREA.load(Ordering::Relaxed) + page * memory::page_size()
}

/// In a child: drops what it inherited of its parent and of other children, but not `mine`.
pub(super) fn drop_inherited(mine: Option<usize>) {
    let fd = PARENT.fd.swap(-1, Ordering::Relaxed);
    if fd >= 0 {
        let _ = files::close(fd);
    }
    let hole = PARENT.page.swap(NO_PAGE, Ordering::Relaxed);
    let used = PAGES_USED.load(Ordering::Relaxed);
    for page in (0..PAGES).filter(|&page| used & 1 << page != 0 && Some(page) != mine) {
        // The parent's own page is a hole here, and the program may have mapped something there by now.
        let is_hole = page == hole && ADVICE_IS_IGNORED.load(Ordering::Relaxed) == 0;
        let how = if is_hole {
            libc::MAP_FIXED_NOREPLACE
        } else {
            libc::MAP_FIXED
        };
        if memory::reserve_addresses(address(page), memory::page_size(), how).is_ok() {
            give_page_back(page);
        }
    }
}

/// In a child: this is its membership. It counts from the next step on.
pub(super) fn set_membership(membership: &Membership, page: Option<usize>) {
    let Some(own) = own() else {
        return;
    };
    remember(membership, page.unwrap_or(NO_PAGE));
    own.token.store(membership.token.bits(), Ordering::Release);
}

/// From now on no pages are kept for a next attach: with `MCL_FUTURE`, pages that are locked as they are mapped have to
/// be mapped anew each time.
pub(crate) fn forbid_keeping(forbidden: bool) {
    kept::forbid(forbidden);
    if forbidden
        && is_known()
        && REGISTRY.is_open()
        && let Some(own) = own()
    {
        own.kept.drop_all();
    }
}

/// Drops the kept page of a segment that goes.
pub(crate) fn drop_kept(shmid: u32) {
    if let Some(own) = own() {
        own.kept.drop_for(shmid);
    }
}

/// Destroys a segment that this process's change has doomed.
#[cold]
#[inline(never)]
pub(crate) fn destroy(registry: &'static Registry, shmid: u32) {
    drop_kept(shmid);
    let _ = registry.destroy(shmid, current_token());
}
