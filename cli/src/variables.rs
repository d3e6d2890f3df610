//! `PARTAGE_*` in the environment, and what to say of values that mean nothing. The library takes its
//! default where they do not.

use partage_core::inspect;
use partage_core::options::{VARIABLES, Variable};
use std::path::Path;

const HUGE_DIR: &str = "PARTAGE_HUGE_DIR";

/// The library's variable of this name.
pub(crate) fn known(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|known| known.name == name)
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
        let wanted = known(self.name).map_or("something else", |known| known.values);
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
