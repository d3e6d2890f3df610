//! Patterns for names, as a shell has them: `*`, `?`, `[a-z]`, `[!a-z]`.

/// Whether a word is a pattern.
pub(crate) fn is_pattern(word: &[u8]) -> bool {
    word.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether a whole name fits. Bytes are compared, and a backslash takes the next one as it is.
pub(crate) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // The last star, and where what follows it was tried: no more is ever needed to go back to.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let (mut pattern, mut name) = (pattern, name);
    loop {
        let step = match pattern.split_first() {
            None if name.is_empty() => return true,
            None => None,
            Some((b'*', rest)) => {
                retry = Some((rest, name));
                pattern = rest;
                continue;
            }
            Some(_) => one(pattern, name),
        };
        match (step, retry) {
            (Some((rest, after)), _) => (pattern, name) = (rest, after),
            (None, Some((rest, [_, after @ ..]))) => {
                retry = Some((rest, after));
                (pattern, name) = (rest, after);
            }
            (None, _) => return false,
        }
    }
}

/// Matches one byte of the name; returns what is left of both.
fn one<'a>(pattern: &'a [u8], name: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&byte, after) = name.split_first()?;
    let rest = match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((true, rest)) => Some(rest),
            Some((false, _)) => None,
            // A bracket that is never closed is itself.
            None => (byte == b'[').then_some(rest),
        },
        [b'\\', literal, rest @ ..] => (*literal == byte).then_some(rest),
        [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    };
    rest.map(|rest| (rest, after))
}

/// Whether the byte is in the set that begins here, and what follows it; `None` if it has no end.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut found, mut first) = (false, true);
    loop {
        rest = match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&byte);
                after
            }
            [literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_shell_has_them() {
        for (pattern, name) in [
            ("psm_*", "psm_12ab"),
            ("*", ""),
            ("*", "anything"),
            ("a*b*c", "a-b-b-c"),
            ("?x[0-9]", "ax7"),
            ("[!a]b", "cb"),
            ("[]]", "]"),
            ("[a", "[a"),
            ("\\*", "*"),
        ] {
            assert!(
                fits(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        for (pattern, name) in [
            ("psm_*", "xpsm_1"),
            ("a*b", "a-b-c"),
            ("?", ""),
            ("[0-9]", "a"),
            ("[!a]", "a"),
            ("\\*", "a"),
            ("", "a"),
        ] {
            assert!(
                !fits(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        let stars = "*a".repeat(40);
        assert!(!fits(stars.as_bytes(), "a".repeat(39).as_bytes()));
    }
}
