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

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Args),
    Trace(trace::Args),
    Report(report::Args),
    Ls(ls::Args),
    Top(top::Args),
    Stat(stat::Args),
    Rm(rm::Args),
    Gc(gc::Args),
    Dump(dump::Args),
    Cp(cp::Args),
    Init(init::Args),
    Destroy(destroy::Args),
    Doctor(doctor::Args),
    Check(check::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Complete(complete::Args),
    #[command(hide = true)]
    Man(man::Args),
}

/// Carries out `command`, one of what `program` says.
pub(crate) fn run(command: Command, program: clap::Command) -> Outcome {
    if command.depends_on_variables() {
        crate::variables::warn();
    }
    match command {
        Command::Run(args) => run::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Report(args) => report::run(args),
        Command::Ls(args) => ls::run(args),
        Command::Top(args) => top::run(args),
        Command::Stat(args) => stat::run(args),
        Command::Rm(args) => rm::run(args),
        Command::Gc(args) => gc::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Cp(args) => cp::run(args),
        Command::Init(args) => init::run(args),
        Command::Destroy(args) => destroy::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Check(args) => check::run(args),
        Command::Completions(args) => completions::run(args, program),
        Command::Complete(args) => complete::run(args, program),
        Command::Man(args) => man::run(args, program),
    }
}

impl Command {
    /// Whether values of `PARTAGE_*` that mean nothing are to be said here: `run` does so
    /// itself, `doctor` has findings, and others do not ask the library.
    fn depends_on_variables(&self) -> bool {
        match self {
            Self::Ls(_) | Self::Top(_) | Self::Stat(_) | Self::Rm(_) | Self::Gc(_) => true,
            Self::Dump(_) | Self::Cp(_) | Self::Init(_) | Self::Destroy(_) => true,
            Self::Trace(_) => true,
            Self::Run(_) | Self::Doctor(_) | Self::Report(_) => false,
            Self::Check(_) | Self::Completions(_) | Self::Complete(_) | Self::Man(_) => false,
        }
    }
}
