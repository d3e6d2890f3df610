//! `partage man`: the manual pages, one per subcommand, made from the definitions that `--help`
//! prints.

use crate::args::Cli;
use crate::failure::{Failure, Outcome};
use clap::CommandFactory;
use std::path::PathBuf;

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to; `partage.1`, `partage-run.1`, ... are put there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes them.
pub(crate) fn run(args: Args) -> Outcome {
    let shown = args.dir.display();
    clap_mangen::generate_to(Cli::command(), &args.dir)
        .map_err(|why| Failure::io(format_args!("cannot write manual pages to {shown}"), why))?;
    Ok(0)
}
