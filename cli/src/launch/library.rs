//! Finding the library that is preloaded.

use crate::failure::Failure;
use crate::name::shown;
use std::path::{Path, PathBuf};

/// The shared object to preload.
pub(crate) struct Library {
    /// Absolute path.
    pub(crate) path: PathBuf,
}

/// Names in order of preference: the object made for preloading (no needed libraries, so it also
/// loads under musl), the library as built, and as installed.
const NAMES: [&str; 3] = ["libpartage_preload.so", "libpartage.so", "libpartage.so.0"];

/// The recorder of `partage trace`.
const RECORDER_NAMES: [&str; 1] = ["libpartage_trace.so"];

impl Library {
    /// The one that `PARTAGE_LIB` names, else the first beside this executable or in the `lib`
    /// directories that belong to it.
    pub(crate) fn find() -> Result<Self, Failure> {
        find("PARTAGE_LIB", &NAMES, "libpartage.so")
    }

    /// The recorder: the one that `PARTAGE_TRACE_LIB` names, else as the library.
    pub(crate) fn find_recorder() -> Result<Self, Failure> {
        find("PARTAGE_TRACE_LIB", &RECORDER_NAMES, "libpartage_trace.so")
    }

    /// The object beside the library that puts our segments in the place of the kernel's table of them.
    pub(crate) fn table_object(&self) -> Option<PathBuf> {
        let path = self.path.with_file_name("libpartage_ipcs.so");
        path.exists().then_some(path)
    }
}

fn find(variable: &str, names: &[&str], usual: &str) -> Result<Library, Failure> {
    if let Some(named) = std::env::var_os(variable) {
        let named = PathBuf::from(named);
        return existing(&named)
            .map(|path| Library { path })
            .map_err(|why| Failure::io(format_args!("{variable} names {}", shown(&named)), why));
    }
    let executable = std::env::current_exe()
        .map_err(|why| Failure::io("cannot tell where this command is", why))?;
    let home = executable.parent().unwrap_or(Path::new("/"));
    let path = find_near(home, names).ok_or_else(|| {
        Failure::new(format_args!("no {usual} near {}", shown(home))).advise(format_args!(
            "build it with `make`, or name it in {variable}"
        ))
    })?;
    Ok(Library { path })
}

/// Looks beside the executable, where `make install` puts libraries, and where cargo does when
/// the command is a development build.
fn find_near(home: &Path, names: &[&str]) -> Option<PathBuf> {
    let multiarch = format!("../lib/{}-linux-gnu", std::env::consts::ARCH);
    let directories = [".", "../lib", &multiarch, "../release"];
    directories
        .iter()
        .flat_map(|directory| {
            names
                .iter()
                .map(move |name| home.join(directory).join(name))
        })
        .find_map(|path| path.canonicalize().ok())
}

/// The absolute form of `path` if it can be read. Links are kept: one may be there to give the
/// dynamic linker a path without blanks.
fn existing(path: &Path) -> std::io::Result<PathBuf> {
    std::fs::File::open(path)?;
    std::path::absolute(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_executable_comes_first_then_lib() {
        let root = std::env::temp_dir().join(format!("partage-find-{}", std::process::id()));
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::create_dir_all(root.join("lib")).unwrap();
        let root = root.canonicalize().unwrap();
        let bin = root.join("bin");
        assert_eq!(find_near(&bin, &NAMES), None);
        for file in [
            "lib/libpartage.so",
            "bin/libpartage.so",
            "bin/libpartage_preload.so",
        ] {
            std::fs::write(root.join(file), "").unwrap();
            assert_eq!(find_near(&bin, &NAMES), Some(root.join(file)));
        }
        std::fs::remove_dir_all(root).unwrap();
    }
}
