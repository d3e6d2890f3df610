//! The note by which an object file says that partage is in it; `abi/src/version.rs` writes it.

use object::elf::FileHeader64;
use object::read::elf::{ElfFile, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection};
use std::path::Path;

const SECTION: &str = ".note.partage";
const NAME: &[u8] = b"partage";

/// What is asked about an executable or a library.
pub(super) struct Contents {
    /// The version of partage in it.
    pub(super) version: Option<String>,
    /// The dynamic linker that it wants.
    pub(super) interpreter: Option<String>,
}

/// Reads the file at `path`; `None` if it is no ELF file of this machine's kind, or cannot be read.
pub(super) fn read(path: &Path) -> Option<Contents> {
    let bytes = std::fs::read(path).ok()?;
    let file = ElfFile::<FileHeader64<Endianness>>::parse(&*bytes).ok()?;
    let interpreter = file
        .elf_program_headers()
        .iter()
        .find_map(|header| header.interpreter(file.endian(), &*bytes).ok().flatten());
    Some(Contents {
        version: version(&file),
        interpreter: interpreter.map(|path| String::from_utf8_lossy(path).into_owned()),
    })
}

fn version<Header: FileHeader>(file: &ElfFile<'_, Header>) -> Option<String> {
    let data = file.section_by_name(SECTION)?.data().ok()?;
    parse(data)
}

/// The version in a note: sizes of name and text, a type, both padded to four bytes.
fn parse(note: &[u8]) -> Option<String> {
    let number = |at: usize| {
        let bytes: [u8; 4] = note.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_ne_bytes(bytes)).ok()
    };
    let (name_size, text_size) = (number(0)?, number(4)?);
    let name = note.get(12..12usize.checked_add(name_size)?)?;
    let begin = 12 + name_size.next_multiple_of(4);
    let text = note.get(begin..begin.checked_add(text_size)?)?;
    if name.strip_suffix(b"\0")? != NAME {
        return None;
    }
    let text = std::str::from_utf8(text.strip_suffix(b"\0")?).ok()?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &[u8], text: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for number in [name.len(), text.len(), 1] {
            note.extend(u32::try_from(number).unwrap().to_ne_bytes());
        }
        for part in [name, text] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn the_version_is_read_and_nothing_else() {
        assert_eq!(
            parse(&note(b"partage\0", b"0.1.0\0")).as_deref(),
            Some("0.1.0")
        );
        assert_eq!(parse(&note(b"GNU\0", b"0.1.0\0")), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(&[0xff; 40]), None);
    }
}
