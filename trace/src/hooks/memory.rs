//! mmap, munmap, mremap, mprotect.

use partage_trace_format::Call;
use partage_trace_format::payload::tag;
use partage_trace_format::structs::File;

use super::sysv::enter;
use super::{Args, forward, int, record_int, signed};
use crate::frames::Site;
use crate::mappings::Range;
use crate::next::Symbol;
use crate::recorder::{self, Outcome};
use crate::{descriptors, found, mappings, options, places, process};

/// The flags that tell whether a mapping may concern shared memory, and what they are where it cannot.
pub(crate) const TELLING: i32 =
    libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_PRIVATE | libc::MAP_FIXED;
pub(crate) const PLAIN: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

#[inline(always)]
pub(crate) fn mmap(symbol: Symbol, args: Args, site: Site) -> usize {
    let [_, _, _, flags, ..] = args;
    if int(flags) & TELLING == PLAIN {
        return forward(symbol, args);
    }
    mmap_other(symbol, args, site)
}

/// All but the private anonymous mapping at an address of the kernel's choice.
#[inline(never)]
fn mmap_other(symbol: Symbol, args: Args, site: Site) -> usize {
    let [address, len, prot, flags, fd, file_offset] = args;
    let shared = maps_shared_memory(int(flags), int(fd));
    let fixed = int(flags) & libc::MAP_FIXED != 0 && int(flags) & libc::MAP_FIXED_NOREPLACE == 0;
    let range = Range::new(address, len);
    let replaces = fixed && mappings::any_in(range);
    if !shared && !replaces {
        return forward(symbol, args);
    }
    let begun = recorder::begin(site);
    if replaces {
        mappings::remove(range);
    }
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::pointer(result);
    if outcome.succeeded() && shared {
        enter(Range::new(result, len));
    } else if !outcome.succeeded() && replaces {
        enter(range);
    }
    let shown = [
        address,
        len,
        signed(prot),
        signed(flags),
        signed(fd),
        file_offset,
    ];
    let mapped = outcome.succeeded() && shared && int(flags) & libc::MAP_ANONYMOUS == 0;
    match unusual_size(mapped, int(fd), len) {
        Some(file) => {
            let file = file.to_bytes();
            recorder::finish_with(begun, Call::Mmap, outcome, shown, &[(tag::FILE, &file)]);
        }
        None => recorder::finish(begun, Call::Mmap, outcome, shown),
    }
    result
}

/// What a descriptor stands for that was mapped, unless all of it was: it may have come to its size by a write.
fn unusual_size(mapped: bool, fd: i32, len: usize) -> Option<File> {
    let file = mapped.then(|| places::file(fd))??;
    (file.size != len as u64).then_some(file)
}

fn maps_shared_memory(flags: i32, fd: i32) -> bool {
    let shared = flags & libc::MAP_SHARED != 0;
    if flags & libc::MAP_ANONYMOUS != 0 {
        return shared && options::anonymous();
    }
    // A descriptor may have come over a socket: what is mapped shared is looked at.
    descriptors::is_shared(fd) || shared && process::records() && found::examine(fd)
}

#[inline(always)]
pub(crate) fn munmap(symbol: Symbol, args: Args, site: Site) -> usize {
    let [address, len, ..] = args;
    let range = Range::new(address, len);
    if !mappings::any_in(range) {
        return forward(symbol, args);
    }
    munmap_shared(symbol, args, site, range)
}

#[inline(never)]
fn munmap_shared(symbol: Symbol, args: Args, site: Site, range: Range) -> usize {
    let [address, len, ..] = args;
    let begun = recorder::begin(site);
    // Before the call: afterwards another thread may have mapped something there already.
    mappings::remove(range);
    let result = forward(symbol, args);
    let outcome = Outcome::int(result);
    if !outcome.succeeded() {
        enter(range);
    }
    if let Some(begun) = begun {
        recorder::finish(begun, Call::Munmap, outcome, [address, len, 0, 0, 0, 0]);
    }
    result
}

#[inline(always)]
pub(crate) fn mremap(symbol: Symbol, args: Args, site: Site) -> usize {
    let [address, len, ..] = args;
    // Old size 0 duplicates a shared mapping.
    let old = Range::new(address, len.max(1));
    if !mappings::any_in(old) {
        return forward(symbol, args);
    }
    mremap_shared(symbol, args, site, old)
}

#[inline(never)]
fn mremap_shared(symbol: Symbol, args: Args, site: Site, old: Range) -> usize {
    let [address, old_len, new_len, flags, new_address, _] = args;
    let begun = recorder::begin(site);
    let moves = old_len != 0 && int(flags) & libc::MREMAP_DONTUNMAP == 0;
    if moves {
        mappings::remove(old);
    }
    // Without this flag its register holds anything.
    let new_address = if int(flags) & libc::MREMAP_FIXED != 0 {
        new_address
    } else {
        0
    };
    if new_address != 0 {
        mappings::remove(Range::new(new_address, new_len));
    }
    let result = forward(symbol, args);
    let outcome = Outcome::pointer(result);
    if outcome.succeeded() {
        enter(Range::new(result, new_len));
    } else if moves {
        enter(old);
    }
    if let Some(begun) = begun {
        let shown = [address, old_len, new_len, signed(flags), new_address, 0];
        recorder::finish(begun, Call::Mremap, outcome, shown);
    }
    result
}

#[inline(always)]
pub(crate) fn mprotect(symbol: Symbol, args: Args, site: Site) -> usize {
    let [address, len, prot, ..] = args;
    if !mappings::any_in(Range::new(address, len)) {
        return forward(symbol, args);
    }
    record_int(
        Call::Mprotect,
        symbol,
        args,
        site,
        [address, len, signed(prot), 0, 0, 0],
    )
}
