//! Executable mappings, as records tell of them.

use crate::event::Event;
use crate::words;

/// An executable mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// First address.
    pub start: u64,
    /// Behind the last address.
    pub end: u64,
    /// Offset of the first address in the file.
    pub offset: u64,
    /// The file, as text.
    pub path: String,
    /// The file, as the kernel's list of mappings has it: a newline stands there as `\012`, all else as it is.
    pub file: Box<[u8]>,
    /// Its build id, if it has one and it was recorded.
    pub build_id: Option<Box<[u8]>>,
}

impl Module {
    /// What a record of one says.
    pub(crate) fn of(event: &Event) -> Self {
        let file = event.name.clone().unwrap_or_default();
        Module {
            start: event.arg(0),
            end: event.arg(1),
            offset: event.arg(2),
            path: words::text(&file),
            file,
            build_id: event.build_id.clone(),
        }
    }
}
