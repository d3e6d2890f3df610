#![no_std]
//! The `libc` crate under its own name, with the commands of shmctl(2), which it lacks, with errno under whatever name the C
//! library has it, and with the System V numbers and
//! structures, and the few others, that it lacks for Android.
//!
//! Sources: the kernel's `uapi/linux/ipc.h`, `shm.h`, `stat.h`, `magic.h`, `mman.h`, `asm-generic/mman-common.h`, `ipcbuf.h`,
//! `shmbuf.h` and `unistd.h`, `bpf_common.h`, `ptrace.h`, `elf.h`; bionic's `<sys/shm.h>`, which names the kernel's structures. Where both have a name, the
//! one here counts.

pub mod errno;

pub use published::*;

/// What the assembler calls a word as wide as a pointer.
#[cfg(target_pointer_width = "64")]
#[macro_export]
macro_rules! word {
    () => {
        ".quad "
    };
}
/// What the assembler calls a word as wide as a pointer.
#[cfg(target_pointer_width = "32")]
#[macro_export]
macro_rules! word {
    () => {
        ".long "
    };
}

/// A command of shmctl(2): keeps the memory from swapping.
pub const SHM_LOCK: core::ffi::c_int = 11;
/// Undoes [`SHM_LOCK`].
pub const SHM_UNLOCK: core::ffi::c_int = 12;
/// `IPC_STAT` by slot number.
pub const SHM_STAT: core::ffi::c_int = 13;
/// How much is in use.
pub const SHM_INFO: core::ffi::c_int = 14;
/// [`SHM_STAT`] without a check of permission.
pub const SHM_STAT_ANY: core::ffi::c_int = 15;

