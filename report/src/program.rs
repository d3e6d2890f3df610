//! What a program file says about how it is to be started.

use std::path::Path;

use object::Endianness;
use object::read::elf::{Dyn, ElfFile64, FileHeader, SectionHeader};

/// Sonames that the dynamic linker has to load before everything else.
const RUNTIMES: [&str; 5] = [
    "libasan.so",
    "libtsan.so",
    "libhwasan.so",
    "libclang_rt.asan",
    "libclang_rt.tsan",
];

/// The sanitizer runtimes that a program needs by name: they refuse to run unless they come first. Empty for a program
/// that cannot be read, or has its runtime inside.
#[must_use]
pub fn sanitizer_runtimes(path: &Path) -> Vec<String> {
    let needed = std::fs::read(path)
        .ok()
        .and_then(|bytes| needed(&bytes))
        .unwrap_or_default();
    let is_runtime = |name: &String| RUNTIMES.iter().any(|runtime| name.starts_with(runtime));
    needed.into_iter().filter(is_runtime).collect()
}

/// The names of the libraries that an ELF file needs.
fn needed(bytes: &[u8]) -> Option<Vec<String>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let endian = file.endian();
    let sections = file.elf_header().sections(endian, bytes).ok()?;
    let mut names = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, bytes).ok()? else {
            continue;
        };
        let strings = sections.strings(endian, bytes, strings).ok()?;
        for entry in entries {
            if entry.tag32(endian) == Some(object::elf::DT_NEEDED)
                && let Ok(name) = entry.string(endian, strings)
            {
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needed_libraries_are_found() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        assert!(
            needed(&bytes)
                .unwrap()
                .iter()
                .any(|name| name.starts_with("libc.so"))
        );
        assert_eq!(needed(b"\x7fELF"), None);
        assert_eq!(sanitizer_runtimes(Path::new("/proc/self/exe")), [""; 0]);
    }
}
