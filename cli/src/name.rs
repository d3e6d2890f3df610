//! Names and paths in any bytes: shown so that no terminal is confused, and read back in that form.

use serde::{Serialize, Serializer};
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The name of a POSIX object, with its leading slash, as the file system has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(OsString);

impl Name {
    /// The name of an object whose file has this name.
    pub(crate) fn of_file(file: &OsStr) -> Self {
        let mut name = OsString::from("/");
        name.push(file);
        Self(name)
    }

    /// The bytes, with the slash.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The bytes, where they are no text: programs are told an escaped name then.
    pub(crate) fn bytes_of_no_text(&self) -> Option<Vec<u8>> {
        let is_text = self.0.to_str().is_some();
        (!is_text).then(|| self.bytes().to_vec())
    }

    /// The bytes that `text`, as [`escaped`] shows it, stands for.
    pub(crate) fn from_escaped(text: &str) -> Self {
        Self(OsString::from_vec(unescaped(text)))
    }

    /// The bytes as they are.
    pub(crate) fn from_text(text: &OsStr) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self.bytes()))
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_escaped(&self.0, serializer)
    }
}

/// JSON has text only: a path that is none is escaped.
pub(crate) fn path<S: Serializer>(
    path: impl AsRef<Path>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text_or_escaped(path.as_ref().as_os_str(), serializer)
}

/// The same for one that may be missing.
pub(crate) fn optional_path<S: Serializer, P: AsRef<Path>>(
    path: &Option<P>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => text_or_escaped(path.as_ref().as_os_str(), serializer),
        None => serializer.serialize_none(),
    }
}

/// The same for several.
pub(crate) fn paths<S: Serializer>(
    paths: &[impl AsRef<Path>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shown = paths.iter().map(|path| {
        let name = path.as_ref().as_os_str();
        let text = name.to_str().map(str::to_owned);
        text.unwrap_or_else(|| escaped(name.as_bytes()))
    });
    serializer.collect_seq(shown)
}

fn text_or_escaped<S: Serializer>(name: &OsStr, serializer: S) -> Result<S::Ok, S::Error> {
    match name.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => serializer.serialize_str(&escaped(name.as_bytes())),
    }
}

/// A path as [`escaped`] shows it.
pub(crate) fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_bytes())
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%".contains(&byte);
    let escaped = shown(path);
    match text.bytes().all(is_plain) {
        true => text,
        false if escaped == text => format!("'{}'", text.replace('\'', "'\\''")),
        // What a terminal cannot be shown, in a form that shells read.
        false => format!("$'{}'", escaped.replace('\'', "\\'")),
    }
}

/// What a terminal can be shown: bytes that are no text as `\xff`, control characters and those
/// that turn the writing round likewise, a backslash doubled. So are blanks at the end, which
/// nobody would see.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    let seen = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == b' ').count();
    let (bytes, blanks) = bytes.split_at(seen);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                _ if confuses(character) => escape_bytes(&mut text, character),
                _ => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push_str(&"\\x20".repeat(blanks.len()));
    text
}

fn escape_bytes(text: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Control characters, separators of lines, and marks that hide themselves or reorder what is near.
fn confuses(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The bytes that an escaped text stands for; a backslash that begins nothing is itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [b'x', high, low, after @ ..]) if hex(*high, *low).is_some() => {
                bytes.extend(hex(*high, *low));
                after
            }
            _ => {
                bytes.push(first);
                after
            }
        };
    }
    bytes
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for bytes in [
            &b"/plain"[..],
            b"/\xff\xfe",
            b"/a\\b",
            b"/line\nfeed\x1b[2J",
            "/\u{202e}gnp.exe".as_bytes(),
            b"/\\x41",
            "/gr\u{fc}n".as_bytes(),
            b"/ a b  ",
            "/wide\u{3000}blank".as_bytes(),
        ] {
            let shown = escaped(bytes);
            assert!(!shown.chars().any(confuses), "{shown}");
            assert_eq!(unescaped(&shown), bytes, "{shown}");
        }
        assert_eq!(escaped(b"/\xff\n"), "/\\xff\\x0a");
        assert_eq!(escaped(b"/ a b "), "/ a b\\x20");
        assert_eq!(unescaped("/a\\q\\x4"), b"/a\\q\\x4");
    }
}
