//! One segment of shared memory, by System V's calls or by hand with shm_open(3) and mmap(2). Whose System V calls they
//! are, the kernel's or a preloaded library's, this program does not know.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::handed;

/// Which calls to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Api {
    /// shmget(2) and its kin.
    SystemV,
    /// shm_open(3), mmap(2), and no descriptor kept.
    ByHand,
    /// A memory file of a creator who hands its descriptor out.
    Handed,
}

impl Api {
    const NAMED: [(Api, &str); 2] = [(Api::ByHand, "--by-hand"), (Api::Handed, "--handed")];

    /// What tells a worker to use it, if it takes telling.
    pub(crate) fn option(self) -> Option<&'static str> {
        Api::NAMED
            .iter()
            .find_map(|&(api, option)| (api == self).then_some(option))
    }
}

/// A segment, removed when it is dropped.
#[derive(Debug)]
pub struct Segment {
    api: Api,
    /// Its System V key, `IPC_PRIVATE` for none.
    pub key: i32,
    id: i32,
    name: CString,
    bytes: usize,
    exists: bool,
}

/// Where a segment is attached.
#[derive(Clone, Copy, Debug)]
pub struct Attached {
    api: Api,
    /// The first byte.
    pub start: *mut u8,
    bytes: usize,
}

impl Segment {
    /// Says what the segment is to be, and makes nothing yet.
    ///
    /// # Errors
    /// None in practice: the name has no zero byte.
    pub fn plan(api: Api, bytes: usize, has_key: bool) -> io::Result<Segment> {
        static NUMBER: AtomicI32 = AtomicI32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let key = if has_key {
            0x4000_0000 | (pid as i32 & 0x3_ffff) << 12 | number & 0xfff
        } else {
            libc::IPC_PRIVATE
        };
        let name = CString::new(format!("/partage-bench-{pid}-{number}"))?;
        Ok(Segment {
            api,
            key,
            id: -1,
            name,
            bytes,
            exists: false,
        })
    }

    /// Plans and makes a segment.
    ///
    /// # Errors
    /// As shmget(2), or shm_open(3).
    pub fn new(api: Api, bytes: usize, has_key: bool) -> io::Result<Segment> {
        let mut segment = Segment::plan(api, bytes, has_key)?;
        segment.create()?;
        Ok(segment)
    }

    /// Makes it.
    ///
    /// # Errors
    /// As shmget(2), or shm_open(3).
    pub fn create(&mut self) -> io::Result<()> {
        match self.api {
            Api::SystemV => {
                let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
                // SAFETY: no memory is touched.
                self.id = check(unsafe { libc::shmget(self.key, self.bytes, flags) })?;
            }
            Api::Handed => self.id = handed::create(self.bytes)?,
            Api::ByHand => {
                let fd = self.open(libc::O_CREAT | libc::O_EXCL)?;
                // SAFETY: the descriptor was opened just now and is closed here.
                let sized = check(unsafe { libc::ftruncate(fd, self.bytes as libc::off_t) });
                close(fd);
                sized?;
            }
        }
        self.exists = true;
        Ok(())
    }

    /// shmget(2) of the key, which exists, asking for the rights in `mode`.
    ///
    /// # Errors
    /// As shmget(2), or shm_open(3).
    #[inline]
    pub fn find(&self, mode: i32) -> io::Result<()> {
        match self.api {
            // SAFETY: no memory is touched.
            Api::SystemV => check(unsafe { libc::shmget(self.key, 0, mode) }).map(drop),
            Api::Handed => handed::descriptor(self.id).map(drop),
            Api::ByHand => {
                close(self.open(0)?);
                Ok(())
            }
        }
    }

    /// `IPC_STAT`, or fstat(2).
    ///
    /// # Errors
    /// As shmctl(2), or shm_open(3).
    #[inline]
    pub fn status(&self) -> io::Result<()> {
        match self.api {
            Api::SystemV => {
                let mut status = std::mem::MaybeUninit::<libc::shmid_ds>::uninit();
                // SAFETY: the structure has room for what is written.
                check(unsafe { libc::shmctl(self.id, libc::IPC_STAT, status.as_mut_ptr()) })
            }
            Api::Handed => Err(io::ErrorKind::Unsupported.into()),
            Api::ByHand => {
                let fd = self.open(0)?;
                let mut status = std::mem::MaybeUninit::<libc::stat>::uninit();
                // SAFETY: the structure has room for what is written.
                let told = check(unsafe { libc::fstat(fd, status.as_mut_ptr()) });
                close(fd);
                told
            }
        }
        .map(drop)
    }

    /// shmat(2) for reading and writing, wherever there is room.
    ///
    /// # Errors
    /// As shmat(2), or mmap(2).
    #[inline]
    pub fn attach(&self) -> io::Result<Attached> {
        let start = match self.api {
            // SAFETY: nothing is replaced.
            Api::SystemV => unsafe { libc::shmat(self.id, std::ptr::null(), 0) },
            Api::Handed => self.map(handed::descriptor(self.id)?.as_raw_fd()),
            Api::ByHand => {
                let fd = self.open(0)?;
                let start = self.map(fd);
                close(fd);
                start
            }
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Attached {
            api: self.api,
            start: start.cast(),
            bytes: self.bytes,
        })
    }

    /// `IPC_RMID`, or shm_unlink(3).
    ///
    /// # Errors
    /// As shmctl(2), or shm_unlink(3).
    pub fn remove(&mut self) -> io::Result<()> {
        self.exists = false;
        match self.api {
            Api::Handed => return handed::remove(self.id),
            // SAFETY: IPC_RMID does not look at the buffer.
            Api::SystemV => check(unsafe { libc::shmctl(self.id, libc::IPC_RMID, null_mut()) }),
            // SAFETY: the name is a string that outlives the call.
            Api::ByHand => check(unsafe { libc::shm_unlink(self.name.as_ptr()) }),
        }
        .map(drop)
    }

    fn map(&self, fd: i32) -> *mut libc::c_void {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: nothing is replaced.
        unsafe { libc::mmap(null_mut(), self.bytes, access, libc::MAP_SHARED, fd, 0) }
    }

    fn open(&self, flags: i32) -> io::Result<i32> {
        // SAFETY: the name is a string that outlives the call.
        check(unsafe { libc::shm_open(self.name.as_ptr(), flags | libc::O_RDWR, 0o600) })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.exists {
            let _ = self.remove();
        }
    }
}

impl Attached {
    /// shmdt(2), or munmap(2).
    ///
    /// # Errors
    /// As shmdt(2), or munmap(2).
    #[inline]
    pub fn detach(self) -> io::Result<()> {
        match self.api {
            // SAFETY: the value is consumed, and nobody else looks at the memory.
            Api::SystemV => check(unsafe { libc::shmdt(self.start.cast()) }),
            Api::ByHand | Api::Handed => {
                // SAFETY: as above.
                check(unsafe { libc::munmap(self.start.cast(), self.bytes) })
            }
        }
        .map(drop)
    }

    /// Writes the first byte.
    pub fn touch(&self) {
        // SAFETY: the memory is attached for writing.
        unsafe { self.start.write_volatile(1) };
    }
}

fn close(fd: i32) {
    // SAFETY: the descriptor is the caller's own.
    unsafe { libc::close(fd) };
}

/// A C call's answer, -1 for a failure.
///
/// # Errors
/// What errno says.
pub fn check(answer: i32) -> io::Result<i32> {
    match answer {
        -1 => Err(io::Error::last_os_error()),
        other => Ok(other),
    }
}
