//! Python's `sysv_ipc` module: a segment made by one interpreter and used by another.

use super::Outcome;
use super::launcher::Launcher;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a segment, has a second interpreter write into it, and reads that; then gives it away,
/// removes it, and sees that the key is free. Every number printed is checked by the assertions.
const MAKER: &str = r#"
import os, subprocess, sys, sysv_ipc
memory = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, mode=0o600, size=10000)
assert (memory.size, memory.number_attached, memory.creator_pid) == (10000, 1, os.getpid())
assert memory.uid == memory.cuid == os.geteuid() and memory.mode == 0o600
assert memory.read(4) == b"    "
memory.write(b"from the maker")
subprocess.run([sys.executable, sys.argv[1], str(memory.key), str(memory.id)], check=True)
assert memory.read(14, 5000) == b"from the other"
assert memory.number_attached == 1 and memory.last_pid != os.getpid()
memory.mode = 0o640
view = sysv_ipc.attach(memory.id, flags=sysv_ipc.SHM_RDONLY)
assert view.mode == 0o640 and memory.number_attached == 2
view.detach()
try:
    sysv_ipc.SharedMemory(memory.key, sysv_ipc.IPC_CREX)
    sys.exit("a second segment under one key")
except sysv_ipc.ExistentialError:
    pass
pid = os.fork()
if pid == 0:
    os._exit(0 if memory.number_attached >= 2 else 1)
assert os.waitpid(pid, 0)[1] == 0
memory.remove()
memory.detach()
try:
    sysv_ipc.SharedMemory(memory.key)
    sys.exit("removed and still there")
except sysv_ipc.ExistentialError:
    print("done")
"#;

const OTHER: &str = r#"
import sys, sysv_ipc
memory = sysv_ipc.SharedMemory(int(sys.argv[1]))
assert memory.id == int(sys.argv[2]) and memory.number_attached == 2
assert memory.read(14) == b"from the maker"
memory.write(b"from the other", 5000)
memory.detach()
"#;

/// Create, attach, write, read in another process, remove.
pub(crate) fn shares_memory(launcher: &Launcher) -> Outcome {
    match module() {
        None => Outcome::Missing("Python's sysv_ipc (scripts/setup.sh installs it)"),
        Some(module) => share(launcher, &module).into(),
    }
}

fn share(launcher: &Launcher, module: &Path) -> Result<(), String> {
    let home = launcher.home();
    // The user may be unable to reach the build directory.
    let copy = home.join(module.file_name().unwrap_or_default());
    fs::copy(module, &copy).map_err(|e| format!("{}: {e}", module.display()))?;
    let (maker, other) = (home.join("maker.py"), home.join("other.py"));
    for (path, text) in [(&maker, MAKER), (&other, OTHER)] {
        fs::write(path, text).map_err(|e| e.to_string())?;
    }
    let mut python = launcher.command(Path::new("/usr/bin/python3"));
    python
        .env("PYTHONPATH", home)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = launcher.succeed(python.arg(maker).arg(other))?;
    match output.trim() {
        "done" => launcher.check_nothing_left(),
        _ => Err(output),
    }
}

/// The module's shared object in the environment that the set-up made beside the build.
fn module() -> Option<PathBuf> {
    // This test is TARGET/PROFILE/deps/NAME.
    let test = std::env::current_exe().ok()?;
    let libraries = test.ancestors().nth(3)?.join("venv/lib");
    let versions = fs::read_dir(libraries).ok()?.flatten();
    let files = versions.flat_map(|version| fs::read_dir(version.path().join("site-packages")));
    let mut modules = files.flatten().flatten().map(|file| file.path());
    modules.find(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with("sysv_ipc") && name.ends_with(".so")
    })
}
