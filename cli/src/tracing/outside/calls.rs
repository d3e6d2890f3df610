//! Which system calls have to do with shared memory, and what they ask for.

use super::holdings::{Found, Holdings};
#[cfg(target_arch = "x86_64")]
use super::paths::here;
use super::paths::{self, Seen};
use super::stop;
use partage_trace_format::Call;
use partage_trace_format::payload::NAME_MAX;

/// The calls that stop, but for shared `mmap`.
pub(super) const STOPS: &[libc::c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmdt,
    libc::SYS_shmctl,
    libc::SYS_memfd_create,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_unlinkat,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
];

/// A call of thread `tid` that begins; None if it has nothing to do with shared memory. Looking may find a
/// descriptor that came unseen.
pub(super) fn begins(
    holdings: &mut Holdings,
    tid: i32,
    pid: u32,
    number: i64,
    args: [u64; 6],
) -> (Option<Seen>, Option<Found>) {
    let [a, b, c, d, ..] = args;
    let open = |fd: u64| holdings.has(fd as i32);
    let plain = |call, args| Some(Seen::plain(call, args));
    let creates = |flags: u64, mode: u64| {
        if flags as i32 & libc::O_CREAT != 0 {
            mode
        } else {
            0
        }
    };
    let begun = match number {
        libc::SYS_shmget => plain(Call::Shmget, [signed(a), b, signed(c), 0, 0, 0]),
        libc::SYS_shmat => plain(Call::Shmat, [signed(a), b, signed(c), 0, 0, 0]),
        libc::SYS_shmdt => {
            let len = holdings.len_at(a);
            plain(Call::Shmdt, [a, len, 0, 0, 0, 0])
        }
        libc::SYS_shmctl => plain(Call::Shmctl, [signed(a), signed(b), c, 0, 0, 0]),
        libc::SYS_memfd_create => {
            let name = stop::text(tid, a, NAME_MAX);
            Some(Seen::named(Call::MemfdCreate, [a, b, 0, 0, 0, 0], name))
        }
        libc::SYS_openat => {
            let args = [signed(a), b, signed(c), creates(c, d), 0, 0];
            paths::open(tid, Call::Openat, args, (a, b), c)
        }
        libc::SYS_openat2 => {
            let how = stop::words(tid, c, 16);
            let &[flags, mode] = how.as_slice() else {
                return (None, None);
            };
            let args = [signed(a), b, signed(flags), creates(flags, mode), 0, 0];
            paths::open(tid, Call::Openat, args, (a, b), flags)
        }
        libc::SYS_unlinkat => {
            let args = [signed(a), b, signed(c), 0, 0, 0];
            paths::unlink(tid, Call::Unlinkat, args, (a, b))
        }
        libc::SYS_renameat2 => paths::moved(tid, Call::Rename, args[4], (a, b), (c, d)),
        libc::SYS_linkat => paths::moved(tid, Call::Link, 0, (a, b), (c, d)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_renameat => paths::moved(tid, Call::Rename, 0, (a, b), (c, d)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => paths::moved(tid, Call::Rename, 0, here(a), here(b)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link => paths::moved(tid, Call::Link, 0, here(a), here(b)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => {
            let args = [a, signed(b), creates(b, c), 0, 0, 0];
            paths::open(tid, Call::Open, args, here(a), b)
        }
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => {
            let flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64;
            paths::open(tid, Call::Open, [a, flags, b, 0, 0, 0], here(a), flags)
        }
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => paths::unlink(tid, Call::Unlink, [a, 0, 0, 0, 0, 0], here(a)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_dup2 if open(a) || open(b) => {
            let replaced = u64::from(open(b) && a as i32 != b as i32);
            plain(Call::Dup2, [signed(a), signed(b), replaced, 0, 0, 0])
        }
        libc::SYS_dup3 if open(a) || open(b) => {
            let args = [signed(a), signed(b), signed(c), u64::from(open(b)), 0, 0];
            plain(Call::Dup3, args)
        }
        libc::SYS_dup if open(a) => plain(Call::Dup, [signed(a), 0, 0, 0, 0, 0]),
        libc::SYS_fcntl if open(a) && is_recorded(b as i32) => {
            plain(Call::Fcntl, [signed(a), signed(b), c, 0, 0, 0])
        }
        libc::SYS_close if open(a) => plain(Call::Close, [signed(a), 0, 0, 0, 0, 0]),
        libc::SYS_ftruncate if open(a) => plain(Call::Ftruncate, [signed(a), b, 0, 0, 0, 0]),
        libc::SYS_fallocate if open(a) => {
            plain(Call::Fallocate, [signed(a), signed(b), c, d, 0, 0])
        }
        libc::SYS_munmap if holdings.meets(a, b) => plain(Call::Munmap, [a, b, 0, 0, 0, 0]),
        libc::SYS_mremap if holdings.meets(a, b) => plain(Call::Mremap, args),
        libc::SYS_mmap => return maps(holdings, pid, args),
        _ => None,
    };
    (begun, None)
}

/// Whether a call maps a file's code.
pub(super) fn loads_code(number: i64, args: [u64; 6]) -> bool {
    let [_, _, prot, flags, ..] = args;
    number == libc::SYS_mmap
        && prot as i32 & libc::PROT_EXEC != 0
        && flags as i32 & libc::MAP_ANONYMOUS == 0
}

/// A shared mapping of a descriptor; it may have come over a socket.
fn maps(holdings: &mut Holdings, pid: u32, args: [u64; 6]) -> (Option<Seen>, Option<Found>) {
    let [address, len, prot, flags, fd, offset] = args;
    let shared = flags as i32 & libc::MAP_SHARED != 0 && flags as i32 & libc::MAP_ANONYMOUS == 0;
    if !shared {
        return (None, None);
    }
    let known = holdings.has(fd as i32);
    let found = if known {
        None
    } else {
        holdings.examine(pid, fd as i32)
    };
    let args = [
        address,
        len,
        signed(prot),
        signed(flags),
        signed(fd),
        offset,
    ];
    let begun = (known || found.is_some()).then(|| Seen::plain(Call::Mmap, args));
    (begun, found)
}

fn is_recorded(command: i32) -> bool {
    matches!(
        command,
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | libc::F_SETFD | libc::F_ADD_SEALS
    )
}

/// A C `int` argument as a record has it.
fn signed(arg: u64) -> u64 {
    arg as i32 as i64 as u64
}
