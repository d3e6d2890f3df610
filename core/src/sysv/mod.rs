//! System V shared memory as shmget(2), shmop(2) and shmctl(2) have it: what is checked, in which order, with which
//! errno, and which fields change. Tested by `c_tests/sysv`.

pub mod attach;
pub mod control;
pub mod detach;
mod explain;
pub mod get;
mod huge;
pub mod info;
pub mod open;
mod permission;

pub use attach::{AttachRequest, attach};
pub use control::{Owner, change_owner, remove, set_locked, status, status_at};
pub use detach::detach;
pub use explain::bad_arguments;
pub use get::{GetRequest, get};
pub use info::{Limits, Usage, limits, usage};
pub use open::open;
pub use permission::Status;
