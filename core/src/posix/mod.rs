//! POSIX shared memory: shm_open(3) and shm_unlink(3), with the name rules of the C library that the program runs on.
//! Tested by `c_tests/posix` and `reliability/tests/security`.

mod directory;
pub mod name;
mod object;

pub use object::{open, unlink};
