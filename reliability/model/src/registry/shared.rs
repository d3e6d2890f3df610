//! What the member slots need of a registry, and the segments of their files.

use super::format::{Header, MemberSlot};
use super::segment::Segment;
use crate::sync::AtomicBool;
use crate::text::Path;
use crate::{Errno, Result};

pub(crate) struct Registry {
    header: Header,
    members: [MemberSlot; 2],
    pub(crate) pins_locks: AtomicBool,
}

impl Registry {
    pub(crate) fn new() -> Registry {
        Registry {
            header: Header::new(),
            members: [MemberSlot::new(), MemberSlot::new()],
            pins_locks: AtomicBool::new(true),
        }
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn member(&self, index: u32) -> Option<&MemberSlot> {
        self.members.get(index as usize)
    }

    pub(crate) fn new_member(&self, index: u32) -> Result<&MemberSlot> {
        self.member(index).ok_or(Errno::EINVAL)
    }

    pub(crate) fn path(&self) -> &Path {
        &Path
    }

    pub(crate) fn file(&self, _: &str) -> Path {
        Path
    }
}

impl Segment {
    /// Which pages makes no difference here.
    pub(crate) fn huge_page(&self) -> Option<u64> {
        None
    }
}
