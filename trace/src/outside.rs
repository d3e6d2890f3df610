//! Programs that no preload reaches, as they are executed: a statically linked one, or one whose environment drops the
//! recorder. The command stands in for them: it has itself traced from outside, and then becomes the program.
//!
//! ```text
//! exec(path, argv, envp)   becomes   exec(command, ["partage", "trace-outside", directory, clock, path, argv…], envp)
//! ```

use core::ffi::{CStr, c_char};

use partage_trace_format::clock::ClockKind;
use partage_trace_format::payload::NAME_MAX;

use crate::text::{Text, c_bytes, copy_c_bytes};
use crate::{clock, options, sys};

/// Words before the program's own arguments.
const OURS: usize = 5;
/// Programs with more arguments are executed as they are.
const WORDS: usize = 192;
const POINTER: usize = size_of::<usize>();
/// What is read of a file: its header, and what tells an interpreter.
const HEAD: usize = 1024;
/// Scripts that are the interpreters of scripts.
const DEPTH: usize = 4;

type Path = Text<{ NAME_MAX + 1 }>;

/// An exec of the command in place of a program's.
pub(crate) struct StandIn {
    directory: Text<{ options::DIRECTORY_MAX }>,
    path: Path,
    words: [usize; WORDS],
}

impl StandIn {
    /// For an exec of the program at `path`, searched for if `searched`; None if it can go as it is. `recorded` is whether
    /// its environment makes it record, if it can.
    pub(crate) fn prepare(
        path: usize,
        searched: bool,
        argv: usize,
        recorded: bool,
    ) -> Option<Self> {
        options::outside()?;
        let mut buffer = [0; NAME_MAX];
        let given = copy_c_bytes(path, &mut buffer);
        let path = if searched && !given.contains(&b'/') {
            search(given)?
        } else {
            let mut path = Path::new();
            path.push(given);
            path
        };
        let needs_it = match kind(path.as_c_str()?, DEPTH)? {
            Kind::Static => true,
            Kind::Dynamic => !recorded,
        };
        if !needs_it {
            return None;
        }
        let mut directory = Text::new();
        directory.push(options::directory()?);
        let mut stand_in = StandIn {
            directory,
            path,
            words: [0; WORDS],
        };
        stand_in.copy_arguments(argv).then_some(stand_in)
    }

    /// Takes the program's arguments; false if there are too many, or they cannot be read.
    fn copy_arguments(&mut self, argv: usize) -> bool {
        let last = WORDS - 1;
        for (index, place) in self.words.iter_mut().take(last).skip(OURS).enumerate() {
            let mut pointer = [0; POINTER];
            if sys::read_memory(argv.wrapping_add(index * POINTER), &mut pointer) != Ok(POINTER) {
                return false;
            }
            *place = usize::from_ne_bytes(pointer);
            if *place == 0 {
                return true;
            }
        }
        false
    }

    /// The command's path and its arguments, for as long as this lives.
    pub(crate) fn words(&mut self) -> Option<(usize, usize)> {
        let clock = match clock::kind() {
            ClockKind::Counter => c"counter",
            ClockKind::Monotonic => c"monotonic",
        };
        let ours = [
            c"partage",
            c"trace-outside",
            self.directory.as_c_str()?,
            clock,
            self.path.as_c_str()?,
        ];
        for (place, word) in self.words.iter_mut().zip(ours) {
            *place = word.as_ptr().expose_provenance();
        }
        let command = options::outside()?.as_ptr().expose_provenance();
        Some((command, self.words.as_ptr().expose_provenance()))
    }
}

/// Whether this process was executed as that command.
pub(crate) fn is_the_command() -> bool {
    // SAFETY: getauxval only reads.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const c_char;
    let Some(command) = options::outside().filter(|_| !name.is_null()) else {
        return false;
    };
    // SAFETY: the kernel has put the name there, a C string.
    unsafe { c_bytes(name, options::DIRECTORY_MAX) == command.to_bytes() }
}

/// Whether somebody traces this thread, so that nobody else can.
pub(crate) fn is_traced() -> bool {
    // The tracer comes in the first lines, behind a name of at most 16 bytes.
    const ROOM: usize = 512;
    const TRACER: &[u8] = b"\nTracerPid:\t";
    let mut buffer = [0; ROOM];
    let status = sys::read_proc(c"/proc/thread-self/status", &mut buffer);
    let at = status.windows(TRACER.len()).position(|part| part == TRACER);
    let pid = at.and_then(|at| status.get(at + TRACER.len()..));
    pid.is_some_and(|pid| pid.first() != Some(&b'0'))
}

/// As execvp(3) does: the first executable file of this name.
fn search(name: &[u8]) -> Option<Path> {
    let directories = options::search_path().unwrap_or(b"/bin:/usr/bin");
    directories
        .split(|byte| *byte == b':')
        .find_map(|directory| {
            let mut path = Path::new();
            path.push(if directory.is_empty() {
                b"."
            } else {
                directory
            });
            path.push(b"/").push(name);
            sys::is_executable(path.as_c_str()?).then_some(path)
        })
}

enum Kind {
    /// It names no interpreter.
    Static,
    Dynamic,
}

/// What the program at `path`, or the interpreter of a script, is; None for what is left alone: other kinds of files and
/// of processors, and programs that gain privileges.
fn kind(path: &CStr, depth: usize) -> Option<Kind> {
    const PRIVILEGED: u32 = libc::S_ISUID | libc::S_ISGID;
    if !sys::is_executable(path) {
        return None;
    }
    let fd = sys::open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0).ok()?;
    let stat = sys::stat_fd(fd.number()).ok()?;
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG || stat.st_mode & PRIVILEGED != 0 {
        return None;
    }
    let mut head = [0; HEAD];
    let count = fd.read(&mut head).ok()?;
    let head = head.get(..count)?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let mut words = line.split(|byte| b" \t\n".contains(byte));
        let mut interpreter = Path::new();
        interpreter.push(words.find(|word| !word.is_empty())?);
        return kind(interpreter.as_c_str()?, depth.checked_sub(1)?);
    }
    of_elf(head)
}

/// Whether one of the program headers names an interpreter.
fn of_elf(head: &[u8]) -> Option<Kind> {
    const INTERPRETER: u32 = 3;
    #[cfg(target_arch = "x86_64")]
    const MACHINE: u16 = 62;
    #[cfg(target_arch = "aarch64")]
    const MACHINE: u16 = 183;
    let short = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    // 64 bits, little-endian.
    if !head.starts_with(b"\x7fELF\x02\x01") || short(18)? != MACHINE {
        return None;
    }
    let table = u64::from_le_bytes(head.get(32..40)?.try_into().ok()?) as usize;
    let (size, count) = (usize::from(short(54)?), usize::from(short(56)?));
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(size)?)?;
        let entry = head.get(at..at.checked_add(4)?)?;
        if entry == INTERPRETER.to_le_bytes() {
            return Some(Kind::Dynamic);
        }
    }
    Some(Kind::Static)
}
