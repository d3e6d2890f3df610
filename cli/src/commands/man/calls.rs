//! The pages of section 3, from the comments of `partage.h`.

use super::roff;

const HEADER: &str = include_str!("../../../../include/partage.h");

/// A page's name and text, for each function of the header.
pub(super) fn pages() -> impl Iterator<Item = (&'static str, String)> {
    let comments = HEADER.split("/**\n").skip(1);
    comments.filter_map(|rest| {
        let (comment, code) = rest.split_once("*/")?;
        let (prototype, _) = code.split_once(';')?;
        let name = name_of(prototype)?;
        Some((name, page(name, &paragraphs(comment), prototype.trim())))
    })
}

/// The function's name, with the library's prefix.
fn name_of(prototype: &str) -> Option<&str> {
    let (before, _) = prototype.split_once('(')?;
    let name = before.rsplit([' ', '*']).next()?;
    name.starts_with("partage_").then_some(name)
}

/// What stands between empty lines, each in one line; entries of a list are paragraphs of their own.
fn paragraphs(comment: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![String::new()];
    for line in comment.lines() {
        let line = line.trim().trim_start_matches('*').trim();
        if line.is_empty() || line.starts_with("- ") {
            found.push(String::new());
        }
        if let Some(last) = found.last_mut() {
            let gap = if last.is_empty() { "" } else { " " };
            *last += &format!("{gap}{line}");
        }
    }
    found.retain(|paragraph| !paragraph.is_empty());
    found
}

fn page(name: &str, paragraphs: &[String], prototype: &str) -> String {
    let (what, returns) = apart(paragraphs.first().map_or("", String::as_str));
    let rest = paragraphs.get(1..).unwrap_or_default();
    let safety = rest.iter().position(|one| one == "# Safety");
    let (rest, safety) = rest.split_at(safety.unwrap_or(rest.len()));
    let (source, rest): (Vec<_>, Vec<_>) = rest.iter().partition(|one| one.starts_with("Source:"));
    let (errors, notes): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| one.starts_with("- "));
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(".TH {name} 3 \"\" \"partage {version}\" \"Partage manual\"\n");
    text += &format!(
        "{}{name} \\- {}\n",
        roff::section("NAME"),
        roff::escaped(&title(&what))
    );
    text += &roff::section("LIBRARY");
    text += "Shared memory in user space (libpartage, \\-lpartage)\n";
    text += &roff::section("SYNOPSIS");
    text += &roff::example(&format!("#include <partage.h>\n\n{prototype};"));
    text += &roff::section("DESCRIPTION");
    text += &body(&what);
    for note in notes {
        text += &format!(".PP\n{}", body(note));
    }
    if !returns.is_empty() {
        text += &(roff::section("RETURN VALUE") + &body(&returns));
    }
    if !errors.is_empty() {
        text += &roff::section("ERRORS");
        let entries = errors.iter().map(|entry| error(entry));
        text += &entries.collect::<String>();
    }
    if let Some(safety) = safety.get(1..).filter(|safety| !safety.is_empty()) {
        text += &(roff::section("CAVEATS") + &body(&safety.join(" ")));
    }
    text += &roff::section("SEE ALSO");
    text + &roff::pages(&references(&source))
}

/// Words of the header, with what is between backquotes in bold.
fn body(text: &str) -> String {
    // Backquotes have to stay for that.
    roff::tidy(
        &(text
            .split('`')
            .map(roff::escaped)
            .collect::<Vec<_>>()
            .join("`")
            + "\n"),
    )
}

/// What a function does, and what it returns.
fn apart(text: &str) -> (String, String) {
    let at = [". Returns ", "; returns ", ". Never fails"];
    let at = at.iter().filter_map(|words| text.find(words)).min();
    let Some(at) = at else {
        return (text.to_owned(), String::new());
    };
    let (what, returns) = text.split_at(at);
    let mut returns = returns
        .trim_start_matches(['.', ';', ' '])
        .replace("with errno:", "and sets errno.");
    if let Some(first) = returns.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    (format!("{what}."), returns)
}

/// A function in one line: its first clause, without backquotes.
fn title(what: &str) -> String {
    let clause = what.split([';', '.']).next().unwrap_or_default();
    let mut clause = clause.replace('`', "");
    if let Some(first) = clause.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    clause
}

/// An entry, whose names come first, each between backquotes.
fn error(entry: &str) -> String {
    let mut text = entry.trim_start_matches("- ");
    let mut names = Vec::new();
    while let Some((name, rest)) = text
        .strip_prefix("`E")
        .and_then(|text| text.split_once('`'))
    {
        names.push(format!("E{name}"));
        text = rest.trim_start_matches([',', ' ']);
    }
    match names.is_empty() {
        true => format!(
            ".TP\n.B Others\n{}",
            body(text.trim_start_matches("others "))
        ),
        false => format!(".TP\n.B {}\n{}", names.join(", "), body(text)),
    }
}

/// `shmget(2)` and the like in what a comment names as its source, and the overview.
fn references(source: &[&String]) -> Vec<(String, u8)> {
    let words = source.iter().flat_map(|line| line.split([' ', ',', '.']));
    let pages = words.filter_map(|word| {
        let (name, section) = word.strip_suffix(')')?.split_once('(')?;
        Some((name.to_owned(), section.parse().ok()?))
    });
    pages
        .chain([("partage".to_owned(), 3), ("partage".to_owned(), 7)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_a_page() {
        let pages: Vec<_> = pages().collect();
        let symbols = include_str!("../../../../include/partage.symbols");
        for name in symbols.lines().filter(|name| name.starts_with("partage_")) {
            assert!(pages.iter().any(|(page, _)| *page == name), "{name}");
        }
        for (name, text) in pages {
            assert!(text.contains(".SH DESCRIPTION\n"), "{name}");
            assert!(!text.contains('`'), "{name}: {text}");
        }
    }

    #[test]
    fn an_entry_may_have_several_names() {
        assert_eq!(
            error("- `EMFILE`, `ENFILE` no descriptor"),
            ".TP\n.B EMFILE, ENFILE\nno descriptor\n"
        );
        assert_eq!(
            error("- `EINVAL` `len` is 0"),
            ".TP\n.B EINVAL\n\\fBlen\\fR is 0\n"
        );
        assert_eq!(error("- others as open(2)"), ".TP\n.B Others\nas open(2)\n");
    }
}
