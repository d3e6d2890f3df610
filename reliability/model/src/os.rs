//! What the files of the core ask of the system.

pub(crate) mod clock {
    pub(crate) fn monotonic_ms() -> u64 {
        0
    }

    pub(crate) fn now() -> i64 {
        crate::kernel::may_die();
        0
    }
}

pub(crate) mod futex {
    use crate::sync::AtomicU32;

    pub(crate) fn wait(_: &AtomicU32, _: u32, _: u32) -> crate::Result<()> {
        loom::thread::yield_now();
        Err(crate::Errno::ETIMEDOUT)
    }

    pub(crate) fn wake_one(_: &AtomicU32) {}
}

pub(crate) mod identity {
    pub(crate) fn euid() -> u32 {
        0
    }
}

pub(crate) mod memory {
    use crate::{Result, kernel};

    pub(crate) fn page_round(bytes: usize) -> Option<usize> {
        bytes.checked_next_multiple_of(4096)
    }

    pub(crate) fn page_size() -> usize {
        4096
    }

    /// A mapping is named by what it pins.
    pub(crate) fn map_token(fd: i32) -> Result<usize> {
        kernel::hold(fd);
        Ok(fd as usize)
    }

    /// # Safety
    /// None is needed here.
    pub(crate) unsafe fn unmap(page: usize, _: usize) -> Result<()> {
        kernel::let_go(page as i32);
        Ok(())
    }

    /// # Safety
    /// None is needed here.
    pub(crate) unsafe fn advise(_: usize, _: usize, _: i32) -> Result<()> {
        Ok(())
    }
}

pub(crate) mod locks {
    use crate::{Errno, Result, kernel};

    pub(crate) fn take(fd: i32, byte: u64) -> Result<()> {
        if kernel::take(fd, byte) {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }

    pub(crate) fn is_held(fd: i32, byte: u64) -> Result<bool> {
        Ok(kernel::is_held(fd, byte))
    }
}

pub(crate) mod files {
    use crate::{Result, kernel};
    use std::ffi::CStr;

    pub(crate) const TMPFS: i64 = 1;
    pub(crate) const EXT4: i64 = 2;

    pub(crate) struct FileSystem {
        pub(crate) kind: i64,
    }

    pub(crate) struct File(i32);

    impl File {
        pub(crate) fn open(_: &CStr, _: i32, _: u32) -> Result<File> {
            Ok(File(kernel::open()))
        }

        pub(crate) fn nameless(_: &CStr, _: u32) -> Result<File> {
            Ok(File(kernel::open()))
        }

        pub(crate) fn set_mode(&self, _: u32) -> Result<()> {
            Ok(())
        }

        pub(crate) fn name(&self, _: &CStr) -> Result<()> {
            Ok(())
        }

        pub(crate) fn fd(&self) -> i32 {
            self.0
        }

        pub(crate) fn into_fd(self) -> i32 {
            kernel::hold(self.0);
            self.0
        }

        pub(crate) fn file_system(&self) -> Result<FileSystem> {
            Ok(FileSystem { kind: TMPFS })
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            kernel::let_go(self.0);
        }
    }

    pub(crate) fn duplicate_from(fd: i32, _: i32) -> Result<i32> {
        kernel::hold(fd);
        Ok(fd)
    }

    pub(crate) fn close(fd: i32) -> Result<()> {
        kernel::let_go(fd);
        Ok(())
    }
}
