//! What somebody with the right to change the directory can do to a file in it.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
pub struct Trick {
    /// In words.
    pub name: &'static str,
    /// Whether the file that was there gets shorter: a fault for everybody who has it mapped.
    pub shrinks: bool,
    /// Does it to the first path; the second is a file that must stay as it is.
    pub play: fn(&Path, &Path),
}

const fn keeping(name: &'static str, play: fn(&Path, &Path)) -> Trick {
    Trick {
        name,
        shrinks: false,
        play,
    }
}

/// All of them.
pub const TRICKS: [Trick; 7] = [
    Trick {
        name: "emptied",
        shrinks: true,
        play: |path, _| set_len(path, 0),
    },
    Trick {
        name: "cut",
        shrinks: true,
        play: |path, _| set_len(path, 4096),
    },
    keeping("extended", |path, _| set_len(path, 1 << 30)),
    keeping("removed", |path, _| drop(fs::remove_file(path))),
    keeping("replaced by a link", |path, decoy| {
        drop(fs::remove_file(path).and_then(|()| symlink(decoy, path)))
    }),
    keeping("replaced by a FIFO", |path, _| {
        drop(fs::remove_file(path).map(|()| make_fifo(path)))
    }),
    keeping("replaced by a directory", |path, _| {
        drop(fs::remove_file(path).and_then(|()| fs::create_dir(path)))
    }),
];

/// Of the file itself: what a link leads to is nobody's business.
fn set_len(path: &Path, len: u64) {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    drop(options.open(path).and_then(|file| file.set_len(len)));
}

fn make_fifo(path: &Path) {
    if let Ok(path) = CString::new(path.as_os_str().as_bytes()) {
        // SAFETY: a C string.
        unsafe { libc::mkfifo(path.as_ptr(), 0o600) };
    }
}
