//! What is made of recordings: golden texts from recordings written by hand, real programs through the command, and
//! damaged files.

// A panic is how a test fails, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod golden;
mod live;
mod model;
mod pictures;
mod postgresql;
mod programs;
mod scene;
mod schema;
mod support;
mod writer;
