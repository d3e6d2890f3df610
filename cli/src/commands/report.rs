//! `partage report`: show a recording again.

use crate::failure::{Failure, Outcome};
use crate::launch::run_until_interrupted;
use crate::name::shown;
use crate::tracing::{self, Follower, Options, Patience};
use partage_report::Recording;
use std::path::{Path, PathBuf};

/// Show a recording that `partage trace -o` has kept
///
/// Takes the directory, or one of the files in it. A recording that is still being written is shown as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory of a recording, or one trace file
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Compare with the recording OLD: which leaks are new, gone, more or fewer
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,

    /// Go on while the recording grows, until its processes have ended or a signal comes: calls as text at once, else at the end
    #[arg(short, long, conflicts_with = "diff")]
    follow: bool,

    /// As `--pid`
    #[arg(
        short = 'p',
        value_name = "PID,...",
        value_delimiter = ',',
        hide = true
    )]
    process: Vec<u32>,

    /// Only calls that began so long after the start of the recording, or later: 1.5s, 200ms, 3m
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<u64>,

    /// Only calls that began before that time after the start of the recording
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,

    #[command(flatten)]
    show: Options,
}

const EXAMPLES: &str = "\
Examples:
  partage report rec                         all calls, as text
  partage report --errors --call shmget rec  the calls of shmget that failed
  partage report --leaks rec                 what was never removed, and where it was made
  partage report --follow rec                the calls of a run that goes on
  partage report --diff old rec              which leaks are new since the recording old
  partage report --timeline out.svg rec      a picture of the objects' lives
  partage report --format perfetto --to trace.json rec    for ui.perfetto.dev";

/// Shows the recording.
pub(crate) fn run(mut args: Args) -> Outcome {
    tracing::check(&args.show)?;
    args.show.pid.append(&mut args.process);
    let written = args.follow && follow(&args)?;
    let recording = read(&args.path)?;
    let began = recording.began().unwrap_or(0);
    args.show.since = args.since.map(|since| began.saturating_add(since));
    args.show.until = args.until.map(|until| began.saturating_add(until));
    match &args.diff {
        Some(old) => tracing::show_changes(&read(old)?, &recording, &args.show),
        None => tracing::show(&recording, &args.show, false, written),
    }
}

/// Follows the recording to its end; whether its calls were written meanwhile.
fn follow(args: &Args) -> Result<bool, Failure> {
    if !args.path.is_dir() {
        return Err(
            Failure::new(format_args!("{} is no directory", shown(&args.path)))
                .advise("--follow takes the directory that `partage trace -o` records into"),
        );
    }
    let mut follower = Follower::new(&args.path, &args.show, false)?;
    follower.show_from(args.since, args.until);
    run_until_interrupted(|watch| {
        follower.follow(watch, Patience::Others)?;
        Ok(follower.has_written())
    })?
}

/// A span of time in nanoseconds.
fn time(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 6] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("m", 60e9),
        ("s", 1e9),
    ];
    let unit = UNITS
        .iter()
        .find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, ns)));
    let (number, unit) = unit.unwrap_or((text, &1e9));
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok((number * unit) as u64),
        _ => Err("a number with ns, us, ms, s or m".to_owned()),
    }
}

fn read(path: &Path) -> Result<Recording, Failure> {
    let recording = Recording::read(path)
        .map_err(|why| Failure::io(format_args!("cannot read {}", shown(path)), why))?;
    if recording.images().is_empty() {
        return Err(
            Failure::new(format_args!("{} holds no recording", shown(path)))
                .advise("`partage trace -o DIR -- PROGRAM` makes one"),
        );
    }
    Ok(recording)
}
