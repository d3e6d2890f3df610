//! SIGKILL at every instruction of every call that changes something; see `docs/reliability.md`.
//!
//! `PARTAGE_CRASH_POINTS` is the number of points per call, or `all`; 25 otherwise. `PARTAGE_CRASH` keeps the calls whose
//! name contains it.

#[cfg(target_arch = "x86_64")]
mod run;

#[cfg(target_arch = "x86_64")]
fn main() -> std::process::ExitCode {
    partage_reliability::preload::main("crash", run::all)
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("crash: instructions are stepped on x86-64 only");
}
