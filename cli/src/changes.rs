//! Changing a namespace, as a member of it: with the locks, the checks and the recovery that
//! every program has.

use crate::namespace::{Backend, Choice};
use crate::sources::Location;
use partage_core::{backend, inspect, sysv};
use std::io;
use std::path::Path;

/// Removes a segment of the namespace in `directory` as IPC_RMID does.
pub(crate) fn remove_segment(
    namespace: &Choice,
    directory: Option<&Path>,
    id: i32,
) -> io::Result<()> {
    if namespace.backend == Backend::Kernel {
        return remove_from_kernel(id);
    }
    join(directory);
    sysv::remove(id).map_err(errno)
}

/// By a system call of our own: syscall(3) may be answered by a preload.
fn remove_from_kernel(id: i32) -> io::Result<()> {
    // SAFETY: IPC_RMID reads no buffer.
    unsafe { backend::kernel_shmctl(id, libc::IPC_RMID, 0) }
        .map(drop)
        .map_err(errno)
}

/// Clears away everything that the dead left in the namespace at `location`.
pub(crate) fn collect(location: &Location) -> io::Result<()> {
    join(Some(&location.directory));
    inspect::sweep_all().map_err(errno)
}

/// Computes everything anew that the registry derives.
pub(crate) fn repair(location: &Location) -> io::Result<()> {
    join(Some(&location.directory));
    inspect::repair().map_err(errno)
}

fn errno(errno: partage_core::Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.0)
}

/// Says which namespace this process is to be a member of, before its first call.
fn join(directory: Option<&Path>) {
    if let Some(directory) = directory {
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var("PARTAGE_DIR", directory) };
    }
}
