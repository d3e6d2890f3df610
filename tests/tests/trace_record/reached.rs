//! Callers that a preloaded object does not reach by its names alone.

use crate::calls::agree;
use crate::run::{Traced, compile};

#[test]
fn functions_found_by_a_handle_and_calls_by_number() {
    let plugin = compile("reached_plugin", &["-shared", "-fPIC"]);
    let outcome = Traced::new("reached", &[])
        .args(&[plugin.to_str().unwrap()])
        .run();
    std::fs::remove_file(&plugin).unwrap();
    assert!(outcome.truth.len() > 65);
    agree(&outcome);
}
