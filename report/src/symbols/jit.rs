//! Code made at run time, by the maps that just-in-time compilers write for perf: `/tmp/perf-PID.map`.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Frame;

/// A piece of code: start, size, name.
type Piece = (u64, u64, String);

/// The maps of processes, each read once.
#[derive(Default)]
pub(super) struct Maps(HashMap<u32, Vec<Piece>>);

impl Maps {
    /// The function at an address of a process.
    pub(super) fn name(&mut self, pid: u32, address: u64) -> Option<String> {
        let pieces = self.0.entry(pid).or_insert_with(|| {
            let path = PathBuf::from(format!("/tmp/perf-{pid}.map"));
            parse(&std::fs::read(path).unwrap_or_default())
        });
        let behind = pieces.partition_point(|(start, _, _)| *start <= address);
        let (start, size, name) = pieces.get(behind.checked_sub(1)?)?;
        (address - start < *size).then(|| name.clone())
    }
}

/// What a map calls a piece of code, as a place: node says `JS:~make /srv/a.js:12:3`, where the function begins; Python
/// `py::make:/srv/a.py`; Java `int Leak.make(int)`. All else is a compiler's own.
pub(super) fn frame(name: &str) -> Frame {
    const OWN: &str = "[jit]";
    let of = |interpreter: &str, function: &str| Frame {
        function: Some(function.to_owned()),
        interpreter: Some(interpreter.to_owned()),
        ..Frame::default()
    };
    if let Some(said) = name.strip_prefix("JS:") {
        // How far it is optimised says nothing to the reader.
        let said = said.trim_start_matches(['~', '^', '*', '+']);
        // Names and paths can have spaces.
        let starts = [" /", " node:", " file:", " "];
        let split = starts.iter().find_map(|start| said.find(start));
        if let Some((function, place)) = split.and_then(|at| said.split_at_checked(at)) {
            let place = place.trim_start();
            let mut parts = place.rsplitn(3, ':').skip(1);
            if let (Some(Ok(line)), Some(file)) = (parts.next().map(str::parse), parts.next()) {
                let file = file.strip_prefix("file://").unwrap_or(file).to_owned();
                let function = if function.is_empty() {
                    "<anonymous>"
                } else {
                    function
                };
                return Frame {
                    line: Some((file, line)),
                    ..of("node", function)
                };
            }
        }
    }
    if let Some((function, file)) = name
        .strip_prefix("py::")
        .and_then(|said| said.split_once(':'))
    {
        return of("python", &format!("{function} in {file}"));
    }
    let method = name.split_once('(').map(|(head, _)| head);
    let method = method.and_then(|head| head.split_whitespace().last());
    if method.is_some_and(|method| method.contains('.') && !is_of_the_jdk(method)) {
        return of("java", name);
    }
    Frame {
        function: Some(name.to_owned()),
        module: Some(OWN.to_owned()),
        ..Frame::default()
    }
}

/// Whether a method came with the virtual machine.
pub(super) fn is_of_the_jdk(method: &str) -> bool {
    let packages = ["java.", "javax.", "jdk.", "sun.", "com.sun."];
    packages.iter().any(|package| method.starts_with(package))
}

/// `START SIZE NAME`, in hexadecimal. Of two pieces at one address the later holds: code is compiled again.
fn parse(bytes: &[u8]) -> Vec<Piece> {
    let text = String::from_utf8_lossy(bytes);
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let piece = |line: &str| {
        let mut words = line.splitn(3, ' ');
        Some((
            hex(words.next()?)?,
            hex(words.next()?)?,
            words.next()?.to_owned(),
        ))
    };
    let mut pieces: Vec<Piece> = text.lines().filter_map(piece).collect();
    pieces.reverse();
    pieces.sort_by_key(|(start, _, _)| *start);
    pieces.dedup_by_key(|(start, _, _)| *start);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_name_places() {
        let label = |name| frame(name).label();
        assert_eq!(label("JS:~make /srv/a b.js:12:3"), "make at /srv/a b.js:12");
        assert_eq!(
            label("JS:*load file:///srv/a.mjs:4:1"),
            "load at /srv/a.mjs:4"
        );
        assert_eq!(label("JS:get size /a.js:9:1"), "get size at /a.js:9");
        assert_eq!(label("JS:^ node:fs:570:18"), "<anonymous> at node:fs:570");
        assert_eq!(label("py::make:/srv/a.py"), "make in /srv/a.py");
        let java = frame("java.lang.Object Leak.make(int)");
        assert_eq!(java.label(), "java.lang.Object Leak.make(int)");
        assert!(java.interpreter.is_some());
        for own in [
            "Interpreter",
            "StubRoutines (1)",
            "void java.io.FileDescriptor.close()",
        ] {
            assert!(frame(own).interpreter.is_none(), "{own}");
        }
    }

    #[test]
    fn the_latest_code_at_an_address_counts() {
        let pieces = parse(b"1000 20 old\nno line\n1000 20 JS:~make leak.js:1:41\n2000 8 b\n");
        let mut maps = Maps(HashMap::from([(0, pieces)]));
        let mut name = |address| maps.name(0, address);
        assert_eq!(name(0x101f).as_deref(), Some("JS:~make leak.js:1:41"));
        assert_eq!(name(0x1020), None);
        assert_eq!(name(0xfff), None);
        assert_eq!(name(0x2007).as_deref(), Some("b"));
    }
}
