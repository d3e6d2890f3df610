//! The mappings of a process, as `/proc/PID/maps` lists them.

use super::arch::syscall;
use super::reading::Reading;
use crate::error::Result;
use core::ffi::CStr;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// In bytes from the start of the file.
    pub(crate) offset: u64,
    /// As stat(2) numbers it.
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// The last part of its name, as much of it as fits.
    name: [u8; NAME],
    name_len: usize,
}

/// Enough for every name of our making.
const NAME: usize = 64;

impl Mapping {
    /// The last part of the file's name; with " (deleted)" behind it where the file has none any more.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get(..self.name_len).unwrap_or(&[])
    }
}

const NOTHING: Mapping = Mapping {
    start: 0,
    end: 0,
    offset: 0,
    device: 0,
    inode: 0,
    name: [0; NAME],
    name_len: 0,
};

/// Reads the fields of a line as its bytes come.
struct Reader {
    field: usize,
    number: u64,
    major: u64,
    mapping: Mapping,
}

impl Reader {
    const NEW: Reader = Reader {
        field: 0,
        number: 0,
        major: 0,
        mapping: NOTHING,
    };

    /// Takes one byte; the mapping at the end of a line.
    fn take(&mut self, byte: u8) -> Option<Mapping> {
        if byte == b'\n' {
            if self.field == 5 {
                self.mapping.inode = self.number;
            }
            let whole = self.mapping;
            *self = Reader::NEW;
            return Some(whole);
        }
        let base = if self.field == 5 { 10 } else { 16 };
        match (self.field, byte) {
            // start-end, protection, offset, major:minor, inode
            (0, b'-') => self.mapping.start = self.finish() as usize,
            (1, b' ') => self.mapping.end = self.finish() as usize,
            (2, b' ') => drop(self.finish()),
            (3, b' ') => self.mapping.offset = self.finish(),
            (4, b':') => {
                self.major = self.number;
                self.number = 0;
            }
            (4, b' ') => {
                let minor = self.finish();
                self.mapping.device = device(self.major, minor);
            }
            (5, b' ') => self.mapping.inode = self.finish(),
            (6, b'/') => self.mapping.name_len = 0,
            (6, b' ') if self.mapping.name_len == 0 => {}
            (6, byte) => {
                if let Some(place) = self.mapping.name.get_mut(self.mapping.name_len) {
                    *place = byte;
                    self.mapping.name_len += 1;
                }
            }
            (0 | 1 | 3 | 4 | 5, digit) => {
                let digit = char::from(digit).to_digit(base).unwrap_or(0);
                self.number = self
                    .number
                    .wrapping_mul(base.into())
                    .wrapping_add(digit.into());
            }
            _ => {}
        }
        None
    }

    fn finish(&mut self) -> u64 {
        self.field += 1;
        core::mem::take(&mut self.number)
    }
}

/// The number that stat(2) has for a device.
fn device(major: u64, minor: u64) -> u64 {
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
}

/// Calls `visit` with each mapping, until it returns false.
///
/// # Errors
/// - `EACCES` the process is not the caller's to look into; others of open(2), read(2) and [`Reading`]
pub(crate) fn each(path: &CStr, visit: &mut dyn FnMut(Mapping) -> bool) -> Result<()> {
    let list = Reading::begin(path, 0)?;
    let mut buffer = [0u8; 2048];
    let mut reader = Reader::NEW;
    loop {
        // SAFETY: the buffer is writable for its length.
        let read = unsafe {
            syscall!(
                libc::SYS_read,
                list.file().fd(),
                buffer.as_mut_ptr(),
                buffer.len()
            )
        }?;
        if read == 0 {
            return list.end();
        }
        for &byte in buffer.get(..read).unwrap_or(&[]) {
            if let Some(mapping) = reader.take(byte)
                && !visit(mapping)
            {
                return Ok(());
            }
        }
    }
}

/// [`each`] of this process. Once its main thread has ended, the process's own list is empty, and that of a thread is not.
pub(crate) fn each_own(visit: &mut dyn FnMut(Mapping) -> bool) -> Result<()> {
    let mut is_any = false;
    each(c"/proc/self/maps", &mut |mapping| {
        is_any = true;
        visit(mapping)
    })?;
    if is_any {
        return Ok(());
    }
    each(super::paths::thread_path("/maps").as_c_str(), visit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let mut reader = Reader::NEW;
        let line = b"7f00aa000-7f00ab000 rw-s 00001000 103:0a 1234      /dev/shm/a b\n00400000-00401000 r--p 00000000 00:00 0\n";
        let all: Vec<_> = line.iter().filter_map(|&byte| reader.take(byte)).collect();
        let [one, other] = all[..] else { panic!() };
        assert_eq!((one.start, one.end), (0x7_f00a_a000, 0x7_f00a_b000));
        assert_eq!((one.offset, one.inode), (4096, 1234));
        assert_eq!((one.device, one.name()), (device(0x103, 10), &b"a b"[..]));
        assert_eq!(
            (other.start, other.inode, other.name()),
            (0x40_0000, 0, &b""[..])
        );
    }

    #[test]
    fn this_code_is_mapped() {
        let here = lines_are_read as *const () as usize;
        let mut found = false;
        each_own(&mut |mapping| {
            found |= (mapping.start..mapping.end).contains(&here);
            true
        })
        .unwrap();
        assert!(found);
    }
}
