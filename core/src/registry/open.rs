//! Opening the registry of a namespace, and making it when there is none.
//!
//! A new one is made complete under a name of its own and then linked into place, so that nobody ever sees it
//! half-made, and of several that are made at once one wins.

use super::Registry;
use super::format::{Header, MAGIC, VERSION, WINDOW};
use super::ids::IdState;
use crate::error::{Errno, Result};
use crate::log;
use crate::namespace::{self, Directory};
use crate::options;
use crate::os::directories;
use crate::os::files::{self, File};
use crate::os::signals::Blocked;
use crate::os::{clock, futex, identity, memory, random};
use crate::sync::{AtomicU32, Ordering};
use crate::text::Path;

const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// How often opening is tried when others make and replace the registry at the same time.
const TRIES: u32 = 100;
/// How long the next try waits while somebody replaces the registry, in milliseconds.
const RETRY_MS: u32 = 10;

impl Registry {
    /// Opens the registry of the namespace that the environment names. The caller sees to it that only one thread does.
    ///
    /// # Errors
    /// - `EUCLEAN` the registry is damaged
    /// - `EPROTO` it is of another version
    /// - what [`namespace::find`] and open(2) say
    pub(crate) fn open(&self, signals: &Blocked) -> Result<()> {
        let directory = namespace::find(namespace::Make::IfMissing)?;
        for _ in 0..TRIES {
            match self.open_in(&directory) {
                Err(Errno::ENOENT) => self.make(&directory, signals)?,
                Err(Errno::ESRCH) => self.replace(&directory, signals)?,
                other => return other,
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Opens the registry in a directory that is given, without making anything.
    pub(crate) fn open_existing(&self, named: &[u8]) -> Result<()> {
        self.open_in(&namespace::find_named(named)?)
    }

    /// One try: `ENOENT` where there is none, `ESRCH` where it is from before the machine was started.
    fn open_in(&self, directory: &Directory) -> Result<()> {
        let path = named(directory, "/registry");
        let file = File::open(path.as_c_str(), libc::O_RDWR, 0).map_err(|error| match error {
            Errno::ENOENT => error,
            _ => log::refuse(error, |line| line.str("cannot open ").bytes(path.bytes())),
        })?;
        let status = file.status()?;
        if status.mode & libc::S_IFMT != libc::S_IFREG || status.size < WINDOW as u64 {
            return Err(log::refuse(Errno::EUCLEAN, |line| {
                line.bytes(path.bytes())
                    .str(" is damaged: not a registry's file or size")
            }));
        }
        let base = memory::map_bookkeeping(file.fd(), WINDOW, 0, READ_WRITE)?;
        if let Err(error) = self.check(base, &path, &file) {
            // SAFETY: the mapping was made here and is not published.
            let _ = unsafe { memory::unmap(base, WINDOW) };
            return Err(error);
        }
        self.device.store(status.device, Ordering::Relaxed);
        self.inode.store(status.inode, Ordering::Relaxed);
        self.is_shared
            .store(directory.status.mode & 0o022 != 0, Ordering::Relaxed);
        // SAFETY: the registry is not open, and the caller is the only one who opens it: nobody reads the path yet.
        unsafe { *self.directory.get() = directory.path };
        self.windows[0].store(base, Ordering::Release);
        Ok(())
    }

    fn check(&self, base: usize, path: &Path, file: &File) -> Result<()> {
        let header = self.at::<Header>(base, 0);
        if header.magic.load(Ordering::Acquire) != MAGIC {
            return Err(log::refuse(Errno::EUCLEAN, |line| {
                line.bytes(path.bytes()).str(" is damaged: not a registry")
            }));
        }
        let (version, window) = (
            header.version.load(Ordering::Relaxed),
            header.window.load(Ordering::Relaxed),
        );
        if version != VERSION || window != WINDOW as u32 {
            return Err(log::refuse(Errno::EPROTO, |line| {
                line.bytes(path.bytes())
                    .str(" is a registry of version ")
                    .number(version.into())
                    .str("; this library knows ")
                    .number(VERSION.into())
            }));
        }
        // What lies on tmpfs is gone after a boot; elsewhere only the boot id tells.
        if file.file_system()?.kind != files::TMPFS {
            let (boot, made_in) = (
                boot_id()?,
                header
                    .boot
                    .each_ref()
                    .map(|word| word.load(Ordering::Relaxed)),
            );
            if boot != UNKNOWN_BOOT && made_in != UNKNOWN_BOOT && made_in != boot {
                return Err(Errno::ESRCH);
            }
        }
        Ok(())
    }

    /// Makes a registry and links it into place, unless somebody else was faster.
    fn make(&self, directory: &Directory, signals: &Blocked) -> Result<()> {
        let path = named(directory, "/registry");
        // Without a name until it is complete: who dies while making it leaves nothing behind.
        if let Ok(file) = File::nameless(directory.path.as_c_str(), 0o600) {
            fill(self, directory, &file, signals)?;
            if matches!(file.name(path.as_c_str()), Ok(()) | Err(Errno::EEXIST)) {
                return Ok(());
            }
        }
        let made = make_file(self, directory, signals)?;
        let linked = files::link(made.as_c_str(), path.as_c_str());
        let _ = files::unlink(made.as_c_str());
        match linked {
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        }
    }

    /// Puts a new registry in the place of one from before the machine was started, and removes that one's segments.
    fn replace(&self, directory: &Directory, signals: &Blocked) -> Result<()> {
        let path = named(directory, "/registry");
        let old = File::open(path.as_c_str(), libc::O_RDWR, 0)?;
        // Whoever holds this lock replaces; others look again a little later.
        match crate::os::locks::take(old.fd(), 0) {
            Err(Errno::EAGAIN) => {
                let _ = futex::wait(&AtomicU32::new(0), 0, RETRY_MS);
                return Ok(());
            }
            other => other?,
        }
        if files::status(path.as_c_str())?.inode != old.status()?.inode {
            return Ok(());
        }
        log::write(log::Level::Info, |line| {
            line.bytes(path.bytes())
                .str(" is from before the machine was started: begun afresh")
        });
        directories::each_entry(directory.path.as_c_str(), |name| {
            if [&b"segment-"[..], b"members-", b"registry."]
                .iter()
                .any(|start| name.starts_with(start))
            {
                let mut path = named(directory, "/");
                path.push(name);
                let _ = files::unlink(path.as_c_str());
            }
        })?;
        let made = make_file(self, directory, signals)?;
        files::rename(made.as_c_str(), path.as_c_str())
    }
}

fn named(directory: &Directory, name: &str) -> Path {
    let mut path = directory.path;
    path.push_str(name);
    path
}

/// A whole registry under a temporary name.
fn make_file(registry: &Registry, directory: &Directory, signals: &Blocked) -> Result<Path> {
    let mut path = named(directory, "/registry.");
    path.push_hex(random::number());
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    let file = File::open(path.as_c_str(), flags, 0o600).map_err(|error| {
        log::refuse(error, |line| {
            line.str("cannot make a registry in ")
                .bytes(directory.path.bytes())
        })
    })?;
    let filled = fill(registry, directory, &file, signals);
    if filled.is_err() {
        let _ = files::unlink(path.as_c_str());
    }
    filled.map(|()| path)
}

fn fill(registry: &Registry, directory: &Directory, file: &File, signals: &Blocked) -> Result<()> {
    // All memory of the first window is taken now: later, on a full file system, touching it would be a fault.
    file.reserve(0, WINDOW as u64).map_err(|error| {
        if error == Errno::EFBIG {
            signals.forget_file_size_signal();
        }
        log::refuse(
            if error == Errno::EFBIG {
                Errno::ENOSPC
            } else {
                error
            },
            |line| {
                line.str("no room for a registry in ")
                    .bytes(directory.path.bytes())
            },
        )
    })?;
    file.set_mode(namespace::shared_mode(&directory.status))?;
    let base = memory::map_bookkeeping(file.fd(), WINDOW, 0, READ_WRITE)?;
    let header = registry.at::<Header>(base, 0);
    let written = write_header(header);
    // SAFETY: the mapping was made here; `header` is not used any more.
    unsafe { memory::unmap(base, WINDOW) }.and(written)?;
    // On a disk the header must not come after the name: without power in between, a registry of zeroes would be left.
    if file.file_system()?.kind != files::TMPFS {
        file.sync()?;
    }
    Ok(())
}

fn write_header(header: &Header) -> Result<()> {
    let limits = options::limits();
    header.version.store(VERSION, Ordering::Relaxed);
    header.window.store(WINDOW as u32, Ordering::Relaxed);
    header
        .boot
        .iter()
        .zip(boot_id()?)
        .for_each(|(word, half)| word.store(half, Ordering::Relaxed));
    header.nonce.store(random::number(), Ordering::Relaxed);
    header
        .user_namespace
        .store(identity::user_namespace(), Ordering::Relaxed);
    header.born.store(clock::now() as u64, Ordering::Relaxed);
    header.shmmax.store(limits.shmmax, Ordering::Relaxed);
    header.shmall.store(limits.shmall, Ordering::Relaxed);
    header.shmmni.store(limits.shmmni, Ordering::Relaxed);
    header
        .rmid_forced
        .store(limits.rmid_forced.into(), Ordering::Relaxed);
    header
        .id_state
        .store(IdState::START.to_word(), Ordering::Relaxed);
    header.next_file.store(1, Ordering::Relaxed);
    header.magic.store(MAGIC, Ordering::Release);
    Ok(())
}

/// Where the kernel does not say.
const UNKNOWN_BOOT: [u64; 2] = [0, 0];

/// Names the boot that the machine is in.
///
/// # Errors
/// - `EMFILE`, `ENFILE`, `ENOMEM` it cannot be asked for the moment: taken for unknown, a registry in use would be begun
///   afresh, or one of another boot be used
fn boot_id() -> Result<[u64; 2]> {
    let mut text = [0u8; 40];
    let read = File::open(c"/proc/sys/kernel/random/boot_id", libc::O_RDONLY, 0)
        .and_then(|file| file.read_start(&mut text));
    if let Err(error @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) = read {
        return Err(error);
    }
    let mut halves = [0u64; 2];
    let digits = text
        .iter()
        .take(read.unwrap_or(0))
        .filter_map(|&byte| (byte as char).to_digit(16));
    for (place, digit) in digits.take(32).enumerate() {
        if let Some(half) = halves.get_mut(place / 16) {
            *half = *half << 4 | u64::from(digit);
        }
    }
    Ok(halves)
}
