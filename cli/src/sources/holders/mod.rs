//! Who holds which memory: one look at all processes, at what they have mapped shared and at what
//! they have open.

mod descriptors;
mod lease;
mod nameless;
mod scan;
mod traces;

pub(super) use lease::is_open_anywhere;
pub(super) use nameless::Wanted;
pub(super) use scan::Scan;

use super::process;
use crate::model::Attachment;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// A file as mappings and descriptors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    /// Of a System V segment of the kernel's, whose inode is its id, the IPC namespace; else 0.
    ipc: u64,
}

impl FileId {
    pub(super) fn new(device: u64, inode: u64) -> Self {
        Self {
            device,
            inode,
            ipc: 0,
        }
    }

    pub(super) fn of(data: &Metadata) -> Self {
        Self::new(data.dev(), data.ino())
    }

    /// What tells it from all other files.
    fn numbers(self) -> [u64; 3] {
        [self.device, self.inode, self.ipc]
    }

    /// A segment of the kernel's: the device of its file says nothing.
    pub(super) fn of_segment(id: i32, ipc: u64) -> Option<Self> {
        let inode = u64::try_from(id).ok()?;
        Some(Self {
            device: 0,
            inode,
            ipc,
        })
    }
}

/// One way in which a process holds a file.
#[derive(Clone, Debug)]
struct Hold {
    pid: i32,
    /// 0 when it is only open.
    address: u64,
    read_only: bool,
    mappings: u32,
    descriptor: Option<i32>,
    locked: bool,
    private: bool,
}

/// What is to be said of a process.
#[derive(Clone, Debug)]
struct Person {
    command: String,
    inner_pid: i32,
    container: Option<String>,
    namespaces: BTreeMap<&'static str, u64>,
}

impl Person {
    fn of(pid: i32) -> Self {
        Self {
            command: process::command_of(pid),
            inner_pid: process::inner_pid(pid).unwrap_or(pid),
            container: process::container(pid),
            namespaces: process::teller(pid)
                .map(|who| process::foreign_namespaces(&who))
                .unwrap_or_default(),
        }
    }
}

fn attachment(hold: &Hold, person: Person) -> Attachment {
    Attachment {
        pid: Some(hold.pid),
        inner_pid: (person.inner_pid != hold.pid).then_some(person.inner_pid),
        container: person.container,
        namespaces: person.namespaces,
        command: person.command,
        address: hold.address,
        descriptor: hold.descriptor,
        locked: hold.locked,
        private: hold.private,
        since: None,
        read_only: hold.read_only,
        mappings: hold.mappings,
    }
}
