//! Children of forks that have recorded nothing so far: they have no file, but their parent's is mapped in them as well.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::image::Image;

/// Those that run, as far as their mappings may be read.
pub(crate) fn running(images: &[Image]) -> Vec<u32> {
    let owners: HashMap<&OsStr, u32> = images
        .iter()
        .filter_map(|image| Some((image.path().file_name()?, image.header()?.pid)))
        .collect();
    if owners.is_empty() {
        return Vec::new();
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        let mut lines = maps.split(|byte| *byte == b'\n');
        lines.any(|line| owner(line, &owners).is_some_and(|owner| owner != *pid))
    })
    .collect()
}

/// Whose file a line of a process's mappings is about.
fn owner(line: &[u8], owners: &HashMap<&OsStr, u32>) -> Option<u32> {
    let line = line.strip_suffix(b" (deleted)").unwrap_or(line);
    let path = line.get(line.iter().position(|byte| *byte == b'/')?..)?;
    let name = Path::new(OsStr::from_bytes(path)).file_name()?;
    owners.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_whose_file_is_mapped() {
        let owners = HashMap::from([(OsStr::new("7-0.ptrace"), 7)]);
        let of = |path: &str| {
            let line = format!("7f00-7f10 rw-s 00000000 00:2d 5      {path}");
            owner(line.as_bytes(), &owners)
        };
        assert_eq!(of("/tmp/rec/7-0.ptrace"), Some(7));
        assert_eq!(of("/tmp/rec/7-0.ptrace (deleted)"), Some(7));
        assert_eq!(of("/tmp/rec/17-0.ptrace"), None);
        assert_eq!(of("[heap]"), None);
    }
}
