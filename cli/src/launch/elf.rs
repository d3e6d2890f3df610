//! The few bytes of an ELF file that tell whether the dynamic linker will start it.
//!
//! Source: the System V ABI, chapter 4 (object files) and 5 (program header); the `object` crate reads them.

use object::elf::{FileHeader32, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is read: its program headers lie right behind the file header.
pub(super) const HEAD: u64 = 4096;

/// What an executable needs to start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It names no interpreter: the kernel starts it as it is.
    Static,
    /// The dynamic linker starts it.
    Dynamic(Machine),
}

/// Word size, byte order and processor: a library loads only into its own kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Machine {
    is_64: bool,
    order: Endianness,
    processor: u16,
}

/// Reads the head of a file; `None` when it is no ELF file or cut short.
pub(super) fn inspect(head: &[u8]) -> Option<Kind> {
    match FileKind::parse(head).ok()? {
        FileKind::Elf32 => kind::<FileHeader32<Endianness>>(head),
        FileKind::Elf64 => kind::<FileHeader64<Endianness>>(head),
        _ => None,
    }
}

fn kind<Header: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Kind> {
    let file = Header::parse(head).ok()?;
    let order = file.endian().ok()?;
    let mut segments = file.program_headers(order, head).ok()?.iter();
    let is_dynamic = segments.any(|segment| segment.p_type(order) == PT_INTERP);
    Some(if is_dynamic {
        Kind::Dynamic(machine::<Header>(head)?)
    } else {
        Kind::Static
    })
}

fn machine<Header: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Machine> {
    let file = Header::parse(head).ok()?;
    let order = file.endian().ok()?;
    Some(Machine {
        is_64: file.is_class_64(),
        order,
        processor: file.e_machine(order),
    })
}

/// The kind of machine that the ELF file at `path` is for.
pub(super) fn machine_of(path: &Path) -> Option<Machine> {
    let mut head = Vec::new();
    File::open(path)
        .ok()?
        .take(HEAD)
        .read_to_end(&mut head)
        .ok()?;
    match FileKind::parse(&*head).ok()? {
        FileKind::Elf32 => machine::<FileHeader32<Endianness>>(&head),
        FileKind::Elf64 => machine::<FileHeader64<Endianness>>(&head),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(interpreter: bool) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[18] = 62;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = if interpreter { 3 } else { 1 };
        bytes
    }

    #[test]
    fn interpreter_makes_it_dynamic() {
        assert_eq!(inspect(&elf(false)), Some(Kind::Static));
        assert!(matches!(inspect(&elf(true)), Some(Kind::Dynamic(_))));
    }

    #[test]
    fn anything_cut_short_is_unknown() {
        let whole = elf(true);
        for length in 0..64 {
            assert_eq!(inspect(&whole[..length]), None, "{length}");
        }
        assert_eq!(inspect(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn this_test_is_for_the_machine_of_its_interpreter() {
        let own = machine_of(Path::new("/proc/self/exe")).unwrap();
        assert_eq!(own.is_64, cfg!(target_pointer_width = "64"));
    }
}
