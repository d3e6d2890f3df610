//! A program that does not run: what the dynamic linker would load for it, which is asked without running it.

use super::answer::{Answer, Found, Way};
use super::note;
use crate::failure::Failure;
use crate::launch::{Library, Program};
use crate::name::{self, shown};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where dynamic linkers are: no other program is started on a file's word.
const LINKERS: [&str; 4] = ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"];
const SONAME: &str = "libpartage.so.0";

pub(super) fn look(word: &OsString) -> Result<Answer, Failure> {
    let program = Program::find(std::slice::from_ref(word))?;
    let path = program.path();
    let subject = name::escaped(word.as_encoded_bytes());
    let contents = note::read(path);
    if let Some(version) = contents.as_ref().and_then(|it| it.version.clone()) {
        return Ok(Answer {
            subject,
            pid: None,
            found: Some(Found {
                way: Way::Archive,
                version,
            }),
            remarks: Vec::new(),
        });
    }
    let listed = contents
        .and_then(|it| it.interpreter)
        .filter(|linker| LINKERS.iter().any(|place| linker.starts_with(place)))
        .map(|linker| Listed::ask(&linker, path))
        .transpose()?
        .unwrap_or_default();
    let found = listed.loaded.iter().find_map(|loaded| {
        let version = note::read(&loaded.path)?.version?;
        let way = match &loaded.name {
            Some(_) => Way::Linked(loaded.path.clone()),
            None => Way::Preloaded(loaded.path.clone()),
        };
        Some(Found { way, version })
    });
    let mut remarks = Vec::new();
    if found.is_none() {
        remarks.push(advice(&program, &listed));
    }
    Ok(Answer {
        subject,
        pid: None,
        found,
        remarks,
    })
}

/// What would put the program on partage.
fn advice(program: &Program, listed: &Listed) -> String {
    if listed.misses_the_library {
        return format!(
            "it is linked with {SONAME}, which the dynamic linker does not find: run ldconfig, link with \
             -Wl,-rpath,DIRECTORY, or set LD_LIBRARY_PATH"
        );
    }
    match Library::find().and_then(|library| program.check_reach(&library, false)) {
        Ok(()) => format!("`partage run -- {}` puts it there", shown(program.path())),
        Err(obstacle) => obstacle.into_parts().0,
    }
}

/// A line of what the dynamic linker says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Loaded {
    /// By which it was asked for; `None` for what is preloaded.
    name: Option<String>,
    path: PathBuf,
}

/// What a dynamic linker would load for a program.
#[derive(Default)]
struct Listed {
    loaded: Vec<Loaded>,
    misses_the_library: bool,
}

impl Listed {
    /// Asks `linker` about the program at `path`, in this environment.
    fn ask(linker: &str, path: &Path) -> Result<Self, Failure> {
        let asked = Command::new(linker).arg("--list").arg(path).output();
        let asked = asked.map_err(|why| Failure::io(format_args!("cannot ask {linker}"), why))?;
        let complaint = String::from_utf8_lossy(&asked.stderr);
        let lines = String::from_utf8_lossy(&asked.stdout);
        Ok(Self {
            loaded: lines.lines().filter_map(parse).collect(),
            misses_the_library: !asked.status.success() && complaint.contains(SONAME),
        })
    }
}

/// `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`.
fn parse(line: &str) -> Option<Loaded> {
    let line = line.trim();
    let (name, rest) = match line.split_once(" => ") {
        Some((name, rest)) => (Some(name), rest),
        None => (None, line),
    };
    let path = rest.rsplit_once(" (").map_or("", |(path, _)| path);
    let named_by_path = name.is_some_and(|name| OsStr::new(name) == Path::new(path));
    (name.is_some() || path.starts_with('/')).then(|| Loaded {
        // musl shows preloaded files so.
        name: name.filter(|_| !named_by_path).map(str::to_owned),
        path: path.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dynamic_linker_says() {
        let of = |line: &str| {
            let loaded = parse(line)?;
            Some((loaded.name, loaded.path.to_str()?.to_owned()))
        };
        assert_eq!(
            of("\tlibc.so.6 => /lib/libc.so.6 (0x7f00)"),
            Some((Some("libc.so.6".into()), "/lib/libc.so.6".into()))
        );
        assert_eq!(
            of("\t/a b/libpartage_preload.so (0x7f00)"),
            Some((None, "/a b/libpartage_preload.so".into()))
        );
        assert_eq!(of("\tlinux-vdso.so.1 (0x7f00)"), None);
    }
}
