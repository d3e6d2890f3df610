//! Spans of time on the command line: `90`, `30s`, `15m`, `2h`, `3d`, `1w`.

/// Seconds; what has no unit is seconds.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no age: a number with s, m, h, d or w, such as 2h");
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (text.get(..at).unwrap_or(""), unit),
        _ => (text, 's'),
    };
    let seconds = match unit.to_ascii_lowercase() {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(i64::from(number) * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(parse("90"), Ok(90));
        assert_eq!(parse("15m"), Ok(900));
        assert_eq!(parse("2H"), Ok(7200));
        assert_eq!(parse("3d"), Ok(259_200));
        for wrong in ["", "h", "1y", "-1h", "1.5h", "1 h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
