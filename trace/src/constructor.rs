//! The start, before the program's own.

use crate::hooks::process as processes;
use crate::{death, next, options, process};

/// Runs when the object is loaded: before most of the program, though not before everything. On bionic it is too early:
/// the recording starts with the first call.
extern "C" fn constructor() {
    if !options::can_load() {
        return;
    }
    next::look_up_all();
    if process::records() {
        death::prepare();
        processes::at_exit();
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;
