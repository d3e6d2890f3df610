#![no_std]
//! The object to preload: the C ABI of partage as the library has it, and what a preload needs besides to reach callers
//! that would pass it by: `capture/`, which the
//! recorder shares.

mod captured;
