//! What is made of recordings: golden texts from recordings written by hand, real programs through the command, and
//! damaged files.

// A panic is how a test fails, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod deaths;
mod executed;
mod findings;
mod golden;
mod habits;
mod interpreters;
mod live;
mod memory;
mod model;
mod namespaces;
mod odd;
mod oracle;
mod outside;
mod page;
mod pictures;
mod postgresql;
mod programs;
mod scene;
mod schema;
mod stacks;
mod support;
mod verdict;
mod verdicts;
mod why;
mod writer;
