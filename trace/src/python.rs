//! Python's stack, from the interpreter's own structures: for versions that keep the function to themselves which tells it
//! (3.9, 3.10, 3.13).
//!
//! Only frames of the thread that asks are read. Nobody else changes them, with or without the interpreter's lock, and what
//! they point to lives as long as they run. No count of references is touched, nothing is allocated.

use core::ffi::{c_char, c_int, c_void};

use crate::text;

/// Where a version has what, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// In a thread's state: the innermost frame.
    frame: usize,
    /// In a frame: the one that called it.
    back: usize,
    /// In a frame: the code that it runs.
    code: usize,
    /// In an object: its type.
    kind: usize,
    /// In a piece of code: its file.
    file: usize,
    /// In a piece of code: its function.
    name: usize,
    /// In a string: how many characters it has.
    length: usize,
    /// In a string: of what kind it is.
    state: usize,
    /// Length of what comes before the characters of a string of ASCII.
    ascii: usize,
    /// The same of any other string.
    wide: usize,
}

/// 3.9 and 3.10, which have the fields that count here in the same places.
const OLD: Layout = Layout {
    frame: 24,
    back: 24,
    code: 32,
    kind: 8,
    file: 104,
    name: 112,
    length: 16,
    state: 32,
    ascii: 48,
    wide: 72,
};

/// What the interpreter exports that is of use here: addresses, 0 for none.
pub(crate) struct Exports {
    /// `Py_GetVersion`
    pub(crate) version: usize,
    /// `PyFrame_GetLineNumber`
    pub(crate) line_of_object: usize,
    /// `PyUnstable_InterpreterFrame_GetLine`
    pub(crate) line_of_frame: usize,
    /// `_PyRuntime`, which from 3.13 on begins with a table for debuggers of what lies where.
    pub(crate) runtime: usize,
    /// `PyCode_Type`
    pub(crate) code_type: usize,
}

/// Tells a frame's line; only reads.
type Line = unsafe extern "C" fn(*const c_void) -> c_int;

/// A way to read the stack of one version.
pub(crate) struct Way {
    layout: Layout,
    line: Line,
    code_type: usize,
}

impl Way {
    /// The way of this interpreter, if it is known.
    pub(crate) fn of(exports: &Exports) -> Option<Self> {
        let (layout, line) = match minor(exports.version)? {
            9 | 10 => (OLD, exports.line_of_object),
            13 => (by_table(exports.runtime)?, exports.line_of_frame),
            _ => return None,
        };
        if line == 0 || exports.code_type == 0 {
            return None;
        }
        Some(Way {
            layout,
            // SAFETY: both functions take a frame and give an int.
            line: unsafe { core::mem::transmute::<usize, Line>(line) },
            code_type: exports.code_type,
        })
    }

    /// Writes the frames of a thread, innermost first, as `_Py_DumpTraceback` would; how much was written.
    ///
    /// # Safety
    /// `state` is the state of the calling thread, in an interpreter of this way.
    pub(crate) unsafe fn tell(&self, state: usize, into: &mut [u8]) -> usize {
        const MOST: usize = 64;
        let (layout, mut filled) = (&self.layout, 0);
        // SAFETY: the caller's promise; frames lead to frames, to the null at the end.
        unsafe {
            let mut frame = word(state + layout.frame);
            for _ in 0..MOST {
                if frame == 0 {
                    break;
                }
                let code = word(frame + layout.code);
                // Between frames of Python's there are some of the interpreter, that run none of its code.
                if code != 0 && word(code + layout.kind) == self.code_type {
                    let Some(rest) = into.get_mut(filled..) else {
                        break;
                    };
                    let len = self.line_of(frame, code, rest);
                    if len == 0 {
                        break;
                    }
                    filled += len;
                }
                frame = word(frame + layout.back);
            }
        }
        filled
    }

