#![no_std]
//! `libandroid-shmem.so`: the C ABI of partage, and the names under which the packages of Termux call it.
//!
//! Termux's `<sys/shm.h>` renames `shmget` to `libandroid_shmget`, and so on: its packages name this file and these
//! functions. Put in place of Termux's own file, it serves them all, and their `munmap` and `mremap` are noticed as well.

mod descriptors;
mod names;
mod turn;
