//! A recording: the trace files of a run.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use partage_trace_format::header::State;
use partage_trace_format::{Clock, SUFFIX};

use crate::afterwards::Afterwards;
use crate::image::Image;
use crate::silent;

/// So many large files are held open; more are read whole, for want of descriptors.
const MOST_OPEN: usize = 256;

/// The files of a run; an image's index in it never changes.
#[derive(Debug, Default)]
pub struct Recording {
    directory: Option<PathBuf>,
    known: HashSet<PathBuf>,
    images: Vec<Image>,
    /// Files that could not be read, and why.
    unreadable: Vec<(PathBuf, String)>,
    afterwards: Option<Afterwards>,
    /// Why what the system held is not known, though somebody looked.
    afterwards_damage: Option<(PathBuf, String)>,
    progress: Progress,
}

/// Who is told how far the reading of all records has come: slots that were read, and slots in all.
#[derive(Default)]
struct Progress(OnceCell<Box<dyn Fn(u64, u64) + Send>>);

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl Recording {
    /// Whenever all records are read, `told` hears from time to time how many slots were read, and of how many.
    pub fn tell_progress(&self, told: impl Fn(u64, u64) + Send + 'static) {
        let _ = self.progress.0.set(Box::new(told));
    }

    pub(crate) fn progressed(&self, slots: u64, of: u64) {
        if let Some(told) = self.progress.0.get() {
            told(slots, of);
        }
    }

    /// The files of a directory, which may become more; see [`Recording::look`].
    #[must_use]
    pub fn follow(directory: &Path) -> Self {
        Recording {
            // As the recorder is told it: the directory may be gone before its processes.
            directory: Some(
                directory
                    .canonicalize()
                    .unwrap_or_else(|_| directory.into()),
            ),
            ..Self::default()
        }
    }

    /// Reads a trace file, or all those of a directory.
    ///
    /// # Errors
    /// What is named cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut recording = if path.is_dir() {
            Self::follow(path)
        } else {
            let mut image = Image::new(path.to_path_buf());
            image.refresh(true)?;
            Self::of(vec![image])
        };
        recording.look()?;
        if path.is_dir() {
            match Afterwards::read(path) {
                Ok(afterwards) => recording.afterwards = afterwards,
                Err(why) => {
                    let file = Afterwards::path(path);
                    recording.afterwards_damage = Some((file, why.to_string()));
                }
            }
        }
        Ok(recording)
    }

    /// What the system held when the run was over; None if nobody looked.
    #[must_use]
    pub fn afterwards(&self) -> Option<&Afterwards> {
        self.afterwards.as_ref()
    }

    /// The run is over, and the system holds this.
    pub fn end(&mut self, afterwards: Afterwards) {
        self.afterwards = Some(afterwards);
    }

    /// Whether the directory takes no more files now: its file system has no room, or no more numbers for files.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let system = self.directory.as_deref().map(statvfs);
        system.is_some_and(|system| {
            system.is_ok_and(|system| {
                let counts_files = system.files() != 0;
                system.blocks_available() == 0 || counts_files && system.files_available() == 0
            })
        })
    }

    /// The real users of the processes.
    #[must_use]
    pub fn uids(&self) -> BTreeSet<u32> {
        let headers = self.images.iter().filter_map(Image::header);
        headers.map(|header| header.uid).collect()
    }

    /// A recording of these images.
    #[must_use]
    pub fn of(images: Vec<Image>) -> Self {
        Recording {
            images,
            ..Self::default()
        }
    }

    /// Looks for new files in the directory and reads what is new in the known ones.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn look(&mut self) -> io::Result<()> {
        if let Some(directory) = &self.directory {
            let mut fresh = Vec::new();
            for entry in std::fs::read_dir(directory)? {
                let path = entry?.path();
                let ours = path.to_str().is_some_and(|name| name.ends_with(SUFFIX));
                if ours && self.known.insert(path.clone()) {
                    fresh.push(path);
                }
            }
            fresh.sort();
            self.images.extend(fresh.into_iter().map(Image::new));
            let mut open = self.images.iter().filter(|image| image.is_open()).count();
            for image in &mut self.images {
                let was_open = image.is_open();
                let outcome = image.refresh(open < MOST_OPEN);
                open += usize::from(image.is_open() && !was_open);
                if let Err(why) = outcome
                    && !self.unreadable.iter().any(|(path, _)| path == image.path())
                {
                    self.unreadable
                        .push((image.path().to_path_buf(), why.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Reads everything anew at the next look.
    pub fn rewind(&mut self) {
        for image in &mut self.images {
            *image = Image::new(image.path().to_path_buf());
        }
    }

    /// The images, by index.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The images, to take records from.
    pub fn images_mut(&mut self) -> &mut [Image] {
        &mut self.images
    }

    /// Files that could not be read, and why.
    #[must_use]
    pub fn unreadable(&self) -> &[(PathBuf, String)] {
        &self.unreadable
    }

    /// The clock whose scale is known best: counters of one machine run alike.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        let clocks = self.images.iter().filter_map(Image::clock);
        clocks.max_by_key(Clock::span)
    }

    /// When the first process began, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn began(&self) -> Option<u64> {
        let clock = self.clock()?;
        let headers = self.images.iter().filter_map(Image::header);
        headers
            .map(|header| clock.monotonic_ns(header.started.ticks))
            .min()
    }

    /// Processes that still record, or may begin to.
    #[must_use]
    pub fn running(&self) -> Vec<u32> {
        let running = self.images.iter().filter(|image| image.is_running());
        let pids = running.filter_map(|image| Some(image.header()?.pid));
        pids.chain(self.silent()).collect()
    }

    /// Processes of the run that have recorded nothing so far.
    pub(crate) fn silent(&self) -> Vec<u32> {
        silent::running(&self.images, self.directory.as_deref())
    }

    /// What the recorder and the reader know to be missing.
    #[must_use]
    pub fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        for image in &self.images {
            losses.add(image);
        }
        losses.unreadable = self.unreadable.len() as u64;
        losses.damaged.extend(self.afterwards_damage.clone());
        losses
    }
}

/// Records that are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Slots whose writer was killed in the middle, or still writes.
    pub torn: u64,
    /// Slots that lie beyond the end of a cut file.
    pub missing: u64,
    /// Records that the recorder gave up.
    pub dropped: u64,
    /// Slots for which there was no space.
    pub unrecorded: u64,
    /// Slots of rings that newer ones have overwritten.
    pub overwritten: u64,
    /// Files that are no trace.
    pub damaged: Vec<(PathBuf, String)>,
    /// Files that were made and never begun: their processes ended before the first call.
    pub unborn: Vec<PathBuf>,
    /// Files that could not be read.
    pub unreadable: u64,
    /// Processes whose recording stopped: pid and errno.
    pub stopped: Vec<(u32, i32)>,
    /// Processes that mapped more, or used higher descriptors, than the recorder tracks.
    pub untracked: Vec<u32>,
    /// Processes that loaded objects into a link-map namespace of their own.
    pub namespaces: Vec<u32>,
}

