//! Process ids of a thread's own: the programs that it starts, and what they leave running, are out of reach for those of
//! other threads. While some process reads the list of another's mappings, the kernel frees that one's memory late, and
//! every count of attachments is too high after its death, the kernel's own as well.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use libc::pid_t;

/// The first process of a pid namespace, in which the programs run that its thread starts. All of them end with it.
#[derive(Debug)]
pub struct FirstProcess(pid_t);

impl FirstProcess {
    /// Starts one, and has `/proc` of the calling thread's mount namespace show the processes of the new one.
    ///
    /// # Errors
    /// - `EPERM` without the right to do that; others of unshare(2), fork(2) and mount(2)
    pub fn start() -> io::Result<Self> {
        let before = File::open("/proc/thread-self/ns/pid")?;
        // SAFETY: changes where the calling thread's children go; no memory is touched.
        if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Self::start_in_new().inspect_err(|_| {
            // A namespace without a first process takes no other.
            // SAFETY: as above, with a descriptor of this function's.
            unsafe { libc::setns(before.as_raw_fd(), libc::CLONE_NEWPID) };
        })
    }

    fn start_in_new() -> io::Result<Self> {
        let mut ends = [-1; 2];
        // SAFETY: room for two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let [answer, tell] = ends;
        // SAFETY: the child makes system calls only.
        let pid = match unsafe { libc::fork() } {
            // SAFETY: just after fork(2).
            0 => unsafe { live(tell) },
            pid => pid,
        };
        let mut mounted = 1u8;
        // SAFETY: room for the answer; the descriptors are this function's own. If the child dies, nothing comes.
        unsafe {
            libc::close(tell);
            libc::read(answer, (&raw mut mounted).cast(), 1);
            libc::close(answer);
        }
        if pid == -1 {
            return Err(io::Error::last_os_error());
        }
        let first = Self(pid);
        if mounted == 0 {
            Ok(first)
        } else {
            Err(io::Error::other("no /proc of its own"))
        }
    }
}

impl Drop for FirstProcess {
    fn drop(&mut self) {
        // SAFETY: signals and waits for a child that only this thread knows, once.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

/// Only a process of the namespace can mount its `/proc`. Then it waits: the kernel takes the zombies of a process that
/// ignores the signal.
///
/// # Safety
/// In a child just after fork(2).
unsafe fn live(tell: libc::c_int) -> ! {
    let proc = c"proc".as_ptr();
    // SAFETY: C strings, and a byte to write.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        let mounted = libc::mount(proc, c"/proc".as_ptr(), proc, 0, std::ptr::null()) as u8;
        libc::write(tell, (&raw const mounted).cast(), 1);
        loop {
            libc::pause();
        }
    }
}
