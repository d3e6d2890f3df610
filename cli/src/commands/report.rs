//! `partage report`: show a recording again.

use crate::failure::{Failure, Outcome};
use crate::tracing::{self, Options};
use partage_report::Recording;
use std::path::PathBuf;

/// Show a recording that `partage trace -o` has kept
///
/// Takes the directory, or one of the files in it. A recording that is still being written is shown as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory of a recording, or one trace file
    #[arg(value_name = "PATH")]
    path: PathBuf,

    #[command(flatten)]
    show: Options,
}

const EXAMPLES: &str = "\
Examples:
  partage report rec                         all calls, as text
  partage report --errors --call shmget rec  the calls of shmget that failed
  partage report --leaks rec                 what was never removed, and where it was made
  partage report --timeline out.svg rec      a picture of the objects' lives
  partage report --format perfetto --to trace.json rec    for ui.perfetto.dev";

/// Shows the recording.
pub(crate) fn run(args: Args) -> Outcome {
    args.show.check()?;
    let recording = Recording::read(&args.path)
        .map_err(|why| Failure::io(format_args!("cannot read {}", args.path.display()), why))?;
    if recording.images().is_empty() {
        return Err(
            Failure::new(format_args!("{} holds no recording", args.path.display()))
                .advise("`partage trace -o DIR -- PROGRAM` makes one"),
        );
    }
    tracing::show(&recording, &args.show, false, false)
}
