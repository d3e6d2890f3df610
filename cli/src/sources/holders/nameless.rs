//! Memory without a name: unlinked files, memfds, shared anonymous memory, segments of other IPC
//! namespaces.

use super::FileId;
use super::scan::Scan;
use super::traces::Traces;
use crate::model::{Nameless, NamelessKind, SegmentApart};
use crate::name::Name;
use crate::sources::apart;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which memory is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// Of files that were in this directory, and, if all of them are objects, anywhere on its file system.
    Of { directory: &'a Path, whole: bool },
    /// All that there is, but for segments of this IPC namespace.
    All { ipc: u64 },
}

/// Whether a file is bookkeeping of a namespace, and no object.
fn is_ours(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().as_bytes();
        part.starts_with(b"partage")
    })
}

impl Scan {
    /// The memory of files that have lost their names.
    pub(crate) fn nameless(&self, wanted: Wanted) -> Vec<Nameless> {
        let device = match wanted {
            Wanted::Of { directory, .. } => fs::metadata(directory).map(|data| data.dev()).ok(),
            Wanted::All { .. } => None,
        };
        let is_wanted = |file: &FileId, traces: &Traces| match (wanted, traces.kind()) {
            (Wanted::All { .. }, NamelessKind::Elsewhere) => !is_ours(traces.path()),
            _ if traces.has_name => false,
            (Wanted::Of { directory, whole }, NamelessKind::Unlinked) => {
                Some(file.device) == device
                    && (traces.path().parent() == Some(directory)
                        || whole && !is_ours(traces.path()))
            }
            (Wanted::Of { .. }, _) => false,
            (Wanted::All { ipc }, NamelessKind::Sysv) => file.ipc != ipc,
            (Wanted::All { .. }, NamelessKind::Unlinked) => {
                !is_ours(traces.path()) && traces.is_memory()
            }
            (Wanted::All { .. }, _) => true,
        };
        let traces = self
            .traces
            .iter()
            .filter(|(file, traces)| is_wanted(file, traces));
        let traces = traces.map(|(file, traces)| {
            let memory = Nameless {
                name_bytes: traces.name().bytes_of_no_text(),
                name: traces.name(),
                kind: traces.kind(),
                size: traces.size,
                resident: traces.resident,
                attached: self.holders(*file),
                identity: file.numbers(),
                segment: None,
            };
            (*file, memory)
        });
        let mut found: HashMap<FileId, Nameless> = traces.collect();
        if let Wanted::All { ipc } = wanted {
            // What the tables say is more: nobody needs to have it mapped, and those who do are counted.
            found.extend(self.segments_apart(ipc));
        }
        let mut found: Vec<Nameless> = found.into_values().collect();
        found.sort_by(|one, other| (&one.name, one.size).cmp(&(&other.name, other.size)));
        found
    }

    /// The kernel's segments in all IPC namespaces but one.
    fn segments_apart(&self, except: u64) -> Vec<(FileId, Nameless)> {
        let mut found = Vec::new();
        for place in apart::all(except) {
            for segment in place.segments {
                let Some(file) = FileId::of_segment(segment.id, place.ipc) else {
                    continue;
                };
                let attached = self.holders(file);
                let seen: u64 = attached.iter().map(|hold| u64::from(hold.mappings)).sum();
                let memory = Nameless {
                    name_bytes: None,
                    name: Name::from_text(OsStr::new(&format!("/SYSV{:08x}", segment.key))),
                    kind: NamelessKind::Sysv,
                    size: segment.size,
                    resident: segment.resident,
                    attached,
                    identity: file.numbers(),
                    segment: Some(SegmentApart {
                        shmid: segment.id,
                        ipc: place.ipc,
                        container: place.container.clone(),
                        unseen: segment.nattch.saturating_sub(seen),
                    }),
                };
                found.push((file, memory));
            }
        }
        found
    }
}
