//! Every system call of every call fails in turn; see `docs/reliability.md`.

#[cfg(target_arch = "x86_64")]
mod answers;
#[cfg(target_arch = "x86_64")]
mod inject;
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
