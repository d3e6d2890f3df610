//! The state that the processes of a namespace share, in one mapped file.
//!
//! Two kinds of lock guard it. The namespace's lock guards creation and removal: the key index, the bitmap of used
//! slots, the totals and the id allocator. A slot's lock guards that segment: its slot and the list of its
//! attachments. Whoever needs both takes the namespace's first. Reading needs neither.
//!
//! What is authoritative is little: slots and attachment records, each with one commit word that is written last.
//! All else is derived, and `recover.rs` computes it anew when a process died while it held a lock.

mod backing;
mod check;
mod format;
mod guard;
mod huge;
mod ids;
mod key_index;
mod layout;
mod lifecycle;
mod lock;
mod members;
mod open;
mod pool;
mod reap;
mod records;
mod recover;
mod room;
mod segment;
mod sweep;

pub use check::{Finding, MemberView};
pub use format::{MAGIC, MAX_MEMBERS, MAX_RECORDS, MAX_SEGMENTS, VERSION};
pub use segment::{SHM_DEST, SHM_LOCKED, Segment, State};

pub(crate) use format::RECORD_READ_ONLY;
pub(crate) use guard::SegmentGuard;
pub(crate) use huge::flags_for as huge_flags;
pub(crate) use ids::{sequence as sequence_of, slot as slot_of};
pub(crate) use members::{Liveness, Prober, Token};
pub(crate) use reap::is_due as is_reap_due;
pub(crate) use records::{Attachment, Uncounted};
pub(crate) use segment::{ANCHORED, NO_RESERVE};
pub(crate) use sweep::A_FEW;

use crate::error::{Errno, Result};
use crate::options::Limits;
use crate::os::files::File;
use crate::os::identity::{self, Capability};
use crate::os::memory;
use crate::os::signals::forget_file_size_signal;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::text::Path;
use core::cell::UnsafeCell;
use format::{BITMAP_WORDS, Header, KEY_CELLS, MemberSlot, Record, SegmentSlot, WINDOW};
use key_index::KeyIndex;
use layout::{BITMAP, KEY_INDEX, MEMBERS, Place, RECORDS, SEGMENTS, WINDOWS};

/// A namespace's registry as this process sees it. Windows of the file are mapped when something in them is asked
/// for, and stay mapped.
pub struct Registry {
    windows: [AtomicUsize; WINDOWS],
    device: AtomicU64,
    inode: AtomicU64,
    hints: pool::Hints,
    /// The file system is known to let a mapping keep a lock, see `members`.
    pins_locks: AtomicBool,
    /// Others may make files in the directory. Written before the first window is published.
    is_shared: AtomicBool,
    /// Written once, before the first window is published.
    directory: UnsafeCell<Path>,
}

// SAFETY: all is atomic but `directory`, which is written before the release store that publishes window 0, and read
// only after an acquire load has seen it.
unsafe impl Sync for Registry {}

/// What an index is that lies beyond the end of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// Nothing was ever there: whoever names it was damaged, or was told so by somebody.
    IsDamage,
    /// About to be used: the file grows.
    IsNew,
}

impl Registry {
    /// A registry that is not open yet.
    pub const fn closed() -> Registry {
        Registry {
            windows: [const { AtomicUsize::new(0) }; WINDOWS],
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            hints: pool::Hints::new(),
            pins_locks: AtomicBool::new(false),
            is_shared: AtomicBool::new(false),
            directory: UnsafeCell::new(Path::new()),
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.windows[0].load(Ordering::Acquire) != 0
    }

    /// The directory of the namespace, without a slash at the end.
    pub(crate) fn path(&self) -> &Path {
        // SAFETY: only called once the registry is open; the path is not written any more then.
        unsafe { &*self.directory.get() }
    }

    fn header(&self) -> &Header {
        self.at::<Header>(self.windows[0].load(Ordering::Acquire), 0)
    }

    fn key_index(&self) -> KeyIndex<'_> {
        KeyIndex {
            cells: self
                .at::<[AtomicU32; KEY_CELLS]>(self.windows[0].load(Ordering::Acquire), KEY_INDEX),
        }
    }

