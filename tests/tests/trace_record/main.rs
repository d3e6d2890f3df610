//! The recorder against programs that know what they did: `c_tests/trace/*.c` write down each call with its result, and
//! the records must say the same, whatever the process does meanwhile, and whatever ends it.

// A panic is how a test fails, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod damage;
mod processes;
mod reached;
mod run;
mod space;
mod survival;
