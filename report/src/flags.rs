//! Numbers of the C interface in their own words.

use crate::model::{command, fcntl};

/// Bits and their names; what has no name is shown in hexadecimal at the end.
fn join(mut value: u64, names: &[(u64, &str)]) -> String {
    let mut words = Vec::new();
    for (bits, name) in names {
        if value & bits == *bits {
            words.push((*name).to_owned());
            value &= !bits;
        }
    }
    if value != 0 || words.is_empty() {
        words.push(if value == 0 {
            "0".to_owned()
        } else {
            format!("{value:#x}")
        });
    }
    words.join("|")
}

/// Flags with permission bits at the low end, which are always shown, in octal.
fn with_mode(value: u64, names: &[(u64, &str)]) -> String {
    let mode = mode(value & 0o777);
    match value & !0o777 {
        0 => mode,
        flags => format!("{}|{mode}", join(flags, names)),
    }
}

/// A number that `#o` shows as C does: `0600`.
struct Octal(u64);

impl std::fmt::Octal for Octal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 {
            write!(f, "000")
        } else {
            write!(f, "0{:o}", self.0)
        }
    }
}

/// Permission bits.
pub(crate) fn mode(value: u64) -> String {
    format!("{:o}", Octal(value & 0o7777))
}

/// A key.
pub(crate) fn key(value: i32) -> String {
    match value {
        0 => "IPC_PRIVATE".to_owned(),
        key => format!("{key:#x}"),
    }
}

/// Flags of shmget.
pub(crate) fn shmget(value: i32) -> String {
    const HUGE_SHIFT: u32 = 26;
    let value = value as u32 as u64;
    let huge = value >> HUGE_SHIFT & 0x3f;
    let text = with_mode(
        value & !(0x3f << HUGE_SHIFT),
        &[
            (0o1000, "IPC_CREAT"),
            (0o2000, "IPC_EXCL"),
            (0o4000, "SHM_HUGETLB"),
            (0o10000, "SHM_NORESERVE"),
        ],
    );
    match huge {
        0 => text,
        shift => format!("{shift}<<SHM_HUGE_SHIFT|{text}"),
    }
}

/// Flags of shmat.
pub(crate) fn shmat(value: i32) -> String {
    let names = [
        (0o10000, "SHM_RDONLY"),
        (0o20000, "SHM_RND"),
        (0o40000, "SHM_REMAP"),
        (0o100000, "SHM_EXEC"),
    ];
    join(value as u32 as u64, &names)
}

/// A command of shmctl.
pub(crate) fn shmctl(value: i32) -> String {
    let name = match value {
        command::IPC_RMID => "IPC_RMID",
        command::IPC_SET => "IPC_SET",
        command::IPC_STAT => "IPC_STAT",
        command::IPC_INFO => "IPC_INFO",
        command::SHM_LOCK => "SHM_LOCK",
        command::SHM_UNLOCK => "SHM_UNLOCK",
        command::SHM_STAT => "SHM_STAT",
        command::SHM_INFO => "SHM_INFO",
        command::SHM_STAT_ANY => "SHM_STAT_ANY",
        other => return format!("{other:#x}"),
    };
    name.to_owned()
}

/// Flags of open and shm_open.
pub(crate) fn open(value: i32) -> String {
    let value = value as u32 as u64;
    let access = match value & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    };
    let names = [
        (0o100, "O_CREAT"),
        (0o200, "O_EXCL"),
        (0o400, "O_NOCTTY"),
        (0o1000, "O_TRUNC"),
        (0o2000, "O_APPEND"),
        (0o4000, "O_NONBLOCK"),
        (0o20200000, "O_TMPFILE"),
        (0o4010000, "O_SYNC"),
        (0o10000, "O_DSYNC"),
        #[cfg(target_arch = "x86_64")]
        (0o200000, "O_DIRECTORY"),
        #[cfg(target_arch = "x86_64")]
        (0o400000, "O_NOFOLLOW"),
        #[cfg(target_arch = "aarch64")]
        (0o40000, "O_DIRECTORY"),
        #[cfg(target_arch = "aarch64")]
        (0o100000, "O_NOFOLLOW"),
        (0o2000000, "O_CLOEXEC"),
        (0o10000000, "O_PATH"),
    ];
    match value & !3 {
        0 => access.to_owned(),
        rest => format!("{access}|{}", join(rest, &names)),
    }
}

