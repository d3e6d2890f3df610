//! A page of section 1.

use super::facts::{self, Facts};
use super::roff;
use clap::Command;
use clap_mangen::Man;
use partage_core::options::VARIABLES;

/// What a command's status means where its help says nothing of it.
const STATUS: &str =
    "0 when it is done, 1 when it is not, or not all of it, 2 for a wrong command line.";

/// Of the program as a whole.
pub(super) fn of_program(program: &Command) -> String {
    let man = Man::new(program.clone());
    let commands = rendered(|out| man.render_subcommands_section(out));
    page("partage", program, &commands, Some(&facts::PROGRAM))
}

/// Of one of its subcommands.
pub(super) fn of_command(command: &Command) -> String {
    let name = format!("partage-{}", command.get_name());
    page(&name, command, "", facts::of(command.get_name()))
}

fn page(name: &str, command: &Command, commands: &str, facts: Option<&Facts>) -> String {
    let man = Man::new(command.clone());
    let version = env!("CARGO_PKG_VERSION");
    let help = command.get_after_help().map(ToString::to_string);
    let (examples, status) = parts(help.as_deref().unwrap_or_default());
    let mut text = format!(".TH {name} 1 \"\" \"partage {version}\" \"Partage manual\"\n");
    text += ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    text += &rendered(|out| man.render_name_section(out));
    text += &rendered(|out| man.render_synopsis_section(out));
    text += &rendered(|out| man.render_description_section(out));
    text += &rendered(|out| man.render_options_section(out));
    text += commands;
    text += &roff::section("EXIT STATUS");
    text += &roff::tidy(&roff::escaped(status.unwrap_or(STATUS)));
    if let Some(facts) = facts {
        text += &environment(facts.environment);
        text += &files(facts.files);
    }
    if !examples.is_empty() {
        text += &roff::section("EXAMPLES");
        text += &roff::example(&examples);
    }
    text + &see_also(name, facts)
}

/// A section as clap_mangen has it. Writing to memory does not fail.
fn rendered(section: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    let _ = section(&mut out);
    roff::tidy(&String::from_utf8_lossy(&out))
}

/// The examples of a help text, and what it says of the exit status.
fn parts(help: &str) -> (String, Option<&str>) {
    let (examples, status) = match help.split_once("Exit status: ") {
        Some((examples, status)) => (examples, Some(status.trim())),
        None => (help, None),
    };
    let lines = examples.lines().filter_map(|line| line.strip_prefix("  "));
    (lines.collect::<Vec<_>>().join("\n"), status)
}

fn environment(names: &[&str]) -> String {
    let meanings = names
        .iter()
        .filter_map(|name| Some((*name, facts::meaning(name)?)));
    listed("ENVIRONMENT", meanings)
}

fn files(files: &[facts::File]) -> String {
    listed("FILES", files.iter().copied())
}

fn listed<'a>(title: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows: String = rows.map(|(term, text)| roff::tagged(term, text)).collect();
    match rows.is_empty() {
        true => rows,
        false => roff::tidy(&(roff::section(title) + &rows)),
    }
}

fn see_also(name: &str, facts: Option<&Facts>) -> String {
    let mut pages = Vec::new();
    if name != "partage" {
        pages.push(("partage".to_owned(), 1));
    }
    let others = facts.map_or(&[][..], |facts| facts.see);
    pages.extend(
        others
            .iter()
            .map(|(name, section)| ((*name).to_owned(), *section)),
    );
    if name != "partage" {
        pages.push(("partage".to_owned(), 7));
    }
    roff::section("SEE ALSO") + &roff::pages(&pages)
}

/// The library's variables, as rows of a list.
pub(super) fn library_environment() -> String {
    let rows = VARIABLES.iter().map(|one| {
        let text = format!("{}. Default: {}", one.meaning, one.default);
        roff::tagged(one.name, &text)
    });
    roff::tidy(&rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_comes_apart() {
        let (examples, status) = parts("Examples:\n  a b\n  c\n\nExit status: 0 or\n1.\n");
        assert_eq!(examples, "a b\nc");
        assert_eq!(status, Some("0 or\n1."));
        assert_eq!(parts("Examples:\n  a"), ("a".to_owned(), None));
    }
}
