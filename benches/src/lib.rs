//! Measures shared memory: the kernel's System V calls, the same calls by partage, and shm_open(3) with mmap(2) by
//! hand, one batch of each after the other. And counts the system calls that each takes.

pub mod batch;
pub mod calls;
pub mod case;
mod child;
mod contention;
pub mod count;
mod crowd;
mod handed;
pub mod mark;
mod memory;
pub mod segment;
pub mod surroundings;
pub mod way;
