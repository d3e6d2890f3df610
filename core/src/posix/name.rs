//! Names of POSIX objects: how a C library changes them before it asks the kernel. There are two ways.

#![forbid(unsafe_code)]

use crate::error::{Errno, Result};

/// Whose rules apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavor {
    /// The GNU C library, and bionic.
    Glibc,
    /// musl, and every C library that is neither.
    Musl,
}

/// What the name is used for: glibc has an errno of its own for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// shm_open(3)
    Open,
    /// shm_unlink(3)
    Unlink,
}

/// Longest name that a file system takes, in bytes.
const NAME_MAX: usize = 255;
/// glibc itself refuses names from this length on. Names between the two fail in the kernel, with another errno.
const GLIBC_LIMIT: usize = 260;

/// A name without the slashes in front.
fn stripped(name: &[u8]) -> &[u8] {
    let slashes = name.iter().take_while(|&&byte| byte == b'/').count();
    name.get(slashes..).unwrap_or(&[])
}

/// The file name for an object's name: leading slashes do not count, another slash is not allowed.
///
/// # Errors
/// - `EINVAL`, or `ENOENT` with glibc's shm_unlink: no name, or not one
/// - `ENAMETOOLONG` longer than 255 bytes, with musl; with glibc the kernel says it
pub fn file_name(name: &[u8], flavor: Flavor, purpose: Use) -> Result<&[u8]> {
    let stripped = stripped(name);
    let invalid = match (flavor, purpose) {
        (Flavor::Glibc, Use::Unlink) => Errno::ENOENT,
        _ => Errno::EINVAL,
    };
    let refused = match flavor {
        Flavor::Glibc => stripped.len() >= GLIBC_LIMIT,
        Flavor::Musl => matches!(stripped, b"." | b".."),
    };
    if stripped.is_empty() || stripped.contains(&b'/') || refused {
        return Err(invalid);
    }
    // glibc leaves names that are a little too long to the kernel, which first looks for a free descriptor.
    if flavor == Flavor::Musl && stripped.len() > NAME_MAX {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok(stripped)
    }
}

/// What is wrong with a name that [`file_name`] refuses, in words that go after it.
pub(super) fn fault(name: &[u8]) -> &'static str {
    match stripped(name) {
        [] => "names no object: nothing is left without the slashes in front",
        stripped if stripped.contains(&b'/') => "has a slash inside: objects are in no directories",
        b"." | b".." => "is the name of a directory",
        _ => "is longer than 255 bytes",
    }
}

/// Whether a name, slashes in front left out, is longer than that of a file can be.
pub fn is_too_long(name: &[u8]) -> bool {
    stripped(name).len() > NAME_MAX
}

/// The kernel's errno as the C library passes it on.
pub fn translate(error: Errno, flavor: Flavor, purpose: Use) -> Errno {
    match (flavor, purpose, error) {
        (Flavor::Glibc, Use::Open, Errno::EISDIR) => Errno::EINVAL,
        (Flavor::Glibc, Use::Unlink, Errno::EPERM) => Errno::EACCES,
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_front_do_not_count() {
        for name in [&b"a"[..], b"/a", b"///a"] {
            assert_eq!(file_name(name, Flavor::Glibc, Use::Open), Ok(&b"a"[..]));
        }
        assert_eq!(
            file_name(b"/sem.x y\xff", Flavor::Musl, Use::Open),
            Ok(&b"sem.x y\xff"[..])
        );
    }

    #[test]
    fn bad_names_have_each_librarys_errno() {
        for name in [&b""[..], b"/", b"//", b"/a/", b"/a/b"] {
            assert_eq!(
                file_name(name, Flavor::Glibc, Use::Open),
                Err(Errno::EINVAL)
            );
            assert_eq!(
                file_name(name, Flavor::Glibc, Use::Unlink),
                Err(Errno::ENOENT)
            );
            assert_eq!(file_name(name, Flavor::Musl, Use::Open), Err(Errno::EINVAL));
            assert_eq!(
                file_name(name, Flavor::Musl, Use::Unlink),
                Err(Errno::EINVAL)
            );
        }
        assert_eq!(
            file_name(b"/..", Flavor::Musl, Use::Open),
            Err(Errno::EINVAL)
        );
        assert_eq!(file_name(b"/..", Flavor::Glibc, Use::Open), Ok(&b".."[..]));
    }

    #[test]
    fn every_name_that_is_refused_has_its_fault() {
        for (name, words) in [
            (&b""[..], "names no object"),
            (b"//", "names no object"),
            (b"/a/b", "slash inside"),
            (b"a/", "slash inside"),
            (b"/..", "name of a directory"),
            (&[b'x'; 300], "longer than 255"),
        ] {
            assert!(file_name(name, Flavor::Musl, Use::Open).is_err());
            assert!(fault(name).contains(words), "{name:?}");
        }
    }

    #[test]
    fn lengths() {
        let open = |len, flavor| file_name(&[b'x'; 300][..len], flavor, Use::Open).map(<[u8]>::len);
        assert_eq!(open(255, Flavor::Glibc), Ok(255));
        assert_eq!(open(259, Flavor::Glibc), Ok(259));
        assert_eq!(open(260, Flavor::Glibc), Err(Errno::EINVAL));
        assert_eq!(open(260, Flavor::Musl), Err(Errno::ENAMETOOLONG));
        assert_eq!(
            file_name(&[b'x'; 260], Flavor::Glibc, Use::Unlink),
            Err(Errno::ENOENT)
        );
    }
}
