//! Which errno is right for the caller of a call when a system call below it fails.
//!
//! The rule: the errno of the system call is the caller's, as in the kernel's own calls (`EMFILE` of open(2) in shmat is
//! `EMFILE`, `ENOMEM` of mmap(2) is `ENOMEM`). The rows below say where it is not, and why; the first that fits decides.
//! Of a namespace that cannot be used, a program learns no more than that it has no System V memory, or that it lacks
//! descriptors, memory or room.

use libc::{
    EACCES, EAGAIN, EDQUOT, EFBIG, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENOLCK, ENOMEM, ENOSPC,
    ENOSYS, EOPNOTSUPP, EPERM, EROFS,
};

/// What the caller gets.
#[derive(Clone, Copy)]
enum Answer {
    /// The same errno.
    Same,
    /// Nothing: the call does without.
    Success,
    /// One of the two: it is made twice, once for what the call can do without.
    Either,
    /// Another errno.
    Other(i32),
    /// One of these.
    OneOf(&'static [i32]),
}
use Answer::{Either, OneOf, Other, Same, Success};

/// Calls whose name contains this; system calls whose name begins like this, with how many like it were made before; errnos,
/// or any.
type Row = (&'static str, &'static str, &'static [i32], Answer);

const ROWS: &[Row] = &[
    // shm_open is open(2) and shm_unlink is unlink(2), but for one errno that the C library translates.
    ("shm_unlink", "unlinkat", &[EPERM], Other(EACCES)),
    ("shm_open", "openat", &[], Same),
    // Opening is tried again after a signal.
    ("", "openat", &[EINTR], Success),
    ("", "other", &[EINTR], Success),
    // RLIMIT_FSIZE is no limit of segments: the namespace has no room for it.
    ("shmget", "ftruncate", &[EFBIG], Other(ENOSPC)),
    ("shmget", "truncate", &[EFBIG], Other(ENOSPC)),
    // Files are made by open(2) where mknod(2) may not.
    ("shmget", "mknodat", &[EPERM], Success),
    // Who recovers puts files right as far as the kernel lets it; then comes the call's own.
    ("after a death", "", &[], Either),
    // A registry without the boot in it is as good on tmpfs; only a passing shortage is told.
    ("", "openat boot_id", &[EMFILE, ENFILE, ENOMEM], Same),
    ("", "openat boot_id", &[], Success),
    ("", "newfstatat user", &[], Success),
    // Of a process whose pid namespace is not known nobody believes that it is gone.
    ("", "newfstatat pid", &[], Success),
    // Files get their names another way where this one is not to be had.
    ("", "openat nameless", &[], Success),
    ("", "linkat", &[], Success),
    ("", "fallocate", &[EOPNOTSUPP], Success),
    // What makers left that died is looked for if it can be.
    ("first call of all", "openat directory", &[], Success),
    // A lock file that cannot be looked at is not taken: the next byte is tried.
    ("first call", "newfstatat", &[ENOMEM], Either),
    // Refused by the file's mode, it is put right where this process may, and opened again.
    ("shmat", "openat segment", &[EACCES], Success),
    // What the kernel does not let it do to the file, IPC_SET records all the same.
    ("IPC_SET", "fchmodat segment", &[EPERM, EROFS], Success),
    // A member slot that is taken: the next one is tried.
    ("first call", "fcntl", &[EAGAIN], Success),
    // The segment's own file, which is made as in any later call.
    ("first call", "openat segment", &[], Same),
    ("first call", "mknodat segment", &[], Same),
    ("first call", "truncate segment", &[], Same),
    // Asked for the file system twice: for the boot, and for whether it lets a mapping keep a lock.
    ("first call", "fstatfs", &[], Either),
    ("first call", "statfs", &[], Either),
    // Keeping the page from children is needed, keeping bookkeeping out of core dumps is not.
    ("first call", "madvise", &[EINVAL], OneOf(&[0, ENOSYS])),
    ("first call", "madvise", &[], Either),
    // Locked memory, over its limit; for the attachment that is EAGAIN, as in the kernel.
    (
        "first call in a process: shmat",
        "mmap",
        &[EAGAIN],
        OneOf(&[ENOMEM, EAGAIN]),
    ),
    ("first call", "mmap", &[EAGAIN], Other(ENOMEM)),
    ("first call", "", &[EDQUOT], Other(ENOSPC)),
    (
        "first call",
        "",
        &[EACCES, EPERM, EROFS, EIO, ENOLCK, EINVAL],
        Other(ENOSYS),
    ),
    ("first call", "", &[], Same),
    // Of a member that cannot be asked it is taken that it lives; a child counts as its parent then.
    ("", "openat members", &[], Success),
    ("", "fcntl", &[], Success),
    ("fork", "newfstatat", &[], Success),
    ("fork", "mmap", &[], Success),
    ("fork", "munmap", &[], Success),
    ("fork", "madvise", &[], Success),
    // The memory of what is removed is given back at once if it can be: a page that another keeps has it else.
    ("shmctl IPC_RMID", "newfstatat", &[], Success),
    ("shmctl IPC_RMID", "openat segment", &[], Success),
    ("shmctl IPC_RMID", "ftruncate", &[], Success),
    // Kept pages make attaching again fast; without one the file is opened.
    ("shmat, the second", "mremap", &[], Success),
    ("shmat, the second", "mmap", &[], Either),
    // The segment is gone for everybody; the next process that looks removes its file.
    ("", "unlinkat segment", &[], Success),
];

/// Errnos, or 0, of which the caller must get one.
pub(crate) fn right(call: &str, (system_call, earlier): (&str, usize), errno: i32) -> Vec<i32> {
    let system_call = format!("{system_call} {earlier}");
    let fits = |row: &&Row| {
        call.contains(row.0)
            && system_call.starts_with(row.1)
            && (row.2.is_empty() || row.2.contains(&errno))
    };
    match ROWS.iter().find(fits).map_or(Same, |row| row.3) {
        Same => vec![errno],
        Success => vec![0],
        Either => vec![0, errno],
        Other(errno) => vec![errno],
        OneOf(errnos) => errnos.to_vec(),
    }
}
