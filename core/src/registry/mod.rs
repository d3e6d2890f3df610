//! The state that the processes of a namespace share, in one mapped file. Nobody locks it. If several words must change
//! together, the change is announced in one of them, and every process that meets the announcement applies it
//! (`holdings`, `ledger`). So no process waits for one that is stopped, and a process that dies leaves nothing to be
//! recovered.
//!
//! The whole file is mapped when it is opened, and never opened again. If this process could see the registry once, it
//! can see it until it ends, even if its descriptors, its rights or its root directory change.
//! Tested by what each module names.

mod check;
mod create;
mod elsewhere;
mod format;
pub mod holdings;
mod huge;
mod ids;
mod key_index;
mod layout;
mod ledger;
mod liveness;
mod lock_file;
mod make;
mod members;
mod named_file;
mod open;
mod removal;
mod repair;
mod room;
mod segment;
mod segment_file;
mod slot;
mod stamps;
mod token;
mod vacancy;
mod views;
pub mod word;

pub use check::Finding;
pub use format::{Holding, MAGIC, MAX_HOLDINGS, MAX_MEMBERS, MAX_SEGMENTS, VERSION};
pub use segment::{SHM_DEST, SHM_LOCKED, Segment, State};
pub use stamps::Stamps;
pub use views::MemberView;

pub(crate) use holdings::Ended;
pub(crate) use huge::flags_for as huge_flags;
pub(crate) use ids::{sequence as sequence_of, slot as slot_of};
pub(crate) use liveness::LivenessCache;
pub(crate) use members::{Membership, Token};
pub(crate) use removal::A_FEW;
pub(crate) use segment::NO_RESERVE;
pub(crate) use slot::SlotRef;
pub(crate) use word::Change;

use crate::error::{Errno, Result};
use crate::namespace;
use crate::options::Limits;
use crate::os::identity::{self, Capability};
use crate::os::memory;
use crate::os::paths::{self, Status};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::text::{LONGEST_DIRECTORY, SegmentPath, Text};
use format::{Header, MemberSlot, SegmentSlot};
use layout::{HOLDINGS, KEYS, MEMBERS, SEGMENTS, SIZE, TABLES, Table, WORDS};
use word::Word;

/// A namespace's registry as this process sees it.
pub struct Registry {
    /// A [`Known`] in memory of its own; 0 until it is open.
    known: AtomicUsize,
}

/// What a process knows of a registry that is open: copies that no other process can change.
struct Known {
    base: usize,
    device: u64,
    inode: u64,
    nonce: u64,
    key_cells: u32,
    /// The directory's, when it was found.
    status: Status,
    /// The file system is known to let a mapping keep a lock, see `members`.
    pins_locks: AtomicBool,
    /// How much of each table behind the prefix is known to have memory, in bytes.
    ready: [AtomicUsize; TABLES],
    /// Without a slash at the end.
    directory: Text<{ LONGEST_DIRECTORY + 1 }>,
}

/// A table grows by this much at once.
const STEP: usize = 65536;

