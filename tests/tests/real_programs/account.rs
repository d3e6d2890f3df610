//! The account that real programs run under: PostgreSQL refuses to be root.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// An unprivileged user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The caller, or somebody unprivileged when the caller is root.
    pub(crate) fn unprivileged() -> Self {
        // SAFETY: these calls read two ids of the process.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        if uid != 0 {
            return Self { uid, gid };
        }
        by_name("postgres")
            .or_else(|| by_name("nobody"))
            .unwrap_or(Self {
                uid: 65534,
                gid: 65534,
            })
    }

    /// Lets `command` run as this user.
    pub(crate) fn apply(self, command: &mut Command) {
        // SAFETY: reads the process's effective user id.
        if unsafe { libc::geteuid() } == 0 {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives `path` to this user.
    pub(crate) fn own(self, path: &Path) -> Result<(), String> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(|e| format!("{}: {e}", path.display()))
    }
}

fn by_name(name: &str) -> Option<Account> {
    let name = CString::new(name).ok()?;
    // SAFETY: getpwnam gets a C string and returns null or a record that stays valid until the
    // next such call; only this test program's set-up calls it, and the ids are copied at once.
    let record = unsafe { libc::getpwnam(name.as_ptr()).as_ref() }?;
    Some(Account {
        uid: record.pw_uid,
        gid: record.pw_gid,
    })
}

/// A directory that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
}

impl Home {
    /// Makes one under `parent` for `account`.
    pub(crate) fn create(parent: &str, account: Account) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(parent).join(format!("partage-real-{}-{number}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .map_err(|e| format!("{path:?}: {e}"))?;
        let home = Self { path };
        account.own(&home.path)?;
        Ok(home)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A test that failed reports its own reason; what is left is in the temporary directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}
