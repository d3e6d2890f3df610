//! A namespace with five segments and a member that lives all the time, put back as it was after each input.

use partage_reliability::hostile::{Calls, Choices, Core, Registry, TRICKS};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const SIZE: usize = 8192;
const SEGMENTS: i32 = 5;
/// A call that waits longer for a live holder of a lock gives up, in milliseconds.
const PATIENCE: &str = "1";

/// The namespace.
pub struct Namespace {
    directory: PathBuf,
    /// Beside it: further names of the files that must keep their inode, and a file that nobody may touch.
    kept: PathBuf,
    registry: Registry,
    /// Name and size of every file.
    files: BTreeMap<String, u64>,
}

/// A directory for one run of a target: `PARTAGE_FUZZ_DIR`, which is the caller's to remove, or one of its own, which goes
/// when the run ends well.
///
/// # Errors
/// As mkdir(2).
pub fn run_directory() -> io::Result<PathBuf> {
    let own = format!("/dev/shm/partage-test-fuzz-{}", std::process::id());
    let path =
        std::env::var_os("PARTAGE_FUZZ_DIR").map_or_else(|| PathBuf::from(own), PathBuf::from);
    DirBuilder::new()
        .recursive(true)
        .mode(partage_core::inspect::DIRECTORY_MODE)
        .create(&path)?;
    Ok(path)
}

impl Namespace {
    /// Makes it, below the run's directory, and has the environment name it.
    ///
    /// # Errors
    /// What did not work.
    pub fn make() -> io::Result<Namespace> {
        let run = run_directory()?;
        let (directory, kept) = (run.join("namespace"), run.join("kept"));
        for path in [&directory, &kept] {
            DirBuilder::new()
                .mode(partage_core::inspect::DIRECTORY_MODE)
                .create(path)?;
        }
        // SAFETY: this program has one thread.
        unsafe {
            std::env::set_var("PARTAGE_DIR", &directory);
            std::env::set_var("PARTAGE_PATIENCE", PATIENCE);
        }
        companion()?;
        fs::write(kept.join("decoy"), "as it was")?;
        let mut files = BTreeMap::new();
        for entry in directory.read_dir()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if keeps_inode(&name) {
                fs::hard_link(entry.path(), kept.join(&name))?;
            }
            files.insert(name, entry.metadata()?.len());
        }
        let registry = Registry::open(&directory).ok_or(io::ErrorKind::NotFound)?;
        Ok(Namespace {
            directory,
            kept,
            registry,
            files,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Changes one word of the registry.
    pub fn mutate(&self, choices: &mut impl Choices) {
        self.registry.mutate(choices);
    }

    /// Does something to one of the files; what is mapped must not be cut short. Whether one was.
    pub fn trick(&self, choices: &mut impl Choices, is_mapped: bool) -> bool {
        let (file, trick) = (choices.below(self.files.len()), choices.below(TRICKS.len()));
        if let (Some(name), Some(trick)) = (self.files.keys().nth(file), TRICKS.get(trick))
            && !(trick.shrinks && (is_mapped || name == "registry"))
        {
            (trick.play)(&self.directory.join(name), &self.kept.join("decoy"));
            return trick.shrinks;
        }
        false
    }

    /// Puts everything back.
    ///
    /// # Errors
    /// What did not work.
    pub fn restore(&self) -> io::Result<()> {
        for entry in self.directory.read_dir()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let status = entry.metadata()?;
            let is_right = self.files.contains_key(&name)
                && status.is_file()
                && (!keeps_inode(&name)
                    || status.ino() == self.kept.join(&name).symlink_metadata()?.ino());
            if status.is_dir() {
                fs::remove_dir(entry.path())?;
            } else if !is_right {
                fs::remove_file(entry.path())?;
            }
        }
        for (name, &len) in &self.files {
            let path = self.directory.join(name);
            if keeps_inode(name) && !path.exists() {
                fs::hard_link(self.kept.join(name), &path)?;
            }
            if path.symlink_metadata().map(|status| status.len()).ok() != Some(len) {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(false).mode(0o600);
                options.open(&path)?.set_len(len)?;
            }
        }
        self.registry.restore();
        if fs::read(self.kept.join("decoy"))? != b"as it was" {
            return Err(io::Error::other("a file outside was changed"));
        }
        Ok(())
    }
}

/// Files that somebody has mapped or locked: another one of the same name would not be the same.
fn keeps_inode(name: &str) -> bool {
    !name.starts_with("segment-")
}

/// A member that attaches the segments and then waits, as long as this process lives.
fn companion() -> io::Result<()> {
    // SAFETY: this process has one thread; the child makes calls and waits until it is killed; the pipe says that it is
    // ready.
    unsafe {
        let mut ends = [0; 2];
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        if libc::fork() == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            let all_attached = (1..=SEGMENTS).all(|key| {
                let id = Core::get(key, SIZE, libc::IPC_CREAT | 0o600);
                id.and_then(|id| Core::attach(id, 0)).is_ok()
            });
            libc::write(ends[1], [u8::from(all_attached)].as_ptr().cast(), 1);
            loop {
                libc::pause();
            }
        }
        let mut answer = [0u8; 1];
        libc::read(ends[0], answer.as_mut_ptr().cast(), 1);
        libc::close(ends[0]);
        libc::close(ends[1]);
        if answer == [1] {
            Ok(())
        } else {
            Err(io::Error::other("the companion cannot attach"))
        }
    }
}
