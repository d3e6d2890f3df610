//! Seccomp filters, instruction by instruction.
//!
//! Source: seccomp(2), `linux/bpf_common.h`.

use std::io;

/// Installs a filter for this process, for good. Set-uid programs lose their effect under it (no_new_privs), which is
/// what lets any user install it.
pub(crate) fn install(program: &mut [libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: numbers only.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `filter` describes `program`, which lives until the call returns; the kernel copies it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const filter,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

pub(crate) fn and(mask: u32) -> libc::sock_filter {
    instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask, 0, 0)
}

pub(crate) fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, value, 0, 0)
}

/// Goes on if the accumulator is `value`, else skips the next `skipped` instructions.
pub(crate) fn skip_unless_equal(value: u32, skipped: usize) -> libc::sock_filter {
    // No block is longer than the 255 instructions that a jump reaches (tested).
    let skipped = u8::try_from(skipped).unwrap_or(u8::MAX);
    instruction(
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        value,
        0,
        skipped,
    )
}

/// Any instruction, with how much it skips if its condition holds and if not.
pub(crate) fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    // Every BPF opcode fits 16 bits.
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}
