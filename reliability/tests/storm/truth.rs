//! What is attached according to the kernel: the mappings of segments' files, by the processes' own maps.

use crate::{frozen, worker};
use partage_core::inspect::{Namespace, State};
use partage_reliability::calls;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A mapping of one page only is kept for a next attach, and is no attachment: segments here are larger.
const KEPT: u64 = 4096;

/// Where each segment's file is mapped, by path, in all processes there are: a line for each mapping.
fn mapped(directory: &Path) -> HashMap<String, Vec<String>> {
    let mut mapped: HashMap<String, Vec<String>> = HashMap::new();
    for process in frozen::processes() {
        let maps = std::fs::read_to_string(process.join("maps")).unwrap_or_default();
        for line in maps.lines() {
            if let Some(path) = attachment(line, directory) {
                let start = line.split(' ').next().unwrap_or_default();
                let place = format!("{} at {start}", process.display());
                mapped.entry(path.to_owned()).or_default().push(place);
            }
        }
    }
    mapped
}

/// Compares `nattch` of every segment with the mappings, while nobody is in a call: they are the same, and everything
/// else is in order too.
pub(crate) fn compare(directory: &Path) -> Vec<String> {
    let mut findings = compare_frozen(directory, 0);
    let of_namespace = partage_reliability::examine::namespace(directory);
    findings.extend(
        of_namespace
            .into_iter()
            .filter(|finding| !is_half_set(finding)),
    );
    findings
}

/// Somebody died in `IPC_SET` between the registry and the file: what a file's own mode is, nobody changes on the word of
/// the registry. Never the other way round.
fn is_half_set(finding: &str) -> bool {
    let is_set = format!("mode {:o} ", worker::SET);
    let is_not = format!("but 100{:o} of its file", worker::PERMISSIONS);
    finding.starts_with(&is_set) && finding.ends_with(&is_not)
}

/// The same with everybody stopped in the middle of whatever he does: a count is never below the mappings, and above them
/// by no more than `under_way`.
pub(crate) fn compare_frozen(directory: &Path, under_way: u64) -> Vec<String> {
    let mut mapped = mapped(directory);
    let mut findings = Vec::new();
    let Ok(namespace) = Namespace::open(directory.as_os_str().as_bytes()) else {
        return vec!["the namespace cannot be opened".to_owned()];
    };
    namespace.each_slot(|slot, segment| {
        if !matches!(segment.state, State::Live | State::Removed) {
            return;
        }
        let path = namespace.with_file(segment, |path| String::from_utf8_lossy(path).into_owned());
        let places = mapped.remove(&path).unwrap_or_default();
        let least = places.len() as u64;
        match calls::stat(segment.shmid as i32).map(|status| status.shm_nattch) {
            Ok(nattch) if (least..=least + under_way).contains(&nattch) => {}
            // One that only the dead kept is gone once somebody asks.
            Err(libc::EINVAL | libc::EIDRM) if least == 0 => {}
            says => findings.push(format!(
                "slot {slot}: nattch {says:?}, {least} mappings: {}",
                places.join(", ")
            )),
        }
    });
    findings.extend(mapped.iter().map(|(path, places)| {
        let (count, places) = (places.len(), places.join(", "));
        format!("{count} mappings of {path}, which is no segment: {places}")
    }));
    findings
}

/// The path of the file, if the line of maps is an attachment.
fn attachment<'a>(line: &'a str, directory: &Path) -> Option<&'a str> {
    let path = line.get(line.find('/')?..)?;
    let (start, rest) = line.split_once('-')?;
    let end = rest.split(' ').next()?;
    let len = u64::from_str_radix(end, 16)
        .ok()?
        .checked_sub(u64::from_str_radix(start, 16).ok()?)?;
    let is_segment = Path::new(path).parent() == Some(directory) && path.contains("/segment-");
    (is_segment && len > KEPT).then_some(path)
}
