#![no_std]
//! `libpartage.so` and `libpartage.a`: the C ABI of partage, which is in `partage-abi`, and nothing else.

pub use partage_abi::*;
