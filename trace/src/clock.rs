//! Time: the processor's counter where it runs evenly, else `CLOCK_MONOTONIC`.

use core::sync::atomic::{AtomicBool, Ordering};

use partage_trace_format::clock::{ClockKind, ClockReading};

use crate::options;

/// Whether ticks are those of the counter.
static COUNTER: AtomicBool = AtomicBool::new(false);

const NS_PER_S: u64 = 1_000_000_000;

/// Chooses the clock, once, before the first ticks are taken.
pub(crate) fn choose() -> ClockKind {
    let kind = options::clock().unwrap_or(if counter_is_even() {
        ClockKind::Counter
    } else {
        ClockKind::Monotonic
    });
    COUNTER.store(kind == ClockKind::Counter, Ordering::Relaxed);
    kind
}

/// The chosen clock.
pub(crate) fn kind() -> ClockKind {
    if COUNTER.load(Ordering::Relaxed) {
        ClockKind::Counter
    } else {
        ClockKind::Monotonic
    }
}

/// Now, in ticks of the chosen clock.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    if COUNTER.load(Ordering::Relaxed) {
        counter()
    } else {
        read(libc::CLOCK_MONOTONIC)
    }
}

/// Reads the three clocks at one moment, as nearly as can be.
pub(crate) fn reading() -> ClockReading {
    let before = ticks();
    let monotonic = read(libc::CLOCK_MONOTONIC);
    let after = ticks();
    ClockReading {
        ticks: before + after.saturating_sub(before) / 2,
        monotonic,
        realtime: read(libc::CLOCK_REALTIME),
    }
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: time is writable; both clocks exist, so errno stays as it is. The vDSO makes no system call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec as u64)
        .wrapping_mul(NS_PER_S)
        .wrapping_add(time.tv_nsec as u64)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn counter() -> u64 {
    // SAFETY: every x86-64 processor has it; a process that forbids it (PR_SET_TSC) selects the other clock.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn counter() -> u64 {
    let ticks;
    // SAFETY: reads a counter that Linux lets programs read.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    ticks
}

/// Whether the counter runs at one rate, also while the processor sleeps ("invariant TSC").
#[cfg(target_arch = "x86_64")]
fn counter_is_even() -> bool {
    use core::arch::x86_64::__cpuid;
    const POWER_LEAF: u32 = 0x8000_0007;
    const INVARIANT: u32 = 1 << 8;
    #[allow(unused_unsafe, reason = "safe to call from Rust 1.94 on")]
    // SAFETY: every x86-64 processor has the instruction.
    let leaf = |number| unsafe { __cpuid(number) };
    leaf(0x8000_0000).eax >= POWER_LEAF && leaf(POWER_LEAF).edx & INVARIANT != 0
}

/// The architecture promises it.
#[cfg(target_arch = "aarch64")]
fn counter_is_even() -> bool {
    true
}
