//! The payload of a record: tagged items in its continuation slots.
//!
//! The 120 bytes after the commit word of each continuation slot, one after the other, form the payload. An item is
//! a tag (`u16`), a length (`u16`) and so many bytes, padded to a multiple of 4; tag 0 or the end closes the list.

use crate::bytes::{slice_at, u16_at, u64_at};
use crate::structs::{File, ShmInfo, ShmLimits, ShmidDs};
use crate::{MAX_PARTS, PART_BYTES};

/// Tags of the items.
#[allow(missing_docs)]
pub mod tag {
    pub const END: u16 = 0;
    pub const NAME: u16 = 1;
    pub const CALLERS: u16 = 2;
    pub const SHMID_DS: u16 = 3;
    pub const SHMINFO: u16 = 4;
    pub const SHM_INFO: u16 = 5;
    pub const FILE: u16 = 6;
    pub const SECOND_NAME: u16 = 7;
    pub const PLACES: u16 = 16;
    pub const WORDS: u16 = 17;
    pub const SCRIPT: u16 = 18;
    pub const BUILD_ID: u16 = 19;
}

/// Size of an item's tag and length, in bytes.
pub const ITEM_HEAD: usize = 4;
/// Most payload bytes of one record.
pub const PAYLOAD_MAX: usize = (MAX_PARTS - 1) * PART_BYTES;
/// Longest name kept, in bytes; longer ones are cut.
pub const NAME_MAX: usize = 1024;
/// Most words of one copied stack.
pub const STACK_WORDS: usize = 120;
/// Longest text of an interpreter kept, in bytes.
pub const SCRIPT_MAX: usize = 512;

// A stack and what an interpreter says fit into one record.
const _: () = assert!(
    item_size(STACK_WORDS.saturating_mul(2))
        .saturating_add(item_size(STACK_WORDS.saturating_mul(8)))
        .saturating_add(item_size(SCRIPT_MAX))
        <= PAYLOAD_MAX
);

/// Bytes that an item of `len` bytes takes.
#[must_use]
pub const fn item_size(len: usize) -> usize {
    ITEM_HEAD.saturating_add(len.next_multiple_of(4))
}

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A path or an object's name, without NUL.
    Name(&'a [u8]),
    /// Return addresses beyond those in the head, innermost first.
    Callers(Addresses<'a>),
    /// What `IPC_STAT`, `SHM_STAT` or `SHM_STAT_ANY` filled in, or `IPC_SET` was given.
    ShmidDs(ShmidDs),
    /// What `IPC_INFO` filled in.
    ShmLimits(ShmLimits),
    /// What `SHM_INFO` filled in.
    ShmInfo(ShmInfo),
    /// What the descriptor that a call returned stands for.
    File(File),
    /// The new path of a call that takes two, without NUL.
    SecondName(&'a [u8]),
    /// Where the words of a copied stack lie: distances from its stack pointer in words, 2 bytes each.
    Places(&'a [u8]),
    /// The words of a copied stack at those places, 8 bytes each.
    Words(&'a [u8]),
    /// An interpreter's own words about the place: which one it is, a line feed, its text.
    Script(&'a [u8]),
    /// The build id of a module's file.
    BuildId(&'a [u8]),
    /// A tag that this reader does not know.
    Other(u16, &'a [u8]),
}

/// Return addresses in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a>(&'a [u8]);

impl Addresses<'_> {
    /// The address at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u64> {
        u64_at(self.0, index.checked_mul(8)?)
    }
}

/// The items of a payload; ends early where they are damaged.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    pub(crate) const fn new(payload: &'a [u8]) -> Self {
        Items { rest: payload }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let tag = u16_at(self.rest, 0)?;
        let len = usize::from(u16_at(self.rest, 2)?);
        if tag == tag::END {
            return None;
        }
        let data = slice_at(self.rest, ITEM_HEAD, len)?;
        self.rest = self.rest.get(item_size(len)..).unwrap_or(&[]);
        Some(decode(tag, data))
    }
}

fn decode(tag: u16, data: &[u8]) -> Item<'_> {
    let known = match tag {
        tag::NAME => Some(Item::Name(data)),
        tag::CALLERS => Some(Item::Callers(Addresses(data))),
        tag::SHMID_DS => ShmidDs::parse(data).map(Item::ShmidDs),
        tag::SHMINFO => ShmLimits::parse(data).map(Item::ShmLimits),
        tag::SHM_INFO => ShmInfo::parse(data).map(Item::ShmInfo),
        tag::FILE => File::parse(data).map(Item::File),
        tag::SECOND_NAME => Some(Item::SecondName(data)),
        tag::PLACES => Some(Item::Places(data)),
        tag::WORDS => Some(Item::Words(data)),
        tag::SCRIPT => Some(Item::Script(data)),
        tag::BUILD_ID => Some(Item::BuildId(data)),
        _ => None,
    };
    known.unwrap_or(Item::Other(tag, data))
}
