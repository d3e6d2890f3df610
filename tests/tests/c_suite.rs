//! Every program of `c_tests` on the kernel's own calls and on the library, in each of the ways in
//! which a program gets to the library.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use partage_tests::mode::Mode;
use partage_tests::suite::run_suite;

fn run(mode: Mode) {
    if let Err(failures) = run_suite(mode) {
        panic!("{}: {failures}", mode.name());
    }
}

#[test]
fn on_the_kernel() {
    run(Mode::Kernel);
}

#[test]
fn linked_to_the_shared_object() {
    run(Mode::Cdylib);
}

#[test]
fn linked_to_the_archive() {
    run(Mode::Static);
}

#[test]
fn preloaded() {
    run(Mode::Preload);
}

#[test]
fn without_the_kernels_calls() {
    run(Mode::Nosysv);
}
