//! `partage run`: run a program on partage.

use crate::failure::{Failure, Outcome, RUN_FAILED};
use crate::identity::Person;
use crate::launch::{self, Environment, Launch, Library, Limits, Program};
use crate::name::shown;
use crate::sources;
use crate::tracing;
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Run a program on partage: its shared memory calls are served in user space
///
/// Preloads the library into PROGRAM and everything it starts. Without `--private`, PROGRAM
/// takes this command's place (exec), so its exit status and signals are its own. With
/// `--private`, this command waits, passes signals on, and ends as PROGRAM ended.
///
/// Several programs can share one private namespace: run a shell that starts them.
///
/// The private namespace is removed when PROGRAM ends, however it ends. Processes that outlive
/// PROGRAM keep the memory they have attached, and get nothing new.
///
/// A named or private namespace has POSIX objects of its own. What a program shares with its
/// parent or with a service outside by shm_open(3) it does not find then (under libfaketime, a
/// program waits for its parent's object, or dies of SIGBUS): `--share-posix` leaves objects in
/// /dev/shm.
///
/// A statically linked launcher, such as tini or gosu, is not reached itself; what it starts is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Use the namespace DIR (made when it does not exist)
    #[arg(long, value_name = "DIR", conflicts_with = "private")]
    dir: Option<PathBuf>,

    /// Make a namespace for this run and remove it, with all its memory, when PROGRAM ends
    #[arg(long)]
    private: bool,

    /// Leave POSIX objects where they are, in /dev/shm, and make only the System V segments private
    #[arg(long, requires = "private")]
    share_posix: bool,

    /// Run PROGRAM as USER, with a namespace that USER can use (for root)
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Leave the private namespace in place and say where it is
    #[arg(long, requires = "private")]
    keep: bool,

    /// What serves the System V calls
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backend>,

    /// Let the kernel's own System V shared memory calls fail with ENOSYS (a seccomp filter)
    #[arg(long)]
    without_kernel_sysv: bool,

    /// Limits in place of the sysctls: shmmax, shmall, shmmni, rmid_forced
    #[arg(long, value_name = "NAME=VALUE,...", value_delimiter = ',')]
    limits: Vec<String>,

    /// Explain on stderr why calls fail
    #[arg(long, value_name = "LEVEL")]
    log: Option<Level>,

    /// Run PROGRAM even when the preload seems unable to reach it
    #[arg(long)]
    force: bool,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"],
          value_hint = clap::ValueHint::CommandWithArguments)]
    program: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  partage run -- postgres -D data
  partage run --private -- make check
  partage run --private -- sh -c './server & ./client; kill $!'
  partage run --without-kernel-sysv --log warn -- ./program
  partage run --private --share-posix -- faketime '2 days ago' ./program
  sudo partage run --user postgres -- postgres -D data
  partage run --dir /srv/shm --limits shmmax=1G,shmmni=100 -- ./program

Exit status: PROGRAM's own; 125 when partage itself fails, 126 when PROGRAM cannot be
executed, 127 when it is not found.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Backend {
    /// This library, in user space
    User,
    /// The kernel's own calls, passed through
    Kernel,
    /// The kernel's where they work, else user space
    Auto,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Replaces this process by the program, or runs it inside a private namespace.
pub(crate) fn run(args: Args) -> Outcome {
    start(args).map_err(|failure| failure.or_status(RUN_FAILED))
}

fn start(args: Args) -> Outcome {
    crate::variables::warn();
    let library = Library::find()?;
    let program = Program::find(&args.program)?;
    if !args.force {
        program.check_reach(&library, args.without_kernel_sysv)?;
    }
    let person = args.user.as_deref().map(Person::find).transpose()?;
    let mut environment = Environment::inherited();
    if let Some(person) = &person {
        environment.belong_to(person);
    }
    set_options(&mut environment, &args)?;
    environment.preload(&library)?;
    environment.preload_sanitizers(&program);
    let launch = Launch {
        program,
        without_kernel_sysv: args.without_kernel_sysv,
        person,
    };
    if args.share_posix {
        environment.set("PARTAGE_POSIX", "shared");
    }
    if args.private {
        return launch::run_private(&launch, environment, args.keep);
    }
    // The namespace is made by who will use it.
    launch.take_rights()?;
    if let Some(dir) = &args.dir {
        let dir = made_absolute(dir)?;
        tracing::note_namespace(Path::new(&dir));
        environment.set("PARTAGE_DIR", dir);
    }
    Err(launch.exec(&environment))
}

fn set_options(environment: &mut Environment, args: &Args) -> Result<(), Failure> {
    if let Some(backend) = args.backend {
        environment.set("PARTAGE_BACKEND", name_of(backend));
    }
    if let Some(level) = args.log {
        environment.set("PARTAGE_LOG", name_of(level));
    }
    for (name, value) in Limits::parse(&args.limits)? {
        environment.set(name, value);
    }
    Ok(())
}

/// The word for `value` on the command line, which is also the variable's.
pub(super) fn name_of(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// `dir` as an absolute path, since the program may change its directory.
pub(super) fn made_absolute(dir: &Path) -> Result<OsString, Failure> {
    launch::make_namespace_directory(dir)?;
    sources::refuse_strangers(dir)?;
    std::fs::canonicalize(dir)
        .map(OsString::from)
        .map_err(|why| Failure::io(format_args!("cannot use the namespace {}", shown(dir)), why))
}
