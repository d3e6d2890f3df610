//! A child under ptrace(2): run to an instruction, stepped, killed.

use crate::calls::errno;

/// A traced process, stopped.
#[derive(Debug)]
pub struct Tracee {
    /// Its process id.
    pub pid: i32,
    /// Its child, if it has forked since; stopped before its first instruction.
    pub child: Option<i32>,
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// At the next instruction, or where it was sent to.
    Here,
    /// It stopped itself: the marked part is over.
    Mark,
    /// It ended, with this wait status.
    Ended(i32),
    /// Something else: a signal.
    Signal(i32),
}

fn request(what: libc::c_uint, pid: i32, address: usize, data: usize) -> Result<i64, String> {
    // SAFETY: requests that write through `data` are given a pointer of the right size by the callers below.
    let value = unsafe { libc::ptrace(what, pid, address, data) };
    if value == -1 && errno() != 0 {
        Err(format!("ptrace {what}: errno {}", errno()))
    } else {
        Ok(value)
    }
}

fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is writable.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } == -1
        && errno() == libc::EINTR
    {}
    status
}

/// Stops this process, for its tracer: the marked part begins or is over.
#[inline(always)]
pub fn mark() {
    mark_with(0);
}

/// [`mark`], with a number for the tracer to see: the errno that the call ended with, or 0.
#[inline(always)]
pub fn mark_with(outcome: i32) {
    // SAFETY: plain numbers; `raise` would run instructions of its own. kill(2) does not look at its third argument.
    unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), libc::SIGSTOP, outcome) };
}

impl Tracee {
    /// Forks a child that runs `body`, and returns when that has called [`mark`].
    ///
    /// # Errors
    /// It could not be made or traced, or ended before its mark.
    pub fn start(body: impl FnOnce()) -> Result<Tracee, String> {
        // SAFETY: the child runs `body` and ends; this program has one thread.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: plain numbers. The watchdog ends a child that hangs: timers are not inherited by fork.
            unsafe {
                libc::alarm(60);
                libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            }
            body();
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) };
        }
        let status = wait(pid);
        if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGSTOP {
            return Err(format!(
                "the child ended before its mark: status {status:#x}"
            ));
        }
        let options = libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_EXITKILL
            | libc::PTRACE_O_TRACESYSGOOD;
        request(libc::PTRACE_SETOPTIONS, pid, 0, options as usize)?;
        Ok(Tracee { pid, child: None })
    }

    /// The address of its next instruction.
    ///
    /// # Errors
    /// It is gone.
    pub fn instruction(&self) -> Result<u64, String> {
        Ok(self.registers()?.rip)
    }

    /// Its registers.
    ///
    /// # Errors
    /// It is gone.
    pub fn registers(&self) -> Result<libc::user_regs_struct, String> {
        // SAFETY: all-zero bytes are valid registers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        request(
            libc::PTRACE_GETREGS,
            self.pid,
            0,
            (&raw mut registers) as usize,
        )?;
        Ok(registers)
    }

    /// The number that it called [`mark_with`] with, stopped there.
    ///
    /// # Errors
    /// It is gone.
    pub fn outcome(&self) -> Result<i32, String> {
        Ok(self.registers()?.rdx as i32)
    }

    /// The string at an address of its memory, as far as it goes.
    #[must_use]
    pub fn string(&self, address: u64) -> String {
        use std::os::unix::fs::FileExt;
        let mut bytes = [0u8; 256];
        let read = std::fs::File::open(format!("/proc/{}/mem", self.pid))
            .and_then(|memory| memory.read_at(&mut bytes, address));
        let text = bytes.get(..read.unwrap_or(0)).unwrap_or(&[]);
        let end = text.iter().position(|&byte| byte == 0);
        String::from_utf8_lossy(text.get(..end.unwrap_or(text.len())).unwrap_or(&[])).into_owned()
    }

    /// Sets its registers.
    ///
    /// # Errors
    /// It is gone.
    pub fn set_registers(&self, registers: &libc::user_regs_struct) -> Result<(), String> {
        request(
            libc::PTRACE_SETREGS,
            self.pid,
            0,
            std::ptr::from_ref(registers) as usize,
        )
        .map(drop)
    }

    /// Executes one instruction.
    ///
    /// # Errors
    /// It is gone.
    pub fn step(&mut self) -> Result<Stop, String> {
        self.resume(libc::PTRACE_SINGLESTEP)
    }

    /// Goes on to the next system call's entry or exit.
    ///
    /// # Errors
    /// It is gone.
    pub fn to_system_call(&mut self) -> Result<Stop, String> {
        self.resume(libc::PTRACE_SYSCALL)
    }

    /// Goes on to its mark.
    ///
    /// # Errors
    /// It is gone.
    pub fn go_on(&mut self) -> Result<Stop, String> {
        self.resume(libc::PTRACE_CONT)
    }

    /// Goes on until it is about to execute the instruction at `address`.
    ///
    /// # Errors
    /// It is gone.
    pub fn run_to(&mut self, address: u64) -> Result<Stop, String> {
        if self.instruction()? == address {
            return Ok(Stop::Here);
        }
        let before = request(libc::PTRACE_PEEKTEXT, self.pid, address as usize, 0)?;
        request(
            libc::PTRACE_POKETEXT,
            self.pid,
            address as usize,
            (before & !0xff | 0xcc) as usize,
        )?;
        let stop = self.go_on()?;
        if stop == Stop::Here {
            request(
                libc::PTRACE_POKETEXT,
                self.pid,
                address as usize,
                before as usize,
            )?;
            let mut registers = self.registers()?;
            registers.rip = address;
            self.set_registers(&registers)?;
        }
        Ok(stop)
    }

    fn resume(&mut self, how: libc::c_uint) -> Result<Stop, String> {
        request(how, self.pid, 0, 0)?;
        loop {
            let status = wait(self.pid);
            if !libc::WIFSTOPPED(status) {
                return Ok(Stop::Ended(status));
            }
            if matches!(
                status >> 16,
                libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_CLONE
            ) {
                let mut child = 0u64;
                request(
                    libc::PTRACE_GETEVENTMSG,
                    self.pid,
                    0,
                    (&raw mut child) as usize,
                )?;
                wait(child as i32);
                self.child = Some(child as i32);
                request(how, self.pid, 0, 0)?;
                continue;
            }
            return Ok(match libc::WSTOPSIG(status) {
                libc::SIGTRAP => Stop::Here,
                signal if signal == libc::SIGTRAP | 0x80 => Stop::Here,
                libc::SIGSTOP => Stop::Mark,
                other => Stop::Signal(other),
            });
        }
    }

    /// The child that it forked, as a tracee of its own.
    pub fn take_child(&mut self) -> Option<Tracee> {
        self.child.take().map(|pid| Tracee { pid, child: None })
    }

    /// Takes a child back that [`Tracee::take_child`] gave.
    pub fn put_child(&mut self, mut child: Tracee) {
        self.child = Some(std::mem::take(&mut child.pid));
    }

    /// Kills it, and waits until it is gone. Its child stays.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.pid > 0 {
            // SAFETY: plain numbers; the process is a child of ours that nobody has waited for.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            while libc::WIFSTOPPED(wait(self.pid)) {}
            self.pid = 0;
        }
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        self.end();
        if let Some(child) = self.child.take() {
            drop(Tracee {
                pid: child,
                child: None,
            });
        }
    }
}
