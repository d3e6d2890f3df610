//! Descriptors of this process that were left open by mistake: inherited from a thread of the parent in the middle of a
//! call, or left by a handler that jumped out of one.
//! Tested by `c_tests/process`, the programs about jumps and cancellation.

use super::directories;
use super::files::{self, File};
use super::links;
use crate::text::{Path, file_name};

/// Closes every descriptor of a file whose name is this, or this and a dash and more, but not `kept`. Returns how many.
/// With `opened`, none if a file was opened since [`File::ever_opened`] said so: it may be another thread's.
#[cold]
#[inline(never)]
pub(crate) fn close_all_of(beginning: &[u8], kept: i32, opened: Option<u32>) -> i32 {
    let mut closed = 0;
    // The names first: the directory is not read while descriptors are closed.
    let mut found = [0i32; 32];
    let mut many = 0;
    let mut target = Path::new();
    // The main thread may have ended: the process's own directory is empty then.
    let all = super::paths::thread_path("/fd/");
    let _ = directories::each_entry(all.as_c_str(), |number| {
        let Some(fd) = crate::text::parse_number(number) else {
            return;
        };
        let mut path = all;
        path.push_decimal(fd);
        let is_it = links::readlink(path.as_c_str(), &mut target).is_ok_and(|()| {
            file_name(target.bytes())
                .strip_prefix(beginning)
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'-' | b' ')))
        });
        if is_it
            && fd as i32 != kept
            && let Some(place) = found.get_mut(many)
        {
            *place = fd as i32;
            many += 1;
        }
    });
    // The directory itself is the one file that was opened since.
    if opened.is_some_and(|opened| !File::none_since(opened.wrapping_add(1))) {
        return 0;
    }
    for &fd in found.iter().take(many) {
        if files::close(fd).is_ok() {
            closed += 1;
        }
    }
    File::forget(closed);
    closed
}
