//! The seccomp filter: the calls that may concern shared memory stop for the tracer, all others go on.
//!
//! Source: seccomp(2).

use super::calls::STOPS;
use crate::launch::filter::{and, answer, install, instruction, load, skip_unless_equal};
use std::io;

// Offsets in struct seccomp_data: arguments are 64 bits wide, their low half first.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const THIRD_ARGUMENT: u32 = 16 + 2 * 8;
const FOURTH_ARGUMENT: u32 = 16 + 3 * 8;

#[cfg(target_arch = "x86_64")]
const OUR_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OUR_ARCH: u32 = 0xc000_00b7;

/// Puts this process, and all that it starts, under the filter. Set-uid programs lose their effect under it.
pub(super) fn put_on() -> io::Result<()> {
    install(&mut program())
}

fn program() -> Vec<libc::sock_filter> {
    const TRACE: u32 = libc::SECCOMP_RET_TRACE;
    let mut calls = vec![load(NUMBER)];
    for number in STOPS {
        calls.extend([skip_unless_equal(*number as u32, 1), answer(TRACE)]);
    }
    // Of mappings, the shared ones, and those of code from a file.
    let if_zero = |then, otherwise| {
        instruction(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            then,
            otherwise,
        )
    };
    let mappings = [
        load(FOURTH_ARGUMENT),
        and(libc::MAP_SHARED as u32),
        if_zero(0, 7),
        load(THIRD_ARGUMENT),
        and(libc::PROT_EXEC as u32),
        if_zero(3, 0),
        load(FOURTH_ARGUMENT),
        and(libc::MAP_ANONYMOUS as u32),
        if_zero(1, 0),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(TRACE),
    ];
    calls.push(skip_unless_equal(libc::SYS_mmap as u32, mappings.len()));
    calls.extend(mappings);
    let mut program = vec![load(ARCH), skip_unless_equal(OUR_ARCH, calls.len())];
    program.extend(calls);
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}
