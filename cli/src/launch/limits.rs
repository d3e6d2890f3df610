//! `--limits`: the sysctls' names and the variables that stand in for them.

use crate::failure::Failure;
use partage_core::inspect::MAX_SEGMENTS;
use partage_report::parse_size;

/// Limits given on the command line.
pub(crate) struct Limits;

/// Name on the command line, variable of the library, largest value (kernel's own bounds).
const TABLE: [(&str, &str, u64); 4] = [
    ("shmmax", "PARTAGE_SHMMAX", u64::MAX),
    ("shmall", "PARTAGE_SHMALL", u64::MAX),
    ("shmmni", "PARTAGE_SHMMNI", MAX_SEGMENTS as u64),
    ("rmid_forced", "PARTAGE_RMID_FORCED", 1),
];

impl Limits {
    /// The names on the command line.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|row| row.0)
    }

    /// Turns `NAME=VALUE` words into variables and their values.
    pub(crate) fn parse(words: &[String]) -> Result<Vec<(&'static str, String)>, Failure> {
        words.iter().map(|word| parse_one(word)).collect()
    }
}

fn parse_one(word: &str) -> Result<(&'static str, String), Failure> {
    let names = || {
        let names: Vec<&str> = Limits::names().collect();
        names.join(", ")
    };
    let (name, text) = word.split_once('=').ok_or_else(|| {
        Failure::new(format_args!("--limits: `{word}` is not NAME=VALUE"))
            .advise(format_args!("names are {}", names()))
    })?;
    let row = TABLE.iter().find(|row| row.0 == name).ok_or_else(|| {
        Failure::new(format_args!("--limits: no limit is called `{name}`"))
            .advise(format_args!("names are {}", names()))
    })?;
    let value = parse_size(text).filter(|value| *value <= row.2);
    let value = value.ok_or_else(|| {
        Failure::new(format_args!("--limits: `{text}` is no value for {name}")).advise(
            format_args!("0 to {}; K, M, G and T multiply by powers of 1024", row.2),
        )
    })?;
    Ok((row.1, value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bounds() {
        let words = ["shmmax=1M", "rmid_forced=1"].map(String::from);
        let parsed = Limits::parse(&words).unwrap();
        assert_eq!(parsed[0], ("PARTAGE_SHMMAX", "1048576".to_owned()));
        assert_eq!(parsed[1], ("PARTAGE_RMID_FORCED", "1".to_owned()));
        for wrong in [
            "shmmax",
            "shmmin=1",
            "shmmni=32769",
            "rmid_forced=2",
            "shmall=",
        ] {
            assert!(Limits::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
