//! Numbers and names as people read them.

use nix::errno::Errno;

/// Bytes as reports and the command show them: `512 B`, `64 KiB`, `1.5 MiB`; powers of 1024, at most one
/// decimal.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut shown = format!("{bytes} B");
    for (power, unit) in (1u32..).zip(UNITS) {
        let one = 1u128 << (10 * power);
        let bytes = u128::from(bytes);
        if bytes < one {
            break;
        }
        let tenths = (bytes * 10 + one / 2) / one;
        shown = if tenths.is_multiple_of(10) {
            format!("{} {unit}", tenths / 10)
        } else {
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        };
    }
    shown
}

/// A number with an optional K, M, G or T (powers of 1024) in either case, or with a unit as we write
/// it: `64KiB`, `64 KiB`, `512 B`.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// `1 segment`, `2 segments`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Nanoseconds in their largest unit, three digits: `950 ns`, `12.3 µs`.
pub(crate) fn duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    for (unit, name) in UNITS {
        if ns >= unit {
            let value = ns as f64 / unit as f64;
            let digits = match value {
                100.0.. => 0,
                10.0.. => 1,
                _ => 2,
            };
            return format!("{value:.digits$} {name}");
        }
    }
    format!("{ns} ns")
}

/// `ENOENT (No such file or directory)`; the number where the error has no name.
pub(crate) fn errno(number: i32) -> String {
    let known = Errno::from_raw(number);
    match known {
        Errno::UnknownErrno => format!("errno {number}"),
        _ => format!("{known:?} ({})", description(number)),
    }
}

/// The C library's words for an error.
fn description(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    let suffix = format!(" (os error {number})");
    text.strip_suffix(&suffix).unwrap_or(&text).to_owned()
}

/// `ENOENT`, or the number.
pub(crate) fn errno_name(number: i32) -> String {
    match Errno::from_raw(number) {
        Errno::UnknownErrno => number.to_string(),
        known => format!("{known:?}"),
    }
}

/// `SIGBUS`, or the number.
pub(crate) fn signal(number: i32) -> String {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => format!("signal {number}"),
    }
}

/// What could confuse a terminal, made visible.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if confuses(character) {
            let mut buffer = [0; 4];
            character
                .encode_utf8(&mut buffer)
                .bytes()
                .for_each(|byte| escape(&mut shown, byte));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, separators of lines, and marks that hide themselves or reorder what is near.
fn confuses(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn escape(text: &mut String, byte: u8) {
    *text += &format!("\\x{byte:02x}");
}

/// The text of a name in any bytes; those that are no text are written as `\xff`, so that other names stay others.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        chunk
            .invalid()
            .iter()
            .for_each(|byte| escape(&mut text, *byte));
    }
    text
}

/// A string as C writes it, in quotation marks.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().replace('\\', "\\\\").replace('"', "\\\"");
        text += &printable(&valid);
        chunk
            .invalid()
            .iter()
            .for_each(|byte| escape(&mut text, *byte));
    }
    format!("\"{text}\"")
}

/// `1 hour` and such is beyond this: seconds and microseconds, as strace has them.
pub(crate) fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
}

/// What stands behind the last slash of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let shown = [0, 1023, 1024, 65536, 1 << 20, 1536, u64::MAX].map(size);
        let wanted = [
            "0 B", "1023 B", "1 KiB", "64 KiB", "1 MiB", "1.5 KiB", "16 EiB",
        ];
        assert_eq!(shown, wanted.map(String::from));
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(parse_size("64K"), Some(65536));
        assert_eq!(parse_size("2g"), Some(2 << 30));
        assert_eq!(parse_size("64KiB"), Some(65536));
        assert_eq!(parse_size("64 KiB"), Some(65536));
        assert_eq!(parse_size("512 B"), Some(512));
        assert_eq!(parse_size("18446744073709551615"), Some(u64::MAX));
        for wrong in [
            "",
            "K",
            "-1",
            "1KB",
            "1.5G",
            "18446744073709551616",
            "99999999T",
        ] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let shown = [0, 950, 1_500, 12_345, 2_000_000_000].map(duration);
        let wanted = ["0 ns", "950 ns", "1.50 µs", "12.3 µs", "2.00 s"];
        assert_eq!(shown, wanted.map(String::from));
    }

    #[test]
    fn errors_have_names() {
        assert_eq!(errno(2), "ENOENT (No such file or directory)");
        assert_eq!(errno(9999), "errno 9999");
    }
}
