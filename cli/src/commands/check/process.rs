//! A process: what is mapped into it.

use super::answer::{Answer, Found, Way};
use super::note;
use crate::failure::Failure;
use crate::name;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The process that is meant, if the word is a number and no file here has that name.
pub(super) fn id(word: &OsStr) -> Option<i32> {
    let pid = word.to_str()?.parse().ok()?;
    (pid > 0 && !Path::new(word).exists()).then_some(pid)
}

pub(super) fn look(pid: i32) -> Result<Answer, Failure> {
    let failed = |why| Failure::io(format_args!("cannot look into process {pid}"), why);
    let table = std::fs::read(format!("/proc/{pid}/maps")).map_err(failed)?;
    let environment = std::fs::read(format!("/proc/{pid}/environ")).map_err(failed)?;
    let command = std::fs::read(format!("/proc/{pid}/comm")).map_err(failed)?;
    // Through the process's root, which may be another one.
    let inside = |path: &Path| {
        let below = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{pid}/root")).join(below)
    };
    let mut found = libraries(&table).into_iter().find_map(|path| {
        let version = note::read(&inside(&path))?.version?;
        let way = if is_preloaded(&environment, &path) {
            Way::Preloaded(path)
        } else {
            Way::Linked(path)
        };
        Some(Found { way, version })
    });
    if found.is_none() {
        let program = note::read(Path::new(&format!("/proc/{pid}/exe")));
        found = program
            .and_then(|program| program.version)
            .map(|version| Found {
                way: Way::Archive,
                version,
            });
    }
    let mut remarks = Vec::new();
    if found.is_some() {
        if let Some(directory) = variable(&environment, "PARTAGE_DIR") {
            remarks.push(format!("its namespace is {directory}"));
        }
        if let Some(backend) = variable(&environment, "PARTAGE_BACKEND")
            && backend != "user"
        {
            remarks.push(format!(
                "PARTAGE_BACKEND={backend}: the kernel's calls may answer instead"
            ));
        }
    }
    Ok(Answer {
        subject: format!(
            "process {pid} ({})",
            name::escaped(command.trim_ascii_end())
        ),
        pid: Some(pid),
        found,
        remarks,
    })
}

/// The mapped files that may be the library by their names, each once.
fn libraries(table: &[u8]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for line in table.split(|byte| *byte == b'\n') {
        let Some(begin) = line.iter().position(|byte| *byte == b'/') else {
            continue;
        };
        let path = PathBuf::from(OsStr::from_bytes(&line[begin..]));
        let name = path.file_name().unwrap_or_default().as_bytes();
        let is_likely =
            name.starts_with(b"libpartage.so") || name.starts_with(b"libpartage_preload.so");
        if is_likely && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Whether the process was started with `path` in `LD_PRELOAD`.
fn is_preloaded(environment: &[u8], path: &Path) -> bool {
    let listed = variable(environment, "LD_PRELOAD").unwrap_or_default();
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    listed.split([':', ' ']).any(|entry| {
        Path::new(entry)
            .file_name()
            .is_some_and(|file| name.starts_with(&*file.to_string_lossy()))
    })
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let mut entries = environment.split(|byte| *byte == 0);
    let value = entries.find_map(|entry| {
        entry
            .strip_prefix(name.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="))
    })?;
    Some(String::from_utf8_lossy(value).into_owned())
}
