//! `partage doctor`: does this system, and this namespace, do what partage needs?

#[cfg(test)]
mod complete;
mod fills;
mod finding;
mod limits;
mod machine;
mod namespace;
mod preload;
mod room;
mod system;

use crate::failure::{FAILED, Outcome};
use crate::model::Snapshot;
use crate::namespace::Choice;
use crate::output;
use crate::sources::{self, Extent};
use anstyle::{AnsiColor, Style};
use fills::Fill;
use finding::{DEV_SHM, Finding, Verdict};
use std::path::{Path, PathBuf};

/// Check this system and the namespace, and say in plain words what to do
///
/// Looks whether the kernel has System V shared memory, whether /dev/shm is there and how large,
/// whether the lock that tells living processes from dead ones holds on the namespace's file
/// system, whether the namespace is sound, and whether the preload reaches programs; how limits
/// stand against use, who fills /dev/shm, and which settings of the machine get in the way. With
/// `--user NAME`, root has all of it judged as that user would find it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// Put in order what is wrong with the namespace
    #[arg(long)]
    repair: bool,

    /// Check whether the preload would reach PROGRAM
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,

    /// For programs: the findings as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage doctor
  partage doctor --program /usr/bin/firefox
  partage doctor --dir /srv/shm --repair
  sudo partage doctor --user postgres
  partage doctor --json | jq -r '.[] | select(.verdict == \"problem\").command'

Exit status: 0 when there is no problem, 1 when there is one.";

/// Looks at everything and reports it. With `--user`, who could not read other processes would
/// miss holders: those are looked at first.
pub(crate) fn run(args: Args) -> Outcome {
    let objects = sources::kernel_snapshot(Extent::Namespace).ok();
    let objects = objects.or_else(|| sources::user_snapshot(None, Extent::Namespace).ok());
    let is_full = room::is_full(Path::new(DEV_SHM));
    let namespaces = is_full.then(sources::all_namespaces).unwrap_or_default();
    let fills = fills::of(objects.as_ref(), &namespaces);
    args.namespace.become_user()?;
    let findings = judged(&args, objects.as_ref(), &fills);
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print(&findings.iter().map(shown).collect::<String>())?;
    }
    let sick = findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Problem);
    Ok(if sick { FAILED } else { 0 })
}

fn judged(args: &Args, objects: Option<&Snapshot>, fills: &[Fill]) -> Vec<Finding> {
    let mut findings = system::look();
    findings.push(room::look(Path::new(DEV_SHM), fills).about("dev-shm"));
    findings.extend(
        objects
            .and_then(room::unlinked)
            .map(|finding| finding.about("unlinked")),
    );
    findings.extend(machine::look());
    let preload = preload::look(args.program.as_deref());
    findings.extend(preload.into_iter().map(|finding| finding.about("preload")));
    findings.extend(namespace::look(&args.namespace, args.repair));
    findings
}

fn shown(finding: &Finding) -> String {
    let (word, colour) = match finding.verdict {
        Verdict::Good => ("good", AnsiColor::Green),
        Verdict::Note => ("note", AnsiColor::Yellow),
        Verdict::Problem => ("PROBLEM", AnsiColor::Red),
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let mut text = format!("{style}{word:<7}{style:#}  {}\n", finding.what);
    if let Some(advice) = &finding.advice {
        text += &format!("         {advice}\n");
    }
    if let Some(command) = &finding.command {
        text += &format!("           {command}\n");
    }
    text
}