impl Losses {
    fn add(&mut self, image: &Image) {
        let header = match image.check() {
            Ok(header) => header,
            Err(_) if image.is_unborn() => {
                self.unborn.push(image.path().to_path_buf());
                return;
            }
            Err(why) => {
                let entry = (image.path().to_path_buf(), why.to_string());
                self.damaged.push(entry);
                return;
            }
        };
        let damage = image.damage();
        // A slot that is being written at this moment is not lost.
        if header.state != State::Running || !image.is_running() {
            self.torn += damage.torn;
        }
        self.missing += damage.missing;
        self.dropped = self.dropped.saturating_add(header.dropped);
        self.unrecorded = self.unrecorded.saturating_add(header.unrecorded_slots());
        if header.ring_slots != 0 {
            let over = header.cursor.saturating_sub(header.ring_slots);
            self.overwritten = self.overwritten.saturating_add(over);
        }
        if header.stopped() {
            self.stopped.push((header.pid, header.stop_errno));
        }
        use partage_trace_format::header::flag::{
            NAMESPACES, UNTRACKED_DESCRIPTORS, UNTRACKED_MAPPINGS,
        };
        if header.flags & NAMESPACES != 0 {
            self.namespaces.push(header.pid);
        }
        if header.flags & (UNTRACKED_DESCRIPTORS | UNTRACKED_MAPPINGS) != 0 {
            self.untracked.push(header.pid);
        }
    }
}