    /// `  File "leak.py", line 3 in make`; 0 if it does not fit.
    ///
    /// # Safety
    /// A frame and the code that it runs.
    unsafe fn line_of(&self, frame: usize, code: usize, into: &mut [u8]) -> usize {
        let mut line = Writing {
            into,
            filled: 0,
            full: false,
        };
        // SAFETY: the caller's promise; the function takes this version's frames.
        unsafe {
            line.push(b"  File \"");
            line.push_string(word(code + self.layout.file), &self.layout);
            line.push(b"\", line ");
            let number = (self.line)(frame as *const c_void);
            let mut digits = text::Text::<24>::new();
            digits.push_number(number.max(0) as u64);
            line.push(digits.as_bytes());
            line.push(b" in ");
            line.push_string(word(code + self.layout.name), &self.layout);
            line.push(b"\n");
        }
        if line.full { 0 } else { line.filled }
    }
}

/// Text on its way into a buffer.
struct Writing<'a> {
    into: &'a mut [u8],
    filled: usize,
    full: bool,
}

impl Writing<'_> {
    fn push(&mut self, bytes: &[u8]) {
        match self.into.get_mut(self.filled..self.filled + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            None => self.full = true,
        }
    }

    /// Adds a string of Python's.
    ///
    /// # Safety
    /// `string` is 0 or a string of this layout.
    unsafe fn push_string(&mut self, string: usize, layout: &Layout) {
        const KIND_SHIFT: u32 = 2;
        const COMPACT: u32 = 1 << 5;
        const ASCII: u32 = 1 << 6;
        if string == 0 {
            return;
        }
        // SAFETY: the caller's promise.
        let (state, length) = unsafe {
            let state = ((string + layout.state) as *const u32).read();
            (state, word(string + layout.length))
        };
        if state & COMPACT == 0 {
            return;
        }
        let head = match state & ASCII {
            0 => layout.wide,
            _ => layout.ascii,
        };
        let width = (state >> KIND_SHIFT & 7) as usize;
        for index in 0..length {
            if self.full {
                return;
            }
            let place = string + head + index * width;
            // SAFETY: as many characters of this width follow.
            let point = unsafe {
                match width {
                    1 => u32::from((place as *const u8).read()),
                    2 => u32::from((place as *const u16).read()),
                    4 => (place as *const u32).read(),
                    _ => return,
                }
            };
            // Half a pair stands for a byte that is no text.
            let point = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
            self.push(point.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// A word of the interpreter's.
///
/// # Safety
/// There is one at this address.
unsafe fn word(address: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (address as *const usize).read() }
}

/// The layout that a 3.13 tells of itself.
fn by_table(runtime: usize) -> Option<Layout> {
    const COOKIE: &[u8; 8] = b"xdebugpy";
    const VERSION: usize = 8;
    const THREAD_FRAME: usize = 184;
    const FRAME_BACK: usize = 232;
    const FRAME_CODE: usize = 240;
    const CODE_FILE: usize = 280;
    const CODE_NAME: usize = 288;
    const OBJECT_KIND: usize = 360;
    const STRING_STATE: usize = 544;
    const STRING_LENGTH: usize = 552;
    const STRING_ASCII: usize = 560;
    /// What a string that is not ASCII has in addition.
    const UTF8: usize = 16;
    if runtime == 0 {
        return None;
    }
    // SAFETY: the table of a 3.13, as long as all of its offsets.
    unsafe {
        let cookie = (runtime as *const [u8; 8]).read();
        // The table has this form in 3.13 only.
        if cookie != *COOKIE || word(runtime + VERSION) >> 16 != 0x030d {
            return None;
        }
        let at = |offset| word(runtime + offset);
        Some(Layout {
            frame: at(THREAD_FRAME),
            back: at(FRAME_BACK),
            code: at(FRAME_CODE),
            kind: at(OBJECT_KIND),
            file: at(CODE_FILE),
            name: at(CODE_NAME),
            length: at(STRING_LENGTH),
            state: at(STRING_STATE),
            ascii: at(STRING_ASCII),
            wide: at(STRING_ASCII) + UTF8,
        })
    }
}

/// The `N` of Python 3.N.
fn minor(version: usize) -> Option<u32> {
    type Version = unsafe extern "C" fn() -> *const c_char;
    if version == 0 {
        return None;
    }
    // SAFETY: `Py_GetVersion` gives a constant text and may be called at any time.
    let text = unsafe {
        let version = core::mem::transmute::<usize, Version>(version);
        text::c_bytes(version(), 16)
    };
    let rest = text.strip_prefix(b"3.")?;
    let digits = rest.split(|byte| !byte.is_ascii_digit()).next()?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}
