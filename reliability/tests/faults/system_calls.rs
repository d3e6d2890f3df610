//! The system calls of a call: which there are, what they are about, how they can fail, and one made to fail.

use partage_reliability::tracee::{Stop, Tracee};

/// One system call between the marks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SystemCall {
    pub(crate) number: u64,
    /// Its name, and the kind of file that it names: `openat registry`.
    pub(crate) name: String,
}

impl SystemCall {
    /// The one that a process is about to make.
    fn of(process: &Tracee) -> Result<SystemCall, String> {
        let registers = process.registers()?;
        let (name, path) = match registers.orig_rax as i64 {
            libc::SYS_openat => ("openat", registers.rsi),
            libc::SYS_linkat => ("linkat", registers.r10),
            libc::SYS_unlinkat => ("unlinkat", registers.rsi),
            libc::SYS_fchmodat => ("fchmodat", registers.rsi),
            libc::SYS_mkdirat => ("mkdirat", registers.rsi),
            libc::SYS_newfstatat => ("newfstatat", registers.rsi),
            libc::SYS_statfs => ("statfs", registers.rdi),
            libc::SYS_mmap => ("mmap", 0),
            libc::SYS_mremap => ("mremap", 0),
            libc::SYS_mprotect => ("mprotect", 0),
            libc::SYS_munmap => ("munmap", 0),
            libc::SYS_madvise => ("madvise", 0),
            libc::SYS_fcntl => ("fcntl", 0),
            libc::SYS_mknodat => ("mknodat", registers.rsi),
            libc::SYS_truncate => ("truncate", registers.rdi),
            libc::SYS_prlimit64 => ("prlimit", 0),
            libc::SYS_ftruncate => ("ftruncate", 0),
            libc::SYS_fallocate => ("fallocate", 0),
            libc::SYS_fchmod => ("fchmod", 0),
            libc::SYS_fchownat => ("fchownat", 0),
            libc::SYS_fstatfs => ("fstatfs", 0),
            libc::SYS_clone => ("clone", 0),
            libc::SYS_mincore => ("mincore", 0),
            libc::SYS_renameat2 | libc::SYS_renameat | libc::SYS_rename => ("rename", 0),
            _ => ("other", 0),
        };
        let kind = if path == 0 {
            ""
        } else {
            let nameless =
                name == "openat" && registers.rdx as i32 & libc::O_TMPFILE == libc::O_TMPFILE;
            if nameless {
                "nameless"
            } else {
                kind_of(&process.string(path))
            }
        };
        let name = format!("{name} {kind}").trim_end().to_owned();
        Ok(SystemCall {
            number: registers.orig_rax,
            name,
        })
    }

    /// The errnos that it can plausibly have; none for those that cannot fail.
    pub(crate) fn errnos(&self) -> &'static [i32] {
        errnos(self.number)
    }
}

/// What a path leads to, by its last part.
fn kind_of(path: &str) -> &'static str {
    let kinds = [
        "registry",
        "members",
        "segment",
        "boot_id",
        "partage-test-crash",
        "user",
        "pid",
    ];
    let last = path.rsplit('/').next().unwrap_or("");
    match kinds.into_iter().find(|kind| last.starts_with(kind)) {
        Some("partage-test-crash") => "object",
        Some(kind) => kind,
        None if path.is_empty() => "",
        None if path.starts_with("/proc/self/task/") && path.contains("/fd/") => "held",
        None => "directory",
    }
}

