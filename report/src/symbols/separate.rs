//! Debugging information that lies beside a program: where distributions, strip and dwz put it.

use std::path::{Path, PathBuf};

use object::Object;
use object::read::elf::ElfFile64;

/// The file that holds the debugging information of the one at `path`, if that names one and it is the right one.
pub(super) fn debug_file(path: &Path, file: &ElfFile64<'_>) -> Option<PathBuf> {
    let build_id = file.build_id().ok().flatten();
    by_build_id(build_id)
        .into_iter()
        .chain(by_link(path, file))
        .find(|candidate| fits(candidate, build_id, file))
}

/// What a debugging file shares with others, by dwz.
pub(super) fn shared_file(path: &Path, file: &ElfFile64<'_>) -> Option<PathBuf> {
    let (name, build_id) = file.gnu_debugaltlink().ok()??;
    let name = Path::new(std::str::from_utf8(name).ok()?);
    let beside = path.parent()?.join(name);
    let by_id = by_build_id(Some(build_id));
    [Some(beside), by_id]
        .into_iter()
        .flatten()
        .find(|candidate| candidate.is_file())
}

fn by_build_id(build_id: Option<&[u8]>) -> Option<PathBuf> {
    let (first, rest) = build_id?.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/usr/lib/debug/.build-id/{first:02x}/{rest}.debug");
    Some(PathBuf::from(path))
}

/// Where the file that `.gnu_debuglink` names may lie, in gdb's order.
fn by_link(path: &Path, file: &ElfFile64<'_>) -> Vec<PathBuf> {
    let link = file.gnu_debuglink().ok().flatten();
    let name = link.and_then(|(name, _)| std::str::from_utf8(name).ok());
    // Through a link the file's own directory counts.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (Some(name), Some(dir)) = (name, real.parent()) else {
        return Vec::new();
    };
    let below_debug = Path::new("/usr/lib/debug").join(dir.strip_prefix("/").unwrap_or(dir));
    let mut places = vec![
        dir.join(name),
        dir.join(".debug").join(name),
        below_debug.join(name),
    ];
    places.retain(|place| *place != real);
    places
}

/// Whether the candidate is of the same build: by the build id, or where there is none by the checksum that the link has.
fn fits(candidate: &Path, build_id: Option<&[u8]>, file: &ElfFile64<'_>) -> bool {
    let Ok(bytes) = std::fs::read(candidate) else {
        return false;
    };
    let Ok(other) = ElfFile64::<object::Endianness>::parse(bytes.as_slice()) else {
        return false;
    };
    let theirs = other.build_id().ok().flatten();
    match (build_id, theirs) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => {
            let link = file.gnu_debuglink().ok().flatten();
            link.is_some_and(|(_, checksum)| checksum == crc32(&bytes))
        }
    }
}

/// The checksum of `.gnu_debuglink`: CRC-32 as zip has it.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let step = |value: u32| (value >> 1) ^ (POLYNOMIAL & (value & 1).wrapping_neg());
    let table: Vec<u32> = (0..256)
        .map(|byte| (0..8).fold(byte, |v, _| step(v)))
        .collect();
    let next = |crc: u32, byte: &u8| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        (crc >> 8) ^ table.get(index as usize).copied().unwrap_or(0)
    };
    !bytes.iter().fold(u32::MAX, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
