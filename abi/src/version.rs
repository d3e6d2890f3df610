//! Which release this is, for a program that asks, and for a reader of a program's file.

use core::ffi::c_char;

/// With a zero byte behind it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The version of the library that the program runs with, as `"0.1.0"`; that of the header is `PARTAGE_VERSION`. A string that
/// is never freed. Never fails.
///
/// Source: none.
#[unsafe(no_mangle)]
pub extern "C" fn partage_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// An ELF note as elf(5) has it: two sizes, a type, a name and what it says, each padded to four bytes. It stays in a program
/// that is linked with the archive and stripped, where nothing else tells that the program has its shared memory from here.
#[repr(C)]
struct Note {
    name_size: u32,
    said_size: u32,
    kind: u32,
    name: [u8; 8],
    said: [u8; SAID_SIZE],
}

const SAID_SIZE: usize = VERSION.len().next_multiple_of(4);

#[used]
#[unsafe(link_section = ".note.partage")]
static NOTE: Note = Note {
    name_size: 8,
    said_size: VERSION.len() as u32,
    kind: 1,
    name: *b"partage\0",
    said: padded(VERSION.as_bytes()),
};

const fn padded(version: &[u8]) -> [u8; SAID_SIZE] {
    let mut said = [0; SAID_SIZE];
    let mut at = 0;
    while at < version.len() {
        said[at] = version[at];
        at += 1;
    }
    said
}
