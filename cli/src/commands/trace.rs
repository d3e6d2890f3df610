//! `partage trace`: run a program and show its use of shared memory.

use crate::failure::{Failure, Outcome, RUN_FAILED};
use crate::launch::{End, Environment, Launch, Library, Program, run_watched};
use crate::name::shown;
use crate::tracing::{self, Before, Directory, Follower, Options, Patience, Recorder, System};
use clap::ValueEnum;
use partage_report::afterwards::Death;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run a program and show every use that it makes of shared memory
///
/// Records the calls of PROGRAM and of everything it starts, on the kernel's shared memory or on partage, and shows them
/// on stderr while it runs. Costs some tens of nanoseconds per call and nothing per other call.
///
/// A statically linked program is recorded from outside, by ptrace(2), which costs it a few microseconds for each of
/// these calls. Programs that gain privileges cannot be recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep the recording in the directory DIR, for `partage report`; `--to FILE` writes the calls as text instead
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Keep the newest calls only: SIZE bytes per process
    #[arg(long, value_name = "SIZE")]
    ring: Option<String>,

    /// How much of the stack is looked at for callers, in bytes (0 to 256K), at calls that make, open or attach something
    #[arg(long, value_name = "SIZE", default_value = "4K")]
    stack_size: String,

    /// Do not ask interpreters (Python, Java, Perl, PHP, Ruby) for the line of the script
    #[arg(long)]
    no_scripts: bool,

    /// Have just-in-time compilers (node, Java, Python from 3.12 on) write maps of their code, from which reports name it
    #[arg(long)]
    jit_maps: bool,

    /// Return addresses to follow by frame pointers at every call (0 to 32)
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

    /// Record from outside, by ptrace(2), as programs are that the recorder cannot reach; waits for all that it starts
    #[arg(long, conflicts_with_all = ["ring", "depth", "clock", "anonymous", "force"])]
    ptrace: bool,

    /// Record the running process PID and what it starts, by ptrace(2), until it ends or this is interrupted
    #[arg(short = 'p', long, value_name = "PID", conflicts_with_all = ["program", "with", "dir", "ring", "depth", "clock", "anonymous", "force"])]
    attach: Option<u32>,

    /// Taken for strace's sake: what PROGRAM starts is always recorded
    #[arg(short = 'f', action = clap::ArgAction::Count, hide = true)]
    _follow_forks: u8,

    /// Run PROGRAM even when the recorder seems unable to reach it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    show: Options,

    /// The program and its arguments
    #[arg(required_unless_present = "attach", trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"],
          value_hint = clap::ValueHint::CommandWithArguments)]
    program: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  partage trace -- ./program                 all calls, while it runs
  partage trace --leaks -- ./program         what it never removed, and where that was made
  partage trace --fail-on-leaks -- ./test    fail a test run on leaks
  partage trace -o rec -- ./program; partage report --summary rec
  partage trace --with partage -- ./program  the same program on partage
  partage trace --attach 4711                a running process, until Ctrl-C

Exit status: PROGRAM's own. When PROGRAM succeeds, with --fail-on-leaks: 1 if there are leaks,
3 if that cannot be told (processes run on, or not all was seen; 1 with --strict), else 0.
125 when partage itself fails, 126 when PROGRAM cannot be executed, 127 when it is not found.";

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

impl Args {
    fn is_on_partage(&self) -> bool {
        self.with == Backend::Partage || self.dir.is_some()
    }
}

/// Runs, follows, shows.
pub(crate) fn run(args: Args) -> Outcome {
    start(args).map_err(|failure| failure.or_status(RUN_FAILED))
}

fn start(args: Args) -> Outcome {
    tracing::check(&args.show)?;
    let sizes = [
        ("--ring", args.ring.as_ref()),
        ("--stack-size", Some(&args.stack_size)),
    ];
    for (option, size) in sizes {
        if let Some(size) = size.filter(|size| partage_report::parse_size(size).is_none()) {
            return Err(Failure::new(format_args!("{option} {size}: not a size"))
                .advise("a number of bytes, or one with K, M or G"));
        }
    }
    match args.attach {
        Some(pid) => attach(&args, pid),
        None => launch(&args),
    }
}

