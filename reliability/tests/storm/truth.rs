//! What is attached according to the kernel: the mappings of segments' files, by the processes' own maps.

use partage_core::inspect::{Namespace, State};
use partage_reliability::calls;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A mapping of one page only is an anchor, not an attachment: segments here are larger.
const ANCHOR: u64 = 4096;

/// Compares `nattch` of every segment with the mappings of the processes, all of which are at rest.
pub(crate) fn compare(directory: &Path, pids: &[i32]) -> Vec<String> {
    let mut mapped: HashMap<String, u64> = HashMap::new();
    for pid in pids {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        for line in maps.lines() {
            if let Some(path) = attachment(line) {
                *mapped.entry(path.to_owned()).or_default() += 1;
            }
        }
    }
    let mut findings = Vec::new();
    let Ok(namespace) = Namespace::open(directory.as_os_str().as_bytes()) else {
        return vec!["the namespace cannot be opened".to_owned()];
    };
    namespace.each_slot(|slot, segment| {
        let path = namespace.with_file(segment, |path| String::from_utf8_lossy(path).into_owned());
        let right = mapped.remove(&path).unwrap_or(0);
        let says = calls::stat(segment.shmid as i32).map(|status| status.shm_nattch);
        // One that only the dead kept is gone once somebody asks.
        let is_gone = says == Err(libc::EINVAL) && right == 0;
        if segment.state == State::Live && says != Ok(right) && !is_gone {
            findings.push(format!("slot {slot}: nattch {says:?}, {right} mappings"));
        }
    });
    findings.extend(
        mapped
            .iter()
            .map(|(path, count)| format!("{count} mappings of {path}, which is no segment")),
    );
    findings.extend(partage_reliability::examine::namespace(directory));
    findings
}

/// The path of the file, if the line of maps is an attachment.
fn attachment(line: &str) -> Option<&str> {
    let path = line.get(line.find('/')?..)?;
    let (start, rest) = line.split_once('-')?;
    let end = rest.split(' ').next()?;
    let len = u64::from_str_radix(end, 16)
        .ok()?
        .checked_sub(u64::from_str_radix(start, 16).ok()?)?;
    (path.contains("/segment-") && len > ANCHOR).then_some(path)
}
