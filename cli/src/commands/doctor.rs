//! `partage doctor`: does this system, and this namespace, do what partage needs?

mod namespace;
mod preload;
mod system;

use crate::failure::{FAILED, Outcome};
use crate::namespace::Choice;
use crate::output;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::path::PathBuf;

/// Check this system and the namespace, and say in plain words what to do
///
/// Looks whether the kernel has System V shared memory, whether /dev/shm is there and how large,
/// whether the lock that tells living processes from dead ones holds on the namespace's file
/// system, whether the namespace is sound, and whether the preload reaches programs.
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

Exit status: 0 when there is no problem, 1 when there is one.";

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Good,
    /// Works, and is worth knowing.
    Note,
    /// Does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn good(what: impl ToString) -> Self {
        Self {
            verdict: Verdict::Good,
            what: what.to_string(),
            advice: None,
        }
    }

    fn note(what: impl ToString, advice: impl ToString) -> Self {
        let advice = Some(advice.to_string());
        Self {
            verdict: Verdict::Note,
            what: what.to_string(),
            advice,
        }
    }

    fn problem(what: impl ToString, advice: impl ToString) -> Self {
        let advice = Some(advice.to_string());
        Self {
            verdict: Verdict::Problem,
            what: what.to_string(),
            advice,
        }
    }
}

/// Looks at everything and reports it.
pub(crate) fn run(args: Args) -> Outcome {
    let mut findings = system::look();
    findings.extend(preload::look(args.program.as_deref()));
    findings.extend(namespace::look(&args.namespace, args.repair));
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
    text
}