/// Starts a program, and records it from within if a preload reaches it, else from outside.
fn launch(args: &Args) -> Outcome {
    let program = Program::find(&args.program)?;
    let from_outside = args.ptrace || !args.force && program.is_static();
    if from_outside && args.is_on_partage() {
        return Err(
            Failure::new("partage cannot serve a program that no preload reaches")
                .advise("trace it on the kernel's calls, without --with and --dir"),
        );
    }
    let recorder = Library::find_recorder()?;
    if !args.force && !from_outside {
        check_reach(&program, &recorder)?;
    }
    let mut run = Run::new(args)?;
    let environment = if from_outside {
        Environment::inherited()
    } else {
        environment(args, &recorder, &program, &run.directory)?
    };
    let launch = Launch {
        program,
        without_kernel_sysv: false,
        person: None,
    };
    let (follower, directory) = (&mut run.follower, run.directory.path());
    let (pid, end, followed) = if from_outside {
        tracing::outside::run(&launch, &environment, directory, |watch| {
            follower.follow(watch, Patience::ToTheEnd)
        })?
    } else {
        let patience = Patience::of(args.wait, args.show.judges());
        run_watched(&launch, &environment, |watch| {
            follower.follow(watch, patience)
        })?
    };
    followed?;
    let deaths = match end {
        End::Killed(signal) => vec![Death {
            pid: pid.as_raw() as u32,
            signal,
        }],
        End::Exit(_) => Vec::new(),
    };
    let verdict = run.conclude(args, deaths)?;
    match end.report() {
        0 => Ok(verdict),
        status => Ok(status),
    }
}

/// Follows a running process from outside, until it ends or a signal comes.
fn attach(args: &Args, pid: u32) -> Outcome {
    let mut run = Run::new(args)?;
    let (follower, directory) = (&mut run.follower, run.directory.path());
    tracing::outside::attach(pid, directory, |watch| {
        follower.follow(watch, Patience::ToTheEnd)
    })??;
    run.conclude(args, Vec::new())
}

/// What a run needs, however it is recorded.
struct Run {
    directory: Directory,
    system: System,
    before: Before,
    follower: Follower,
}

impl Run {
    fn new(args: &Args) -> Result<Self, Failure> {
        let directory = match &args.output {
            Some(path) => Directory::keep(path)?,
            None => Directory::temporary()?,
        };
        let system = match args.is_on_partage() {
            true => System::namespace(args.dir.as_deref()),
            false => System::either(),
        };
        Ok(Self {
            before: system.before(),
            follower: Follower::new(directory.path(), &args.show, true)?,
            directory,
            system,
        })
    }

    /// Holds the recording against the system, and shows it.
    fn conclude(self, args: &Args, deaths: Vec<Death>) -> Outcome {
        let (mut recording, written) = self.follower.finish();
        let mut kept = Ok(());
        match self
            .system
            .afterwards(&self.before, deaths, self.directory.path())
        {
            Ok(afterwards) => {
                if args.output.is_some() {
                    kept = afterwards.write(self.directory.path()).map_err(|why| {
                        let shown = shown(self.directory.path());
                        Failure::io(format_args!("cannot write into {shown}"), why)
                    });
                }
                recording.end(afterwards);
            }
            // The recording alone has its worth.
            Err(failure) => drop(failure.report()),
        }
        // All of it is in memory now: whatever interrupts the showing leaves nothing behind.
        drop(self.directory);
        let status = tracing::show(&recording, &args.show, true, written)?;
        kept.map(|()| status)
    }
}

/// Refuses what would leave an empty trace.
fn check_reach(program: &Program, recorder: &Library) -> Result<(), Failure> {
    program.check_reach(recorder, false).map_err(|failure| {
        let (what, _) = failure.into_parts();
        Failure::new(what).advise(
            "nothing would be recorded; `--ptrace` records from outside, `--force` runs it all the same",
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
    if args.is_on_partage() {
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
        stack_size: args.stack_size.clone(),
        scripts: !args.no_scripts,
        jit_maps: args.jit_maps,
        in_ipc_namespace: !args.is_on_partage(),
    };
    options.prepare(&mut environment, recorder, program, directory)?;
    Ok(environment)
}
