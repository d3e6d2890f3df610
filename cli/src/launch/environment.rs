//! The environment of the program: the caller's, with the preload and our variables.

use super::{Library, Program};
use crate::failure::Failure;
use crate::identity::Person;
use crate::name::shown;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const PRELOAD: &str = "LD_PRELOAD";

/// Variables and their values.
#[derive(Clone)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's own.
    pub(crate) fn inherited() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Takes a variable away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(OsStr::new(name));
    }

    /// What a login of this user would set; namespaces that were named are the caller's.
    pub(crate) fn belong_to(&mut self, person: &Person) {
        self.set("HOME", &person.home);
        self.set("SHELL", &person.shell);
        for name in ["USER", "LOGNAME"] {
            self.set(name, &person.name);
        }
        self.unset("PARTAGE_DIR");
        self.unset("XDG_RUNTIME_DIR");
        if let Some(directory) = person.runtime_directory() {
            self.set("XDG_RUNTIME_DIR", directory);
        }
    }

    /// Sets one variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Puts the library, and the object that lets ipcs see our segments, before whatever is
    /// preloaded already: the first one wins.
    pub(crate) fn preload(&mut self, library: &Library) -> Result<(), Failure> {
        let replaces_table = self.is_served_in_user_space();
        let table = library.table_object().filter(|_| replaces_table);
        let ours = [Some(library.path.clone()), table];
        self.preload_objects(ours.into_iter().flatten().collect())?;
        self.lead_with_recorder();
        Ok(())
    }

    /// In a program that is recorded the recorder stays in front: else the calls that we answer are not recorded.
    fn lead_with_recorder(&mut self) {
        let list = self.0.get(OsStr::new(PRELOAD)).cloned().unwrap_or_default();
        let entries = list.as_bytes().split(is_separator);
        let mut recorders = entries.filter(|entry| {
            let name = Path::new(OsStr::from_bytes(entry)).file_name();
            name.is_some_and(|name| name.as_bytes().starts_with(b"libpartage_trace.so"))
        });
        if let Some(recorder) = recorders.next().and_then(|it| std::str::from_utf8(it).ok()) {
            self.preload_first(recorder);
        }
    }

    /// Puts the recorder before whatever is preloaded already. It records the kernel's segments too, so the table of
    /// segments stays what it is.
    pub(crate) fn preload_recorder(&mut self, recorder: &Library) -> Result<(), Failure> {
        self.preload_objects(vec![recorder.path.clone()])
    }

    fn preload_objects(&mut self, ours: Vec<PathBuf>) -> Result<(), Failure> {
        for path in &ours {
            if path.as_os_str().as_bytes().iter().any(is_separator) {
                return Err(Failure::new(format_args!(
                    "cannot preload {}: the dynamic linker splits its list at blanks and colons",
                    shown(path)
                ))
                .advise("move the library, or name a link to it in PARTAGE_LIB"));
            }
        }
        let old = self.0.get(OsStr::new(PRELOAD)).cloned().unwrap_or_default();
        let listed = old.as_bytes().split(is_separator).map(OsStr::from_bytes);
        let others =
            listed.filter(|entry| !entry.is_empty() && !ours.iter().any(|path| path == entry));
        let entries: Vec<&OsStr> = ours
            .iter()
            .map(|path| path.as_os_str())
            .chain(others)
            .collect();
        self.set(PRELOAD, entries.join(OsStr::new(":")));
        Ok(())
    }

    /// Whether the kernel's table of segments is not what programs use.
    fn is_served_in_user_space(&self) -> bool {
        let backend = self.0.get(OsStr::new("PARTAGE_BACKEND"));
        backend.is_none_or(|backend| backend.is_empty() || backend == "user")
    }

    /// Puts the sanitizers' runtimes that a program needs before all others: they refuse to start unless they come first.
    pub(crate) fn preload_sanitizers(&mut self, program: &Program) {
        for runtime in partage_report::program::sanitizer_runtimes(program.path()) {
            self.preload_first(&runtime);
        }
    }

    /// Puts an object that has to come first, by the name the linker knows it by, before all others.
    fn preload_first(&mut self, name: &str) {
        let old = self.0.get(OsStr::new(PRELOAD)).cloned().unwrap_or_default();
        let mut list = OsString::from(name);
        for entry in old.as_bytes().split(|byte| b" :".contains(byte)) {
            if !entry.is_empty() && entry != name.as_bytes() {
                list.push(":");
                list.push(OsStr::from_bytes(entry));
            }
        }
        self.set(PRELOAD, list);
    }

    /// The variables, for a child process.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter()
    }

    /// `NAME=VALUE` strings for exec. Neither part can hold a zero byte: both came from C.
    pub(crate) fn entries(&self) -> Vec<CString> {
        let joined = self.0.iter().map(|(name, value)| {
            let mut entry = name.as_bytes().to_vec();
            entry.push(b'=');
            entry.extend_from_slice(value.as_bytes());
            entry
        });
        joined
            .filter_map(|entry| CString::new(entry).ok())
            .collect()
    }
}

fn is_separator(byte: &u8) -> bool {
    b" :".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preloaded(old: &str) -> OsString {
        let mut environment = Environment(BTreeMap::new());
        environment.set(PRELOAD, old);
        let library = Library {
            path: "/l/libpartage.so".into(),
        };
        environment.preload(&library).unwrap();
        environment.0[OsStr::new(PRELOAD)].clone()
    }

    #[test]
    fn preload_goes_first_and_once() {
        assert_eq!(preloaded(""), "/l/libpartage.so");
        assert_eq!(preloaded("/a.so b.so"), "/l/libpartage.so:/a.so:b.so");
        assert_eq!(
            preloaded("/a.so:/t/libpartage_trace.so"),
            "/t/libpartage_trace.so:/l/libpartage.so:/a.so"
        );
        assert_eq!(
            preloaded("/a.so:/l/libpartage.so"),
            "/l/libpartage.so:/a.so"
        );
    }

    #[test]
    fn path_the_linker_would_split_is_refused() {
        let mut environment = Environment(BTreeMap::new());
        let library = Library {
            path: "/my libs/libpartage.so".into(),
        };
        assert!(environment.preload(&library).is_err());
    }
}
