//! A program that another recorded one executes and no preload reaches: this command was executed in its place. It has
//! itself traced by a process of its own, which outlives it as the tracer of the program, and becomes the program.
//!
//! The tracer is a grandchild, so that the program has no child that it did not make.

use super::file::Ticks;
use super::run::{next, take_stops};
use super::tracer::Tracer;
use super::{filter, stop};
use crate::failure::{Failure, NOT_EXECUTABLE, Outcome, RUN_FAILED};
use crate::launch::receive_signals;
use crate::tracing::namespaces;
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, pipe2};
use partage_trace_format::clock::ClockKind;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The word by which the recorder executes this command.
const ASKED: &str = "trace-outside";

/// `partage trace-outside DIRECTORY CLOCK PATH ARGUMENTS`: the exit status if it comes back. None for other words.
pub(crate) fn asked(words: &[OsString]) -> Option<u8> {
    let [_, word, directory, clock, path, arguments @ ..] = words else {
        return None;
    };
    if word != ASKED {
        return None;
    }
    let clock = match clock.to_str() {
        Some("counter") => ClockKind::Counter,
        _ => ClockKind::Monotonic,
    };
    let became = become_recorded(Path::new(directory), Ticks(clock), path, arguments);
    Some(became.unwrap_or_else(|failure| failure.or_status(RUN_FAILED).report()))
}

fn become_recorded(
    directory: &Path,
    clock: Ticks,
    path: &OsString,
    arguments: &[OsString],
) -> Outcome {
    let has_zero = |_| Failure::new("an argument holds a zero byte");
    let program = CString::new(path.as_bytes()).map_err(has_zero)?;
    let words = arguments.iter().map(|word| CString::new(word.as_bytes()));
    let words = words.collect::<Result<Vec<_>, _>>().map_err(has_zero)?;
    // The program may use partage all the same, which makes no system call of the kind that is recorded.
    if let Some(named) =
        std::env::var_os("PARTAGE_DIR").filter(|name| name.as_bytes().starts_with(b"/"))
    {
        namespaces::note_in(directory, Path::new(&named));
    }
    if has_tracer(directory, clock) {
        // Without the filter the tracer would see nothing, and the program runs all the same.
        let _ = filter::put_on();
    }
    let Err(why) = nix::unistd::execve(&program, &words, &environment());
    let what = format!(
        "cannot execute {}",
        crate::name::escaped(path.as_encoded_bytes())
    );
    Err(Failure::io(what, why).with_status(NOT_EXECUTABLE))
}

/// The program's environment: without the recorder, since everything that it starts is seen from outside.
fn environment() -> Vec<CString> {
    let mut entries = Vec::new();
    for (name, value) in std::env::vars_os() {
        let value = match name.to_str() {
            Some("LD_PRELOAD") => {
                let others = value.as_bytes().split(|byte| b" :".contains(byte));
                let others = others.filter(|path| {
                    const RECORDER: &[u8] = b"libpartage_trace.so";
                    !path.is_empty() && !path.ends_with(RECORDER)
                });
                others.collect::<Vec<_>>().join(&b':')
            }
            Some(name) if name.starts_with("PARTAGE_TRACE") => continue,
            _ => value.as_bytes().to_vec(),
        };
        if name == "LD_PRELOAD" && value.is_empty() {
            continue;
        }
        let entry = [name.as_bytes(), b"=", &value].concat();
        entries.extend(CString::new(entry));
    }
    entries
}

/// Makes the tracer, and waits until it has taken hold of this process; whether it has.
fn has_tracer(directory: &Path, clock: Ticks) -> bool {
    const ANYBODY: libc::c_ulong = libc::c_ulong::MAX;
    let Ok((gate, opener)) = pipe2(OFlag::O_CLOEXEC) else {
        return false;
    };
    let program = getpid();
    allow_tracer(ANYBODY);
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let held = match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            drop(gate);
            // SAFETY: as above.
            if let Ok(ForkResult::Child) = unsafe { fork() } {
                trace(program, opener, directory, clock);
            }
            // SAFETY: leaves at once, running no handler.
            unsafe { libc::_exit(0) }
        }
        Ok(ForkResult::Parent { child }) => {
            drop(opener);
            // Where the caller ignores SIGCHLD there is nothing to wait for.
            let _ = waitpid(child, None);
            let opened = File::from(gate).read(&mut [0]);
            opened.is_ok_and(|count| count == 1)
        }
        Err(_) => false,
    };
    allow_tracer(0);
    held
}

/// Where only ancestors may trace, names who else may.
fn allow_tracer(who: libc::c_ulong) {
    // SAFETY: no memory is passed. Kernels without that rule know no such option.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, who) };
}

/// The tracer's life. It keeps nothing of the program's open, and signals for the program's group pass it by.
fn trace(program: Pid, opener: OwnedFd, directory: &Path, clock: Ticks) {
    let leave = || -> ! {
        // SAFETY: leaves at once, running no handler.
        unsafe { libc::_exit(0) }
    };
    let Ok((signals, _)) = receive_signals() else {
        leave()
    };
    let mut tracer = Tracer::new(directory, true, clock);
    if stop::seize(program.as_raw(), stop::OPTIONS | stop::GOES_ALONG).is_err() {
        leave();
    }
    tracer.expect(program.as_raw() as u32);
    close_others(&[opener.as_raw_fd(), signals.as_raw_fd()]);
    let _ = nix::unistd::setsid();
    let _ = std::env::set_current_dir("/");
    if File::from(opener).write_all(&[1]).is_err() {
        leave();
    }
    let mut end = None;
    loop {
        take_stops(&mut tracer, program, &mut end);
        if tracer.is_empty() || next(&signals).is_err() {
            leave();
        }
    }
}

/// Closes all descriptors but these, so that the program's end is seen at the other ends of its pipes.
fn close_others(kept: &[i32]) {
    let mut kept: Vec<u32> = kept
        .iter()
        .filter_map(|fd| u32::try_from(*fd).ok())
        .collect();
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().chain([u32::MAX]) {
        if let Some(last) = fd.checked_sub(1).filter(|last| first <= *last) {
            // SAFETY: nothing of this process uses them any more.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
        first = fd.saturating_add(1);
    }
}