/// The errnos that a system call can plausibly have; none for those that cannot fail.
fn errnos(number: u64) -> &'static [i32] {
    match number as i64 {
        libc::SYS_openat => &[
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::ENOSPC,
            libc::EACCES,
            libc::EINTR,
            libc::EROFS,
        ],
        libc::SYS_mmap => &[libc::ENOMEM, libc::EAGAIN, libc::ENFILE],
        libc::SYS_mprotect | libc::SYS_mremap => &[libc::ENOMEM],
        libc::SYS_munmap => &[libc::ENOMEM],
        libc::SYS_madvise => &[libc::EINVAL, libc::ENOMEM],
        libc::SYS_fcntl => &[libc::ENOLCK, libc::EAGAIN, libc::EINVAL],
        libc::SYS_mknodat => &[
            libc::ENOSPC,
            libc::EDQUOT,
            libc::ENOMEM,
            libc::EACCES,
            libc::EROFS,
            libc::EPERM,
        ],
        libc::SYS_ftruncate | libc::SYS_truncate => &[libc::EFBIG, libc::ENOSPC, libc::EIO],
        libc::SYS_fallocate => &[libc::ENOSPC, libc::EOPNOTSUPP],
        libc::SYS_linkat => &[libc::ENOSPC, libc::EPERM, libc::ENOENT],
        libc::SYS_unlinkat => &[libc::EROFS, libc::EPERM, libc::EIO],
        libc::SYS_fchmod | libc::SYS_fchmodat | libc::SYS_fchownat => &[libc::EPERM, libc::EROFS],
        libc::SYS_fstatfs | libc::SYS_statfs | libc::SYS_fstat | libc::SYS_newfstatat => {
            &[libc::ENOMEM]
        }
        libc::SYS_mkdirat => &[libc::ENOSPC, libc::EROFS],
        libc::SYS_futex => &[libc::EINTR],
        libc::SYS_clone => &[libc::EAGAIN],
        _ => &[],
    }
}

/// The system calls of the part between the marks, in order; without the two that the mark itself makes.
pub(crate) fn record(victim: &mut Tracee) -> Result<Vec<SystemCall>, String> {
    let mut made = Vec::new();
    while victim.to_system_call()? == Stop::Here {
        made.push(SystemCall::of(victim)?);
        if victim.to_system_call()? != Stop::Here {
            break;
        }
    }
    made.truncate(made.len().saturating_sub(2));
    Ok(made)
}

/// Has one system call answer `errno` without being made, and goes on to the mark: the one like `call` that has `earlier`
/// ones like it before it. How many others are made depends on what the dead left. `None` when it is not made this time.
pub(crate) fn inject(
    victim: &mut Tracee,
    (call, earlier): (&SystemCall, usize),
    errno: i32,
) -> Result<Option<Stop>, String> {
    let mut left = earlier + 1;
    loop {
        if victim.to_system_call()? != Stop::Here {
            return Ok(None);
        }
        left -= usize::from(SystemCall::of(victim)? == *call);
        if left == 0 {
            break;
        }
        if victim.to_system_call()? != Stop::Here {
            return Ok(None);
        }
    }
    let mut registers = victim.registers()?;
    registers.orig_rax = u64::MAX;
    victim.set_registers(&registers)?;
    match victim.to_system_call()? {
        Stop::Here => {}
        other => return Ok(Some(other)),
    }
    let mut registers = victim.registers()?;
    registers.rax = (-i64::from(errno)) as u64;
    victim.set_registers(&registers)?;
    victim.go_on().map(Some)
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Mappings of the segment's file in a process, without the page that is kept for the next attach.
pub(crate) fn mappings(directory: &std::path::Path, pid: i32, id: i32) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    let mut file = Vec::new();
    if let Ok(namespace) = partage_core::inspect::Namespace::open(directory.as_os_str().as_bytes())
    {
        namespace.each_slot(|_, segment| {
            if segment.shmid as i32 == id {
                file = namespace.with_file(segment, <[u8]>::to_vec);
            }
        });
    }
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let path = String::from_utf8_lossy(&file).into_owned();
    // What is kept for the next attach is the first page alone.
    let is_used = |line: &&str| {
        let mut fields = line.split(' ');
        let range = fields.next().and_then(|range| range.split_once('-'));
        let len = range.and_then(|(start, end)| {
            Some(u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?)
        });
        let is_first = fields.nth(1).is_some_and(|offset| offset.parse() == Ok(0));
        !path.is_empty() && line.ends_with(&path) && !(is_first && len == Some(4096))
    };
    maps.lines().filter(is_used).count() as u64
}
