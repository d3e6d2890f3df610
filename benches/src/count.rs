//! Counts the system calls between a worker's marks, by ptrace(2).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::mark::{BEGIN, END, MARK};

/// How often each system call was made, by number.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Calls(BTreeMap<u64, u32>);

impl Calls {
    /// Changes of the signal mask, which cost least of all and stand for themselves.
    #[must_use]
    pub fn masks(&self) -> u32 {
        self.0
            .get(&(libc::SYS_rt_sigprocmask as u64))
            .copied()
            .unwrap_or(0)
    }

    /// All others.
    #[must_use]
    pub fn others(&self) -> u32 {
        self.0.values().sum::<u32>() - self.masks()
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, times) in &self.0 {
            write!(to, "{times} x {}, ", name(*number))?;
        }
        write!(to, "{} in all", self.0.values().sum::<u32>())
    }
}

/// The names of those that shared memory may need.
fn name(number: u64) -> String {
    let known = [
        (libc::SYS_openat, "openat"),
        (libc::SYS_close, "close"),
        (libc::SYS_mmap, "mmap"),
        (libc::SYS_munmap, "munmap"),
        (libc::SYS_mremap, "mremap"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_geteuid, "geteuid"),
        (libc::SYS_getegid, "getegid"),
        (libc::SYS_ftruncate, "ftruncate"),
        (libc::SYS_unlinkat, "unlinkat"),
        (libc::SYS_statfs, "statfs"),
        (libc::SYS_fstatfs, "fstatfs"),
        (libc::SYS_rt_sigprocmask, "rt_sigprocmask"),
        (libc::SYS_shmget, "shmget"),
        (libc::SYS_shmctl, "shmctl"),
        (libc::SYS_shmat, "shmat"),
        (libc::SYS_shmdt, "shmdt"),
    ];
    let known = known.iter().find(|(known, _)| *known as u64 == number);
    known.map_or_else(|| format!("call {number}"), |(_, name)| (*name).to_owned())
}

/// Runs a worker to its end, and counts what it and its children call between the last two marks.
///
/// # Errors
/// - the program could not be started or traced
/// - it failed, or set no marks
pub fn count(command: &mut Command) -> io::Result<Calls> {
    // SAFETY: between fork and exec, one system call.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let main = Pid::from_raw(child.id() as i32);
    let mut tracer = Tracer::default();
    waitpid(main, None)?;
    let children =
        Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
    ptrace::setoptions(
        main,
        children | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL,
    )?;
    resume(main, None);
    loop {
        // Only what this thread traces: others have children too.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))?;
        match status {
            WaitStatus::Exited(pid, code) if pid == main => return tracer.result(code == 0),
            WaitStatus::Signaled(pid, ..) if pid == main => return tracer.result(false),
            WaitStatus::PtraceSyscall(pid) => {
                tracer.note(pid);
                resume(pid, None);
            }
            WaitStatus::Stopped(pid, Signal::SIGSTOP | Signal::SIGTRAP)
            | WaitStatus::PtraceEvent(pid, ..) => resume(pid, None),
            WaitStatus::Stopped(pid, signal) => resume(pid, Some(signal)),
            _ => {}
        }
    }
}

/// One that is gone meanwhile needs no resuming.
fn resume(pid: Pid, signal: Option<Signal>) {
    let _ = ptrace::syscall(pid, signal);
}

#[derive(Default)]
struct Tracer {
    /// Processes between their marks.
    counting: BTreeSet<Pid>,
    now: Calls,
    last: Option<Calls>,
}

impl Tracer {
    fn note(&mut self, pid: Pid) {
        let Some((number, [first, second, ..])) = entered(pid) else {
            return;
        };
        let is_mark = number == libc::SYS_getpriority as u64 && first as i32 == MARK;
        match (is_mark, second as u32) {
            (true, BEGIN) => {
                self.counting.insert(pid);
                self.now = Calls::default();
            }
            (true, END) => {
                self.counting.remove(&pid);
                self.last = Some(std::mem::take(&mut self.now));
            }
            _ if self.counting.contains(&pid) => *self.now.0.entry(number).or_default() += 1,
            _ => {}
        }
    }

    fn result(self, succeeded: bool) -> io::Result<Calls> {
        self.last
            .filter(|_| succeeded)
            .ok_or_else(|| io::Error::other("the traced program failed"))
    }
}

/// The system call that a stopped process is about to make, and its arguments; `None` when it comes back from one.
fn entered(pid: Pid) -> Option<(u64, [u64; 6])> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = size_of::<libc::ptrace_syscall_info>();
    // SAFETY: the kernel writes at most `size` bytes, which is what there is.
    let written = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            pid.as_raw(),
            size,
            info.as_mut_ptr(),
        )
    };
    // SAFETY: numbers, for which zeroes and whatever the kernel writes are valid.
    let info = unsafe { info.assume_init() };
    if written <= 0 || info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return None;
    }
    // SAFETY: `op` says that this is the variant.
    let entry = unsafe { info.u.entry };
    Some((entry.nr, entry.args))
}
