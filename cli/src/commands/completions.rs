//! `partage completions`: what a shell needs to complete our command lines.

use crate::failure::Outcome;
use crate::output;
use clap_complete::{Shell, generate};

/// Print the completions for a shell
///
/// In bash, zsh and fish, what there is at that moment is completed too: ids, keys, names, users
/// and processes of the namespace that the line names, and after `run --` the program and its own
/// arguments.
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
pub(crate) fn run(args: Args, mut program: clap::Command) -> Outcome {
    match args.shell {
        Shell::Bash => output::print(include_str!("completions/partage.bash"))?,
        Shell::Zsh => output::print(include_str!("completions/partage.zsh"))?,
        Shell::Fish => output::print(include_str!("completions/partage.fish"))?,
        other => {
            let mut script = Vec::new();
            generate(other, &mut program, "partage", &mut script);
            output::print(&String::from_utf8_lossy(&script))?;
        }
    }
    Ok(0)
}
