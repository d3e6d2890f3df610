//! The `partage` command: runs programs on partage, and shows and tidies its namespaces.
//!
//! ```text
//! args      what the command line says (clap)
//! confirm   asking before something is removed
//! commands  one file per subcommand
//! launch    everything `run` needs: library, program, environment, filter, private namespace
//! failure   an error: what, why, what to do, and the exit status
//! identity  acting as another user
//! age       spans of time, pattern: of names
//! name      names in any bytes, escaped and read back
//! namespace which namespace a subcommand works on
//! sources   reading a namespace, or the kernel's segments, into a `model`
//! output    showing a `model`
//! tracing   what `trace` and `report` share: running and following a program, showing a recording
//! variables `PARTAGE_*`, and what they may be
//! startup   the process as the caller handed it over
//! ```
//!
//! There is no Rust `main`: its runtime would ignore SIGPIPE and open closed standard
//! descriptors, and `run` must hand a program exactly what it was given itself.
#![cfg_attr(not(test), no_main)]

mod age;
mod args;
mod changes;
mod commands;
mod confirm;
mod contents;
mod failure;
mod huge;
mod identity;
mod launch;
mod liveness;
mod model;
mod name;
mod namespace;
mod output;
mod pattern;
mod progress;
mod sources;
mod startup;
mod target;
mod tracing;
mod variables;

use clap::{CommandFactory, Parser};

/// Runs the command line `words` and returns the exit status.
#[cfg_attr(
    test,
    allow(dead_code, reason = "the entry point is not built for tests")
)]
fn partage(words: Vec<std::ffi::OsString>) -> u8 {
    if let Some(status) = tracing::outside::asked(&words) {
        return status;
    }
    let parsed = match args::Cli::try_parse_from(&words) {
        Ok(parsed) => parsed,
        Err(error) => return args::report_usage(error, &words),
    };
    parsed.color.apply();
    match commands::run(parsed.command, args::Cli::command()) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

/// The C entry point.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(argc: libc::c_int, argv: *const *const libc::c_char) -> libc::c_int {
    startup::fill_standard_descriptors();
    // SAFETY: these are the arguments the C runtime gave to `main`, alive until exit.
    let words = unsafe { startup::words(argc, argv) };
    libc::c_int::from(partage(words))
}
