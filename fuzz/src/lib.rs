//! What the targets share: a namespace that is put back as it was after each input, and inputs that run in a process of
//! their own without losing what the fuzzer learns from them.

pub mod isolated;
pub mod namespace;
