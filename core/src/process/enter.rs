//! Entering: what every call does first, and the handlers that the C library calls around a fork.
//! Tested by `c_tests/process`.

use super::table::TABLE;
use super::{fork, inherit, own, settle};
use crate::error::Result;
use crate::log;
use crate::os::c_library;
use crate::sync::{AtomicBool, Ordering};

/// Makes what was inherited from a parent this process's own. Cheap if that is done.
///
/// # Errors
/// - `ENOMEM` no memory for the first page
#[inline]
pub(super) fn enter() -> Result<()> {
    match own::is_entered() {
        Some(true) => Ok(()),
        Some(false) => {
            own::get_known(inherit::inherit);
            Ok(())
        }
        None => {
            own::set_up()?;
            register();
            log::say_wrong_variables();
            Ok(())
        }
    }
}

/// Registers the handlers with the C library, once.
pub fn register() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        c_library::at_fork(prepare, parent, child);
    }
}

/// Before the fork. A process without attachments pays nothing.
unsafe extern "C" fn prepare() {
    // A child without handlers that forks before its first call has attachments all the same.
    if !own::is_set_up() || enter().is_err() {
        return;
    }
    if let Some(token) = own::current_token()
        && TABLE.may_have_attachments()
    {
        settle::settle_thoroughly(None);
        fork::make_ready(token);
    }
}

/// After the fork, in the parent.
unsafe extern "C" fn parent() {
    fork::end();
}

/// After the fork, in the child.
unsafe extern "C" fn child() {
    own::wipe_if_needed();
    if fork::is_mine() {
        let _ = enter();
    }
}