/// Protection of mmap and mprotect.
pub(crate) fn protection(value: i32) -> String {
    match value {
        0 => "PROT_NONE".to_owned(),
        bits => join(
            bits as u32 as u64,
            &[(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC")],
        ),
    }
}

/// Flags of mmap.
pub(crate) fn mmap(value: i32) -> String {
    let names = [
        (3, "MAP_SHARED_VALIDATE"),
        (1, "MAP_SHARED"),
        (2, "MAP_PRIVATE"),
        (0x10, "MAP_FIXED"),
        (0x20, "MAP_ANONYMOUS"),
        (0x2000, "MAP_LOCKED"),
        (0x4000, "MAP_NORESERVE"),
        (0x8000, "MAP_POPULATE"),
        (0x10000, "MAP_NONBLOCK"),
        (0x20000, "MAP_STACK"),
        (0x40000, "MAP_HUGETLB"),
        (0x80000, "MAP_SYNC"),
        (0x100000, "MAP_FIXED_NOREPLACE"),
    ];
    join(value as u32 as u64, &names)
}

/// Flags of mremap.
pub(crate) fn mremap(value: i32) -> String {
    let names = [
        (1, "MREMAP_MAYMOVE"),
        (2, "MREMAP_FIXED"),
        (4, "MREMAP_DONTUNMAP"),
    ];
    join(value as u32 as u64, &names)
}

/// Flags of renameat2.
pub(crate) fn rename(value: i32) -> String {
    let names = [
        (1, "RENAME_NOREPLACE"),
        (2, "RENAME_EXCHANGE"),
        (4, "RENAME_WHITEOUT"),
    ];
    join(value as u32 as u64, &names)
}

/// Flags of memfd_create.
pub(crate) fn memfd(value: i32) -> String {
    let names = [
        (1, "MFD_CLOEXEC"),
        (2, "MFD_ALLOW_SEALING"),
        (4, "MFD_HUGETLB"),
        (8, "MFD_NOEXEC_SEAL"),
        (16, "MFD_EXEC"),
    ];
    join(value as u32 as u64, &names)
}

/// A command of fcntl, and its argument.
pub(crate) fn fcntl_words(command: i32, argument: u64) -> (String, String) {
    let seals = [
        (1, "F_SEAL_SEAL"),
        (2, "F_SEAL_SHRINK"),
        (4, "F_SEAL_GROW"),
        (8, "F_SEAL_WRITE"),
        (16, "F_SEAL_FUTURE_WRITE"),
        (32, "F_SEAL_EXEC"),
    ];
    let number = (argument as i32).to_string();
    match command {
        fcntl::F_DUPFD => ("F_DUPFD".to_owned(), number),
        fcntl::F_DUPFD_CLOEXEC => ("F_DUPFD_CLOEXEC".to_owned(), number),
        fcntl::F_SETFD => (
            "F_SETFD".to_owned(),
            join(argument & 0xffff_ffff, &[(1, "FD_CLOEXEC")]),
        ),
        fcntl::F_ADD_SEALS => (
            "F_ADD_SEALS".to_owned(),
            join(argument & 0xffff_ffff, &seals),
        ),
        other => (other.to_string(), format!("{argument:#x}")),
    }
}

/// Flags of close_range.
pub(crate) fn close_range(value: i32) -> String {
    let names = [(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];
    join(value as u32 as u64, &names)
}

/// Mode of fallocate.
pub(crate) fn fallocate(value: i32) -> String {
    let names = [
        (1, "FALLOC_FL_KEEP_SIZE"),
        (2, "FALLOC_FL_PUNCH_HOLE"),
        (8, "FALLOC_FL_COLLAPSE_RANGE"),
        (16, "FALLOC_FL_ZERO_RANGE"),
        (32, "FALLOC_FL_INSERT_RANGE"),
    ];
    join(value as u32 as u64, &names)
}

/// A directory descriptor of openat and unlinkat.
pub(crate) fn directory(fd: i32) -> String {
    match fd {
        -100 => "AT_FDCWD".to_owned(),
        fd => fd.to_string(),
    }
}

/// The mode of a segment: permission bits and what shmctl adds.
pub(crate) fn segment_mode(value: u32) -> String {
    with_mode(
        value.into(),
        &[(0o1000, "SHM_DEST"), (0o2000, "SHM_LOCKED")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_by_name() {
        assert_eq!(shmget(0o3600), "IPC_CREAT|IPC_EXCL|0600");
        assert_eq!(shmget(0), "000");
        assert_eq!(
            shmget(0o4644 | 21 << 26),
            "21<<SHM_HUGE_SHIFT|SHM_HUGETLB|0644"
        );
        assert_eq!(shmat(0), "0");
        assert_eq!(shmat(0o10000 | 0x8_0000), "SHM_RDONLY|0x80000");
        assert_eq!(open(0o302), "O_RDWR|O_CREAT|O_EXCL");
        assert_eq!(mmap(0x11), "MAP_SHARED|MAP_FIXED");
        assert_eq!(protection(3), "PROT_READ|PROT_WRITE");
        assert_eq!(mode(0o600), "0600");
    }
}
