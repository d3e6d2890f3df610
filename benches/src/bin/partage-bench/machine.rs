//! What it was measured on.

use std::fs;

/// A list of what the figures depend on.
pub(crate) fn describe(load_before: &str) -> String {
    let lines = [
        ("Processor", processor()),
        ("Kernel", read("/proc/sys/kernel/osrelease")),
        ("Memory", memory()),
        ("/dev/shm", shm_mount()),
        (
            "Huge pages, anonymous",
            read("/sys/kernel/mm/transparent_hugepage/enabled"),
        ),
        (
            "Huge pages, System V segments",
            read("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
        ),
        (
            "Load before and after",
            format!("{load_before}, {}", load()),
        ),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("- {name}: {value}\n"))
        .collect()
}

/// The average number of processes that ran or wanted to, in the last minute.
pub(crate) fn load() -> String {
    read("/proc/loadavg")
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// What stands behind the first such name in a file of names and values.
fn value(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_once(':'));
    line.map_or_else(
        || "unknown".to_owned(),
        |(_, value)| value.trim().to_owned(),
    )
}

fn processor() -> String {
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} x {}", value("/proc/cpuinfo", "model name"))
}

fn memory() -> String {
    value("/proc/meminfo", "MemTotal")
}

fn shm_mount() -> String {
    let mounts = read("/proc/mounts");
    let mount = mounts
        .lines()
        .rfind(|line| line.split(' ').nth(1) == Some("/dev/shm"));
    let fields: Vec<&str> = mount.unwrap_or_default().split(' ').collect();
    match fields.as_slice() {
        [_, _, kind, options, ..] => format!("{kind}, {options}"),
        _ => "not mounted".to_owned(),
    }
}
