//! A seccomp filter under which the kernel's System V shared memory is not there: the four calls
//! fail with ENOSYS in this process and everything it starts.
//!
//! Source: seccomp(2), `linux/audit.h`, and each architecture's system call table.

use super::filter::{and, answer, install, load, skip_unless_equal};
use crate::failure::Failure;

/// One system call ABI.
struct Abi {
    /// `AUDIT_ARCH_*`.
    arch: u32,
    /// Bits of the call number that do not tell calls apart (x32 shares x86-64's numbers).
    ignored: u32,
    /// shmget, shmat, shmdt and shmctl.
    calls: [u32; 4],
    /// ipc(2), whose first argument names the call, where the ABI has it.
    multiplexer: Option<u32>,
}

const X32_BIT: u32 = 0x4000_0000;

const ABIS: [Abi; 5] = [
    Abi {
        arch: 0xc000_003e,
        ignored: X32_BIT,
        calls: [29, 30, 67, 31],
        multiplexer: None,
    },
    Abi {
        arch: 0x4000_0003,
        ignored: 0,
        calls: [395, 397, 398, 396],
        multiplexer: Some(117),
    },
    Abi {
        arch: 0xc000_00b7,
        ignored: 0,
        calls: [194, 196, 197, 195],
        multiplexer: None,
    },
    Abi {
        arch: 0x4000_0028,
        ignored: 0,
        calls: [307, 305, 306, 308],
        multiplexer: None,
    },
    Abi {
        arch: 0xc000_00f3,
        ignored: 0,
        calls: [194, 196, 197, 195],
        multiplexer: None,
    },
];

/// SHMAT to SHMCTL as ipc(2) numbers them; the upper half of the argument is a version.
const IPC_SHM: std::ops::RangeInclusive<u32> = 21..=24;

// Offsets in struct seccomp_data. Arguments are 64 bits wide, their low half first on the
// little-endian machines of the table.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// Installs the filter for this process, for good.
pub(super) fn refuse_kernel_sysv() -> Result<(), Failure> {
    let failed = |why: std::io::Error| {
        Failure::io(
            "cannot keep the kernel's System V calls away (seccomp)",
            why,
        )
        .advise("run without --without-kernel-sysv")
    };
    install(&mut program()).map_err(failed)
}

/// The filter: one block per ABI, each left by a return; other ABIs are allowed everything.
fn program() -> Vec<libc::sock_filter> {
    let mut program = vec![load(ARCH)];
    for abi in &ABIS {
        let block = block(abi);
        program.push(skip_unless_equal(abi.arch, block.len()));
        program.extend(block);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

fn block(abi: &Abi) -> Vec<libc::sock_filter> {
    let mut block = vec![load(NUMBER), and(!abi.ignored)];
    for call in abi.calls {
        block.extend([skip_unless_equal(call, 1), answer(REFUSE)]);
    }
    if let Some(multiplexer) = abi.multiplexer {
        let calls = IPC_SHM.flat_map(|call| [skip_unless_equal(call, 1), answer(REFUSE)]);
        let calls: Vec<_> = [load(FIRST_ARGUMENT), and(0xffff)]
            .into_iter()
            .chain(calls)
            .collect();
        block.push(skip_unless_equal(multiplexer, calls.len()));
        block.extend(calls);
    }
    block.push(answer(libc::SECCOMP_RET_ALLOW));
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers: a small interpreter of the four instructions it uses.
    fn run(arch: u32, number: u32, argument: u32) -> u32 {
        let program = program();
        let (mut accumulator, mut next) = (0, 0);
        loop {
            let step = &program[next];
            next += 1;
            match u32::from(step.code) {
                0x20 => {
                    accumulator = match step.k {
                        NUMBER => number,
                        ARCH => arch,
                        FIRST_ARGUMENT => argument,
                        other => panic!("loads {other}"),
                    }
                }
                0x54 => accumulator &= step.k,
                0x15 if accumulator == step.k => {}
                0x15 => next += usize::from(step.jf),
                0x06 => return step.k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn refuses_the_four_calls_of_every_abi() {
        for abi in &ABIS {
            for call in abi.calls {
                assert_eq!(run(abi.arch, call, 0), REFUSE);
            }
            assert_eq!(run(abi.arch, 1, 0), libc::SECCOMP_RET_ALLOW);
        }
        assert_eq!(run(ABIS[0].arch, 29 | X32_BIT, 0), REFUSE);
    }

    #[test]
    fn lets_everything_else_pass() {
        assert_eq!(run(ABIS[0].arch, 64, 0), libc::SECCOMP_RET_ALLOW, "semget");
        assert_eq!(run(0x1234, 29, 0), libc::SECCOMP_RET_ALLOW, "unknown ABI");
        assert_eq!(
            run(ABIS[1].arch, 117, 2),
            libc::SECCOMP_RET_ALLOW,
            "ipc(SEMGET)"
        );
        for call in IPC_SHM {
            assert_eq!(run(ABIS[1].arch, 117, call | 0x1_0000), REFUSE);
        }
    }

    #[test]
    fn jumps_reach() {
        assert!(
            ABIS.iter()
                .all(|abi| block(abi).len() <= usize::from(u8::MAX))
        );
    }
}
