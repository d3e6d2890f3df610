//! Leaks in the forms that continuous integration reads: JUnit's XML, and the annotations of GitHub's workflows.

use std::fmt::Write;
use std::path::Path;

use crate::findings::Finding;
use crate::symbols::Frame;
use crate::verdict::Verdict;

/// JUnit's XML: a test case for each finding, which failed; one for each doubt, which could not be judged; or one that
/// passed.
#[must_use]
pub fn junit(findings: &[Finding], verdict: &Verdict) -> String {
    let doubts = verdict.reasons();
    let tests = (findings.len() + doubts.len()).max(1);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let _ = writeln!(
        text,
        "  <testsuite name=\"partage\" tests=\"{tests}\" failures=\"{}\" errors=\"{}\">",
        findings.len(),
        doubts.len()
    );
    for finding in findings {
        let place = finding.line().map(|(file, line)| format!("{file}:{line}"));
        let function = finding
            .places
            .iter()
            .find_map(|place| place.function.clone());
        let name = [Some(finding.call.to_owned()), function, place];
        let name: Vec<String> = name.into_iter().flatten().collect();
        let _ = writeln!(
            text,
            "    <testcase classname=\"shared memory.{}\" name=\"{}\">",
            finding.kind,
            xml(&name.join(" "))
        );
        let _ = writeln!(
            text,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            finding.kind,
            xml(&finding.what),
            xml(&description(finding))
        );
    }
    for doubt in &doubts {
        let _ = writeln!(
            text,
            "    <testcase classname=\"shared memory\" name=\"all was seen\">\n      <error type=\"cannot tell\" message=\"{}\"/>\n    </testcase>",
            xml(doubt)
        );
    }
    if findings.is_empty() && doubts.is_empty() {
        text += "    <testcase classname=\"shared memory\" name=\"nothing leaked\"/>\n";
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// Annotations, a line each: errors at the file and line to mend, paths below `root` relative to it; warnings for doubts.
#[must_use]
pub fn github(findings: &[Finding], verdict: &Verdict, root: &Path) -> String {
    let mut text = String::new();
    for finding in findings {
        let mut properties = Vec::new();
        if let Some((file, line)) = finding.line() {
            let file = Path::new(file);
            let file = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
            properties.push(format!("file={}", property(&file)));
            properties.push(format!("line={line}"));
        }
        properties.push("title=Shared memory leak".to_owned());
        let message = format!("{}\n{}", finding.what, description(finding));
        let message = message.trim_end();
        let _ = writeln!(text, "::error {}::{}", properties.join(","), data(message));
    }
    for doubt in verdict.reasons() {
        let _ = writeln!(
            text,
            "::warning title=Shared memory leaks cannot be told::{}",
            data(&doubt)
        );
    }
    text
}

/// Everything else about a finding, line by line.
pub(crate) fn description(finding: &Finding) -> String {
    let mut text = String::new();
    if !finding.examples.is_empty() {
        text += &format!("{}\n", finding.examples);
    }
    text += &format!("by {}, {}\n", finding.who, finding.call);
    for label in finding.places.iter().map(Frame::label) {
        text += &format!("  {label}\n");
    }
    text
}

/// Text of XML. What XML 1.0 cannot hold at all is left out.
fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            kind: "lasting",
            what: "2 segments, 8 KiB: never removed".to_owned(),
            count: 2,
            bytes: 8192,
            examples: String::new(),
            who: "pid 7 (a<b>)".to_owned(),
            call: "shmget",
            places: vec![Frame {
                function: Some("f".to_owned()),
                line: Some(("/src/a,b.c".to_owned(), 3)),
                ..Frame::default()
            }],
            signature: String::new(),
        }
    }

    #[test]
    fn annotations_stay_on_one_line() {
        let text = github(&[finding()], &Verdict::default(), Path::new("/src"));
        let wanted = "::error file=a%2Cb.c,line=3,title=Shared memory leak::2 segments, 8 KiB: never removed%0Aby pid 7 \
                      (a<b>), shmget%0A  f at /src/a,b.c:3\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn xml_is_escaped_and_counted() {
        let text = junit(&[finding()], &Verdict::default());
        assert!(
            text.contains("tests=\"1\" failures=\"1\" errors=\"0\""),
            "{text}"
        );
        assert!(text.contains("by pid 7 (a&lt;b&gt;), shmget"), "{text}");
        assert_eq!(xml("a\u{1}\u{7f}\"&"), "a??&quot;&amp;");
        assert!(junit(&[], &Verdict::default()).contains("nothing leaked"));
    }
}