    fn bitmap(&self) -> &[AtomicU64; BITMAP_WORDS] {
        self.at(self.windows[0].load(Ordering::Acquire), BITMAP)
    }

    /// The slot at `index`; `None` beyond what was ever used, or where its window cannot be mapped.
    pub(crate) fn segment(&self, index: u32) -> Option<&SegmentSlot> {
        self.item(SEGMENTS.place(index)?)
    }

    pub(crate) fn member(&self, index: u32) -> Option<&MemberSlot> {
        self.item(MEMBERS.place(index)?)
    }

    fn record(&self, index: u32) -> Option<&Record> {
        self.item(RECORDS.place(index)?)
    }

    fn item<T>(&self, place: Place) -> Option<&T> {
        self.item_in(place, Beyond::IsDamage).ok()
    }

    fn item_in<T>(&self, place: Place, beyond: Beyond) -> Result<&T> {
        let window = self.windows.get(place.window).ok_or(Errno::EINVAL)?;
        let base = match window.load(Ordering::Acquire) {
            0 => self.map_window(place.window, beyond)?,
            base => base,
        };
        Ok(self.at(base, place.offset))
    }

    /// The slot at `index`, to be used for the first time maybe: the file grows as needed.
    ///
    /// # Errors
    /// - `ENOSPC`, `EMFILE`, `ENFILE`, `ENOMEM` it cannot, now
    fn new_segment(&self, index: u32) -> Result<&SegmentSlot> {
        self.item_in(SEGMENTS.place(index).ok_or(Errno::EINVAL)?, Beyond::IsNew)
    }

    /// [`Registry::new_segment`] for a member.
    fn new_member(&self, index: u32) -> Result<&MemberSlot> {
        self.item_in(MEMBERS.place(index).ok_or(Errno::EINVAL)?, Beyond::IsNew)
    }

    /// [`Registry::new_segment`] for an attachment.
    fn new_record(&self, index: u32) -> Result<&Record> {
        self.item_in(RECORDS.place(index).ok_or(Errno::EINVAL)?, Beyond::IsNew)
    }

    /// The structure at an offset of a mapped window.
    fn at<T>(&self, base: usize, offset: usize) -> &T {
        debug_assert!(
            base != 0
                && offset + size_of::<T>() <= WINDOW
                && (base + offset).is_multiple_of(align_of::<T>())
        );
        // SAFETY: `base` is a window that was mapped for reading and writing and stays mapped as long as `self`; the
        // layout keeps every item inside its window and aligned; all types in a registry are made of atomics, for
        // which any bytes are valid and which others may change at any time.
        unsafe { &*((base + offset) as *const T) }
    }

    /// Maps a window beyond the first.
    ///
    /// # Errors
    /// - `EUCLEAN` it lies beyond the end of the file, where that shall not grow; or the file is not the one that was opened
    fn map_window(&self, number: usize, beyond: Beyond) -> Result<usize> {
        let file = File::open(self.registry_path().as_c_str(), libc::O_RDWR, 0)?;
        let status = file.status()?;
        if (status.device, status.inode)
            != (
                self.device.load(Ordering::Relaxed),
                self.inode.load(Ordering::Relaxed),
            )
        {
            return Err(Errno::EUCLEAN);
        }
        let start = (number * WINDOW) as u64;
        let end = start + WINDOW as u64;
        if status.size < end && beyond == Beyond::IsDamage {
            return Err(Errno::EUCLEAN);
        }
        // A window before the end may be a hole: touching it on a full file system would be a fault.
        file.reserve(start, end).map_err(|error| {
            if error == Errno::EFBIG {
                forget_file_size_signal();
                return Errno::ENOSPC;
            }
            error
        })?;
        let base = memory::map_bookkeeping(
            file.fd(),
            WINDOW,
            start as i64,
            libc::PROT_READ | libc::PROT_WRITE,
        )?;
        let Some(window) = self.windows.get(number) else {
            return Err(Errno::EINVAL);
        };
        match window.compare_exchange(0, base, Ordering::Release, Ordering::Acquire) {
            Ok(_) => Ok(base),
            Err(theirs) => {
                // SAFETY: nobody has seen this mapping.
                let _ = unsafe { memory::unmap(base, WINDOW) };
                Ok(theirs)
            }
        }
    }

