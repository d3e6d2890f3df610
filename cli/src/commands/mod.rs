//! One file per subcommand: its arguments (clap's doc comments are its help and its man page)
//! and the function that carries it out.

mod check;
mod complete;
mod completions;
mod cp;
mod destroy;
mod doctor;
mod dump;
mod gc;
mod init;
mod ls;
mod man;
mod report;
mod rm;
mod run;
mod stat;
mod top;
mod trace;

use crate::failure::Outcome;
use clap::Subcommand;

/// Makes the subcommands of one line for each: its name and its module. `asks` is of those that ask
/// the library, so that they say first which `PARTAGE_*` mean nothing; the others have nothing to do with
/// them, or say it themselves. `whole` is of those that are about the whole command line, and `hidden` of
/// those that are for scripts.
macro_rules! commands {
    ($($name:ident($module:ident $(, $property:ident)*);)*) => {
        /// The subcommands.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $(#[command(hide = has!(hidden $($property)*))] $name($module::Args),)*
        }

        /// Carries out `command`, one of what `program` says.
        pub(crate) fn run(command: Command, program: clap::Command) -> Outcome {
            match command {
                $(Command::$name(args) => {
                    if has!(asks $($property)*) {
                        crate::variables::warn();
                    }
                    carry_out!($module, args, program, $($property)*)
                })*
            }
        }
    };
}

/// Calls a module's `run` with what it takes.
macro_rules! carry_out {
    ($module:ident, $args:ident, $program:ident, whole $($more:ident)*) => { $module::run($args, $program) };
    ($module:ident, $args:ident, $program:ident, $other:ident $($more:ident)*) => {
        carry_out!($module, $args, $program, $($more)*)
    };
    ($module:ident, $args:ident, $program:ident,) => { $module::run($args) };
}

/// Whether the first word is among the others.
macro_rules! has {
    (asks asks $($more:ident)*) => { true };
    (hidden hidden $($more:ident)*) => { true };
    ($word:ident $other:ident $($more:ident)*) => { has!($word $($more)*) };
    ($word:ident) => { false };
}

commands! {
    Run(run);
    Trace(trace, asks);
    Report(report);
    Ls(ls, asks);
    Top(top, asks);
    Stat(stat, asks);
    Rm(rm, asks);
    Gc(gc, asks);
    Dump(dump, asks);
    Cp(cp, asks);
    Init(init, asks);
    Destroy(destroy, asks);
    Doctor(doctor);
    Check(check);
    Completions(completions, whole);
    Complete(complete, whole, hidden);
    Man(man, whole, hidden);
}
