//! A process that ends normally. Tested by `c_tests/process/at_exit.c` and `exit_while_used.c`.

use super::own;
use super::registry::REGISTRY;
use super::table::TABLE;
use crate::os::process::pid;

/// At a normal exit, the files of segments that only wait for this process's last detach are removed at once, not by a
/// later sweep: their memory goes with the process. It stays attached and counted until then, since destructors and other
/// threads may still use it.
pub fn at_exit() {
    let Some(token) = own::current_token() else {
        return;
    };
    // A child of vfork that exits must not take its parent's files with it.
    if own::own_pid() != pid() {
        return;
    }
    for (_, entry) in TABLE.all() {
        if let Some((_, mapping)) = entry.attached() {
            let mut own = 0;
            TABLE.each_of(mapping.shmid, |_| own += 1);
            REGISTRY.remove_file_of_last(mapping.shmid, own, token);
        }
    }
    REGISTRY.sweep(Some(token), AT_EXIT);
}

/// Slots that are swept at exit: nobody waits for it.
const AT_EXIT: u32 = 256;
