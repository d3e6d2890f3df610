//! What `make install` puts where, whether other projects find it by pkg-config and by CMake; the Debian packages and the
//! release archive.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cinstall;
mod found;
mod installed;
mod packages;
mod tree;
