//! `partage trace`: run a program and show its use of shared memory.

use crate::failure::{Failure, Outcome, RUN_FAILED};
use crate::launch::{Environment, Launch, Library, Program, run_watched};
use crate::tracing::{self, Directory, Follower, Options, Recorder};
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run a program and show every use that it makes of shared memory
///
/// Records the calls of PROGRAM and of everything it starts, on the kernel's shared memory or on partage, and shows them
/// on stderr while it runs. Costs some tens of nanoseconds per call and nothing per other call.
///
/// A program that is statically linked or gains privileges cannot be recorded; nor can system calls that a program makes
/// without libc.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep the recording in the directory DIR, for `partage report`
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Keep the newest calls only: SIZE bytes per process
    #[arg(long, value_name = "SIZE")]
    ring: Option<String>,

    /// Return addresses to keep per call (0 to 32); programs without frame pointers give one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=32))]
    depth: Option<u8>,

    /// Where times come from
    #[arg(long, value_enum, value_name = "CLOCK")]
    clock: Option<Clock>,

    /// Record shared anonymous mappings too
    #[arg(long)]
    anonymous: bool,

    /// What serves the calls: the kernel (as without this command), or partage
    #[arg(long, value_enum, value_name = "BACKEND", default_value = "kernel")]
    with: Backend,

    /// Use the namespace DIR of partage (made when it does not exist); implies --with partage
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Go on until everything that PROGRAM started has ended, too
    #[arg(long)]
    wait: bool,

    /// Run PROGRAM even when the recorder seems unable to reach it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    show: Options,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    program: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  partage trace -- ./program                 all calls, while it runs
  partage trace --leaks -- ./program         what it never removed, and where that was made
  partage trace --fail-on-leaks -- ./test    fail a test run on leaks
  partage trace -o rec -- ./program; partage report --summary rec
  partage trace --with partage -- ./program  the same program on partage

Exit status: PROGRAM's own; 1 when PROGRAM succeeds and --fail-on-leaks finds some; 125 when
partage itself fails, 126 when PROGRAM cannot be executed, 127 when it is not found.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// Whatever the program runs on by itself
    Kernel,
    /// The library, as `partage run` preloads it
    Partage,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Clock {
    /// CLOCK_MONOTONIC, in nanoseconds
    Monotonic,
    /// The processor's counter, the cheapest
    Counter,
}

/// Runs, follows, shows.
pub(crate) fn run(args: Args) -> Outcome {
    start(args).map_err(|failure| failure.or_status(RUN_FAILED))
}

fn start(args: Args) -> Outcome {
    args.show.check()?;
    if let Some(size) = &args.ring
        && crate::launch::parse_size(size).is_none()
    {
        return Err(Failure::new(format_args!("--ring {size}: not a size"))
            .advise("a number of bytes, or one with K, M or G"));
    }
    let recorder = Library::find_recorder()?;
    let program = Program::find(&args.program)?;
    if !args.force {
        check_reach(&program, &recorder)?;
    }
    let directory = match &args.output {
        Some(path) => Directory::keep(path)?,
        None => Directory::temporary()?,
    };
    let environment = environment(&args, &recorder, &program, &directory)?;
    let launch = Launch {
        program,
        without_kernel_sysv: false,
    };
    let mut follower = Follower::new(directory.path(), &args.show)?;
    let (end, followed) = run_watched(&launch, &environment, |over| {
        follower.follow(over, args.wait)
    })?;
    followed?;
    let (recording, written) = follower.finish();
    let verdict = tracing::show(&recording, &args.show, true, written)?;
    drop(directory);
    match end.report() {
        0 => Ok(verdict),
        status => Ok(status),
    }
}

/// Refuses what would leave an empty trace.
fn check_reach(program: &Program, recorder: &Library) -> Result<(), Failure> {
    program.check_reach(recorder, false).map_err(|failure| {
        let (what, _) = failure.into_parts();
        Failure::new(what).advise(
            "nothing would be recorded; strace sees such programs; `--force` runs it all the same",
        )
    })
}

fn environment(
    args: &Args,
    recorder: &Library,
    program: &Program,
    directory: &Directory,
) -> Result<Environment, Failure> {
    let mut environment = Environment::inherited();
    if args.with == Backend::Partage || args.dir.is_some() {
        environment.preload(&Library::find()?)?;
        environment.set("PARTAGE_BACKEND", "user");
    }
    if let Some(dir) = &args.dir {
        environment.set("PARTAGE_DIR", super::run::made_absolute(dir)?);
    }
    let options = Recorder {
        ring: args.ring.clone(),
        depth: args.depth,
        clock: args.clock.map(super::run::name_of),
        anonymous: args.anonymous,
    };
    options.prepare(&mut environment, recorder, program, directory)?;
    Ok(environment)
}
