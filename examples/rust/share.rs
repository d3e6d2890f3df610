// SPDX-License-Identifier: MIT OR Apache-2.0
//! A segment from Rust, shared with another process: this program, started again with the id of the segment.
//!
//!     cargo run -p partage-core --example share

use partage_core::api::{Access, Segment};
use partage_core::{Errno, Result};
use std::process::Command;

const GREETING: &[u8] = b"from the second process";

fn main() {
    let outcome = match std::env::args().nth(1).and_then(|id| id.parse().ok()) {
        Some(id) => write(Segment::from_id(id)),
        None => share(),
    };
    if let Err(error) = outcome {
        eprintln!("error: {}", error.name());
        std::process::exit(1);
    }
}

fn share() -> Result<()> {
    let segment = Segment::create_private(1000, 0o600)?;
    let outcome = fill(segment);
    segment.remove()?;
    outcome
}

fn fill(segment: Segment) -> Result<()> {
    let memory = segment.attach(Access::ReadOnly)?;
    let this = std::env::current_exe().map_err(|_| Errno::ENOENT)?;
    let status = Command::new(this).arg(segment.id().to_string()).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(Errno::ESRCH);
    }
    let mut text = [0; GREETING.len()];
    memory.read(0, &mut text)?;
    let attached = segment.status()?.nattch;
    println!("{} - {attached} attached", String::from_utf8_lossy(&text));
    Ok(())
}

fn write(segment: Segment) -> Result<()> {
    segment.attach(Access::ReadWrite)?.write(0, GREETING)
}
