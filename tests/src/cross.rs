//! Building and running for other processors.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that need of the system what the emulator does not do.
pub const NOT_EMULATED: [&str; 59] = [
    // execve of a program for another processor.
    "deviations/id_zero",
    "deviations/limits_from_environment",
    "posix/descriptor_exec",
    "posix/names_first",
    "posix/program",
    "process/another_boot",
    "process/environment_id",
    "process/exec",
    "process/fork_without_descriptor",
    "process/other_mounts",
    "process/out_of_reach_lookup",
    "process/overlay",
    "process/spawned",
    "process/strangers",
    "sysv/control_info",
    "sysv/control_stat_index",
    "sysv/ids",
    "sysv/inherited_namespace",
    "sysv/keys",
    "sysv/limit_races",
    "sysv/limit_shmall",
    "sysv/limit_shmmax",
    "sysv/limit_shmmni",
    "sysv/rmid_forced",
    // madvise(2) is accepted and not done: children inherit what they should not, and those without handlers are not told apart.
    "process/client_postgresql",
    "process/daemon",
    "process/fork_dontfork",
    "process/fork_dontfork_part",
    "process/raw_clone",
    "process/raw_clone_calls",
    "sysv/advice",
    // clone(2) with shared memory, vfork(2) as such, and signals blocked across fork(2).
    "deviations/clone_vm_pid",
    "process/clone_vm",
    "process/clone_vm_killed",
    "process/fork_signal_mask",
    "process/vfork",
    // Addresses: what is mapped is asked for, and answered, otherwise; there is no room for 64 GB.
    "posix/map_arguments",
    "process/overlapping_handler",
    "sysv/attach_failures",
    "sysv/attach_fixed",
    "sysv/attach_limits",
    "sysv/attach_maps_line",
    "sysv/attach_order",
    "sysv/get_create",
    "sysv/mremap_attachment",
    "sysv/munmap_whole",
    "sysv/replace_fails",
    // clock_getres(2) that cannot write its answer says that it did: what is no memory is not found out.
    "sysv/control_fault",
    "sysv/control_order",
    "sysv/signal_mask",
    // Lists of robust locks, by which threads are known that have ended; filters; what counts as locked memory.
    "process/cancelled_asynchronously",
    "process/main_thread_ended",
    "process/trapped_calls",
    "sysv/attach_lock_future",
    // A timer that goes off before an emulated fork(2) is over.
    "process/fork_in_handler",
    // The emulator itself needs mappings.
    "sysv/attach_map_count",
    // Seals, and flags of open descriptors.
    "posix/descriptor",
    "posix/open_flags",
    "posix/open_new",
];

/// The sysroot of a compiler.
fn sysroot(cargo: &Path) -> Option<PathBuf> {
    let output = Command::new(cargo.with_file_name("rustc"))
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Cargo for another processor: with the compiler's own library for it, or with the library's sources, from which `part` of it is
/// built. Debian's `cargo-web` and `rust-web-src` have those.
///
/// # Errors
/// Neither is there.
pub fn cargo_for(rust: &str, part: &str) -> Result<Command, String> {
    let own = PathBuf::from(env!("CARGO"));
    if sysroot(&own).is_some_and(|root| root.join("lib/rustlib").join(rust).exists()) {
        return Ok(Command::new(own));
    }
    let with_sources = [own, PathBuf::from("/usr/bin/cargo")]
        .into_iter()
        .find(|cargo| {
            sysroot(cargo).is_some_and(|root| root.join("lib/rustlib/src/rust/library").exists())
        })
        .ok_or_else(|| format!("neither a library for {rust} nor the library's sources"))?;
    let mut command = Command::new(&with_sources);
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", with_sources.with_file_name("rustc"))
        .env_remove("RUSTUP_TOOLCHAIN")
        .arg(format!("-Zbuild-std={part}"));
    Ok(command)
}
