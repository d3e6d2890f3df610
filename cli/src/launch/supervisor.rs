//! `run --private`: the program in a namespace that goes with it.
//!
//! Three processes. The *supervisor* (this one) starts the program, passes signals on to it,
//! waits, removes the namespace and ends as the program ended. Should the supervisor be killed,
//! the kernel kills the program (PR_SET_PDEATHSIG), and the *guard*, a process in a session of
//! its own that waits for the supervisor's end of a pipe to close, removes the namespace.

use super::private::PrivateNamespace;
use super::{Environment, Launch};
use crate::failure::Failure;
use crate::name::shown;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pipe2};
use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

/// Runs the program in a private namespace and returns its exit status, or does not return and
/// dies by the signal that ended it.
pub(crate) fn run_private(
    launch: &Launch,
    mut environment: Environment,
    keep: bool,
) -> Result<u8, Failure> {
    let name = OsStr::from_bytes(launch.program.words[0].as_bytes());
    let namespace = PrivateNamespace::create(name)?;
    environment.set("PARTAGE_DIR", namespace.path());
    let outcome = supervise(launch, &environment, &namespace, keep);
    let shown = format!("the private namespace {}", shown(namespace.path()));
    let (done, verb) = match keep {
        true => (namespace.keep(), "keep"),
        false => (namespace.remove(), "remove"),
    };
    match done {
        Ok(()) if keep => anstream::eprintln!("partage: kept {shown}"),
        Ok(()) => {}
        Err(why) => {
            Failure::io(format_args!("cannot {verb} {shown}"), why).report();
        }
    }
    Ok(outcome?.report())
}

/// How the program ended.
pub(crate) enum End {
    Exit(u8),
    Killed(i32),
}

fn supervise(
    launch: &Launch,
    environment: &Environment,
    namespace: &PrivateNamespace,
    keep: bool,
) -> Result<End, Failure> {
    let failed = |what, why: Errno| Failure::io(what, why);
    let (signals, before) = receive_signals()?;
    let alive = match keep {
        true => None,
        false => Some(start_guard(namespace).map_err(|why| failed("cannot start a guard", why))?),
    };
    let supervisor = getpid();
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let program = match unsafe { fork() }.map_err(|why| failed("cannot start a process", why))? {
        ForkResult::Child => be_the_program(launch, environment, supervisor, &before),
        ForkResult::Parent { child } => child,
    };
    let end = attend(&signals, program).map_err(|why| failed("cannot wait for the program", why));
    drop(alive);
    end
}

/// Blocks all signals and receives them instead: one that comes before the program runs is passed
/// on later. Returns the mask of before, too.
pub(crate) fn receive_signals() -> Result<(SignalFd, SigSet), Failure> {
    let mut before = SigSet::empty();
    signal::sigprocmask(
        SigmaskHow::SIG_SETMASK,
        Some(&SigSet::all()),
        Some(&mut before),
    )
    .map_err(|why| Failure::io("cannot block signals", why))?;
    let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC)
        .map_err(|why| Failure::io("cannot receive signals", why))?;
    Ok((signals, before))
}

/// The child: dies with the supervisor, gets the caller's signal mask, becomes the program.
fn be_the_program(launch: &Launch, environment: &Environment, supervisor: Pid, mask: &SigSet) -> ! {
    // The tie is lost with the rights: they go first.
    if let Err(failure) = launch.take_rights() {
        let status = failure.or_status(crate::failure::RUN_FAILED).report();
        // SAFETY: leaves at once, running no handler of the supervisor's.
        unsafe { libc::_exit(i32::from(status)) }
    }
    // SAFETY: numbers only.
    let is_tied = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } == 0;
    // A supervisor that died before the line above sends nothing.
    let status = if !is_tied || getppid() != supervisor {
        crate::failure::RUN_FAILED
    } else {
        // It fails for no valid mask, and this one came from the kernel.
        let _ = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
        let failure = launch.exec(environment);
        failure.or_status(crate::failure::RUN_FAILED).report()
    };
    // SAFETY: leaves at once, running no handler of the supervisor's.
    unsafe { libc::_exit(i32::from(status)) }
}

