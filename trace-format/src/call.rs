//! Call numbers.

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, [$($arg:literal),*];)*) => {
        /// What a record is about: a C function, or something the recorder found out by itself (100 and up).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Call { $($(#[$doc])* $name = $number,)* }

        impl Call {
            /// Every call, by number.
            pub const ALL: &'static [Call] = &[$(Call::$name,)*];

            /// The call of this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Call> {
                match number { $($number => Some(Call::$name),)* _ => None }
            }

            /// The name of the C function; a name in angle brackets where there is none.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Call::$name => $text,)* }
            }

            /// Names of the meaningful elements of `args`, in order.
            #[must_use]
            pub const fn arg_names(self) -> &'static [&'static str] {
                match self { $(Call::$name => &[$($arg),*],)* }
            }
        }
    };
}

calls! {
    /// `shmget(key, size, flags)`; the result is the id.
    Shmget = 1, "shmget", ["key", "size", "shmflg"];
    /// `shmat(id, address, flags)`; the result is the address. `args[3]` is the segment's size in bytes, 0 if not known.
    Shmat = 2, "shmat", ["shmid", "shmaddr", "shmflg", "size"];
    /// `shmdt(address)`. `args[1]` is the size detached in bytes, 0 if not known.
    Shmdt = 3, "shmdt", ["shmaddr", "size"];
    /// `shmctl(id, command, buffer)`, with the buffer as payload where the command fills or reads it.
    Shmctl = 4, "shmctl", ["shmid", "cmd", "buf"];
    /// `shm_open(name, flags, mode)`, with the name as payload.
    ShmOpen = 5, "shm_open", ["name", "oflag", "mode"];
    /// `shm_unlink(name)`, with the name as payload.
    ShmUnlink = 6, "shm_unlink", ["name"];
    /// `mmap` or `mmap64` of a shared memory descriptor, or over a shared mapping.
    Mmap = 7, "mmap", ["addr", "length", "prot", "flags", "fd", "offset"];
    /// `munmap` that touches a shared mapping.
    Munmap = 8, "munmap", ["addr", "length"];
    /// `mremap` that touches a shared mapping.
    Mremap = 9, "mremap", ["old_address", "old_size", "new_size", "flags", "new_address"];
    /// `mprotect` that touches a shared mapping.
    Mprotect = 10, "mprotect", ["addr", "len", "prot"];
    /// `ftruncate` or `ftruncate64` of a shared memory descriptor.
    Ftruncate = 11, "ftruncate", ["fd", "length"];
    /// `close` of a shared memory descriptor.
    Close = 12, "close", ["fd"];
    /// `dup` of a shared memory descriptor.
    Dup = 13, "dup", ["oldfd"];
    /// `dup2` from or onto a shared memory descriptor. `args[2]` is 1 if it was onto one, which it closed.
    Dup2 = 14, "dup2", ["oldfd", "newfd", "replaced"];
    /// `dup3`, as `dup2`. `args[3]` is 1 if it was onto a shared memory descriptor, which it closed.
    Dup3 = 15, "dup3", ["oldfd", "newfd", "flags", "replaced"];
    /// `fcntl` of a shared memory descriptor: duplicates, descriptor flags and seals only.
    Fcntl = 16, "fcntl", ["fd", "cmd", "arg"];
    /// `fclose` of a stream over a shared memory descriptor. `args[1]` is the descriptor.
    Fclose = 17, "fclose", ["stream", "fd"];
    /// `close_range` over at least one shared memory descriptor.
    CloseRange = 18, "close_range", ["first", "last", "flags"];
    /// `closefrom` over at least one shared memory descriptor.
    Closefrom = 19, "closefrom", ["lowfd"];
    /// `fork`. The parent's result is the child; the child's own file starts with result 0.
    Fork = 20, "fork", [];
    /// `vfork`, recorded by both: the child shares the file.
    Vfork = 21, "vfork", [];
    /// `_Fork`, recorded as `fork`.
    UnderscoreFork = 22, "_Fork", [];
    /// Any of the exec functions, with the path as payload; recorded on entry (no result) and again if it failed.
    Exec = 23, "exec", ["path", "argv", "envp"];
    /// `exit(status)`, recorded on entry.
    Exit = 24, "exit", ["status"];
    /// `_exit(status)` or `_Exit(status)`, recorded on entry.
    UnderscoreExit = 25, "_exit", ["status"];
    /// `open`, `open64` or `creat` of a path under `/dev/shm` or the POSIX directory, with the path as payload.
    Open = 26, "open", ["path", "flags", "mode"];
    /// `openat` or `openat64`, as `open`.
    Openat = 27, "openat", ["dirfd", "path", "flags", "mode"];
    /// `memfd_create(name, flags)`, with the name as payload.
    MemfdCreate = 28, "memfd_create", ["name", "flags"];
    /// `posix_spawn` or `posix_spawnp`, with the path as payload. The result is 0 or the error; `args[3]` is the child.
    PosixSpawn = 29, "posix_spawn", ["pid", "path", "envp", "child"];
    /// `unlink` of a path under `/dev/shm` or the POSIX directory, with the path as payload.
    Unlink = 30, "unlink", ["path"];
    /// `unlinkat`, as `unlink`.
    Unlinkat = 31, "unlinkat", ["dirfd", "path", "flags"];
    /// `fallocate`, `posix_fallocate` and their 64 forms on a shared memory descriptor.
    Fallocate = 32, "fallocate", ["fd", "mode", "offset", "length"];
    /// `sem_open(name, flags, mode, value)`, with the name as payload; the result is the address. `mode` and `value` mean
    /// something with `O_CREAT` only.
    SemOpen = 33, "sem_open", ["name", "oflag", "mode", "value"];
    /// `sem_close(semaphore)` of a named semaphore.
    SemClose = 34, "sem_close", ["sem"];
    /// `sem_unlink(name)`, with the name as payload.
    SemUnlink = 35, "sem_unlink", ["name"];
    /// `rename`, `renameat` or `renameat2` of a path under `/dev/shm` or the POSIX directory, with both paths as payload.
    Rename = 36, "rename", ["oldpath", "newpath", "flags"];
    /// `link` or `linkat` to a path under `/dev/shm` or the POSIX directory, with both paths as payload.
    Link = 37, "link", ["oldpath", "newpath"];
    /// An executable mapping of the process, with its path as payload: enough to find the code of a return address.
    Module = 100, "<module>", ["start", "end", "file_offset", "dev", "inode"];
    /// A shared memory descriptor that no recorded call made (inherited over exec, received over a socket),
    /// with the target of its `/proc/self/fd` link as payload.
    FoundFd = 101, "<descriptor>", ["fd", "dev", "inode", "size"];
    /// A process that a signal ended: a child, as its parent learned by waiting for it, or the process itself, that a
    /// signal handler of the recorder saw. `args[2]` is the address that could not be reached, 0 if not known.
    Death = 102, "<death>", ["pid", "signal", "address"];
    /// The process is in this IPC namespace from now on, by its inode; 0 is the one that the run began in.
    IpcNamespace = 103, "<ipc>", ["inode"];
    /// What tells who called: the part of a stack that holds return addresses and stack addresses, with registers, as
    /// payload. Later records name it by its ticket.
    Stack = 110, "<stack>", ["stack_pointer", "frame_pointer", "return_address"];
}

impl Call {
    /// Whether the call makes, opens or attaches something: its whole stack is of interest.
    #[must_use]
    pub const fn takes(self) -> bool {
        use Call::{MemfdCreate, Mmap, Open, Openat, SemOpen, ShmOpen, Shmat, Shmget};
        matches!(
            self,
            Shmget | Shmat | ShmOpen | Mmap | Open | Openat | MemfdCreate | SemOpen
        )
    }

    /// Whether this is a C function that the program called, not a finding of the recorder.
    #[must_use]
    pub const fn is_function(self) -> bool {
        (self as u16) < Call::Module as u16
    }
}
