//! ptrace(2), and what can be read of a tracee.

use std::io;

/// Events, in the third byte of a stop's status.
pub(super) mod event {
    pub(crate) const FORK: i32 = 1;
    pub(crate) const VFORK: i32 = 2;
    pub(crate) const CLONE: i32 = 3;
    pub(crate) const EXEC: i32 = 4;
    pub(crate) const EXIT: i32 = 6;
    pub(crate) const SECCOMP: i32 = 7;
    pub(crate) const STOP: i32 = 128;
}

/// What is told of each tracee: the system calls, its children and threads, exec, exit.
pub(super) const OPTIONS: usize = (libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESECCOMP) as usize;
/// Without its tracer a program under the filter could not go on: it goes with it.
pub(super) const GOES_ALONG: usize = libc::PTRACE_O_EXITKILL as usize;

/// As wide as an int, with a sign or without.
#[cfg(target_env = "gnu")]
type Request = libc::c_uint;
#[cfg(not(target_env = "gnu"))]
type Request = libc::c_int;

const GET_SYSCALL_INFO: Request = 0x420e;

/// How a stopped tracee goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoOn {
    /// To the next stop of any other kind.
    Freely,
    /// To the beginning or end of a system call, too.
    ToCall,
    /// It stays stopped, as a job does, until it is continued.
    Stopped,
}

fn request(request: Request, tid: i32, address: usize, data: usize) -> io::Result<i64> {
    // SAFETY: the requests of this file pass no memory but structures, each writable for the size that is told or that it has.
    let result = unsafe { libc::ptrace(request, tid, address, data) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

/// Takes hold of a thread, which runs on.
pub(super) fn seize(tid: i32, options: usize) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, options).map(drop)
}

/// Makes a thread stop.
pub(super) fn interrupt(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// Lets a stopped thread go on, with a signal or 0. One that was killed meanwhile is no error.
pub(super) fn go_on(tid: i32, how: GoOn, signal: i32) {
    let how = match how {
        GoOn::Freely => libc::PTRACE_CONT,
        GoOn::ToCall => libc::PTRACE_SYSCALL,
        GoOn::Stopped => libc::PTRACE_LISTEN,
    };
    let _ = request(how, tid, 0, signal as usize);
}

/// Lets a stopped thread go for good.
pub(super) fn detach(tid: i32, signal: i32) {
    let _ = request(libc::PTRACE_DETACH, tid, 0, signal as usize);
}

/// What an event is about: the new process, or the status of an exit.
pub(super) fn message(tid: i32) -> u64 {
    let mut message: libc::c_ulong = 0;
    let place = (&raw mut message) as usize;
    match request(libc::PTRACE_GETEVENTMSG, tid, 0, place) {
        Ok(_) => message,
        Err(_) => 0,
    }
}

/// `struct ptrace_syscall_info` of linux/ptrace.h.
#[repr(C)]
#[derive(Default)]
struct Info {
    op: u8,
    pad: [u8; 3],
    arch: u32,
    instruction: u64,
    stack: u64,
    /// Number and arguments of a call that begins; result, and whether it is an error, of one that ends.
    words: [u64; 7],
    data: u64,
}

/// Where a thread makes a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The instruction behind the call.
    pub(super) instruction: u64,
    /// The stack pointer.
    pub(super) stack: u64,
}

/// A call at its beginning or end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// Number and arguments, and where the thread is.
    Begins(i64, [u64; 6], Place),
    /// The result, or a negative errno.
    Ends(i64),
}

/// Where in its call a thread is that stopped for one.
pub(super) fn moment(tid: i32) -> Option<Moment> {
    const ENTRY: u8 = 1;
    const EXIT: u8 = 2;
    const SECCOMP: u8 = 3;
    let mut info = Info::default();
    let place = (&raw mut info) as usize;
    request(GET_SYSCALL_INFO, tid, size_of::<Info>(), place).ok()?;
    let [number, args @ ..] = info.words;
    match info.op {
        ENTRY | SECCOMP => {
            let place = Place {
                instruction: info.instruction,
                stack: info.stack,
            };
            Some(Moment::Begins(number as i64, args, place))
        }
        EXIT => Some(Moment::Ends(number as i64)),
        _ => None,
    }
}

/// The frame pointer of a stopped thread, with which its stack can be unwound. On aarch64 that would take the link register
/// as well, and to know whether the function has stored it.
#[cfg(target_arch = "x86_64")]
pub(super) fn frame_pointer(tid: i32) -> Option<u64> {
    // SAFETY: all zeros is a valid structure of registers.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let place = (&raw mut registers) as usize;
    request(libc::PTRACE_GETREGS, tid, 0, place).ok()?;
    Some(registers.rbp)
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn frame_pointer(_: i32) -> Option<u64> {
    None
}

/// Copies a tracee's memory; how much could be copied.
pub(super) fn read(tid: i32, address: u64, into: &mut [u8]) -> usize {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: address as *mut libc::c_void,
        iov_len: into.len(),
    };
    // SAFETY: the local side is writable for its length; the kernel checks the other.
    let count =
        unsafe { libc::process_vm_readv(tid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(count).unwrap_or(0)
}

/// The words of a tracee's memory from an address on, as far as they can be had: so many bytes.
pub(super) fn words(tid: i32, address: u64, size: usize) -> Vec<u64> {
    let mut bytes = vec![0; size];
    let count = read(tid, address, &mut bytes);
    let words = bytes.get(..count).unwrap_or_default().chunks_exact(8);
    words
        .filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes))
        .collect()
}

/// A C string of a tracee, cut at `most` bytes. It is read page by page: the next may not be there.
pub(super) fn text(tid: i32, address: u64, most: usize) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let mut text = Vec::new();
    let mut at = address;
    while text.len() < most {
        let room = (PAGE - at % PAGE) as usize;
        let mut piece = vec![0; room.min(most - text.len())];
        let count = read(tid, at, &mut piece);
        piece.truncate(count);
        if let Some(end) = piece.iter().position(|byte| *byte == 0) {
            piece.truncate(end);
            text.extend(piece);
            return text;
        }
        if count == 0 {
            return text;
        }
        at += count as u64;
        text.extend(piece);
    }
    text
}
