//! `partage man`: the manual pages: one per subcommand, made from the definitions that `--help`
//! prints and from `facts`; one per function, from `partage.h`; and an overview each in sections 3
//! and 7.

mod calls;
mod facts;
mod page;
mod roff;

use crate::failure::{Failure, Outcome};
use crate::name::shown;
use std::fs;
use std::path::{Path, PathBuf};

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to; `man1`, `man3` and `man7` are made there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes them.
pub(crate) fn run(args: Args, mut program: clap::Command) -> Outcome {
    program = program.disable_help_subcommand(true);
    program.build();
    let write = |section: u8, name: &str, text: &str| {
        let directory = args.dir.join(format!("man{section}"));
        put(&directory, &format!("{name}.{section}"), text)
    };
    write(1, "partage", &page::of_program(&program))?;
    for command in program.get_subcommands().filter(|one| !one.is_hide_set()) {
        let name = format!("partage-{}", command.get_name());
        write(1, &name, &page::of_command(command))?;
    }
    write(3, "partage", &filled(include_str!("man/partage.3")))?;
    for (call, text) in calls::pages() {
        write(3, call, &text)?;
    }
    write(7, "partage", &filled(include_str!("man/partage.7")))?;
    Ok(0)
}

/// The text with what is known here in place of its marks.
fn filled(text: &str) -> String {
    text.replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@ENVIRONMENT@\n", &page::library_environment())
}

fn put(directory: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = directory.join(name);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&file, text))
        .map_err(|why| Failure::io(format_args!("cannot write {}", shown(&file)), why))
}