impl Registry {
    /// A registry that is not open yet.
    pub const fn closed() -> Registry {
        Registry {
            known: AtomicUsize::new(0),
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.known.load(Ordering::Acquire) != 0
    }

    fn known(&self) -> &Known {
        let known = self.known.load(Ordering::Acquire);
        debug_assert!(known != 0);
        // SAFETY: only called once the registry is open; the value was written whole before its address was published,
        // is changed by its atomics only, and stays as long as `self`.
        unsafe { &*(known as *const Known) }
    }

    /// The directory of the namespace, without a slash at the end.
    pub(crate) fn path(&self) -> &Text<{ LONGEST_DIRECTORY + 1 }> {
        &self.known().directory
    }

    fn header(&self) -> &Header {
        self.at::<Header>(0)
    }

    /// The structure at an offset of the file.
    fn at<T>(&self, offset: usize) -> &T {
        at_base(self.known().base, offset)
    }

    /// An item of a table; `None` beyond its end.
    ///
    /// # Errors
    /// - `ENOSPC` it has no memory yet, and can have none now
    #[inline(always)]
    fn item<T>(&self, table: &Table, index: u32) -> Result<Option<&T>> {
        let Some(offset) = table.place(index) else {
            return Ok(None);
        };
        if !table.is_in_prefix(index) {
            self.make_ready(table, offset + size_of::<T>())?;
        }
        Ok(Some(self.at(offset)))
    }

    /// Makes sure that a table has memory up to an offset of the file: on a full file system, an access without it
    /// would be a fault.
    #[cold]
    #[inline(never)]
    fn make_ready(&self, table: &Table, end: usize) -> Result<()> {
        let known = self.known();
        let Some(ready) = known.ready.get(table.number) else {
            return Err(Errno::EINVAL);
        };
        let from = table.rest() + ready.load(Ordering::Relaxed);
        if end <= from {
            return Ok(());
        }
        let generous = end.next_multiple_of(STEP).min(SIZE);
        let sparing = end.next_multiple_of(memory::page_size()).min(SIZE);
        let until = match memory::populate(known.base + from, generous - from) {
            Ok(()) => generous,
            Err(Errno::EINVAL) => {
                self.reserve_by_path(from, generous)?;
                generous
            }
            Err(_) => {
                memory::populate(known.base + from, sparing - from)?;
                sparing
            }
        };
        ready.fetch_max(until - table.rest(), Ordering::Relaxed);
        Ok(())
    }

    /// Before Linux 5.14, only the file can be asked for memory. If it cannot be opened any more, we have to trust that
    /// the process that uses a part has allocated it.
    #[cold]
    #[inline(never)]
    fn reserve_by_path(&self, from: usize, until: usize) -> Result<()> {
        let path = self.registry_path();
        let known = self.known();
        match paths::lstat(path.as_c_str()) {
            Ok(status) if (status.device, status.inode) == (known.device, known.inode) => {}
            _ => return Ok(()),
        }
        match named_file::reserve(path.as_c_str(), from, until) {
            Err(error @ (Errno::ENOSPC | Errno::EDQUOT | Errno::ENOMEM)) => Err(error),
            _ => Ok(()),
        }
    }

    fn word_cell(&self, index: u32) -> Result<Option<&AtomicU64>> {
        self.item(&WORDS, index)
    }

    fn word(&self, index: u32) -> Result<Option<Word>> {
        let cell = self.word_cell(index)?;
        Ok(cell.map(|cell| Word::from_bits(cell.load(Ordering::Acquire))))
    }

    /// The state of a slot; quick, to look at many.
    #[inline]
    fn state_at(&self, index: u32) -> Option<State> {
        if WORDS.is_in_prefix(index) {
            let cell = self.at::<AtomicU64>(WORDS.place(index)?);
            return Some(Word::from_bits(cell.load(Ordering::Relaxed)).state);
        }
        self.word(index).ok().flatten().map(|word| word.state)
    }

    fn segment_slot(&self, index: u32) -> Result<Option<&SegmentSlot>> {
        self.item(&SEGMENTS, index)
    }

    fn key_cell(&self, position: u32) -> Result<&AtomicU64> {
        self.item(&KEYS, position)?.ok_or(Errno::EINVAL)
    }

    fn member(&self, index: u32) -> Option<&MemberSlot> {
        self.item(&MEMBERS, index).ok()?
    }

    fn new_member(&self, index: u32) -> Result<&MemberSlot> {
        self.item(&MEMBERS, index)?.ok_or(Errno::ENOSPC)
    }

    fn holding(&self, index: u32) -> Option<&Holding> {
        self.item(&HOLDINGS, index).ok()?
    }

    fn new_holding(&self, index: u32) -> Result<&Holding> {
        self.item(&HOLDINGS, index)?.ok_or(Errno::ENOSPC)
    }

    /// The path of a file of the namespace whose name begins like this.
    fn file(&self, name: &str) -> SegmentPath {
        let mut path = SegmentPath::new();
        path.push_text(self.path()).push_str(name);
        path
    }

    fn registry_path(&self) -> SegmentPath {
        self.file("/registry")
    }

    /// The namespace's limits.
    pub fn limits(&self) -> Limits {
        let header = self.header();
        Limits {
            shmmax: header.shmmax.load(Ordering::Relaxed),
            shmall: header.shmall.load(Ordering::Relaxed),
            shmmni: header.shmmni.load(Ordering::Relaxed).min(MAX_SEGMENTS),
            rmid_forced: header.rmid_forced.load(Ordering::Relaxed) == 1,
        }
    }

    /// When the registry was made, in seconds since the epoch.
    pub(crate) fn born(&self) -> i64 {
        self.header().born.load(Ordering::Relaxed) as i64
    }

    /// Whether capabilities of this process count here. Only those over the registry's user namespace do.
    pub(crate) fn is_privileged(&self, capability: Capability) -> bool {
        identity::has(capability)
            && identity::counts_in(self.header().user_namespace.load(Ordering::Relaxed))
    }

    /// Whether others may make files in the directory. Then no byte of the registry is believed about rights.
    pub(crate) fn is_shared(&self) -> bool {
        self.known().status.mode & 0o022 != 0
    }

    /// Whether a file that this process makes keeps its name, see [`namespace::names_stay`].
    fn names_stay(&self) -> bool {
        namespace::names_stay(&self.known().status)
    }

    /// Whether new files in the directory get its group.
    fn gives_group(&self) -> bool {
        self.known().status.mode & libc::S_ISGID != 0
    }

    /// What slot `index` holds, whatever its state.
    pub(crate) fn read_slot(&self, index: u32) -> Option<Segment> {
        self.slot(index).ok()?.read()
    }

    /// The segment with this id.
    ///
    /// # Errors
    /// - `EINVAL` there is none
    pub(crate) fn find_id(&self, shmid: u32) -> Result<Segment> {
        self.slot_for(shmid)?
            .read()
            .filter(|segment| segment.has_id(shmid))
            .ok_or(Errno::EINVAL)
    }

    /// How long all of a segment is in memory, as far as it is known.
    pub(crate) fn bytes_of(&self, shmid: u32) -> Option<usize> {
        self.find_id(shmid).ok()?.bytes()
    }

    /// The key in the facts of a slot, 0 for none.
    fn key_of(&self, index: u32) -> Option<i32> {
        let key = self.slot(index).ok()?.fact_key();
        (key != 0).then_some(key)
    }

    /// The id in the facts of a slot.
    fn facts_id(&self, index: u32) -> Option<u32> {
        Some(self.segment_slot(index).ok()??.shmid())
    }

    /// Only slots below this were ever used.
    fn segments_high(&self) -> u32 {
        self.header()
            .segments_high
            .load(Ordering::Relaxed)
            .min(MAX_SEGMENTS)
    }

    /// The lowest slot in use in `from..below`.
    pub(crate) fn next_used(&self, from: u32, below: u32) -> Option<u32> {
        (from..below.min(self.segments_high())).find(|&index| self.is_used(index))
    }

    /// The highest slot in use.
    pub(crate) fn highest_used(&self) -> Option<u32> {
        (0..self.segments_high())
            .rev()
            .find(|&index| self.is_used(index))
    }

    fn is_used(&self, index: u32) -> bool {
        self.word(index)
            .is_ok_and(|word| word.is_some_and(|word| word.state != State::Free))
    }

    /// Slots in use.
    pub(crate) fn used(&self) -> u32 {
        self.ledger().used
    }

    /// Slots in use, and the pages charged for them.
    pub(crate) fn totals(&self) -> (u32, u64) {
        (self.ledger().used, self.pages_in_use())
    }

    /// Pages charged for all slots in use.
    fn pages_in_use(&self) -> u64 {
        let mut pages = 0u64;
        let mut from = 0;
        while let Some(index) = self.next_used(from, MAX_SEGMENTS) {
            from = index + 1;
            pages =
                pages.saturating_add(self.read_slot(index).map_or(0, |segment| segment.pages()));
        }
        pages
    }
}

/// The structure at an offset of a mapped registry.
fn at_base<'a, T>(base: usize, offset: usize) -> &'a T {
    debug_assert!(
        base != 0
            && offset + size_of::<T>() <= SIZE
            && (base + offset).is_multiple_of(align_of::<T>())
    );
    // SAFETY: `base` is a whole registry, mapped for reading and writing, and stays mapped as long as the reference is
    // used; the layout keeps every item inside and aligned; all types in a registry are made of atomics, for which any
    // bytes are valid and which others may change at any time.
    unsafe { &*((base + offset) as *const T) }
}

fn known_bytes() -> usize {
    memory::page_round(size_of::<Known>()).unwrap_or(size_of::<Known>())
}

/// # Safety
/// - The address is that of a [`Known`] in memory of its own.
/// - Nobody refers to it any more.
unsafe fn free_known(known: usize) {
    // SAFETY: the caller's promise; the value owns nothing.
    let _ = unsafe { memory::munmap(known, known_bytes()) };
}

impl Drop for Registry {
    fn drop(&mut self) {
        let known = self.known.load(Ordering::Relaxed);
        if known != 0 {
            let base = self.known().base;
            // SAFETY: `self` is going, and with it every reference into both.
            unsafe {
                let _ = memory::munmap(base, SIZE);
                free_known(known);
            }
        }
    }
}
