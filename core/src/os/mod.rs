//! System calls, nothing else: safe wrappers where safety can be had, `Result<_, Errno>`, no policy.
//! Tested by what each module names.

pub(crate) mod access_list;
pub mod arch;
pub(crate) mod boot;
pub(crate) mod c_library;
mod capabilities;
pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod directories;
pub(crate) mod environment;
pub(crate) mod files;
mod fixed_identity;

pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod locks;
pub(crate) mod maps;
pub mod memory;
pub(crate) mod mounts;
pub(crate) mod paths;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod reading;
pub(crate) mod signals;
pub mod user_memory;

pub use files::close;
