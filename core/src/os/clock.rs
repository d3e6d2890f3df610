//! The time, as the kernel's own shared memory stamps it. Tested by the C suite.

/// Seconds since the epoch by the coarse clock: the clock that the kernel reads for `shm_atime`, answered
/// without a system call.
pub(crate) fn now() -> i64 {
    // SAFETY: all-zero bytes are a valid timespec.
    let mut time: libc::timespec = unsafe { core::mem::zeroed() };
    // SAFETY: `time` is writable; the call cannot fail with a clock that every kernel has.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut time) };
    time.tv_sec as i64
}

/// Milliseconds of the monotonic clock, for bounds on waiting.
pub(crate) fn monotonic_ms() -> u64 {
    milliseconds(libc::CLOCK_MONOTONIC)
}

/// Milliseconds since the machine was started.
pub(crate) fn boot_ms() -> u64 {
    milliseconds(libc::CLOCK_BOOTTIME)
}

fn milliseconds(clock: libc::clockid_t) -> u64 {
    // SAFETY: all-zero bytes are a valid timespec.
    let mut time: libc::timespec = unsafe { core::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::clock_gettime(clock, &mut time) };
    (time.tv_sec as u64)
        .wrapping_mul(1000)
        .wrapping_add(time.tv_nsec as u64 / 1_000_000)
}
