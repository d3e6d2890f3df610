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
use crate::outside::StandIn;
use crate::recorder::{self, Outcome};
use crate::{file, outside, sys, text, thread};

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// execve and execvpe, whose third argument is the environment.
pub(crate) fn with_environment(symbol: Symbol, args: Args, site: Site) -> usize {
    let [_, _, envp, ..] = args;
    by_path(symbol, args, site, envp)
}

/// execv and execvp, which hand on the program's environment.
pub(crate) fn same_environment(symbol: Symbol, args: Args, site: Site) -> usize {
    // SAFETY: libc's variable; exec reads it without a lock as well.
    let envp = unsafe { environ } as usize;
    by_path(symbol, args, site, envp)
}

fn by_path(symbol: Symbol, args: Args, site: Site, envp: usize) -> usize {
    let [path, argv, ..] = args;
    let target = Target {
        path,
        argv,
        envp,
        lookup: Lookup::of(symbol),
    };
    exec(symbol, args, site, target)
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
            lookup: Lookup::Otherwise,
        },
    )
}

pub(crate) fn execveat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [directory, path, argv, envp, flags, _] = args;
    let plain = int(directory) == libc::AT_FDCWD && int(flags) == 0;
    let target = Target {
        path,
        argv,
        envp,
        lookup: if plain {
            Lookup::Direct
        } else {
            Lookup::Otherwise
        },
    };
    exec(symbol, args, site, target)
}

struct Target {
    path: usize,
    argv: usize,
    envp: usize,
    lookup: Lookup,
}

/// How the path leads to the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Direct,
    /// By the environment's `PATH`.
    Searched,
    /// By a descriptor.
    Otherwise,
}

impl Lookup {
    fn of(symbol: Symbol) -> Self {
        match symbol {
            Symbol::execvp | Symbol::execvpe | Symbol::posix_spawnp => Lookup::Searched,
            _ => Lookup::Direct,
        }
    }
}

impl Target {
    /// The exec of the command that records the program from outside, where no preload reaches it.
    #[inline(never)]
    fn stand_in(&self, recorded: bool) -> Option<StandIn> {
        if self.lookup == Lookup::Otherwise {
            return None;
        }
        let searched = self.lookup == Lookup::Searched;
        StandIn::prepare(self.path, searched, self.argv, recorded)
    }
}

fn exec(symbol: Symbol, args: Args, site: Site, target: Target) -> usize {
    let Some(begun) = recorder::begin(site) else {
        return forward(symbol, args);
    };
    let mut buffer = [0; NAME_MAX];
    let path = text::copy_c_bytes(target.path, &mut buffer);
    let recorded = hands_on_recorder(target.envp);
    // A debugger waits for this exec and no other, and a process has one tracer.
    let stand_in = target.stand_in(recorded);
    let mut stand_in = stand_in.filter(|_| !outside::is_traced());
    let command = stand_in.as_mut().and_then(StandIn::words);
    let untraced = if recorded || command.is_some() {
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
    if let Some((command, words)) = command {
        // If it cannot be executed, the program still can.
        forward(Symbol::execve, [command, words, target.envp, 0, 0, 0]);
    }
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

/// Whether an environment makes a new image record too. It may be at a bad address: the exec is about to find out. Null
/// is an empty one, as clearenv(3) leaves it.
fn hands_on_recorder(envp: usize) -> bool {
    const LIBRARY: &[u8] = b"partage_trace";
    if envp == 0 {
        return false;
    }
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
    let Some(begun) = recorder::begin(site) else {
        return forward(symbol, args);
    };
    let [pid, path, actions, attributes, argv, envp] = args;
    let recorded = hands_on_recorder(envp);
    let target = Target {
        path,
        argv,
        envp,
        lookup: Lookup::of(symbol),
    };
    let mut stand_in = target.stand_in(recorded);
    let led = stand_in.as_mut().and_then(StandIn::words);
    let result = match led {
        Some((command, words)) => forward(
            Symbol::posix_spawn,
            [pid, command, actions, attributes, words, envp],
        ),
        None => forward(symbol, args),
    };
    let mut child = [0; size_of::<libc::pid_t>()];
    if int(result) == 0 && pid != 0 {
        // A null pointer asks for no pid; what cannot be read stays 0.
        let _ = sys::read_memory(pid, &mut child);
    }
    let mut buffer = [0; NAME_MAX];
    let name = text::copy_c_bytes(path, &mut buffer);
    let untraced = if recorded || led.is_some() {
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