/// Starts the guard and returns the end of the pipe that keeps it waiting.
fn start_guard(namespace: &PrivateNamespace) -> nix::Result<OwnedFd> {
    let (watched, alive) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread, so the child may go on as it likes.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // The guard's parent leaves at once: nobody has to wait for the guard.
            // SAFETY: as above.
            if let Ok(ForkResult::Child) = unsafe { fork() } {
                guard(namespace, &watched);
            }
            // SAFETY: leaves at once, running no handler of the supervisor's.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => waitpid(child, None)?,
    };
    Ok(alive)
}

/// Waits until the supervisor is gone, then removes the namespace if it is still there. Signals
/// are blocked, the terminal and the caller's files are let go.
fn guard(namespace: &PrivateNamespace, watched: &OwnedFd) {
    let _ = nix::unistd::setsid();
    let _ = nix::unistd::chdir("/");
    close_all_but(&[watched.as_raw_fd(), namespace.starter().as_raw_fd()]);
    let mut byte = [0];
    while let Err(Errno::EINTR) = nix::unistd::read(watched, &mut byte) {}
    // Nobody is left to be told; gc finds what could not be removed.
    let _ = namespace.remove();
}

/// Closes every descriptor but the `kept` ones.
fn close_all_but(kept: &[RawFd]) {
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().chain([RawFd::MAX]) {
        if first < fd {
            // SAFETY: the range holds no descriptor that this process uses any more. Called as
            // a system call since not every libc has a wrapper; without it they stay open.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}

/// Passes signals on until the program has ended.
pub(super) fn attend(signals: &SignalFd, program: Pid) -> nix::Result<End> {
    loop {
        let Some(received) = signals.read_signal()? else {
            continue;
        };
        if received.ssi_signo == libc::SIGCHLD as u32 {
            if let Some(end) = look_after_children(program)? {
                return Ok(end);
            }
        } else if !reached_the_group(&received) {
            // SAFETY: sends a signal to our own child, which is not reaped yet. Real-time
            // signals have no `Signal`, hence the plain call.
            unsafe { libc::kill(program.as_raw(), received.ssi_signo as i32) };
        }
    }
}

/// Whether a signal came from the terminal, which sends it to the program as well.
pub(crate) fn reached_the_group(received: &siginfo) -> bool {
    const FROM_TERMINAL: [i32; 5] = [
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTSTP,
        libc::SIGHUP,
        libc::SIGWINCH,
    ];
    const SI_KERNEL: i32 = 0x80;
    received.ssi_code == SI_KERNEL && FROM_TERMINAL.contains(&(received.ssi_signo as i32))
}

/// Reaps whoever ended (as process 1 of a container, that includes orphans). When the program is
/// stopped, so are we, that a shell sees its job stop. Returns how the program ended.
fn look_after_children(program: Pid) -> nix::Result<Option<End>> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the answer. The plain call, since nix knows no
        // end by a real-time signal.
        let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
        match Errno::result(child) {
            Ok(0) => return Ok(None),
            Ok(pid) if pid != program.as_raw() => {}
            Ok(_) if libc::WIFSTOPPED(status) => signal::raise(Signal::SIGSTOP)?,
            Ok(_) if libc::WIFSIGNALED(status) => {
                return Ok(Some(End::Killed(libc::WTERMSIG(status))));
            }
            Ok(_) => return Ok(Some(End::Exit(libc::WEXITSTATUS(status) as u8))),
            Err(Errno::EINTR) => {}
            Err(why) => return Err(why),
        }
    }
}

impl End {
    /// Ends this process in the same way as far as it can; returns the exit status otherwise.
    pub(crate) fn report(self) -> u8 {
        match self {
            End::Exit(status) => status,
            End::Killed(signal) => {
                die_by(signal);
                // Process 1 does not die by its own signals.
                128 + signal as u8
            }
        }
    }
}

/// Dies by `signal`, without a second core dump.
fn die_by(signal: i32) {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // SAFETY: the default action needs no handler; raise and the mask concern this process only,
    // and `set` is initialised before it is used.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}
