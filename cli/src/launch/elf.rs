//! The few bytes of an ELF file that tell whether the dynamic linker will start it.
//!
//! Source: the System V ABI, chapter 4 (object files) and 5 (program header).

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
    class: u8,
    order: u8,
    processor: u16,
}

const CLASS_64: u8 = 2;
const BIG_ENDIAN: u8 = 2;
const PT_INTERP: u32 = 3;

/// Reads the head of a file; `None` when it is no ELF file or cut short.
pub(super) fn inspect(head: &[u8]) -> Option<Kind> {
    let file = Reader::new(head)?;
    let long = file.machine.class == CLASS_64;
    let (table, size, count) = if long {
        (
            file.number(32, 8)?,
            file.number(54, 2)?,
            file.number(56, 2)?,
        )
    } else {
        (
            file.number(28, 4)?,
            file.number(42, 2)?,
            file.number(44, 2)?,
        )
    };
    for index in 0..count {
        let entry = table.checked_add(index * size)?;
        if file.number(entry, 4)? == u64::from(PT_INTERP) {
            return Some(Kind::Dynamic(file.machine));
        }
    }
    Some(Kind::Static)
}

/// The kind of machine that the ELF file at `path` is for.
pub(super) fn machine_of(path: &Path) -> Option<Machine> {
    let mut head = Vec::new();
    File::open(path)
        .ok()?
        .take(HEAD)
        .read_to_end(&mut head)
        .ok()?;
    Some(Reader::new(&head)?.machine)
}

struct Reader<'a> {
    bytes: &'a [u8],
    machine: Machine,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(b"\x7fELF")?;
        let machine = Machine {
            class: *bytes.get(4)?,
            order: *bytes.get(5)?,
            processor: 0,
        };
        let mut reader = Self { bytes, machine };
        reader.machine.processor = u16::try_from(reader.number(18, 2)?).ok()?;
        Some(reader)
    }

    /// The unsigned number of `size` bytes at `offset`, in the file's byte order.
    fn number(&self, offset: u64, size: usize) -> Option<u64> {
        let offset = usize::try_from(offset).ok()?;
        let field = self.bytes.get(offset..offset.checked_add(size)?)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.machine.order {
            BIG_ENDIAN => field.iter().fold(0, append),
            _ => field.iter().rev().fold(0, append),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(interpreter: bool) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
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
        assert_eq!(
            own.class,
            if cfg!(target_pointer_width = "64") {
                2
            } else {
                1
            }
        );
    }
}
