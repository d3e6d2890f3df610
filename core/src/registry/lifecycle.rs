//! How a segment comes and goes. Files are made and removed while no lock is held: a slot in a state of its own
//! stands for the work in progress, and names who does it, so that another can finish what the dead began.
//!
//! `Free` → `Creating` → `Live` → `Doomed` → `Free`

use super::guard::{NamespaceGuard, SegmentGuard};
use super::ids::IdState;
use super::members::{Prober, Token};
use super::segment::{Segment, State};
use super::slot_of;
use super::{MAX_SEGMENTS, Registry};
use crate::error::{Errno, Result};
use crate::sync::Ordering;

/// A slot that is being filled, and what to put back if that fails.
pub(crate) struct Reservation {
    pub(crate) segment: Segment,
    before: u64,
    after: u64,
}

impl NamespaceGuard<'_> {
    /// Chooses an id for `wanted` and holds its slot.
    ///
    /// # Errors
    /// - `ENOSPC` `shmall` pages or `shmmni` segments would be exceeded, or the registry cannot grow
    pub(crate) fn reserve(&self, wanted: Segment) -> Result<Reservation> {
        let registry = self.registry;
        let header = registry.header();
        let limits = registry.limits();
        let (used, pages) = registry.totals();
        let pages_fit = pages
            .checked_add(wanted.pages())
            .is_some_and(|total| total <= limits.shmall);
        if !pages_fit || used >= limits.shmmni {
            return Err(Errno::ENOSPC);
        }
        let before = header.id_state.load(Ordering::Relaxed);
        let free = |from, below| registry.next_free(from, below);
        let (shmid, state) = IdState::from_word(before)
            .next(used, free)
            .ok_or(Errno::ENOSPC)?;
        let segment = Segment {
            state: State::Creating,
            shmid,
            file: header.next_file.fetch_add(1, Ordering::Relaxed),
            owner: self.me.bits(),
            ..wanted
        };
        registry.new_segment(slot_of(shmid))?;
        let slot = registry.lock_id(shmid, self.me)?;
        header
            .segments_high
            .fetch_max(slot.index + 1, Ordering::AcqRel);
        slot.write(&segment);
        drop(slot);
        header.id_state.store(state.to_word(), Ordering::Relaxed);
        registry.set_used(slot_of(shmid), true);
        header.used.fetch_add(1, Ordering::Relaxed);
        header.pages.fetch_add(segment.pages(), Ordering::Relaxed);
        header.pending.fetch_add(1, Ordering::Relaxed);
        Ok(Reservation {
            segment,
            before,
            after: state.to_word(),
        })
    }

    /// The file is there: the segment is live from here on.
    pub(crate) fn publish(&self, segment: &Segment) -> Result<()> {
        let slot = self.registry.lock_id(segment.shmid, self.me)?;
        if segment.key != 0 {
            self.registry.key_index().insert(segment.key, slot.index);
        }
        slot.write(&Segment {
            state: State::Live,
            ..*segment
        });
        decrease(&self.registry.header().pending);
        Ok(())
    }

    /// The segment will not be: the slot is free again, and the id too if nobody has taken another since.
    pub(crate) fn cancel(&self, reservation: &Reservation) -> Result<()> {
        let state = &self.registry.header().id_state;
        let _ = state.compare_exchange(
            reservation.after,
            reservation.before,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        let slot = self.registry.lock_id(reservation.segment.shmid, self.me)?;
        self.free(&slot, &reservation.segment);
        Ok(())
    }

    /// Gives the slot of a segment in creation or destruction back.
    pub(crate) fn free(&self, slot: &SegmentGuard<'_>, segment: &Segment) {
        let header = self.registry.header();
        slot.write(&Segment::default());
        self.registry.set_used(slot.index, false);
        decrease(&header.used);
        decrease(&header.pending);
        let pages = header.pages.load(Ordering::Relaxed);
        header
            .pages
            .store(pages.saturating_sub(segment.pages()), Ordering::Relaxed);
    }

    /// The key is nobody's any more, the id works on until the last detach.
    pub(crate) fn mark_removed(&self, slot: &SegmentGuard<'_>, segment: &mut Segment) {
        if !segment.is_removed() {
            self.registry
                .header()
                .marked
                .fetch_add(1, Ordering::Relaxed);
            segment.mode |= super::SHM_DEST;
            self.write_without_key(slot, segment);
        }
    }

    /// The id works no more; the caller removes the file and then calls [`NamespaceGuard::free`].
    pub(crate) fn doom(&self, slot: &SegmentGuard<'_>, segment: &mut Segment) {
        let header = self.registry.header();
        if segment.is_removed() {
            decrease(&header.marked);
        }
        header.pending.fetch_add(1, Ordering::Relaxed);
        segment.state = State::Doomed;
        segment.owner = self.me.bits();
        self.write_without_key(slot, segment);
    }

    /// The slot first, then its entry in the index: who dies in between leaves an entry that leads nowhere, not a key
    /// that is lost.
    fn write_without_key(&self, slot: &SegmentGuard<'_>, segment: &mut Segment) {
        let key = core::mem::take(&mut segment.key);
        slot.write(segment);
        if key != 0 {
            self.registry.key_index().remove(key, slot.index);
        }
    }
}

fn decrease(counter: &crate::sync::AtomicU32) {
    let now = counter.load(Ordering::Relaxed);
    counter.store(now.saturating_sub(1), Ordering::Relaxed);
}

impl Registry {
    /// Destroys the segment if nobody is attached and it need not stay. The caller holds neither lock.
    pub(crate) fn destroy_if_finished(&self, shmid: u32, me: Token) -> Result<()> {
        let namespace = self.lock(me)?;
        let slot = self.lock_id(shmid, me)?;
        let mut segment = slot.read();
        if !segment.is_live(shmid) {
            return Ok(());
        }
        // Before memory goes, the records have the last word, not the count.
        if slot.has_records() {
            segment = slot.reap(&mut Prober::new(self, Some(me)));
        }
        if !slot.is_finished(&segment) {
            return Ok(());
        }
        namespace.doom(&slot, &mut segment);
        drop(slot);
        drop(namespace);
        self.finish_destruction(&segment, me)
    }

    /// The second half of a destruction: the file goes, then the slot. The caller holds neither lock.
    pub(crate) fn finish_destruction(&self, segment: &Segment, me: Token) -> Result<()> {
        let removed = self.remove_file(segment);
        let namespace = self.lock(me)?;
        let slot = self.lock_id(segment.shmid, me)?;
        let mut now = slot.read();
        if now.state == State::Doomed && now.file == segment.file {
            if removed.is_ok() {
                namespace.free(&slot, segment);
            } else {
                // Whoever has the right to, and looks after the namespace next, finishes it.
                now.owner = 0;
                slot.write(&now);
            }
        }
        Ok(())
    }

    /// Pages that live segments were promised and may not have touched yet, those that need no room left out.
    pub(crate) fn unfilled_promises(&self) -> u64 {
        let mut bytes = 0u64;
        let mut from = 0;
        while let Some(index) = self.next_used(from, MAX_SEGMENTS) {
            from = index + 1;
            if let Some(segment) = self.read_slot(index)
                && segment.state == State::Live
                && segment.needs_room()
            {
                let promised = segment.bytes().unwrap_or(0) as u64;
                bytes =
                    bytes.saturating_add(promised.saturating_sub(self.resident_bytes(&segment)));
            }
        }
        bytes
    }
}
