//! Records.

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::call::Call;
use crate::payload::{Item, Items, PAYLOAD_MAX};
use crate::{PART_BYTES, SLOT_SIZE};

/// Return addresses in the head slot.
pub const HEAD_CALLERS: usize = 4;
/// Most return addresses of one record.
pub const MAX_CALLERS: usize = 32;
/// Arguments in a record.
pub const ARGS: usize = 6;

/// Byte offsets in a head slot.
#[allow(missing_docs)]
pub mod offset {
    pub const COMMIT: usize = 0;
    pub const TIME: usize = 8;
    pub const DURATION: usize = 16;
    pub const CALL: usize = 24;
    pub const FLAGS: usize = 26;
    pub const ERRNO: usize = 28;
    pub const PID: usize = 32;
    pub const TID: usize = 36;
    pub const RESULT: usize = 40;
    pub const ARGS: usize = 48;
    pub const CALLERS: usize = 96;
}

/// Bits of [`Record::flags`].
pub mod flag {
    /// Recorded on entry: there is no result, errno or duration (exec, exit).
    pub const ENTERED: u16 = 1;
    /// Made by a vfork child, which shares its parent's memory and file.
    pub const VFORK_CHILD: u16 = 2;
    /// The exec hands on an environment without the recorder: the new image will not be traced.
    pub const UNTRACED_IMAGE: u16 = 4;
    /// The last return address of the head is none: it is the ticket of the stack's record.
    pub const STACK: u16 = 64;
}

/// A head slot as the recorder fills it. The reader decodes bytes instead.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawRecord {
    /// See [`Record::time`].
    pub time: u64,
    /// See [`Record::duration`].
    pub duration: u64,
    /// Number of the [`Call`].
    pub call: u16,
    /// Bits of [`flag`].
    pub flags: u16,
    /// errno, or 0.
    pub errno: i32,
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// The call's result.
    pub result: i64,
    /// The call's arguments.
    pub args: [u64; ARGS],
    /// Return addresses, innermost first, 0 where there is none.
    pub callers: [u64; HEAD_CALLERS],
}

/// Where a field of [`RawRecord`] lies in its slot: after the commit word.
macro_rules! check_offsets {
    ($($field:ident = $offset:ident),*) => {
        const _: () = {
            $(assert!(core::mem::offset_of!(RawRecord, $field).wrapping_add(size_of::<u64>()) == offset::$offset);)*
            assert!(size_of::<RawRecord>() == PART_BYTES);
            assert!(size_of::<RawRecord>().wrapping_add(size_of::<u64>()) == SLOT_SIZE);
        };
    };
}
check_offsets!(
    time = TIME,
    duration = DURATION,
    call = CALL,
    flags = FLAGS,
    errno = ERRNO,
    pid = PID,
    tid = TID,
    result = RESULT,
    args = ARGS,
    callers = CALLERS
);

/// One record, decoded. It holds its payload (almost 2 KB): convert what is to be kept.
#[derive(Clone, Debug)]
pub struct Record {
    /// Number of its head slot since the recording began: the order in which the calls returned.
    pub ticket: u64,
    /// When the call began, in the file's ticks; see [`Clock`](crate::Clock).
    pub time: u64,
    /// How long it took, in ticks.
    pub duration: u64,
    /// The call, or the number that this reader does not know.
    pub call: Result<Call, u16>,
    /// Bits of [`flag`].
    pub flags: u16,
    /// errno of a failed call, else 0.
    pub errno: i32,
    /// Process: the file's, or that of a vfork child.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// The result; -1 for a failed call (as an `i64`, also where the function returns an address).
    pub result: i64,
    /// The arguments as they were passed, sign-extended where the C type is signed; see [`Call::arg_names`].
    pub args: [u64; ARGS],
    head_callers: [u64; HEAD_CALLERS],
    payload: [u8; PAYLOAD_MAX],
    payload_len: usize,
}

impl Record {
    pub(crate) fn parse(ticket: u64, slot: &[u8]) -> Option<Self> {
        let number = u16_at(slot, offset::CALL)?;
        Some(Record {
            ticket,
            time: u64_at(slot, offset::TIME)?,
            duration: u64_at(slot, offset::DURATION)?,
            call: Call::from_number(number).ok_or(number),
            flags: u16_at(slot, offset::FLAGS)?,
            errno: u32_at(slot, offset::ERRNO)? as i32,
            pid: u32_at(slot, offset::PID)?,
            tid: u32_at(slot, offset::TID)?,
            result: u64_at(slot, offset::RESULT)? as i64,
            args: longs(slot, offset::ARGS)?,
            head_callers: longs(slot, offset::CALLERS)?,
            payload: [0; PAYLOAD_MAX],
            payload_len: 0,
        })
    }

    /// Appends the payload bytes of the next continuation slot.
    pub(crate) fn append(&mut self, part: &[u8]) -> Option<()> {
        let end = self.payload_len.checked_add(part.len())?;
        self.payload
            .get_mut(self.payload_len..end)?
            .copy_from_slice(part);
        self.payload_len = end;
        Some(())
    }

    /// Whether it was recorded on entry and has no result.
    #[must_use]
    pub const fn entered(&self) -> bool {
        self.flags & flag::ENTERED != 0
    }

    /// Whether the call failed.
    #[must_use]
    pub const fn failed(&self) -> bool {
        self.errno != 0
    }

    /// The payload's items.
    #[must_use]
    pub fn items(&self) -> Items<'_> {
        Items::new(self.payload.get(..self.payload_len).unwrap_or(&[]))
    }

    /// The path or name in the payload.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.items().find_map(|item| {
            if let Item::Name(name) = item {
                Some(name)
            } else {
                None
            }
        })
    }

    /// The ticket of the record that holds the stack of this call.
    #[must_use]
    pub fn stack(&self) -> Option<u64> {
        let [.., last] = self.head_callers;
        (self.flags & flag::STACK != 0).then_some(last)
    }

    /// The return addresses, innermost first.
    pub fn callers(&self) -> impl Iterator<Item = u64> + '_ {
        let more = self.items().find_map(|item| {
            if let Item::Callers(more) = item {
                Some(more)
            } else {
                None
            }
        });
        let more = (0..MAX_CALLERS).map_while(move |index| more.and_then(|more| more.get(index)));
        let in_head = HEAD_CALLERS.saturating_sub(usize::from(self.stack().is_some()));
        self.head_callers
            .into_iter()
            .take(in_head)
            .chain(more)
            .take_while(|address| *address != 0)
    }
}

fn longs<const N: usize>(bytes: &[u8], at: usize) -> Option<[u64; N]> {
    let mut out = [0; N];
    for (index, value) in out.iter_mut().enumerate() {
        *value = u64_at(bytes, at.checked_add(index.checked_mul(8)?)?)?;
    }
    Some(out)
}
