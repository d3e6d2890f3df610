//! A program started under the tracer, or a running process that it takes hold of.

use super::file::Ticks;
use super::tracer::Tracer;
use super::{filter, stop};
use crate::failure::{Failure, RUN_FAILED};
use crate::launch::{End, Environment, Launch, Watch, ending, reached_the_group, receive_signals};
use nix::fcntl::OFlag;
use nix::sys::signal::{self, SigmaskHow, Signal};
use nix::sys::signalfd::{SignalFd, siginfo};
use nix::unistd::{ForkResult, Pid, fork, pipe2};
use partage_report::alive;
use partage_trace_format::clock::ClockKind;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Runs the program, and returns its process and how it ended once everything that it started has ended, too: under the
/// filter nobody can go on without us.
pub(crate) fn run<T: Send>(
    launch: &Launch,
    environment: &Environment,
    directory: &Path,
    follow: impl FnOnce(&Watch) -> T + Send,
) -> Result<(Pid, End, T), Failure> {
    let failed = |what: &str, why: std::io::Error| Failure::io(what, why);
    let (signals, before) = receive_signals()?;
    let (gate, opener) =
        pipe2(OFlag::O_CLOEXEC).map_err(|why| failed("cannot make a pipe", why.into()))?;
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let forked = unsafe { fork() }.map_err(|why| failed("cannot start a process", why.into()))?;
    let child = match forked {
        ForkResult::Child => {
            drop(opener);
            // It goes on once the tracer has taken hold of it, or has died.
            let held = File::from(gate)
                .read(&mut [0])
                .is_ok_and(|count| count == 1);
            let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
            let status = match filter::put_on() {
                _ if !held => RUN_FAILED,
                Ok(()) => launch
                    .exec_as_it_is(environment)
                    .or_status(RUN_FAILED)
                    .report(),
                Err(why) => Failure::io("cannot put the program under a filter (seccomp)", why)
                    .or_status(RUN_FAILED)
                    .report(),
            };
            // SAFETY: leaves at once, running no handler of the parent's.
            unsafe { libc::_exit(i32::from(status)) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(gate);
    let mut tracer = Tracer::new(directory, true, Ticks(ClockKind::Monotonic));
    stop::seize(child.as_raw(), stop::OPTIONS | stop::GOES_ALONG)
        .map_err(|why| failed("cannot trace the program (ptrace)", why))?;
    tracer.expect(child.as_raw() as u32);
    File::from(opener)
        .write_all(&[1])
        .map_err(|why| failed("cannot let the program go", why))?;
    let (end, followed) = followed(&mut tracer, &signals, follow, |tracer, signals, watch| {
        attend(tracer, signals, watch, child)
    })?;
    finish(&mut tracer, &before)?;
    let end = end.unwrap_or(End::Exit(RUN_FAILED));
    Ok((child, end, followed))
}

/// Follows a running process, its threads and what it starts until they have ended or a signal asks to stop, and lets
/// them go.
pub(crate) fn attach<T: Send>(
    pid: u32,
    directory: &Path,
    follow: impl FnOnce(&Watch) -> T + Send,
) -> Result<T, Failure> {
    let (signals, before) = receive_signals()?;
    let mut tracer = Tracer::new(directory, false, Ticks(ClockKind::Monotonic));
    take_hold(&mut tracer, pid)?;
    let (_, followed) = followed(&mut tracer, &signals, follow, |tracer, signals, watch| {
        accompany(tracer, signals, watch)
    })?;
    finish(&mut tracer, &before)?;
    Ok(followed)
}

/// Takes hold of all threads, those included that are made meanwhile.
fn take_hold(tracer: &mut Tracer, pid: u32) -> Result<(), Failure> {
    let mut held = BTreeSet::new();
    loop {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"))
            .map_err(|why| Failure::io(format_args!("cannot look at process {pid}"), why))?;
        let tids = tasks
            .flatten()
            .filter_map(|task| task.file_name().to_str()?.parse::<i32>().ok());
        let fresh: Vec<i32> = tids.filter(|tid| !held.contains(tid)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        for tid in fresh {
            held.insert(tid);
            match stop::seize(tid, stop::OPTIONS) {
                Ok(()) => {
                    tracer.take_hold(pid, tid);
                    // It goes on to its next call from this stop.
                    let _ = stop::interrupt(tid);
                }
                // A thread that has ended, as a main thread can before the others; or one that its maker's option has
                // brought already.
                Err(_)
                    if tid != pid as i32
                        || alive::directory(pid) != Path::new(&format!("/proc/{pid}")) => {}
                Err(why) => {
                    return Err(Failure::io(format_args!("cannot take hold of process {pid}"), why)
                        .advise(
                            "it takes the rights of a debugger: see kernel.yama.ptrace_scope, and whether another \
                             tracer has it",
                        ));
                }
            }
        }
    }
}

type Attending<'f> = dyn FnOnce(&mut Tracer, &SignalFd, &Watch) -> nix::Result<Option<End>> + 'f;

/// Attends to the tracees while a thread of its own follows.
fn followed<T: Send>(
    tracer: &mut Tracer,
    signals: &SignalFd,
    follow: impl FnOnce(&Watch) -> T + Send,
    attend: impl FnOnce(&mut Tracer, &SignalFd, &Watch) -> nix::Result<Option<End>>,
) -> Result<(Option<End>, T), Failure> {
    let attend: Box<Attending<'_>> = Box::new(attend);
    let watch = Watch::default();
    let (end, followed) = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(&watch));
        let end = attend(tracer, signals, &watch);
        watch.over.store(true, Ordering::Release);
        watch.interrupted.store(true, Ordering::Release);
        (end, follower.join())
    });
    let end = end.map_err(|why| Failure::io("cannot wait for the program", why))?;
    let followed = followed.map_err(|_| Failure::new("the follower has failed"))?;
    Ok((end, followed))
}

fn finish(tracer: &mut Tracer, before: &signal::SigSet) -> Result<(), Failure> {
    let mut mask = *before;
    mask.add(Signal::SIGPIPE);
    let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    match tracer.failure() {
        Some(why) => Err(Failure::io("cannot make a trace file", why)),
        None => Ok(()),
    }
}

/// Until everybody has ended. Signals go to the program; when it has ended, those that ask to end take the rest along.
fn attend(
    tracer: &mut Tracer,
    signals: &SignalFd,
    watch: &Watch,
    program: Pid,
) -> nix::Result<Option<End>> {
    let mut end = None;
    loop {
        take_stops(tracer, program, &mut end);
        if end.is_some() {
            watch.over.store(true, Ordering::Release);
            if tracer.is_empty() {
                return Ok(end);
            }
        }
        let Some(received) = next(signals)? else {
            continue;
        };
        if end.is_some() && ending(&received) {
            // The kernel ends them with us.
            return Ok(end);
        }
        if end.is_none() && !reached_the_group(&received) {
            // SAFETY: sends a signal to our own child, which is not reaped yet.
            unsafe { libc::kill(program.as_raw(), received.ssi_signo as i32) };
        }
    }
}

/// Until everybody has ended or was let go.
fn accompany(tracer: &mut Tracer, signals: &SignalFd, _: &Watch) -> nix::Result<Option<End>> {
    let mut end = None;
    loop {
        take_stops(tracer, Pid::from_raw(0), &mut end);
        if tracer.is_empty() {
            return Ok(None);
        }
        if next(signals)?.is_some_and(|received| ending(&received)) {
            tracer.leave();
        }
    }
}

/// The next signal but SIGCHLD, which says that there are stops to take.
pub(super) fn next(signals: &SignalFd) -> nix::Result<Option<siginfo>> {
    let received = signals.read_signal()?;
    Ok(received.filter(|received| received.ssi_signo != libc::SIGCHLD as u32))
}

/// Takes all stops and ends that there are.
pub(super) fn take_stops(tracer: &mut Tracer, program: Pid, end: &mut Option<End>) {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the answer.
        let tid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
        if tid <= 0 {
            return;
        }
        if libc::WIFSTOPPED(status) {
            tracer.stopped(tid, status);
            continue;
        }
        tracer.ended(tid);
        if tid == program.as_raw() {
            *end = Some(match libc::WIFSIGNALED(status) {
                true => End::Killed(libc::WTERMSIG(status)),
                false => End::Exit(libc::WEXITSTATUS(status) as u8),
            });
        }
    }
}
