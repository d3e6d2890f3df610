//! `partage check`: does a program, or a running process, have its shared memory from partage?

mod answer;
mod note;
mod process;
mod program;

use crate::failure::{FAILED, Outcome};
use crate::name::shown;
use crate::output;
use answer::{Answer, Found, Way};
use std::ffi::OsString;

/// Say whether a program would be, or a running process is, on partage
///
/// Of a program: whether it is linked with the shared library or has the archive inside, whether
/// this environment preloads it, and whether the dynamic linker finds the library; the program is
/// not run. Of a process: what is in it now.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A program, looked for as a shell does, or a process id
    #[arg(value_name = "PROGRAM|PID")]
    what: OsString,

    /// For programs: JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage check ./server                 a program here
  partage check 4711                     a process
  partage run -- partage check postgres  a program in the environment of `partage run`

Exit status: 0 when it is on partage, 1 when it is not, 2 when that cannot be told.";

/// That it cannot be told, as diff(1) and grep(1) have it.
const UNKNOWN: u8 = 2;

/// Looks and tells.
pub(crate) fn run(args: Args) -> Outcome {
    let answer = match process::id(&args.what) {
        Some(pid) => process::look(pid),
        None => program::look(&args.what),
    };
    let answer = answer.map_err(|failure| failure.with_status(UNKNOWN))?;
    match args.json {
        true => output::print_json(&answer)?,
        false => output::print(&told(&answer))?,
    }
    Ok(answer.found.map_or(FAILED, |_| 0))
}

fn told(answer: &Answer) -> String {
    let mut text = match &answer.found {
        Some(Found { way, version }) => {
            let how = match way {
                Way::Archive => "linked with the archive".to_owned(),
                Way::Linked(path) => format!("linked with {}", shown(path)),
                Way::Preloaded(path) => format!("preloaded, {}", shown(path)),
            };
            format!("{} is on partage {version}: {how}\n", answer.subject)
        }
        None => format!("{} is not on partage\n", answer.subject),
    };
    for remark in &answer.remarks {
        text += &format!("  {remark}\n");
    }
    text
}
