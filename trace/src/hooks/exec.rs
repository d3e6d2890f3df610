//! The exec functions and posix_spawn.
//!
//! An exec is recorded on entry, since it does not return when it succeeds, and once more when it failed.

use core::ffi::c_char;

use partage_trace_format::Call;
use partage_trace_format::header::State;
use partage_trace_format::payload::{NAME_MAX, tag};
use partage_trace_format::record::flag;

use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::recorder::{self, Outcome};
use crate::{file, sys, text, thread};

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// execve and execvpe, whose third argument is the environment.
pub(crate) fn with_environment(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, argv, envp, ..] = args;
    exec(symbol, args, site, Target { path, argv, envp })
}

/// execv and execvp, which hand on the program's environment.
pub(crate) fn same_environment(symbol: Symbol, args: Args, site: Site) -> usize {
    let [path, argv, ..] = args;
    // SAFETY: libc's variable; exec reads it without a lock as well.
    let envp = unsafe { environ } as usize;
    exec(symbol, args, site, Target { path, argv, envp })
}

pub(crate) fn fexecve(symbol: Symbol, args: Args, site: Site) -> usize {
    let [_, argv, envp, ..] = args;
    exec(
        symbol,
        args,
        site,
        Target {
            path: 0,
            argv,
            envp,
        },
    )
}

pub(crate) fn execveat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [_, path, argv, envp, ..] = args;
    exec(symbol, args, site, Target { path, argv, envp })
}

struct Target {
    path: usize,
    argv: usize,
    envp: usize,
}

fn exec(symbol: Symbol, args: Args, site: Site, target: Target) -> usize {
    let Some(begun) = recorder::begin(site) else {
        return forward(symbol, args);
    };
    let mut buffer = [0; NAME_MAX];
    let path = text::copy_c_bytes(target.path, &mut buffer);
    let untraced = if hands_on_recorder(target.envp) {
        0
    } else {
        flag::UNTRACED_IMAGE
    };
    let shown = [target.path, target.argv, target.envp, 0, 0, 0];
    let pieces = [(tag::NAME, path)];
    recorder::finish_with(
        begun,
        Call::Exec,
        Outcome::entered(untraced),
        shown,
        &pieces,
    );
    set_state(State::Executed);
    let result = forward(symbol, args);
    set_state(State::Running);
    recorder::finish_with(begun, Call::Exec, Outcome::int(result), shown, &pieces);
    result
}

/// A vfork child's exec is not the end of its parent's image.
fn set_state(state: State) {
    if !thread::current().in_vfork_child()
        && let Some(header) = file::header()
    {
        header.set_state(state);
    }
}

/// Whether an environment makes a new image record too. It may be at a bad address: the exec is about to find out.
fn hands_on_recorder(envp: usize) -> bool {
    const LIBRARY: &[u8] = b"partage_trace";
    let (mut directory, mut preload) = (false, false);
    for index in 0.. {
        let mut pointer = [0; size_of::<usize>()];
        if sys::read_memory(envp.wrapping_add(index * size_of::<usize>()), &mut pointer)
            != Ok(pointer.len())
        {
            // It cannot be looked at, perhaps by a sandbox's rule: no verdict.
            return true;
        }
        let address = usize::from_ne_bytes(pointer);
        if address == 0 {
            break;
        }
        let mut buffer = [0; NAME_MAX];
        let variable = text::copy_c_bytes(address, &mut buffer);
        directory |= variable.starts_with(b"PARTAGE_TRACE=");
        preload |= variable.starts_with(b"LD_PRELOAD=")
            && variable.windows(LIBRARY.len()).any(|part| part == LIBRARY);
    }
    directory && preload
}

/// posix_spawn and posix_spawnp, which return their error.
pub(crate) fn posix_spawn(symbol: Symbol, args: Args, site: Site) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let [pid, path, _, _, _, envp] = args;
    let mut child = [0; size_of::<libc::pid_t>()];
    if int(result) == 0 && pid != 0 {
        // A null pointer asks for no pid; what cannot be read stays 0.
        let _ = sys::read_memory(pid, &mut child);
    }
    let mut buffer = [0; NAME_MAX];
    let name = text::copy_c_bytes(path, &mut buffer);
    let untraced = if hands_on_recorder(envp) {
        0
    } else {
        flag::UNTRACED_IMAGE
    };
    let shown = [pid, path, envp, i32::from_ne_bytes(child) as usize, 0, 0];
    recorder::finish_with(
        begun,
        Call::PosixSpawn,
        Outcome::code(result).with_flags(untraced),
        shown,
        &[(tag::NAME, name)],
    );
    result
}
