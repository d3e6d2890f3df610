//! A call from its beginning to its record.

use partage_trace_format::Call;
use partage_trace_format::record::{ARGS, MAX_CALLERS, RawRecord, flag};

use crate::frames::{self, Site};
pub(crate) use crate::outcome::Outcome;
use crate::writer::{self, Piece};
use crate::{clock, file, modules, options, process, stacks};

/// A call under way: where it was made, and when it began.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    site: Site,
    time: u64,
}

impl Begun {
    /// A call that began at another time than `begin` was called.
    pub(crate) fn at(site: Site, time: u64) -> Self {
        Begun { site, time }
    }

    /// When the call began.
    pub(crate) fn time(&self) -> u64 {
        self.time
    }
}

/// Begins a call; None if this process does not record.
#[inline(always)]
pub(crate) fn begin(site: Site) -> Option<Begun> {
    process::records().then(|| Begun {
        site,
        time: clock::ticks(),
    })
}

/// Records a finished (or entered) call without payload.
#[inline(always)]
pub(crate) fn finish(begun: Begun, call: Call, outcome: Outcome, args: [usize; ARGS]) {
    finish_with(begun, call, outcome, args, &[]);
}

/// Records a finished (or entered) call.
#[inline(always)]
pub(crate) fn finish_with(
    begun: Begun,
    call: Call,
    outcome: Outcome,
    args: [usize; ARGS],
    pieces: &[Piece<'_>],
) {
    let now = clock::ticks();
    modules::know(begun.site.return_address);
    let mut record = RawRecord {
        duration: now.wrapping_sub(begun.time),
        ..writer::raw(begun.time, call, outcome, args)
    };
    if call.takes()
        && options::stack() != 0
        && let Some(ticket) = stacks::ticket(begun.site, begun.time)
    {
        let [.., last] = &mut record.callers;
        *last = ticket;
        record.flags |= flag::STACK;
    }
    if options::depth() <= 1 {
        let callers = [begun.site.return_address as u64; 1];
        writer::write(
            record,
            callers.get(..options::depth()).unwrap_or(&[]),
            pieces,
        );
    } else {
        write_deep(record, begun.site, pieces);
    }
    if let Some(header) = file::header() {
        header.keep_clock(now);
    }
}

#[cold]
#[inline(never)]
fn write_deep(record: RawRecord, site: Site, pieces: &[Piece<'_>]) {
    let mut callers = [0; MAX_CALLERS];
    let count = frames::walk(site, callers.get_mut(..options::depth()).unwrap_or(&mut []));
    let callers = callers.get(..count).unwrap_or(&[]);
    for address in callers {
        modules::know(*address as usize);
    }
    writer::write(record, callers, pieces);
}
