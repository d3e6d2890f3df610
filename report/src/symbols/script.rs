//! Places in scripts, from what their interpreters say of themselves.

use std::borrow::Cow;

use super::Frame;

/// What stands in the place of a line of Ruby's that could not be asked for.
const UNLOCKED: &str = "a line of Ruby that is not known: the call was made without Ruby's lock";

/// The places, innermost first.
pub(super) fn frames(script: &str) -> Vec<Frame> {
    let Some((interpreter, said)) = script.split_once('\n') else {
        return Vec::new();
    };
    if interpreter == "ruby" && said == "-" {
        return vec![Frame {
            function: Some(UNLOCKED.to_owned()),
            ..Frame::default()
        }];
    }
    let places: Vec<Place<'_>> = match interpreter {
        // What was cut may be half a number.
        "python" => said
            .split_inclusive('\n')
            .filter_map(|line| python(line.strip_suffix('\n')?))
            .collect(),
        "java" => said.lines().filter_map(java).collect(),
        "perl" => perl(said).into_iter().collect(),
        _ => plain(said).into_iter().collect(),
    };
    let frame = |(file, line, function): Place<'_>| Frame {
        function: function.map(Cow::into_owned),
        line: Some((file.into_owned(), line)),
        interpreter: Some(interpreter.to_owned()),
        ..Frame::default()
    };
    places.into_iter().map(frame).collect()
}

/// File, line, function.
type Place<'s> = (Cow<'s, str>, u32, Option<Cow<'s, str>>);

/// `  File "leak.py", line 3 in make`
fn python(line: &str) -> Option<Place<'_>> {
    let rest = line.trim_start().strip_prefix("File ")?;
    let (file, rest) = rest.split_once(", line ")?;
    let (number, function) = rest.split_once(" in ").unwrap_or((rest, ""));
    let function = Some(function).filter(|name| !name.is_empty());
    let file = unescaped(file.trim_matches('"'));
    Some((file, number.parse().ok()?, function.map(unescaped)))
}

/// What Python writes as `\xe7`, `\u65e5` and `\U0001f600`, as it is.
fn unescaped(said: &str) -> Cow<'_, str> {
    let mut text = String::new();
    let mut rest = said;
    while let Some((before, behind)) = rest.split_once('\\') {
        let digits = match behind.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let hex = behind
            .get(1..)
            .and_then(|digits_on| digits_on.get(..digits));
        let point = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        text += before;
        match point.and_then(char::from_u32) {
            Some(character) => {
                text.push(character);
                rest = behind.get(1 + digits..).unwrap_or("");
            }
            None => {
                text.push('\\');
                rest = behind;
            }
        }
    }
    if text.is_empty() {
        return said.into();
    }
    text += rest;
    text.into()
}

/// ` at leak.pl line 1.`, perhaps with `, <STDIN> line 7` before the point.
fn perl(said: &str) -> Option<Place<'_>> {
    let rest = said.trim_start().strip_prefix("at ")?;
    let (file, rest) = rest.split_once(" line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((file.into(), digits.parse().ok()?, None))
}

/// `Leak.make (Leak.java:3)`
fn java(line: &str) -> Option<Place<'_>> {
    let (method, place) = line.split_once(" (")?;
    let (file, number) = place.strip_suffix(')')?.rsplit_once(':')?;
    Some((file.into(), number.parse().ok()?, Some(method.into())))
}

/// `leak.php:3`
fn plain(said: &str) -> Option<Place<'_>> {
    let (file, line) = said.trim_end().rsplit_once(':')?;
    Some((file.into(), line.parse().ok()?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(script: &str) -> Vec<String> {
        frames(script).iter().map(Frame::label).collect()
    }

    #[test]
    fn python_tells_its_stack() {
        let said = "python\nStack (most recent call first):\n  File \"a \\\"b.py\", line 12 in make\n  File \"main.py\", line 3 in <module>\n  File \"c.py\", line 1";
        let wanted = ["make at a \\\"b.py:12", "<module> at main.py:3"];
        assert_eq!(labels(said), wanted);
        let foreign = "python\n  File \"\\u65e5.py\", line 2 in fa\\xe7ade\\\n";
        assert_eq!(labels(foreign), ["façade\\ at 日.py:2"]);
    }

    #[test]
    fn others_tell_their_line() {
        assert_eq!(labels("perl\n at leak.pl line 1.\n"), ["leak.pl:1"]);
        assert_eq!(labels("perl\n at x line 4, <STDIN> line 7.\n"), ["x:4"]);
        assert_eq!(labels("php\n/srv/a:b.php:33"), ["/srv/a:b.php:33"]);
        let said = "java\njava.io.File.open (File.java:7)\nLeak.<init> (Leak.java:3)\n";
        let wanted = [
            "java.io.File.open at File.java:7",
            "Leak.<init> at Leak.java:3",
        ];
        assert_eq!(labels(said), wanted);
        assert_eq!(labels("ruby\n"), [""; 0]);
        assert_eq!(labels("ruby\n-"), [UNLOCKED]);
        assert_eq!(labels(""), [""; 0]);
    }
}
