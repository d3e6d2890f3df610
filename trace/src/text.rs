//! Bytes and paths without allocation.

use core::ffi::{CStr, c_char};

use crate::sys;

/// A NUL-terminated text of bounded length, built piece by piece.
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
}

impl<const N: usize> Text<N> {
    /// The empty text.
    pub(crate) const fn new() -> Self {
        Text {
            bytes: [0; N],
            len: 0,
            cut: false,
        }
    }

    /// Appends bytes; what does not fit, with a NUL to follow, marks the text as cut.
    pub(crate) fn push(&mut self, more: &[u8]) -> &mut Self {
        for byte in more {
            match self.bytes.get_mut(self.len) {
                Some(place) if self.len < N - 1 => {
                    *place = *byte;
                    self.len += 1;
                }
                _ => self.cut = true,
            }
        }
        self
    }

    /// Appends a number in decimal.
    pub(crate) fn push_number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0u8; 20];
        let mut rest = number;
        let mut used = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        self.push(digits.get(digits.len() - used..).unwrap_or(&[]))
    }

    /// The text, unless it was cut or holds a NUL.
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        let with_nul = self.bytes.get(..=self.len)?;
        if self.cut {
            None
        } else {
            CStr::from_bytes_with_nul(with_nul).ok()
        }
    }

    /// The text's bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// The bytes of a C string, at most `max` of them.
///
/// # Safety
/// `text` points to readable memory up to its NUL, or for `max` bytes.
pub(crate) unsafe fn c_bytes<'a>(text: *const c_char, max: usize) -> &'a [u8] {
    // SAFETY: the caller's promise; strnlen stops at the NUL or at max.
    let len = unsafe { libc::strnlen(text, max) };
    // SAFETY: those bytes were just read.
    unsafe { core::slice::from_raw_parts(text.cast(), len) }
}

/// Copies a C string from an address that may be bad; what could be read, up to the NUL.
pub(crate) fn copy_c_bytes(address: usize, buf: &mut [u8]) -> &[u8] {
    const PAGE: usize = 4096;
    let mut filled = 0;
    // Page by page, so that a string at the end of its mapping is read whole.
    while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = address.wrapping_add(filled);
        let room = rest.len().min(PAGE - at % PAGE);
        let Some(piece) = rest.get_mut(..room) else {
            break;
        };
        let Ok(read) = sys::read_memory(at, piece) else {
            break;
        };
        if let Some(end) = piece.iter().take(read).position(|byte| *byte == 0) {
            filled += end;
            break;
        }
        filled += read;
        if read < room {
            break;
        }
    }
    buf.get(..filled).unwrap_or(&[])
}
