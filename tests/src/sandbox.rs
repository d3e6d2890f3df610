//! A `/dev/shm` and a System V namespace of a thread's own, so that what a test program leaves
//! behind is seen at once and cannot be confused with anybody else's.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::first_process::FirstProcess;

const SHM: &str = "/dev/shm";

/// A thread's surroundings for the programs that it starts.
#[derive(Debug)]
pub struct Sandbox {
    private: bool,
    /// That of its programs' pid namespace, where they have one.
    _first: Option<FirstProcess>,
}

impl Sandbox {
    /// Moves the calling thread into namespaces of its own. Without the right to do that the
    /// thread stays where it is and [`Sandbox::leftovers`] can look at the namespace only.
    #[must_use]
    pub fn enter() -> Self {
        Self {
            private: enter_namespaces().is_ok(),
            _first: None,
        }
    }

    /// [`Sandbox::enter`], with process ids of its own too, where that is possible.
    #[must_use]
    pub fn enter_alone() -> Self {
        let mut sandbox = Self::enter();
        if sandbox.private {
            sandbox._first = FirstProcess::start().ok();
        }
        sandbox
    }

    /// Whether leftovers outside the namespace directory can be told from other programs' objects.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Makes an empty directory of mode 0700 for one program's `PARTAGE_DIR`.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn namespace_dir(&self) -> io::Result<PathBuf> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(SHM).join(format!("partage-test-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(dir)
    }

    /// Removes one program's namespace, and where this sandbox is private whatever else is there: the next program is not
    /// to blame for it.
    ///
    /// # Errors
    /// As readdir(3) and unlink(2).
    pub fn clean_up(&self, dir: &Path) -> io::Result<()> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        if !self.private {
            return Ok(());
        }
        for entry in fs::read_dir(SHM)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        let ids = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok());
        for id in ids {
            // SAFETY: a plain number: a segment of this IPC namespace, which is the sandbox's own.
            unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
        }
        Ok(())
    }

    /// What a program that has ended should have removed: kernel segments, objects in `/dev/shm`,
    /// files of segments and objects in its namespace `dir`.
    ///
    /// # Errors
    /// A directory or the kernel's table cannot be read.
    pub fn leftovers(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut left = Vec::new();
        if self.private {
            // The first line is the heading.
            let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
            left.extend(
                table
                    .lines()
                    .skip(1)
                    .map(|line| format!("kernel segment: {line}")),
            );
            left.extend(
                files_in(Path::new(SHM))?
                    .into_iter()
                    .filter(|path| path != dir)
                    .map(shown),
            );
        }
        if dir.exists() {
            let mut inside = files_in(dir)?;
            if dir.join("posix").is_dir() {
                inside.extend(files_in(&dir.join("posix"))?);
            }
            left.extend(
                inside
                    .into_iter()
                    .filter(|path| !belongs(dir, path))
                    .map(shown),
            );
        }
        Ok(left)
    }
}

fn shown(path: PathBuf) -> String {
    path.display().to_string()
}

fn files_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

/// Whether `path` is part of a namespace without objects: its bookkeeping.
fn belongs(dir: &Path, path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    path.parent() == Some(dir)
        && (name == "registry" || name == "posix" || name.starts_with("members"))
}

fn enter_namespaces() -> io::Result<()> {
    // SAFETY: changes the calling thread's namespaces only; no memory is touched.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWIPC) })?;
    let root = Path::new("/");
    mount(None, root, None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    mount(
        Some("tmpfs".as_ref()),
        Path::new(SHM),
        Some(c"tmpfs"),
        libc::MS_NOSUID | libc::MS_NODEV,
        Some(c"mode=1777"),
    )
}

/// mount(2).
///
/// # Errors
/// As mount(2).
pub(crate) fn mount(
    source: Option<&OsStr>,
    target: &Path,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    data: Option<&CStr>,
) -> io::Result<()> {
    let source = CString::new(source.unwrap_or_default().as_bytes())?;
    let target = CString::new(target.as_os_str().as_bytes())?;
    let kind = kind.map_or(std::ptr::null(), CStr::as_ptr);
    let data = data.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: every pointer is null or a string that outlives the call.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, data.cast()) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
