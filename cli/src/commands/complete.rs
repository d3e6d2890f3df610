//! `partage complete`: what may stand at a place of a command line, for the shells' scripts.
//!
//! A line for each candidate, its description behind a tab. Where the word belongs to the command
//! line of a program that is to be run, a single line: a tab, and which word is the program.

mod candidates;

use crate::failure::{Failure, Outcome};
use crate::output;
use clap::{ArgMatches, ValueHint};
use clap_complete::CompletionCandidate as Candidate;
use clap_complete::engine;
use std::ffi::OsString;

/// List what may stand at a place of a command line
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which of the words is completed, from 0
    index: usize,

    /// The command line, `partage` first
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

/// Prints the candidates.
pub(crate) fn run(args: Args, program: clap::Command) -> Outcome {
    let Args { index, mut words } = args;
    words.resize(index + 1, OsString::new());
    let read = so_far(&program, &words);
    if let Some(run) = read
        .as_ref()
        .and_then(|read| of_a_program(&program, read, index))
    {
        output::print(&format!("\t{run}\n"))?;
        return Ok(0);
    }
    let mut program = match &read {
        Some((name, matches)) => candidates::add(program, name, matches),
        None => program,
    };
    let is_begun = words.last().is_some_and(|word| !word.is_empty());
    let directory = std::env::current_dir().ok();
    let found =
        engine::complete(&mut program, words, index, directory.as_deref()).map_err(Failure::new)?;
    let is_option = |one: &Candidate| one.get_value().as_encoded_bytes().starts_with(b"-");
    // Options are offered when one is begun, or when there is nothing else.
    let hides_options = !is_begun && !found.iter().all(is_option);
    let shown = found
        .iter()
        .filter(|one| !(hides_options && is_option(one)));
    output::print(&shown.map(line).collect::<String>())?;
    Ok(0)
}

fn line(candidate: &Candidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    format!("{value}\t{}\n", help.lines().next().unwrap_or_default())
}

/// What the words say, as far as they make sense: the subcommand's name, and its arguments.
fn so_far(program: &clap::Command, words: &[OsString]) -> Option<(String, ArgMatches)> {
    let mut words = words.to_vec();
    // What is only begun stands for what it may become: a program, or an option.
    if let Some(word) = words.last_mut() {
        match word.as_encoded_bytes() {
            b"" => word.push("x"),
            b"-" => word.push("-x"),
            _ => {}
        }
    }
    let parser = program.clone().ignore_errors(true);
    let mut matches = parser.try_get_matches_from(words).ok()?;
    matches.remove_subcommand()
}

/// Which word is the program, if the last one is the program or one of its arguments: all that
/// follows the program is its own.
fn of_a_program(
    program: &clap::Command,
    (name, matches): &(String, ArgMatches),
    index: usize,
) -> Option<usize> {
    let subcommand = program.find_subcommand(name)?;
    let runs = subcommand
        .get_arguments()
        .find(|arg| arg.get_value_hint() == ValueHint::CommandWithArguments)?;
    let words = matches.get_raw(runs.get_id().as_str())?.len();
    (index + 1).checked_sub(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn program_of(words: &str) -> Option<usize> {
        let program = crate::args::Cli::command();
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let read = so_far(&program, &words)?;
        of_a_program(&program, &read, words.len() - 1)
    }

    #[test]
    fn what_follows_the_program_is_its_own() {
        assert_eq!(program_of("partage run "), Some(2));
        assert_eq!(program_of("partage run -- ls"), Some(3));
        assert_eq!(program_of("partage run --dir /tmp ls -"), Some(4));
        assert_eq!(
            program_of("partage run --private -- sudo -u x ls "),
            Some(4)
        );
        assert_eq!(program_of("partage trace -- ls "), Some(3));
        assert_eq!(program_of("partage --color never run ls "), Some(4));
    }

    #[test]
    fn what_does_not_is_ours() {
        let ours = [
            "partage ",
            "partage ru",
            "partage run -",
            "partage run --dir ",
            "partage rm x",
        ];
        for words in ours {
            assert_eq!(program_of(words), None, "{words}");
        }
    }
}
