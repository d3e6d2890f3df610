//! A case made ready to run: the calls that are measured.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::batch::{Batch, Measured};
use crate::case::{Case, Operation, Setting};
use crate::child::exit_at_once;
use crate::contention::Contention;
use crate::crowd::Crowd;
use crate::mark::timed;
use crate::memory::{FirstTouch, Warm};
use crate::segment::{Api, Attached, Segment};

const SIZE: usize = 4096;
/// Segments that first attaches go through at a time: with 4000 others, still fewer than there may be.
const UNSEEN: u32 = 64;

/// Makes a case ready.
///
/// # Errors
/// A call's own.
pub fn prepare(case: &Case, api: Api) -> io::Result<Box<dyn Batch>> {
    Ok(match case.operation {
        Operation::Contend(processes, share) => Box::new(Contention::new(api, processes, share)?),
        Operation::FirstTouch(bytes) => Box::new(FirstTouch { api, bytes }),
        Operation::Sequential(bytes) => Box::new(Warm::new(api, bytes, false)?),
        Operation::Random(bytes) => Box::new(Warm::new(api, bytes, true)?),
        _ => Box::new(Calls::new(case, api)?),
    })
}

/// One segment, what there is beside it, and an operation.
struct Calls {
    operation: Operation,
    api: Api,
    /// Before the segments, which are removed last.
    _crowds: [Crowd; 2],
    segment: Segment,
    _others: Vec<Segment>,
    /// What forks inherit.
    attached: Vec<Attached>,
}

impl Calls {
    fn new(case: &Case, api: Api) -> io::Result<Calls> {
        let Setting {
            segments,
            members,
            attached,
            ..
        } = case.setting;
        let mut others = (1..segments.max(2))
            .map(|_| Segment::new(api, SIZE, false))
            .collect::<io::Result<Vec<_>>>()?;
        let segment = Segment::new(api, SIZE, true)?;
        let beside = others.first().unwrap_or(&segment);
        let crowds = [
            Crowd::start(members, beside)?,
            Crowd::start(attached, &segment)?,
        ];
        if segments < 2 && members == 0 {
            others.clear();
        }
        let inherited = if let Operation::Fork(count) = case.operation {
            count
        } else {
            0
        };
        let attached = (0..inherited)
            .map(|_| segment.attach())
            .collect::<io::Result<_>>()?;
        Ok(Calls {
            operation: case.operation,
            api,
            _crowds: crowds,
            segment,
            _others: others,
            attached,
        })
    }

    fn attach_first(&self, times: u32) -> io::Result<Duration> {
        let mut taken = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            let some = left.min(UNSEEN);
            left -= some;
            let segments = (0..some).map(|_| Segment::new(self.api, SIZE, false));
            let mut unseen = segments.collect::<io::Result<Vec<_>>>()?.into_iter();
            let mut seen = Vec::with_capacity(some as usize);
            taken += timed(some, || {
                if let Some(segment) = unseen.next() {
                    segment.attach()?.detach()?;
                    seen.push(segment);
                }
                Ok(())
            })?;
        }
        Ok(taken)
    }

    fn create_and_remove(&self, times: u32) -> io::Result<Duration> {
        let mut segment = Segment::plan(self.api, SIZE, false)?;
        timed(times, || {
            segment.create()?;
            segment.remove()
        })
    }

    fn life_cycle(&self, times: u32) -> io::Result<Duration> {
        let mut segment = Segment::plan(self.api, SIZE, false)?;
        timed(times, || {
            segment.create()?;
            let attached = segment.attach()?;
            attached.touch();
            attached.detach()?;
            segment.remove()
        })
    }

    /// The time that `times` new processes say that their first call took.
    fn first_calls(&self, times: u32) -> io::Result<Duration> {
        let mut taken = Duration::ZERO;
        for _ in 0..times {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["first-call", &self.segment.key.to_string()]);
            if crate::mark::is_traced() {
                command.arg("--traced");
            }
            let output = command.stderr(Stdio::inherit()).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            let ns = said
                .trim()
                .parse()
                .map_err(|_| io::Error::other("a first call failed"))?;
            taken += Duration::from_nanos(ns);
        }
        Ok(taken)
    }
}

impl Batch for Calls {
    fn run(&mut self, times: u32) -> io::Result<Measured> {
        let segment = &self.segment;
        let taken = match self.operation {
            Operation::Find(mode) => timed(times, || segment.find(mode)),
            Operation::Status => timed(times, || segment.status()),
            Operation::AttachAgain => timed(times, || segment.attach()?.detach()),
            Operation::AttachFirst => self.attach_first(times),
            Operation::CreateRemove => self.create_and_remove(times),
            Operation::LifeCycle => self.life_cycle(times),
            Operation::Fork(_) => timed(times, fork_and_wait),
            Operation::FirstCall => self.first_calls(times),
            Operation::Start => timed(times, || Command::new("true").status().map(drop)),
            Operation::Contend(..)
            | Operation::FirstTouch(_)
            | Operation::Sequential(_)
            | Operation::Random(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        taken.map(Measured::from)
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        for attached in self.attached.drain(..) {
            let _ = attached.detach();
        }
    }
}

fn fork_and_wait() -> io::Result<()> {
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => exit_at_once(0),
        ForkResult::Parent { child } => Ok(waitpid(child, None).map(drop)?),
    }
}
