//! Opening the registry of a namespace. If there is none, it is made (`make`).
//! Tested by `c_tests/process`, the programs that begin with `first_calls`, and `reliability/tests/hostile`.

use super::format::{Header, MAGIC, VERSION};
use super::layout::{SIZE, TABLES};
use super::make::{IN_USE, READ_WRITE, RETRY_MS, cells_for, make, named, remove_entries, replace};
use super::named_file::{self, is_at};
use super::{Known, Registry, at_base, free_known, known_bytes};
use crate::error::{Errno, Result};
use crate::log;
use crate::namespace::{self, Directory};
use crate::os::boot::Boot;
use crate::os::files::{File, TMPFS};
use crate::os::paths::Status;
use crate::os::signals::Blocked;
use crate::os::{futex, locks, memory, paths};
use crate::sync::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use crate::text::SegmentPath;

/// How often opening is tried when others make and replace the registry at the same time.
const TRIES: u32 = 100;

impl Registry {
    /// Opens the registry of the namespace that the environment names. Several threads may do so at once.
    ///
    /// # Errors
    /// - `EUCLEAN` the registry is damaged
    /// - `EPROTO` it is of another version
    /// - what [`namespace::find`] and open(2) say
    pub(crate) fn open(&self) -> Result<()> {
        // A handler that never comes back must not leave anything half done here.
        let _signals = Blocked::new();
        let directory = namespace::find(namespace::Make::IfMissing)?;
        for _ in 0..TRIES {
            match self.open_whole(&directory) {
                Err(Errno::ENOENT) => {
                    match make(&directory) {
                        Err(Errno::ESTALE) => {}
                        made => made?,
                    }
                    // A registry that others have not named yet will not be the namespace's any more, whether they live
                    // or not.
                    let _ = remove_entries(&directory, &[b"registry."]);
                }
                Err(Errno::ESRCH) => replace(&directory)?,
                other => return other,
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Opens the registry in a directory that is given, without making anything.
    pub(crate) fn open_existing(&self, named: &[u8]) -> Result<()> {
        self.open_whole(&namespace::find_named(named)?)
    }

    /// [`Registry::open_in`], whatever other threads close.
    fn open_whole(&self, directory: &Directory) -> Result<()> {
        for _ in 0..named_file::TRIES {
            match self.open_in(directory) {
                Err(Errno::ESTALE) => {}
                other => return other,
            }
        }
        Err(Errno::ESTALE)
    }

    /// One try: `ENOENT` where there is none, `ESRCH` where it is from before the machine was started, `ESTALE` where another
    /// thread has closed the descriptor.
    #[cold]
    #[inline(never)]
    fn open_in(&self, directory: &Directory) -> Result<()> {
        let path = named(directory, "/registry");
        let file = File::open(path.as_c_str(), libc::O_RDWR, 0).map_err(|error| match error {
            Errno::ENOENT => error,
            _ => log::write_error(error, |line| line.str("cannot open ").bytes(path.bytes())),
        })?;
        let mapped = map(&file, &path);
        if !is_at(&file, path.as_c_str()) {
            if let Ok(mapped) = mapped {
                // SAFETY: the mapping was made just now, and nobody uses it.
                let _ = unsafe { memory::munmap(mapped.base, SIZE) };
            }
            return Err(Errno::ESTALE);
        }
        let Mapped {
            base,
            status,
            on_tmpfs,
        } = mapped?;
        let header = at_base::<Header>(base, 0);
        let checked = check(header, &path, &file, on_tmpfs).and_then(|()| {
            self.publish_known(Known {
                base,
                device: status.device,
                inode: status.inode,
                nonce: header.nonce.load(Ordering::Relaxed),
                key_cells: cells_for(header.shmmni.load(Ordering::Relaxed)),
                status: directory.status,
                pins_locks: AtomicBool::new(false),
                ready: [const { AtomicUsize::new(0) }; TABLES],
                directory: directory.path,
            })
        });
        if !matches!(checked, Ok(true)) {
            // SAFETY: the mapping was made here and is not published.
            let _ = unsafe { memory::munmap(base, SIZE) };
        }
        checked.map(drop)
    }

    /// False if another thread was faster.
    #[cold]
    #[inline(never)]
    fn publish_known(&self, known: Known) -> Result<bool> {
        let memory = memory::map_private(known_bytes())?;
        // SAFETY: the memory is ours, large enough and aligned to a page; nobody else knows of it yet.
        unsafe { (memory as *mut Known).write(known) };
        let swap = self
            .known
            .compare_exchange(0, memory, Ordering::Release, Ordering::Relaxed);
        if swap.is_err() {
            // SAFETY: nobody else knows of it.
            unsafe { free_known(memory) };
        }
        Ok(swap.is_ok())
    }
}

/// A registry's file that was mapped. Nothing is believed of it yet.
struct Mapped {
    base: usize,
    status: Status,
    on_tmpfs: bool,
}

#[cold]
#[inline(never)]
fn map(file: &File, path: &SegmentPath) -> Result<Mapped> {
    let status = file.fstat()?;
    check_kind(file, path, status.mode, status.size)?;
    let on_tmpfs = file.fstatfs()?.kind == TMPFS;
    if !on_tmpfs {
        claim_use(file, path, status.inode)?;
    }
    Ok(Mapped {
        base: memory::map_bookkeeping(file.fd(), SIZE, 0, READ_WRITE)?,
        status,
        on_tmpfs,
    })
}

#[cold]
#[inline(never)]
fn check_kind(file: &File, path: &SegmentPath, mode: u32, size: u64) -> Result<()> {
    if mode & libc::S_IFMT == libc::S_IFREG && size >= SIZE as u64 {
        return Ok(());
    }
    // Another version has another size. Its first bytes tell it from a file that is no registry.
    let mut start = [0u8; 12];
    if mode & libc::S_IFMT == libc::S_IFREG
        && file.read_start(&mut start) == Ok(start.len())
        && let [magic @ .., _, a, b, c, d] = start
        && magic == MAGIC.to_le_bytes()[..7]
        && u32::from_le_bytes([a, b, c, d]) != VERSION
    {
        return Err(other_version(path, u32::from_le_bytes([a, b, c, d])));
    }
    Err(log::write_error(Errno::EUCLEAN, |line| {
        line.bytes(path.bytes())
            .str(" is damaged: not a registry's file or size")
    }))
}

fn other_version(path: &SegmentPath, version: u32) -> Errno {
    log::write_error(Errno::EPROTO, |line| {
        line.bytes(path.bytes())
            .str(" is a registry of version ")
            .number(version.into())
            .str("; this library knows ")
            .number(VERSION.into())
            .str(": end the programs that use it, then remove it with the release that made it")
    })
}

/// Locks the registry for reading, as long as it is mapped: a registry with a lock is never replaced.
fn claim_use(file: &File, path: &SegmentPath, inode: u64) -> Result<()> {
    match locks::share(file.fd(), IN_USE) {
        // Another process is replacing it.
        Err(Errno::EAGAIN) => {
            let _ = futex::wait(&AtomicU32::new(0), 0, RETRY_MS);
            return Err(Errno::ESRCH);
        }
        other => other?,
    }
    if paths::lstat(path.as_c_str())?.inode == inode {
        Ok(())
    } else {
        Err(Errno::ENOENT)
    }
}

#[cold]
#[inline(never)]
fn check(header: &Header, path: &SegmentPath, file: &File, on_tmpfs: bool) -> Result<()> {
    if header.magic.load(Ordering::Acquire) != MAGIC {
        return Err(log::write_error(Errno::EUCLEAN, |line| {
            line.bytes(path.bytes()).str(" is damaged: not a registry")
        }));
    }
    let version = header.version.load(Ordering::Relaxed);
    if version != VERSION {
        return Err(other_version(path, version));
    }
    // A file on tmpfs is gone after a boot.
    if on_tmpfs || !boot_of(header).is_over()? {
        return Ok(());
    }
    // Whatever the boot seems to be: while another process has it mapped, it is in use.
    match locks::is_held(file.fd(), IN_USE) {
        Ok(true) => Ok(()),
        _ => Err(Errno::ESRCH),
    }
}

fn boot_of(header: &Header) -> Boot {
    let [one, other] = &header.boot;
    Boot {
        id: [one.load(Ordering::Relaxed), other.load(Ordering::Relaxed)],
        since_boot_ms: header.made_at.load(Ordering::Relaxed),
        booted_at: header.booted_at.load(Ordering::Relaxed) as i64,
    }
}
