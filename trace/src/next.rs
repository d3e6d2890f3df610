//! The next definition of each symbol: libc's, or that of a library preloaded after this one.

use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::{fallback, thread};

macro_rules! symbols {
    ($($name:ident = $text:literal, $fallback:ident;)*) => {
        /// The functions that are forwarded.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types)]
        pub(crate) enum Symbol { $($name,)* }

        impl Symbol {
            const COUNT: usize = [$(Symbol::$name),*].len();

            const fn name(self) -> &'static CStr {
                match self { $(Symbol::$name => $text,)* }
            }

            /// What to call while the next definition is being looked up, or where there is none.
            fn fallback(self) -> Function {
                match self { $(Symbol::$name => fallback::$fallback,)* }
            }
        }
    };
}

symbols! {
    shmget = c"shmget", shmget;
    shmat = c"shmat", shmat;
    shmdt = c"shmdt", shmdt;
    shmctl = c"shmctl", shmctl;
    shm_open = c"shm_open", unavailable;
    shm_unlink = c"shm_unlink", unavailable;
    mmap = c"mmap", mmap;
    mmap64 = c"mmap64", mmap;
    munmap = c"munmap", munmap;
    mremap = c"mremap", mremap;
    mprotect = c"mprotect", mprotect;
    ftruncate = c"ftruncate", ftruncate;
    ftruncate64 = c"ftruncate64", ftruncate;
    fallocate = c"fallocate", fallocate;
    fallocate64 = c"fallocate64", fallocate;
    posix_fallocate = c"posix_fallocate", posix_fallocate;
    posix_fallocate64 = c"posix_fallocate64", posix_fallocate;
    close = c"close", close;
    dup = c"dup", dup;
    dup2 = c"dup2", dup2;
    dup3 = c"dup3", dup3;
    fcntl = c"fcntl", fcntl;
    fcntl64 = c"fcntl64", fcntl;
    fclose = c"fclose", unavailable;
    close_range = c"close_range", close_range;
    closefrom = c"closefrom", closefrom;
    fork = c"fork", fork;
    underscore_fork = c"_Fork", fork;
    vfork = c"vfork", unavailable;
    execve = c"execve", execve;
    execv = c"execv", unavailable;
    execvp = c"execvp", unavailable;
    execvpe = c"execvpe", unavailable;
    fexecve = c"fexecve", unavailable;
    execveat = c"execveat", execveat;
    posix_spawn = c"posix_spawn", unavailable_code;
    posix_spawnp = c"posix_spawnp", unavailable_code;
    exit = c"exit", exit;
    quick_exit = c"quick_exit", exit;
    underscore_exit = c"_exit", exit;
    open = c"open", open;
    open64 = c"open64", open;
    open_2 = c"__open_2", open;
    open64_2 = c"__open64_2", open;
    openat = c"openat", openat;
    openat64 = c"openat64", openat;
    openat_2 = c"__openat_2", openat;
    openat64_2 = c"__openat64_2", openat;
    creat = c"creat", creat;
    creat64 = c"creat64", creat;
    memfd_create = c"memfd_create", memfd_create;
    unlink = c"unlink", unlink;
    unlinkat = c"unlinkat", unlinkat;
    dlclose = c"dlclose", unavailable;
}

/// Every function as its caller sees it: up to six register arguments, one result. Passing more registers than a
/// function has parameters is harmless in the C calling conventions of both machines.
pub(crate) type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;

/// Addresses by symbol, 0 where not looked up yet. Also read by `shortcuts.rs`, in assembly.
pub(crate) static FOUND: [AtomicUsize; Symbol::COUNT] =
    [const { AtomicUsize::new(0) }; Symbol::COUNT];

/// The next definition of `symbol`.
#[inline(always)]
pub(crate) fn function(symbol: Symbol) -> Function {
    let address = FOUND
        .get(symbol as usize)
        .map_or(0, |slot| slot.load(Ordering::Relaxed));
    if address == 0 {
        return look_up(symbol);
    }
    // SAFETY: only `look_up` stores here, and only addresses of functions.
    unsafe { core::mem::transmute::<usize, Function>(address) }
}

/// Calls the next definition of `symbol`.
///
/// # Safety
/// As the C function demands; the arguments are the caller's own.
#[inline(always)]
pub(crate) unsafe fn call(symbol: Symbol, args: [usize; 6]) -> usize {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller's promise.
    unsafe { function(symbol)(a, b, c, d, e, f) }
}

/// dlsym may allocate, and an allocator may call what we export: in that re-entry the fallback serves.
#[cold]
#[inline(never)]
fn look_up(symbol: Symbol) -> Function {
    let thread = thread::current();
    if thread.resolving.replace(true) {
        return symbol.fallback();
    }
    // SAFETY: the name is NUL-terminated. RTLD_NEXT is relative to the caller of dlsym: the result is used below, so
    // this is no tail call and the caller is this object.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, symbol.name().as_ptr()) };
    thread.resolving.set(false);
    let next = if found.is_null() {
        symbol.fallback()
    } else {
        as_function(found)
    };
    if let Some(slot) = FOUND.get(symbol as usize) {
        slot.store(next as usize, Ordering::Relaxed);
    }
    next
}

fn as_function(found: *mut c_void) -> Function {
    // SAFETY: dlsym found a function of this name, which follows the C calling convention.
    unsafe { core::mem::transmute::<*mut c_void, Function>(found) }
}

/// Looks up everything now, so that later calls, in signal handlers too, find it.
pub(crate) fn look_up_all() {
    macro_rules! each { ($($name:ident),*) => { $(function(Symbol::$name);)* } }
    each!(
        shmget,
        shmat,
        shmdt,
        shmctl,
        shm_open,
        shm_unlink,
        mmap,
        mmap64,
        munmap,
        mremap,
        mprotect,
        ftruncate,
        ftruncate64,
        close,
        dup,
        dup2,
        dup3,
        fcntl,
        fcntl64,
        fclose,
        close_range,
        closefrom,
        fork,
        underscore_fork,
        vfork,
        execve,
        execv,
        execvp,
        execvpe,
        fexecve,
        posix_spawn,
        posix_spawnp,
        exit,
        underscore_exit,
        open,
        open64,
        openat,
        openat64,
        memfd_create,
        unlink,
        unlinkat
    );
}
