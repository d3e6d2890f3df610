//! Those who are there all the time and do nothing: so many members and segments that no table is in its first part.

use crate::worker::{FIRST_KEY, KEYS, PERMISSIONS, SIZE};
use partage_reliability::calls;

/// Forks the keeper: it makes `count` segments and waits, and leads the process group of the workers.
pub(crate) fn keeper(count: usize) -> i32 {
    waiting(move || {
        // SAFETY: plain numbers: a group of its own.
        unsafe { libc::setpgid(0, 0) };
        (0..count).all(|_| calls::get(libc::IPC_PRIVATE, SIZE, PERMISSIONS).is_ok())
    })
}

/// Forks a process that attaches one of the workers' segments and waits.
pub(crate) fn member(number: usize) -> i32 {
    let key = FIRST_KEY + (number % KEYS) as i32;
    waiting(move || {
        let id = calls::get(key, SIZE, libc::IPC_CREAT | PERMISSIONS);
        id.and_then(|id| calls::attach(id, 0)).is_ok()
    })
}

/// A child that gets ready and then waits until it is killed; -1 if it could not.
fn waiting(get_ready: impl FnOnce() -> bool) -> i32 {
    // SAFETY: this process has one thread; the array has room for two descriptors; the child waits to be killed.
    unsafe {
        let mut ends = [0; 2];
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        let pid = libc::fork();
        let mut is_ready = [0u8; 1];
        if pid == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            is_ready[0] = u8::from(get_ready());
            libc::write(ends[1], is_ready.as_ptr().cast(), 1);
            loop {
                libc::pause();
            }
        }
        libc::close(ends[1]);
        libc::read(ends[0], is_ready.as_mut_ptr().cast(), 1);
        libc::close(ends[0]);
        if is_ready[0] == 1 { pid } else { -1 }
    }
}
