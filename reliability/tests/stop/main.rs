//! SIGSTOP at every instruction of every call that changes something: what others can still do; see
//! `docs/reliability.md`.
//!
//! `PARTAGE_STOP_POINTS` is the number of points per call, or `all`; 15 otherwise.

#[cfg(target_arch = "x86_64")]
mod run;

#[cfg(target_arch = "x86_64")]
fn main() -> std::process::ExitCode {
    // A call that has to wait for a stopped process gives up soon, in milliseconds, and is counted.
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("PARTAGE_PATIENCE", "5") };
    partage_reliability::preload::main("stop", run::all)
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("stop: instructions are stepped on x86-64 only");
}
