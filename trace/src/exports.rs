//! The exported C functions: for each a few instructions that hand its hook the argument registers, the return address
//! and the caller's frame and stack pointers, which no compiled function could learn.

use crate::frames::Site;
use crate::hooks::{
    descriptors, exec, handlers, memory, moves, paths, process, sandbox, semaphores, streams, sysv,
    waits,
};
use crate::next::Symbol;
use crate::trampoline::{entered, trampoline};
use crate::{execl, shortcuts, vfork};
use partage_capture::Export;

macro_rules! exports {
    (elsewhere [$($elsewhere:ident :: $other:ident),* $(,)?]; $($name:ident = $hook:path, $symbol:ident;)*) => {
        /// All exported functions, those written elsewhere included.
        pub(crate) static EXPORTS: [Export; [$(stringify!($name),)* $(stringify!($other),)*].len()] = [
            $(Export::new(stringify!($name), $name as *const ()),)*
            $(Export::new(stringify!($other), $elsewhere::$other as *const ()),)*
        ];

        /// What the trampolines call, by the name of the export.
        #[allow(non_snake_case)]
        mod entered {
            use super::*;

            entered! { $($name = $hook, $symbol;)* }
        }

        $(
            /// The C function of this name, see its man page: forwarded, and recorded where it concerns shared memory.
            ///
            /// # Safety
            /// As the C function demands.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            #[allow(non_snake_case)]
            pub(crate) unsafe extern "C" fn $name() {
                trampoline!(entered::$name);
            }
        )*
    };
}

exports! {
    elsewhere [
        shortcuts::mmap, shortcuts::mmap64, shortcuts::close,
        execl::execl, execl::execlp, execl::execle, vfork::vfork,
    ];
    shmget = sysv::shmget, shmget;
    shmat = sysv::shmat, shmat;
    shmdt = sysv::shmdt, shmdt;
    shmctl = sysv::shmctl, shmctl;
    shm_open = paths::shm_open, shm_open;
    shm_unlink = paths::shm_unlink, shm_unlink;
    memfd_create = paths::memfd_create, memfd_create;
    open = paths::open, open;
    open64 = paths::open, open64;
    __open_2 = paths::open, open_2;
    __open64_2 = paths::open, open64_2;
    openat = paths::openat, openat;
    openat64 = paths::openat, openat64;
    __openat_2 = paths::openat, openat_2;
    __openat64_2 = paths::openat, openat64_2;
    creat = paths::creat, creat;
    creat64 = paths::creat, creat64;
    unlink = paths::unlink, unlink;
    unlinkat = paths::unlinkat, unlinkat;
    munmap = memory::munmap, munmap;
    mremap = memory::mremap, mremap;
    mprotect = memory::mprotect, mprotect;
    ftruncate = descriptors::ftruncate, ftruncate;
    ftruncate64 = descriptors::ftruncate, ftruncate64;
    fallocate = descriptors::fallocate, fallocate;
    fallocate64 = descriptors::fallocate, fallocate64;
    posix_fallocate = descriptors::posix_fallocate, posix_fallocate;
    posix_fallocate64 = descriptors::posix_fallocate, posix_fallocate64;
    fclose = descriptors::fclose, fclose;
    dup = descriptors::dup, dup;
    dup2 = descriptors::dup_onto, dup2;
    dup3 = descriptors::dup_onto, dup3;
    fcntl = descriptors::fcntl, fcntl;
    fcntl64 = descriptors::fcntl, fcntl64;
    close_range = descriptors::close_range, close_range;
    closefrom = descriptors::closefrom, closefrom;
    fork = process::fork, fork;
    _Fork = process::fork, underscore_fork;
    unshare = process::namespaces, unshare;
    setns = process::namespaces, setns;
    prctl = sandbox::prctl, prctl;
    chroot = sandbox::chroot, chroot;
    setrlimit = sandbox::setrlimit, setrlimit;
    setrlimit64 = sandbox::setrlimit, setrlimit64;
    prlimit = sandbox::prlimit, prlimit;
    prlimit64 = sandbox::prlimit, prlimit64;
    exit = process::exit, exit;
    quick_exit = process::exit, quick_exit;
    _exit = process::underscore_exit, underscore_exit;
    _Exit = process::underscore_exit, underscore_exit;
    dlclose = process::dlclose, dlclose;
    execve = exec::with_environment, execve;
    execvpe = exec::with_environment, execvpe;
    execv = exec::same_environment, execv;
    execvp = exec::same_environment, execvp;
    fexecve = exec::fexecve, fexecve;
    execveat = exec::execveat, execveat;
    posix_spawn = exec::posix_spawn, posix_spawn;
    posix_spawnp = exec::posix_spawn, posix_spawnp;
    wait = waits::wait, wait;
    wait3 = waits::wait, wait3;
    waitpid = waits::waitpid, waitpid;
    wait4 = waits::waitpid, wait4;
    waitid = waits::waitid, waitid;
    sem_open = semaphores::sem_open, sem_open;
    sem_close = semaphores::sem_close, sem_close;
    sem_unlink = semaphores::sem_unlink, sem_unlink;
    sigaction = handlers::sigaction, sigaction;
    __sigaction = handlers::sigaction, underscore_sigaction;
    signal = handlers::signal, signal;
    bsd_signal = handlers::signal, bsd_signal;
    ssignal = handlers::signal, ssignal;
    sysv_signal = handlers::signal, sysv_signal;
    __sysv_signal = handlers::signal, underscore_sysv_signal;
    sigset = handlers::signal, sigset;
    remove = paths::unlink, remove;
    rename = moves::rename, rename;
    renameat = moves::renameat, renameat;
    renameat2 = moves::renameat, renameat2;
    link = moves::link, link;
    linkat = moves::linkat, linkat;
    fopen = streams::fopen, fopen;
    fopen64 = streams::fopen, fopen64;
    freopen = streams::fopen, freopen;
    freopen64 = streams::fopen, freopen64;
    mkstemp = streams::mkstemp, mkstemp;
    mkstemp64 = streams::mkstemp, mkstemp64;
    mkostemp = streams::mkstemp, mkostemp;
    mkostemp64 = streams::mkstemp, mkostemp64;
    mkstemps = streams::mkstemp, mkstemps;
    mkstemps64 = streams::mkstemp, mkstemps64;
    mkostemps = streams::mkstemp, mkostemps;
    mkostemps64 = streams::mkstemp, mkostemps64;
}
