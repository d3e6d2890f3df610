//! `PARTAGE_*` in the environment, and what to say of values that mean nothing. The library takes its
//! default where they do not.

use partage_core::inspect;
use std::path::Path;

/// A variable of the library.
struct Variable {
    name: &'static str,
    /// What its value may be.
    wanted: &'static str,
    /// For the manual.
    meaning: &'static str,
}

const KNOWN: &[Variable] = &[
    Variable {
        name: "PARTAGE_DIR",
        wanted: "a directory",
        meaning: "the directory that is the namespace; it has POSIX objects of its own",
    },
    Variable {
        name: "PARTAGE_POSIX",
        wanted: "own or shared",
        meaning: "shared: POSIX objects are in /dev/shm, whatever PARTAGE_DIR says",
    },
    Variable {
        name: "PARTAGE_BACKEND",
        wanted: "user, kernel or auto",
        meaning: "who answers the System V calls: user, the default; kernel; or auto, the kernel where it \
                  surely works",
    },
    Variable {
        name: "PARTAGE_LOG",
        wanted: "error, warn, info or debug",
        meaning: "error, warn, info or debug: explain on standard error why calls fail",
    },
    Variable {
        name: "PARTAGE_PATIENCE",
        wanted: "a number of milliseconds",
        meaning: "milliseconds that IPC_SET and SHM_LOCK wait for another process that changes the same \
                  segment; 20000 by default",
    },
    Variable {
        name: HUGE_DIR,
        wanted: "a directory",
        meaning: "the directory on hugetlbfs for segments of huge pages, instead of the mounts that are \
                  found",
    },
    Variable {
        name: "PARTAGE_SHMMAX",
        wanted: "a number of bytes",
        meaning: "the largest segment in bytes, read by whoever makes the namespace",
    },
    Variable {
        name: "PARTAGE_SHMALL",
        wanted: "a number of pages",
        meaning: "the most pages of all segments together, likewise",
    },
    Variable {
        name: "PARTAGE_SHMMNI",
        wanted: "a number up to 32768",
        meaning: "the most segments, at most 32768, likewise; 4096 by default",
    },
    Variable {
        name: "PARTAGE_RMID_FORCED",
        wanted: "0 or 1",
        meaning: "1: a segment goes with its last attachment, likewise",
    },
];

const HUGE_DIR: &str = "PARTAGE_HUGE_DIR";

/// Names, and what they mean.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    KNOWN.iter().map(|one| (one.name, one.meaning))
}

/// What the variable of this name means, if it is one of the library's.
pub(crate) fn meaning(name: &str) -> Option<&'static str> {
    let mut known = all();
    known.find_map(|(known, meaning)| (known == name).then_some(meaning))
}

/// A variable whose value means nothing.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) name: &'static str,
    value: Vec<u8>,
}

impl Wrong {
    pub(crate) fn what(&self) -> String {
        let value = crate::name::escaped(&self.value);
        format!("{} is `{value}`, which means nothing to it", self.name)
    }

    pub(crate) fn advice(&self) -> String {
        let wanted = KNOWN.iter().find(|known| known.name == self.name);
        let wanted = wanted.map_or("something else", |known| known.wanted);
        format!("it may be {wanted}; as it is, the default counts")
    }
}

/// Those of this process's environment: by the library's own rules, and a directory has to be one.
pub(crate) fn wrong() -> Vec<Wrong> {
    let mut found = Vec::new();
    let mut add = |name, value: &[u8]| {
        let value = value.to_vec();
        found.push(Wrong { name, value });
    };
    inspect::each_wrong_variable(&mut add);
    let huge = std::env::var_os(HUGE_DIR).filter(|value| !value.is_empty());
    if let Some(value) = huge.filter(|value| !Path::new(value).is_dir()) {
        add(HUGE_DIR, value.as_encoded_bytes());
    }
    found
}

/// Says on standard error which mean nothing.
pub(crate) fn warn() {
    for wrong in wrong() {
        anstream::eprintln!("partage: warning: {}: {}", wrong.what(), wrong.advice());
    }
}
