//! What the system held when a run was over. The recording is held against it: what nobody recorded removed may be gone
//! all the same, and what nobody recorded made may be left.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Its file in the directory of a recording.
const FILE: &str = "afterwards.json";

/// The system when the run was over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Afterwards {
    /// When it was looked at, in nanoseconds of `CLOCK_MONOTONIC`; 0 if that is not known.
    #[serde(default)]
    pub time: u64,
    /// Segments that are there and not removed.
    pub segments: Vec<Segment>,
    /// POSIX objects that are there, named semaphores included.
    pub objects: Vec<Object>,
    /// The file system of POSIX objects.
    #[serde(default)]
    pub room: Option<Room>,
    /// IPC namespaces that somebody is in, by their inodes.
    #[serde(default)]
    pub ipc_namespaces: Vec<u64>,
    /// Processes known to have ended by a signal.
    #[serde(default)]
    pub deaths: Vec<Death>,
}

/// A System V segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Segment {
    /// Its id.
    pub shmid: i32,
    /// Its key, 0 for `IPC_PRIVATE`.
    pub key: i32,
    /// Bytes.
    pub size: u64,
    /// The process that made it.
    pub cpid: u32,
    /// Whether it was not there before the run.
    pub new: bool,
}

/// A POSIX object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Object {
    /// With a leading slash.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Its owner.
    pub uid: u32,
    /// Whether it was not there before the run.
    pub new: bool,
    /// Processes that have it mapped or open, as far as the user may know.
    pub holders: Vec<u32>,
}

/// A file system's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// All of it; 0 for no limit.
    pub total: u64,
    /// What is free.
    pub free: u64,
}

/// An end by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// The process.
    pub pid: u32,
    /// The signal.
    pub signal: i32,
}

impl Afterwards {
    /// Where it is in the directory of a recording.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Reads it from the directory of a recording; None if it was never written there.
    ///
    /// # Errors
    /// As open(2) and read(2), or the file is damaged.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(Self::path(directory)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(why),
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        }
    }

    /// Writes it into the directory of a recording.
    ///
    /// # Errors
    /// As open(2) and write(2).
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        std::fs::write(Self::path(directory), serde_json::to_vec_pretty(self)?)
    }
}
