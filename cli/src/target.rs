//! Naming one segment or object on the command line: by id, key or name.

use crate::failure::Failure;
use crate::model::{Nameless, NamelessKind, Object, Segment, Snapshot};
use crate::name::Name;
use std::fmt;
use std::str::FromStr;

/// What the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A decimal number.
    Id(i32),
    /// A hexadecimal number, `0x...`, as `ls` shows keys.
    Key(i32),
    /// The name of a POSIX object, as it was written but for the leading slash that it has.
    Name(String),
}

/// What it stands for.
pub(crate) enum Found<'a> {
    Segment(&'a Segment),
    Object(&'a Object),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let bits = u32::from_str_radix(digits, 16);
            return match bits {
                Ok(0) => Err("key 0 is IPC_PRIVATE, which names no segment: use the id".to_owned()),
                Ok(bits) => Ok(Self::Key(bits as i32)),
                Err(_) => Err("a key has up to eight hexadecimal digits".to_owned()),
            };
        }
        if let Ok(id) = text.parse() {
            return if id < 0 {
                Err("ids are not negative".to_owned())
            } else {
                Ok(Self::Id(id))
            };
        }
        match text.trim_start_matches('/') {
            "" => Err("an id, a key as 0x..., or the name of a POSIX object".to_owned()),
            name => Ok(Self::Name(format!("/{name}"))),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "segment {id}"),
            Self::Key(key) => write!(
                f,
                "the segment with key {}",
                crate::output::format::key(*key)
            ),
            Self::Name(name) => write!(f, "object {name}"),
        }
    }
}

impl Target {
    /// Looks it up. Removed segments have no key any more.
    pub(crate) fn find<'a>(&self, snapshot: &'a Snapshot) -> Result<Found<'a>, Failure> {
        let segment = |wanted: &dyn Fn(&Segment) -> bool| {
            snapshot
                .segments
                .iter()
                .find(|segment| wanted(segment))
                .map(Found::Segment)
        };
        let found = match self {
            Self::Id(id) => segment(&|segment| segment.id == *id),
            Self::Key(key) => segment(&|segment| segment.key == *key),
            Self::Name(name) => object_named(snapshot, name).map(Found::Object),
        };
        found.ok_or_else(|| match self.unlinked(snapshot).is_empty() {
            true => Failure::new(format_args!("there is no such thing: {self}"))
                .advise("`partage ls` shows what there is; is it in another namespace (--dir)?"),
            false => Failure::new(format_args!(
                "{self} was unlinked, and has no name any more"
            ))
            .advise("it goes with its last holder: `partage stat` of it shows who that is"),
        })
    }

    /// The memory of objects that had this name.
    pub(crate) fn unlinked<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Nameless> {
        let Self::Name(text) = self else {
            return Vec::new();
        };
        let names = meanings(text);
        let memory = snapshot.nameless.iter();
        let memory = memory.filter(|one| one.kind == NamelessKind::Unlinked);
        memory.filter(|one| names.contains(&one.name)).collect()
    }
}

/// The name as it is, or else by the escaped form in which names are shown.
fn meanings(text: &str) -> [Name; 2] {
    [Name::from_text(text.as_ref()), Name::from_escaped(text)]
}

fn object_named<'a>(snapshot: &'a Snapshot, text: &str) -> Option<&'a Object> {
    meanings(text).iter().find_map(|name| {
        let mut objects = snapshot.objects.iter();
        objects.find(|object| object.name == *name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!("32768".parse(), Ok(Target::Id(32768)));
        assert_eq!("0xFFFFFFFF".parse(), Ok(Target::Key(-1)));
        assert_eq!("/a".parse(), Ok(Target::Name("/a".to_owned())));
        assert_eq!("psm_12".parse(), Ok(Target::Name("/psm_12".to_owned())));
        for wrong in ["", "/", "-1", "0x", "0x0", "0x123456789"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
