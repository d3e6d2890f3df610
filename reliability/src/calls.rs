//! The calls under test, by their C names: the preloaded object answers.

use std::ptr::null_mut;

/// A value, or errno.
pub type Result<T> = std::result::Result<T, i32>;

/// The calling thread's errno.
#[must_use]
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn int(value: i32) -> Result<i32> {
    if value == -1 { Err(errno()) } else { Ok(value) }
}

/// shmget(2).
///
/// # Errors
/// errno.
pub fn get(key: i32, size: usize, flags: i32) -> Result<i32> {
    // SAFETY: plain numbers.
    int(unsafe { libc::shmget(key, size, flags) })
}

/// shmat(2) where the system chooses.
///
/// # Errors
/// errno.
pub fn attach(id: i32, flags: i32) -> Result<usize> {
    // SAFETY: a free place is chosen.
    let address = unsafe { libc::shmat(id, null_mut(), flags) } as usize;
    if address == usize::MAX {
        Err(errno())
    } else {
        Ok(address)
    }
}

/// shmdt(2). Nobody here refers to attached memory but by its address.
///
/// # Errors
/// errno.
pub fn detach(address: usize) -> Result<()> {
    // SAFETY: no reference into the memory is ever made.
    int(unsafe { libc::shmdt(address as *const _) }).map(drop)
}

/// `IPC_STAT`.
///
/// # Errors
/// errno.
pub fn stat(id: i32) -> Result<libc::shmid_ds> {
    // SAFETY: all-zero bytes are a valid structure; the call fills it.
    let mut status: libc::shmid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: `status` is writable.
    int(unsafe { libc::shmctl(id, libc::IPC_STAT, &raw mut status) })?;
    Ok(status)
}

/// `IPC_SET` of the mode alone.
///
/// # Errors
/// errno.
pub fn set_mode(id: i32, mode: u16) -> Result<()> {
    let mut status = stat(id)?;
    status.shm_perm.mode = mode;
    // SAFETY: `status` is readable.
    int(unsafe { libc::shmctl(id, libc::IPC_SET, &raw mut status) }).map(drop)
}

/// Another command of shmctl(2) that takes no buffer: `IPC_RMID`, `SHM_LOCK`, `SHM_UNLOCK`.
///
/// # Errors
/// errno.
pub fn control(id: i32, command: i32) -> Result<()> {
    // SAFETY: these commands ignore the buffer.
    int(unsafe { libc::shmctl(id, command, null_mut()) }).map(drop)
}

/// `IPC_RMID`.
///
/// # Errors
/// errno.
pub fn remove(id: i32) -> Result<()> {
    control(id, libc::IPC_RMID)
}

/// munmap(2).
///
/// # Errors
/// errno.
pub fn unmap(address: usize, len: usize) -> Result<()> {
    // SAFETY: no reference into the memory is ever made.
    int(unsafe { libc::munmap(address as *mut _, len) }).map(drop)
}

/// mremap(2) that doubles the mapping: `old_size` 0.
///
/// # Errors
/// errno.
pub fn double(address: usize, len: usize) -> Result<usize> {
    // SAFETY: the old mapping stays, the new one goes where there is room.
    let new = unsafe { libc::mremap(address as *mut _, 0, len, libc::MREMAP_MAYMOVE) } as usize;
    if new == usize::MAX {
        Err(errno())
    } else {
        Ok(new)
    }
}

/// shm_open(3) of a new object, and close(2).
///
/// # Errors
/// errno.
pub fn make_object(name: &std::ffi::CStr) -> Result<()> {
    // SAFETY: a C string and plain numbers.
    let fd = int(unsafe {
        libc::shm_open(
            name.as_ptr(),
            libc::O_CREAT | libc::O_EXCL | libc::O_RDWR,
            0o600,
        )
    })?;
    // SAFETY: the descriptor was opened just now.
    int(unsafe { libc::close(fd) }).map(drop)
}

/// shm_unlink(3).
///
/// # Errors
/// errno.
pub fn unlink_object(name: &std::ffi::CStr) -> Result<()> {
    // SAFETY: a C string.
    int(unsafe { libc::shm_unlink(name.as_ptr()) }).map(drop)
}