    /// The path of a file of the namespace whose name begins like this.
    fn file(&self, name: &str) -> Path {
        let mut path = Path::new();
        path.push_text(self.path()).push_str(name);
        path
    }

    fn registry_path(&self) -> Path {
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

    /// Whether capabilities of this process count here: only those over the user namespace that the registry is from.
    pub(crate) fn is_privileged(&self, capability: Capability) -> bool {
        identity::has(capability)
            && identity::counts_in(self.header().user_namespace.load(Ordering::Relaxed))
    }

    /// Slots in use, and the pages charged for them.
    pub(crate) fn totals(&self) -> (u32, u64) {
        let header = self.header();
        (
            header.used.load(Ordering::Relaxed),
            header.pages.load(Ordering::Relaxed),
        )
    }

    /// The live segment with this key, and its slot.
    pub(crate) fn find_key(&self, key: i32) -> Option<Segment> {
        let found = core::cell::Cell::new(None);
        self.key_index().find(key, |index| {
            let segment = self
                .segment(index)
                .and_then(SegmentSlot::read)
                .map(|(_, segment)| segment);
            let has_key =
                segment.is_some_and(|segment| segment.state == State::Live && segment.key == key);
            if has_key {
                found.set(segment);
            }
            has_key
        });
        found.get()
    }

    /// What slot `index` holds, whatever its state.
    pub(crate) fn read_slot(&self, index: u32) -> Option<Segment> {
        self.segment(index)?.read().map(|(_, segment)| segment)
    }

    /// The live segment with this id.
    ///
    /// # Errors
    /// - `EINVAL` there is none
    pub(crate) fn find_id(&self, shmid: u32) -> Result<Segment> {
        self.read_slot(slot_of(shmid))
            .filter(|segment| segment.is_live(shmid))
            .ok_or(Errno::EINVAL)
    }

    /// The lowest slot in use in `from..below`.
    pub(crate) fn next_used(&self, from: u32, below: u32) -> Option<u32> {
        self.next_bit(from, below, false)
    }

    fn next_free(&self, from: u32, below: u32) -> Option<u32> {
        self.next_bit(from, below, true)
    }

    fn next_bit(&self, from: u32, below: u32, inverted: bool) -> Option<u32> {
        let mut index = from;
        while index < below {
            let word = self
                .bitmap()
                .get(index as usize / 64)?
                .load(Ordering::Relaxed);
            let wanted = if inverted { !word } else { word } >> (index % 64);
            if wanted != 0 {
                return Some(index + wanted.trailing_zeros()).filter(|&found| found < below);
            }
            index = (index / 64 + 1) * 64;
        }
        None
    }

    /// The highest slot with a live segment.
    pub(crate) fn highest_used(&self) -> Option<u32> {
        let bitmap = self.bitmap();
        (0..BITMAP_WORDS).rev().find_map(|number| {
            let word = bitmap.get(number)?.load(Ordering::Relaxed);
            (word != 0).then(|| number as u32 * 64 + 63 - word.leading_zeros())
        })
    }

    fn set_used(&self, index: u32, used: bool) {
        if let Some(word) = self.bitmap().get(index as usize / 64) {
            let bit = 1u64 << (index % 64);
            if used {
                word.fetch_or(bit, Ordering::Relaxed)
            } else {
                word.fetch_and(!bit, Ordering::Relaxed)
            };
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for window in &self.windows {
            let base = window.load(Ordering::Relaxed);
            if base != 0 {
                // SAFETY: `self` is going, and with it every reference into the window.
                let _ = unsafe { memory::unmap(base, WINDOW) };
            }
        }
    }
}
