//! Every system call of every call fails in turn; see `docs/reliability.md`.

#[cfg(target_arch = "x86_64")]
mod answers;
#[cfg(target_arch = "x86_64")]
mod inject;
#[cfg(target_arch = "x86_64")]
#[path = "../crash/points.rs"]
#[allow(dead_code, reason = "shared with the harness that kills")]
mod points;
#[cfg(target_arch = "x86_64")]
#[path = "../crash/scenarios.rs"]
#[allow(dead_code, reason = "shared with the harness that kills")]
mod scenarios;
#[cfg(target_arch = "x86_64")]
mod system_calls;

#[cfg(target_arch = "x86_64")]
fn main() -> std::process::ExitCode {
    partage_reliability::preload::main("faults", inject::all)
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("faults: registers are set on x86-64 only");
}
