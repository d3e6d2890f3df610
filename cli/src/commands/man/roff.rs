//! Text for man(7).

/// The widest line of a source.
const WIDEST: usize = 80;

/// `text` as it is, between macros.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('\'', "\\(aq").replace('`', "\\(ga");
    let text = text.replace('^', "\\(ha");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}

/// A heading.
pub(super) fn section(title: &str) -> String {
    format!(".SH {title}\n")
}

/// A term, and what is said of it: words between backquotes in bold.
pub(super) fn tagged(term: &str, text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    format!(".TP\n.B {}\n{}\n", escaped(term), bold(&parts.join("`")))
}

/// Lines that stay as they are.
pub(super) fn example(lines: &str) -> String {
    format!(
        ".EX\n{}\n.EE\n",
        lines.lines().map(escaped).collect::<Vec<_>>().join("\n")
    )
}

/// Pages, as they are named in the text.
pub(super) fn pages(names: &[(String, u8)]) -> String {
    let last = names.len().saturating_sub(1);
    let lines = names.iter().enumerate().map(|(at, (name, section))| {
        let comma = if at == last { "" } else { "," };
        format!(".BR {} ({section}){comma}\n", escaped(name))
    });
    lines.collect()
}

/// What clap_mangen writes, in the form that mandoc's lint wants: no blanks at the ends of lines, no
/// breaks around blank lines, no long lines; and words between backquotes in bold.
pub(super) fn tidy(text: &str) -> String {
    let text = text.replace(".br\n\n.br\n", ".sp\n");
    let lines = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    lines.map(|line| wrapped(&bold(line)) + "\n").collect()
}

/// `` `word` `` in bold. A lone backquote stays.
fn bold(line: &str) -> String {
    let mut parts = line.split('`');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let parts: Vec<&str> = parts.collect();
    for pair in parts.chunks(2) {
        match pair {
            [inner, after] => text += &format!("\\fB{inner}\\fR{after}"),
            lone => text += &format!("`{}", lone.concat()),
        }
    }
    text
}

/// Broken at blanks; a line that begins with a dot means something, and stays.
fn wrapped(line: &str) -> String {
    if line.starts_with('.') {
        return line.to_owned();
    }
    let (mut text, mut width) = (String::new(), 0);
    for word in line.split(' ') {
        // A word at the beginning of a line could be taken for a macro.
        let may_break = !word.starts_with(['.', '\'']) && !word.is_empty();
        if width > 0 && may_break && width + 1 + word.len() > WIDEST {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += word.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_macro() {
        assert_eq!(escaped(".x \\ 'a-b'"), "\\&.x \\e \\(aqa\\-b\\(aq");
    }

    #[test]
    fn backquotes_are_bold() {
        assert_eq!(bold("a `b` c `d"), "a \\fBb\\fR c `d");
    }

    #[test]
    fn lines_are_short() {
        let text = tidy(&format!("{} \n.br\n\n.br\nx", "word ".repeat(40)));
        assert!(
            text.lines()
                .all(|line| line.len() <= WIDEST && !line.ends_with(' '))
        );
        assert!(text.ends_with(".sp\nx\n"), "{text}");
    }
}
