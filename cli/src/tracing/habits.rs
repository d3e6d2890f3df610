//! Words that people know from strace.

/// What `-e` says: the names of calls, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// Every call.
    All,
    /// These.
    Calls(Vec<String>),
}

/// The calls of strace's class `ipc` that are recorded.
const IPC: [&str; 4] = ["shmget", "shmat", "shmdt", "shmctl"];

impl Expression {
    /// Whether it lets everything through.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// The calls that it names.
    pub(crate) fn calls(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Calls(names) => names.clone(),
        }
    }
}

/// Reads `trace=NAME,...` or, as strace takes it, the names alone.
pub(crate) fn expression(text: &str) -> Result<Expression, String> {
    let names = match text.split_once('=') {
        Some(("trace" | "t", names)) => names,
        Some((qualifier, _)) => {
            return Err(format!(
                "{qualifier}= is strace's; here are trace=NAME,... and the options --errors, --object, --pid, --comm"
            ));
        }
        None => text,
    };
    if names == "all" {
        return Ok(Expression::All);
    }
    if names.starts_with('!') {
        return Err("calls cannot be left out; name those that are wanted".to_owned());
    }
    let mut calls = Vec::new();
    for name in names.split(',') {
        match name {
            "%ipc" | "ipc" => calls.extend(IPC.map(str::to_owned)),
            class if class.starts_with(['%', '/']) => {
                return Err(format!(
                    "{class} is not known here; %ipc and all are, and names"
                ));
            }
            name => calls.push(name.to_owned()),
        }
    }
    Ok(Expression::Calls(calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_those_of_strace() {
        let calls = |text| expression(text).map(|expression| expression.calls());
        assert_eq!(
            calls("trace=shmget,shmat"),
            Ok(vec!["shmget".into(), "shmat".into()])
        );
        assert_eq!(calls("shmdt"), Ok(vec!["shmdt".into()]));
        assert_eq!(calls("trace=%ipc").map(|calls| calls.len()), Ok(4));
        assert_eq!(expression("trace=all"), Ok(Expression::All));
        for text in [
            "signal=none",
            "trace=!mmap",
            "trace=%network",
            "trace=/^shm",
        ] {
            assert!(expression(text).is_err(), "{text}");
        }
    }
}