#[cfg(target_os = "android")]
mod lacking {
    #![allow(
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        reason = "the names are C's"
    )]

    use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
    use published::{gid_t, key_t, mode_t, pid_t, size_t, uid_t};

    pub const IPC_PRIVATE: key_t = 0;
    pub const IPC_CREAT: c_int = 0o1000;
    pub const IPC_EXCL: c_int = 0o2000;
    pub const IPC_RMID: c_int = 0;
    pub const IPC_SET: c_int = 1;
    pub const IPC_STAT: c_int = 2;
    pub const IPC_INFO: c_int = 3;

    pub const SHM_RDONLY: c_int = 0o10000;
    pub const SHM_RND: c_int = 0o20000;
    pub const SHM_REMAP: c_int = 0o40000;

    pub const MAP_FIXED_NOREPLACE: c_int = 0x10_0000;
    pub const MREMAP_MAYMOVE: c_int = 1;
    pub const MREMAP_FIXED: c_int = 2;
    pub const MREMAP_DONTUNMAP: c_int = 4;

    /// As wide as in the kernel's structures; the crate has them as wide as `mode_t`, which is narrow there.
    #[cfg(target_pointer_width = "32")]
    pub use narrow::*;
    #[cfg(target_pointer_width = "32")]
    mod narrow {
        pub const S_IFMT: u32 = 0o170_000;
        pub const S_IFDIR: u32 = 0o040_000;
        pub const S_IFREG: u32 = 0o100_000;
        pub const S_ISUID: u32 = 0o4000;
        pub const S_ISGID: u32 = 0o2000;
    }

    /// As wide as `f_type` of `statfs`, with which it is compared: the crate has them differ there.
    #[cfg(target_pointer_width = "64")]
    pub const TMPFS_MAGIC: u64 = 0x0102_1994;

    pub const BPF_LD: u32 = 0x00;
    pub const BPF_ALU: u32 = 0x04;
    pub const BPF_JMP: u32 = 0x05;
    pub const BPF_RET: u32 = 0x06;
    pub const BPF_W: u32 = 0x00;
    pub const BPF_ABS: u32 = 0x20;
    pub const BPF_AND: u32 = 0x50;
    pub const BPF_JEQ: u32 = 0x10;
    pub const BPF_K: u32 = 0x00;

    pub const PTRACE_SEIZE: c_int = 0x4206;
    pub const PTRACE_INTERRUPT: c_int = 0x4207;
    pub const PTRACE_LISTEN: c_int = 0x4208;

    /// glibc's: bionic knows no such flag.
    pub const RTLD_DEEPBIND: c_int = 0x8;

    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct Elf64_Sym {
        pub st_name: u32,
        pub st_info: u8,
        pub st_other: u8,
        pub st_shndx: u16,
        pub st_value: u64,
        pub st_size: u64,
    }

    #[cfg(target_arch = "aarch64")]
    pub use aarch64::*;
    #[cfg(target_arch = "aarch64")]
    mod aarch64 {
        use core::ffi::c_long;
        pub const SYS_statfs: c_long = 43;
        pub const SYS_fstatfs: c_long = 44;
        pub const SYS_truncate: c_long = 45;
        pub const SYS_ftruncate: c_long = 46;
        pub const SYS_newfstatat: c_long = 79;
        pub const SYS_fstat: c_long = 80;
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct ipc_perm {
        pub __key: key_t,
        pub uid: uid_t,
        pub gid: gid_t,
        pub cuid: uid_t,
        pub cgid: gid_t,
        pub mode: c_uint,
        pub __seq: u16,
        __pad2: u16,
        #[cfg(target_pointer_width = "64")]
        __pad3: u32,
        __unused: [c_ulong; 2],
    }

    #[cfg(target_pointer_width = "64")]
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct shmid_ds {
        pub shm_perm: ipc_perm,
        pub shm_segsz: size_t,
        pub shm_atime: published::time_t,
        pub shm_dtime: published::time_t,
        pub shm_ctime: published::time_t,
        pub shm_cpid: pid_t,
        pub shm_lpid: pid_t,
        pub shm_nattch: c_ulong,
        __unused: [c_ulong; 2],
    }

    #[cfg(target_pointer_width = "32")]
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct shmid_ds {
        pub shm_perm: ipc_perm,
        pub shm_segsz: size_t,
        pub shm_atime: c_ulong,
        pub shm_atime_high: c_ulong,
        pub shm_dtime: c_ulong,
        pub shm_dtime_high: c_ulong,
        pub shm_ctime: c_ulong,
        pub shm_ctime_high: c_ulong,
        pub shm_cpid: pid_t,
        pub shm_lpid: pid_t,
        pub shm_nattch: c_ulong,
        __unused: [c_ulong; 2],
    }

    // The last two are the library's own: bionic has no POSIX shared memory.
    unsafe extern "C" {
        pub fn shmget(key: key_t, size: size_t, shmflg: c_int) -> c_int;
        pub fn shmat(shmid: c_int, shmaddr: *const c_void, shmflg: c_int) -> *mut c_void;
        pub fn shmdt(shmaddr: *const c_void) -> c_int;
        pub fn shmctl(shmid: c_int, cmd: c_int, buf: *mut shmid_ds) -> c_int;
        pub fn shm_open(name: *const c_char, oflag: c_int, mode: mode_t) -> c_int;
        pub fn shm_unlink(name: *const c_char) -> c_int;
    }
}
#[cfg(all(target_os = "android", target_pointer_width = "64"))]
pub use lacking::TMPFS_MAGIC;
#[cfg(target_os = "android")]
pub use lacking::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, PTRACE_INTERRUPT,
    PTRACE_LISTEN, PTRACE_SEIZE,
};
#[cfg(target_os = "android")]
pub use lacking::{
    Elf64_Sym, IPC_CREAT, IPC_EXCL, IPC_INFO, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT,
    MAP_FIXED_NOREPLACE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, RTLD_DEEPBIND, SHM_RDONLY,
    SHM_REMAP, SHM_RND, ipc_perm, shm_open, shm_unlink, shmat, shmctl, shmdt, shmget, shmid_ds,
};
#[cfg(all(target_os = "android", target_pointer_width = "32"))]
pub use lacking::{S_IFDIR, S_IFMT, S_IFREG, S_ISGID, S_ISUID};
#[cfg(all(target_os = "android", target_arch = "aarch64"))]
pub use lacking::{
    SYS_fstat, SYS_fstatfs, SYS_ftruncate, SYS_newfstatat, SYS_statfs, SYS_truncate,
};
