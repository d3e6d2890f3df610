//! Named semaphores: objects in `/dev/shm`, which the C library opens, maps and removes inside of itself.

use partage_trace_format::Call;

use super::paths::finish;
use super::{Args, forward, int, record_int, signed};
use crate::frames::Site;
use crate::next::Symbol;
use crate::recorder::{self, Outcome};

pub(crate) fn sem_open(symbol: Symbol, args: Args, site: Site) -> usize {
    let [name, flags, mode, value, ..] = args;
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    // The last two count only where a semaphore may be made; else their registers hold anything.
    let (mode, value) = if int(flags) & libc::O_CREAT != 0 {
        (mode as u32 as usize, value as u32 as usize)
    } else {
        (0, 0)
    };
    let shown = [name, signed(flags), mode, value, 0, 0];
    finish(begun, Call::SemOpen, Outcome::nullable(result), shown, name);
    result
}

pub(crate) fn sem_close(symbol: Symbol, args: Args, site: Site) -> usize {
    let [semaphore, ..] = args;
    record_int(
        Call::SemClose,
        symbol,
        args,
        site,
        [semaphore, 0, 0, 0, 0, 0],
    )
}

pub(crate) fn sem_unlink(symbol: Symbol, args: Args, site: Site) -> usize {
    let [name, ..] = args;
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    if let Some(begun) = begun {
        let shown = [name, 0, 0, 0, 0, 0];
        finish(begun, Call::SemUnlink, Outcome::int(result), shown, name);
    }
    result
}
