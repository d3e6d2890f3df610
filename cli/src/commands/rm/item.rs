//! One thing to remove.

use crate::changes;
use crate::failure::Failure;
use crate::model::{Object, Segment};
use crate::namespace::Choice;
use crate::output::format;
use crate::sources;
use std::io;
use std::path::Path;

/// A segment or an object.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Segment(&'a Segment),
    Object(&'a Object),
}

impl Item<'_> {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.size,
            Self::Object(object) => object.size,
        }
    }

    pub(super) fn is_orphan(&self) -> bool {
        match self {
            Self::Segment(segment) => segment.is_orphan(),
            Self::Object(object) => object.is_orphan(),
        }
    }

    /// Whether it is not even known if somebody holds it.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Object(Object { unseen: None, attached, .. }) if attached.is_empty())
    }

    /// Whether `uid` may call it his own.
    pub(super) fn is_of(&self, uid: u32) -> bool {
        match self {
            Self::Segment(segment) => segment.owner.uid == uid || segment.cuid == uid,
            Self::Object(object) => object.owner.uid == uid,
        }
    }

    pub(super) fn owner(&self) -> u32 {
        match self {
            Self::Segment(segment) => segment.owner.uid,
            Self::Object(object) => object.owner.uid,
        }
    }

    /// When it was last changed, attached, detached or written.
    pub(super) fn last_use(&self) -> i64 {
        match self {
            Self::Segment(segment) => segment.ctime.max(segment.atime).max(segment.dtime),
            Self::Object(object) => object.mtime,
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Segment(segment) => format!(
                "segment {} (key {}, {}, nattch {})",
                segment.id,
                format::key(segment.key),
                format::size(segment.size),
                segment.nattch
            ),
            Self::Object(object) => {
                let kind = object.kind.map(|kind| format!(", {kind}"));
                let size = format::size(object.size);
                format!(
                    "object {} ({size}{})",
                    object.name,
                    kind.unwrap_or_default()
                )
            }
        }
    }

    /// Removes it. `only_free` is for what nobody held a moment ago: somebody may do so by now.
    pub(super) fn remove(
        &self,
        namespace: &Choice,
        directory: Option<&Path>,
        only_free: bool,
    ) -> Result<(), Failure> {
        let removed = match self {
            Self::Segment(segment) => changes::remove_segment(namespace, directory, segment.id),
            Self::Object(object) if only_free && sources::is_open_now(object) => {
                Err(io::Error::from_raw_os_error(libc::EBUSY))
            }
            Self::Object(object) => sources::remove_object(object),
        };
        removed.map_err(|why| {
            // The library takes no part in another user's namespace.
            let is_foreign = why.raw_os_error() == Some(libc::ENOSYS);
            let refused = why.kind() == io::ErrorKind::PermissionDenied || is_foreign;
            let failure = Failure::io(format_args!("cannot remove {}", self.describe()), why);
            match refused {
                true => failure.advise(format_args!(
                    "it is of {}: do it as that user, or as root with --user",
                    format::user(self.owner())
                )),
                false => failure,
            }
        })
    }
}
