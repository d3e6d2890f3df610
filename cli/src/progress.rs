//! Moving many bytes, with a progress bar when that takes a while.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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
    let bar = bar(length);
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

fn bar(length: u64) -> ProgressBar {
    let target = match length {
        0..LARGE => ProgressDrawTarget::hidden(),
        _ => ProgressDrawTarget::stderr(),
    };
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::with_draw_target(Some(length), target);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
