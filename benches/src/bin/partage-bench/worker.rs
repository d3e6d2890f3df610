//! The other end of a measurement: a process that makes the calls, one way, when it is told to.

use std::io::{self, BufRead, Write};

use partage_bench::batch::Batch;
use partage_bench::calls::prepare;
use partage_bench::case::{self, Case};
use partage_bench::mark;
use partage_bench::segment::{Api, check};

/// A worker ends itself after so many seconds, whatever happens.
const PATIENCE: u32 = 600;

/// Which worker to be.
#[derive(clap::Args, Debug)]
pub(crate) struct Order {
    /// The case.
    case: String,
    /// With shm_open and mmap instead of System V's calls.
    #[arg(long)]
    by_hand: bool,
    /// With memory files whose descriptors their creator hands out.
    #[arg(long)]
    handed: bool,
}

impl Order {
    fn case(&self) -> io::Result<Case> {
        case::named(&self.case)
            .ok_or_else(|| io::Error::other(format!("no case named {}", self.case)))
    }

    fn api(&self) -> Api {
        match (self.by_hand, self.handed) {
            (_, true) => Api::Handed,
            (true, false) => Api::ByHand,
            (false, false) => Api::SystemV,
        }
    }

    fn prepare(&self) -> io::Result<Box<dyn Batch>> {
        nix::unistd::alarm::set(PATIENCE);
        check_preload()?;
        prepare(&self.case()?, self.api())
    }
}

/// The dynamic linker leaves a library out that it cannot read, and goes on.
fn check_preload() -> io::Result<()> {
    let Some(wanted) = std::env::var_os("LD_PRELOAD") else {
        return Ok(());
    };
    let wanted = wanted.to_string_lossy();
    let is_there = std::fs::read_to_string("/proc/self/maps")?.contains(&*wanted);
    is_there
        .then_some(())
        .ok_or_else(|| io::Error::other(format!("{wanted} was not preloaded")))
}

/// Runs a batch for each line that names a number of iterations, and answers with two numbers, in ns: for all
/// iterations, and for the longest.
pub(crate) fn work(order: &Order) -> io::Result<()> {
    let mut batch = order.prepare()?;
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        let times = line?.trim().parse().map_err(io::Error::other)?;
        let measured = batch.run(times)?;
        writeln!(
            out,
            "{} {}",
            measured.taken.as_nanos(),
            measured.longest.as_nanos()
        )?;
        out.flush()?;
    }
    Ok(())
}

/// Runs the case once more than it takes to be in its stride, for a tracer.
pub(crate) fn be_traced(order: &Order) -> io::Result<()> {
    let mut batch = order.prepare()?;
    batch.run(3)?;
    mark::be_traced();
    batch.run(1).map(drop)
}

/// Which key the first call is for.
#[derive(clap::Args, Debug)]
pub(crate) struct FirstCall {
    key: i32,
    #[arg(long)]
    traced: bool,
}

/// Makes the first call of a process, and prints how many ns it took.
pub(crate) fn first_call(first: &FirstCall) -> io::Result<()> {
    if first.traced {
        mark::be_traced();
    }
    let taken = mark::timed(1, || {
        // SAFETY: no memory is touched.
        check(unsafe { libc::shmget(first.key, 0, 0) }).map(drop)
    })?;
    println!("{}", taken.as_nanos());
    Ok(())
}
