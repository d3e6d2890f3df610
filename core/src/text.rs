//! Text in a fixed buffer: paths and messages are put together without allocating.

use core::ffi::CStr;
use core::mem::MaybeUninit;

/// What follows the last slash of a path.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// Up to `N - 1` bytes and a zero byte behind them. What does not fit is cut off, and `is_cut` says so.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    /// The first `len` bytes are the text, and a zero byte follows. The rest stays unwritten: to clear it would take
    /// longer than to make most texts.
    bytes: [MaybeUninit<u8>; N],
    len: usize,
    cut: bool,
}

/// The path of a file in a namespace, with its terminating zero. Every call builds one on its stack, so it is shorter
/// than the kernel's 4096 bytes. A longer directory is refused with `ENAMETOOLONG`.
pub(crate) type Path = Text<1024>;

/// The path of a file that the library names, for calls on small stacks.
pub(crate) type SegmentPath = Text<LONGEST_SEGMENT_PATH>;

/// Bytes in a [`SegmentPath`]: of the longest directory, and of the longest name that we make.
pub(crate) const LONGEST_SEGMENT_PATH: usize = LONGEST_DIRECTORY + 72;
/// Bytes in the path of a namespace's directory: with a POSIX object's name behind it, it fits a [`Path`].
pub(crate) const LONGEST_DIRECTORY: usize = 720;

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Text<N> {
    /// Nothing.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        let mut bytes = [MaybeUninit::uninit(); N];
        bytes[0] = MaybeUninit::new(0);
        Text {
            bytes,
            len: 0,
            cut: false,
        }
    }

    /// Appends bytes. A zero byte would end the C string early, so a text with one counts as cut.
    pub fn push(&mut self, more: &[u8]) -> &mut Self {
        let text = more.split(|&byte| byte == 0).next().unwrap_or(more);
        self.cut |= text.len() < more.len();
        self.append(text)
    }

    /// Lets the kernel write the text. `write` gets the place and the most bytes, and returns how many there were. A
    /// text that fills all of it counts as cut.
    ///
    /// # Safety
    /// As many bytes as `write` says have been written, and no more than there may be.
    pub(crate) unsafe fn fill<E>(
        &mut self,
        write: impl FnOnce(*mut u8, usize) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.len = 0;
        let len = write(self.bytes.as_mut_ptr().cast(), N)?;
        self.cut = len >= N;
        self.len = len.min(N.saturating_sub(1));
        if let Some(end) = self.bytes.get_mut(self.len) {
            end.write(0);
        }
        Ok(())
    }

    /// Appends another text.
    pub(crate) fn push_text<const M: usize>(&mut self, more: &Text<M>) -> &mut Self {
        self.cut |= more.cut;
        self.append(more.bytes())
    }

    /// Appends bytes without a zero among them.
    ///
    /// Not inlined: texts are put together in many places, and none of them is worth a copy of this.
    #[inline(never)]
    fn append(&mut self, more: &[u8]) -> &mut Self {
        // The last byte is for the zero.
        let room = N.saturating_sub(1).saturating_sub(self.len);
        let len = more.len().min(room);
        // SAFETY: `len` bytes fit behind the text, before the last byte of the buffer; what is borrowed mutably does
        // not overlap what is borrowed.
        unsafe {
            let end = self.bytes.as_mut_ptr().add(self.len).cast::<u8>();
            end.copy_from_nonoverlapping(more.as_ptr(), len);
            end.add(len).write(0);
        }
        self.len += len;
        self.cut |= len < more.len();
        self
    }

    /// Appends a string, as [`Text::push`] does.
    pub fn push_str(&mut self, more: &str) -> &mut Self {
        self.push(more.as_bytes())
    }

    /// Appends a number in decimal.
    #[inline(never)]
    pub fn push_decimal(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; LONGEST_NUMBER];
        self.append(spell_decimal(number, &mut digits))
    }

    /// Appends a number in lower-case hexadecimal, without leading zeroes.
    #[inline(never)]
    pub fn push_hex(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; LONGEST_NUMBER];
        self.append(spell_hex(number, &mut digits))
    }

    /// The text, without the zero byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `push` has written the first `len` bytes, and `len` stays below N.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something did not fit.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The text, with the zero byte.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        // SAFETY: the first `len` bytes are written, none of them zero, and the one behind them is zero.
        unsafe {
            let text = core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len + 1);
            CStr::from_bytes_with_nul_unchecked(text)
        }
    }
}

/// Digits of `u64::MAX` in decimal.
const LONGEST_NUMBER: usize = 20;

/// Writes the digits at the end of `digits`. Each base has a function of its own: a division by a constant is many
/// times faster.
#[inline(never)]
fn spell_decimal(number: u64, digits: &mut [u8; LONGEST_NUMBER]) -> &[u8] {
    spell(number, digits, |number| (number % 10, number / 10))
}

#[inline(never)]
fn spell_hex(number: u64, digits: &mut [u8; LONGEST_NUMBER]) -> &[u8] {
    spell(number, digits, |number| (number % 16, number / 16))
}

/// `split` gives the rest and the last digit.
#[inline(always)]
fn spell(
    mut number: u64,
    digits: &mut [u8; LONGEST_NUMBER],
    split: impl Fn(u64) -> (u64, u64),
) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        let (digit, rest) = split(number);
        if let Some(place) = digits.get_mut(start) {
            *place = *b"0123456789abcdef".get(digit as usize).unwrap_or(&b'?');
        }
        number = rest;
        if number == 0 || start == 0 {
            return digits.get(start..).unwrap_or(&[]);
        }
    }
}

/// The number that a text spells: decimal, or octal or hexadecimal with C's prefixes.
#[inline(never)]
#[must_use]
pub fn parse_number(text: &[u8]) -> Option<u64> {
    let (digits, base) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (rest, 16),
        [b'0', rest @ ..] if !rest.is_empty() => (rest, 8),
        _ => (text, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = (byte as char).to_digit(base)?;
        value = value
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_put_together_and_cut() {
        let mut text = Text::<16>::new();
        text.push_str("a/")
            .push_hex(0xbeef)
            .push(b"-")
            .push_decimal(0);
        assert_eq!(text.bytes(), b"a/beef-0");
        assert_eq!(text.as_c_str(), c"a/beef-0");
        assert!(!text.is_cut());
        let mut long = text;
        long.push_str("0123456789");
        assert!(long.is_cut());
        assert_eq!(long.bytes().len(), 15);
        assert_eq!(
            Text::<32>::new().push_decimal(u64::MAX).bytes(),
            b"18446744073709551615"
        );
        assert!(Text::<8>::new().push(b"a\0b").is_cut());
    }

    #[test]
    fn numbers_are_read_as_c_writes_them() {
        assert_eq!(parse_number(b"4096"), Some(4096));
        assert_eq!(parse_number(b"0x10"), Some(16));
        assert_eq!(parse_number(b"010"), Some(8));
        assert_eq!(parse_number(b"0"), Some(0));
        for bad in [&b""[..], b"0x", b"12a", b"-1", b"99999999999999999999"] {
            assert_eq!(parse_number(bad), None);
        }
    }
}
