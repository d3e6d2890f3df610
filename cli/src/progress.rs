//! Moving many bytes, with a progress bar when that takes a while.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::io;

/// Bytes moved at a time.
const PIECE: usize = 1 << 20;
/// Less than this goes without a bar.
const LARGE: u64 = 64 << 20;

/// Calls `step` with a piece of the buffer and its offset until `length` bytes are done. The bar
/// shows on a terminal only.
pub(crate) fn in_pieces(
    length: u64,
    mut step: impl FnMut(&mut [u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    let bar = bar(length, LARGE, "{bar:40} {bytes}/{total_bytes} {eta}");
    let mut buffer = vec![0; PIECE];
    let mut done = 0;
    while done < length {
        let piece = usize::try_from(length - done).unwrap_or(PIECE).min(PIECE);
        step(&mut buffer[..piece], done)?;
        done += piece as u64;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Fewer slots are read without a bar.
const MANY: u64 = 1 << 18;

/// What shows how far a recording was read, of those who are told: slots, and slots in all. Nothing of it stays.
pub(crate) fn of_reading() -> impl Fn(u64, u64) + Send {
    let shown: RefCell<Option<ProgressBar>> = RefCell::new(None);
    move |read, of| {
        let mut shown = shown.borrow_mut();
        let bar = shown.get_or_insert_with(|| bar(of, MANY, "reading {bar:40} {percent}% {eta}"));
        bar.set_position(read);
        if read >= of {
            bar.finish_and_clear();
            *shown = None;
        }
    }
}

/// A bar on stderr if that is a terminal, and there is much to do.
fn bar(length: u64, much: u64, template: &str) -> ProgressBar {
    let target = if length < much {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(Some(length), target);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
