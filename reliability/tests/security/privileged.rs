//! Programs that run with more rights than who started them: what they take from the environment is nothing.

use crate::{Findings, STRANGER};
use partage_core::inspect;
use partage_core::options::DEFAULT_LIMITS;
use partage_reliability::preload::Directory;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Asks a copy of this program what it takes from its environment.
const ASK: &str = "PARTAGE_SECURITY_ASK";

/// Every variable that the library reads, with a value that would show.
const VARIABLES: [(&str, &str); 12] = [
    ("PARTAGE_DIR", "/dev/shm/partage-test-planted"),
    ("XDG_RUNTIME_DIR", "/dev/shm/partage-test-planted"),
    ("TMPDIR", "/dev/shm/partage-test-planted"),
    ("PARTAGE_POSIX", "shared"),
    ("PARTAGE_BACKEND", "kernel"),
    ("PARTAGE_LOG", "debug"),
    ("PARTAGE_PATIENCE", "1"),
    ("PARTAGE_HUGE_DIR", "/dev/shm/partage-test-planted"),
    ("PARTAGE_SHMMAX", "1"),
    ("PARTAGE_SHMALL", "1"),
    ("PARTAGE_SHMMNI", "1"),
    ("PARTAGE_RMID_FORCED", "1"),
];

/// In the copy: how many of its settings are the environment's.
pub(crate) fn answer() -> Option<ExitCode> {
    std::env::var_os(ASK)?;
    let settings = inspect::settings();
    let taken = [
        settings.directory.is_some(),
        settings.runtime.is_some(),
        settings.temporary.is_some(),
        settings.shared_objects,
        settings.other_backend,
        settings.log_level != 0,
        settings.patience_ms == 1,
        settings.huge_directory.is_some(),
        settings.limits.shmmax != DEFAULT_LIMITS.shmmax,
        settings.limits.shmall != DEFAULT_LIMITS.shmall,
        settings.limits.shmmni != DEFAULT_LIMITS.shmmni,
        settings.limits.rmid_forced,
    ];
    for ((name, _), taken) in VARIABLES.iter().zip(taken) {
        println!("{name} {taken}");
    }
    Some(ExitCode::SUCCESS)
}

/// What a copy of this program that was `prepared` takes, started by a stranger: lines with `true` in them.
fn taken(prepare: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<usize, String> {
    // Not in a place that is mounted without such rights.
    let home =
        Directory::new_in(Path::new("/tmp"), "security").map_err(|error| error.to_string())?;
    let program = home.path().join("program");
    let text = |error: std::io::Error| error.to_string();
    let exe = std::env::current_exe().map_err(text)?;
    fs::copy(exe, &program).map_err(text)?;
    prepare(&program).map_err(text)?;
    let output = Command::new(&program)
        .env_clear()
        .env(ASK, "1")
        .envs(VARIABLES)
        .uid(STRANGER)
        .gid(STRANGER)
        .output()
        .map_err(text)?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    if answer.lines().count() != VARIABLES.len() || !output.stderr.is_empty() {
        return Err(format!("{output:?}"));
    }
    Ok(answer
        .lines()
        .filter(|line| line.ends_with(" true"))
        .count())
}

fn mode(program: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(program, fs::Permissions::from_mode(mode))
}

fn compare(kind: &str, got: Result<usize, String>, right: usize) -> Findings {
    match got {
        Ok(taken) if taken == right => Vec::new(),
        other => vec![format!("{kind}: {other:?} variables count, not {right}")],
    }
}

pub(crate) fn set_user_id(_: &Path) -> Findings {
    // Without more rights all of them count: else the others would say nothing.
    let mut findings = compare(
        "an ordinary program",
        taken(|program| mode(program, 0o755)),
        VARIABLES.len(),
    );
    findings.extend(compare(
        "set-user-ID",
        taken(|program| mode(program, 0o4755)),
        0,
    ));
    findings.extend(compare(
        "set-group-ID",
        taken(|program| mode(program, 0o2755)),
        0,
    ));
    findings
}

pub(crate) fn capabilities(_: &Path) -> Findings {
    /// `struct vfs_cap_data`, revision 2, effective: `CAP_NET_RAW` permitted, nothing inheritable.
    const NET_RAW: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];
    let give = |program: &Path| {
        mode(program, 0o755)?;
        let path = CString::new(program.as_os_str().as_bytes())?;
        // SAFETY: two C strings, and a value of the size given.
        let done = unsafe {
            libc::setxattr(
                path.as_ptr(),
                c"security.capability".as_ptr(),
                NET_RAW.as_ptr().cast(),
                size_of_val(&NET_RAW),
                0,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    compare("file capabilities", taken(give), 0)
}
