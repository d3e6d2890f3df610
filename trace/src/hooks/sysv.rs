//! shmget, shmat, shmdt, shmctl.

use partage_trace_format::payload::tag;
use partage_trace_format::structs::{SHM_INFO_SIZE, SHMID_DS_SIZE, SHMINFO_SIZE};
use partage_trace_format::{Call, header};

use super::{Args, forward, int, signed};
use crate::frames::Site;
use crate::mappings::Range;
use crate::next::{self, Symbol};
use crate::recorder::{self, Outcome};
use crate::{file, mappings, outcome, sizes};

pub(crate) fn shmget(symbol: Symbol, args: Args, site: Site) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let [key, size, flags, ..] = args;
    let outcome = Outcome::int(result);
    let made = int(key) == libc::IPC_PRIVATE
        || int(flags) & libc::IPC_CREAT != 0 && int(flags) & libc::IPC_EXCL != 0;
    if outcome.succeeded() && made {
        // Only a new segment is sure to have the size asked for.
        sizes::note(int(result), size as u64);
    }
    recorder::finish(
        begun,
        Call::Shmget,
        outcome,
        [signed(key), size, signed(flags), 0, 0, 0],
    );
    result
}

pub(crate) fn shmat(symbol: Symbol, args: Args, site: Site) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let [id, address, flags, ..] = args;
    let outcome = Outcome::pointer(result);
    let mut size = 0;
    if outcome.succeeded() {
        size = size_of(int(id));
        // Of a segment whose size cannot be learned, the first page stands for the whole.
        let range = Range::new(result, size.max(1));
        if int(flags) & libc::SHM_REMAP != 0 {
            mappings::remove(range);
        }
        enter(range);
    }
    recorder::finish(
        begun,
        Call::Shmat,
        outcome,
        [signed(id), address, signed(flags), size, 0, 0],
    );
    result
}

pub(crate) fn shmdt(symbol: Symbol, args: Args, site: Site) -> usize {
    let begun = recorder::begin(site);
    let [address, ..] = args;
    // Before the call: afterwards another thread may have attached at this address already.
    let removed = begun.and_then(|_| mappings::remove_at(address));
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    if let Some(range) = removed.filter(|_| !outcome.succeeded()) {
        enter(range);
    }
    recorder::finish(
        begun,
        Call::Shmdt,
        outcome,
        [address, removed.map_or(0, Range::len), 0, 0, 0, 0],
    );
    result
}

pub(crate) fn shmctl(symbol: Symbol, args: Args, site: Site) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let [id, command, buffer, ..] = args;
    let outcome = Outcome::int(result);
    let shown = [signed(id), signed(command), buffer, 0, 0, 0];
    if !outcome.succeeded() {
        recorder::finish(begun, Call::Shmctl, outcome, shown);
        return result;
    }
    match buffer_of(int(command)) {
        Some((tag, len)) if buffer != 0 => {
            // SAFETY: the call succeeded, so the kernel (or partage) has read or filled that many bytes there.
            let bytes = unsafe { core::slice::from_raw_parts(buffer as *const u8, len) };
            recorder::finish_with(begun, Call::Shmctl, outcome, shown, &[(tag, bytes)]);
        }
        _ => recorder::finish(begun, Call::Shmctl, outcome, shown),
    }
    if int(command) == libc::IPC_RMID {
        sizes::forget(int(id));
    }
    result
}

/// What a command reads or fills: the payload's tag, and its size in bytes.
fn buffer_of(command: i32) -> Option<(u16, usize)> {
    use libc::{IPC_INFO, IPC_SET, IPC_STAT, SHM_INFO, SHM_STAT, SHM_STAT_ANY};
    match command {
        IPC_STAT | IPC_SET | SHM_STAT | SHM_STAT_ANY => Some((tag::SHMID_DS, SHMID_DS_SIZE)),
        IPC_INFO => Some((tag::SHMINFO, SHMINFO_SIZE)),
        SHM_INFO => Some((tag::SHM_INFO, SHM_INFO_SIZE)),
        _ => None,
    }
}

/// The size of a segment; asked for once per segment that this process did not make. 0 if it may not be read.
fn size_of(id: i32) -> usize {
    if let Some(size) = sizes::get(id) {
        return size as usize;
    }
    // SAFETY: all zeros is a valid shmid_ds.
    let mut status: libc::shmid_ds = unsafe { core::mem::zeroed() };
    let args = [
        id as usize,
        libc::IPC_STAT as usize,
        (&raw mut status) as usize,
        0,
        0,
        0,
    ];
    let before = outcome::errno();
    // SAFETY: status is writable and of shmid_ds's size.
    let result = unsafe { next::call(Symbol::shmctl, args) };
    if int(result) == -1 {
        // SAFETY: errno's address is valid in every thread; the program's call has not failed.
        unsafe { *libc::errno::location() = before };
        return 0;
    }
    sizes::note(id, status.shm_segsz as u64);
    status.shm_segsz
}

/// Enters a mapping of shared memory; says so if that fails.
pub(crate) fn enter(range: Range) {
    if !mappings::insert(range)
        && let Some(header) = file::header()
    {
        header.set_flags(header::flag::UNTRACKED_MAPPINGS);
    }
}
