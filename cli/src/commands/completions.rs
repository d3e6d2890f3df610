//! `partage completions`: what a shell needs to complete our command lines.

use crate::args::Cli;
use crate::failure::Outcome;
use crate::output;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// bash, zsh, fish, ...
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  partage completions bash > ~/.local/share/bash-completion/completions/partage
  partage completions zsh > ~/.zfunc/_partage
  partage completions fish > ~/.config/fish/completions/partage.fish";

/// Prints them.
pub(crate) fn run(args: Args) -> Outcome {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "partage", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
