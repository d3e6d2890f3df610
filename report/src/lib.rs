#![deny(clippy::indexing_slicing)]
//! What a recording of shared memory calls says.
//!
//! ```text
//! image, walk   one trace file, read or followed while it is written; its records, part by part where it is large
//!   └ event, module    one record, owned, with its time in nanoseconds; an executable mapping
//! stream     the events of all processes in one order; starts and ends of processes
//!   └ model/     which object each key, id, name, descriptor and address means; who holds what; how much memory
//!       ├ text  summary  leaks  verdict  json  perfetto  timeline      the ways to show it
//!       ├ groups, findings, suppress, diff, ci, sarif         leaks by place, as a list; what is known; for other programs
//!       └ filter                                              what of it to show
//! afterwards     what the system held when the run was over
//! words, flags   numbers as people read them        symbols   addresses as functions, files and lines
//! ```
//! Everything takes damaged files: they lose records, which are counted, and never upset the reader.

pub mod afterwards;
pub mod alive;
pub mod ci;
pub mod deaths;
pub mod diff;
pub mod event;
pub mod filter;
pub mod findings;
mod flags;
pub mod groups;
pub mod html;
pub mod image;
pub mod json;
pub mod leaks;
pub mod limits;
pub mod live;
pub mod model;
mod module;
pub mod perfetto;
pub mod program;
pub mod recording;
pub mod sarif;
mod silent;
pub mod stream;
pub mod style;
pub mod summary;
pub mod suppress;
pub mod symbols;
pub mod text;
pub mod timeline;
pub mod verdict;
pub mod walk;
pub mod why;
mod words;

pub use filter::Filter;
pub use model::Model;
pub use recording::Recording;
pub use words::{parse_size, size, text as name_text};

/// The names of all calls that a recording can hold.
#[must_use]
pub fn call_names() -> Vec<&'static str> {
    use partage_trace_format::Call;
    let functions = Call::ALL.iter().filter(|call| call.is_function());
    functions.map(|call| call.name()).collect()
}
