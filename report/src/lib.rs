#![deny(clippy::indexing_slicing)]
//! What a recording of shared memory calls says.
//!
//! ```text
//! image      one trace file, read or followed while it is written
//!   └ event      one record, owned, with its time in nanoseconds
//! stream     the events of all processes in one order; starts and ends of processes
//!   └ model/     which object each key, id, name, descriptor and address means; who holds what; how much memory
//!       ├ text  summary  leaks  json  perfetto  timeline      the ways to show it
//!       └ filter                                              what of it to show
//! words, flags   numbers as people read them        symbols   addresses as functions, files and lines
//! ```
//! Everything takes damaged files: they lose records, which are counted, and never upset the reader.

pub mod event;
pub mod filter;
mod flags;
pub mod image;
pub mod json;
pub mod leaks;
pub mod limits;
pub mod live;
pub mod model;
pub mod perfetto;
pub mod program;
pub mod recording;
pub mod stream;
pub mod style;
pub mod summary;
pub mod symbols;
pub mod text;
pub mod timeline;
mod words;

pub use filter::Filter;
pub use model::Model;
pub use recording::Recording;

/// The names of all calls that a recording can hold.
#[must_use]
pub fn call_names() -> Vec<&'static str> {
    use partage_trace_format::Call;
    let functions = Call::ALL.iter().filter(|call| call.is_function());
    functions.map(|call| call.name()).collect()
}
