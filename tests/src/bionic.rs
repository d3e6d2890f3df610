//! Android's C library, bionic: a kit of it, named by `BIONIC_KIT`, unpacked into roots in which programs run.
//!
//! The kit is a directory with four programs: `setup DIR` unpacks it, `cc ARCHITECTURE API ...` compiles, and in the
//! unpacked roots lie bionic's linker and libraries, `/data/sec`, which runs a program under a filter of system calls, and
//! for aarch64 `/qemu`. `/data/app-calls.txt` lists the calls that an app may make: all others end it.

use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::artefacts::{Artefacts, artefacts, run_tool};
use crate::sandbox::{Sandbox, mount};

/// An app's user: Android gives each app one of its own, from 10000 on.
pub const APP: u32 = 10_123;

/// Where programs and libraries lie in a root.
pub const LIBRARIES: &str = "/data/lib";
/// Likewise.
pub const PROGRAMS: &str = "/data/c_tests";

/// How a program runs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Linked to the shared object; the namespace on a tmpfs.
    Linked,
    /// Preloaded; the namespace on a tmpfs.
    Preloaded,
    /// Preloaded; no `/dev/shm`, the namespace on a disk.
    Disk,
    /// As an app: its user, its system calls, hard links refused, no `/dev/shm`.
    App,
    /// For aarch64, preloaded, by an emulator; the namespace on a tmpfs.
    Aarch64,
}

impl Setting {
    /// What the summary calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linked => "bionic-cdylib",
            Self::Preloaded => "bionic-preload",
            Self::Disk => "bionic-disk",
            Self::App => "bionic-app",
            Self::Aarch64 => "bionic-aarch64",
        }
    }

    /// The kit's name of the processor.
    #[must_use]
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            _ => "x86_64",
        }
    }

    fn has_dev_shm(self) -> bool {
        !matches!(self, Self::Disk | Self::App)
    }

    /// What stands before a program's path, in the root.
    fn before(self, variables: &[(&str, String)]) -> Vec<String> {
        match self {
            Self::Linked | Self::Preloaded | Self::Disk => Vec::new(),
            // EACCES for links, as SELinux says; ENOSYS for what old kernels of Android lack and new C libraries try.
            Self::App => "/data/sec -a /data/app-calls.txt -e 13:link,linkat -e 38:rseq --"
                .split(' ')
                .map(str::to_owned)
                .collect(),
            Self::Aarch64 => std::iter::once("/qemu".to_owned())
                .chain(
                    variables
                        .iter()
                        .flat_map(|(name, value)| ["-E".to_owned(), format!("{name}={value}")]),
                )
                .collect(),
        }
    }

    /// The command that runs a program, `path` in the root, with these variables.
    #[must_use]
    pub fn command(self, kit: &Kit, path: &str, variables: &[(&str, String)]) -> Command {
        let mut words = self.before(variables);
        words.push(path.to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear();
        command
            .env("PATH", "/system/bin")
            .env("TMPDIR", "/data/tmp");
        match self {
            Self::Aarch64 => {}
            Self::App => {
                // The filter's program is static: these are for the program that it starts.
                command.env("SEC_UID", APP.to_string());
                command.envs(variables.iter().cloned());
            }
            _ => {
                command.envs(variables.iter().cloned());
            }
        }
        change_root(&mut command, &kit.root(self.architecture()));
        command
    }

    /// The command that runs a program of the C suite on a namespace that [`Setting::namespace_dir`] has made.
    #[must_use]
    pub fn test_program(self, kit: &Kit, program: &str, mode: &str, dir: &Path) -> Command {
        let inside = match dir.strip_prefix(kit.root(self.architecture())) {
            Ok(path) => Path::new("/").join(path),
            Err(_) => dir.to_owned(),
        };
        let (folder, library) = match self {
            Self::Linked => ("cdylib", ("LD_LIBRARY_PATH", LIBRARIES.to_owned())),
            // An app's calls by number would end it.
            Self::Aarch64 | Self::App => (
                "plain",
                ("LD_PRELOAD", format!("{LIBRARIES}/libpartage_preload.so")),
            ),
            _ => (
                "plain",
                ("LD_PRELOAD", format!("{LIBRARIES}/libpartage.so")),
            ),
        };
        let mut variables = vec![
            ("PARTAGE_TEST_MODE", mode.to_owned()),
            ("PARTAGE_DIR", inside.display().to_string()),
            library,
        ];
        for name in ["PARTAGE_LOG", "PARTAGE_TEST_TIMEOUT"] {
            variables.extend(std::env::var(name).ok().map(|value| (name, value)));
        }
        self.command(kit, &format!("{PROGRAMS}/{folder}/{program}"), &variables)
    }

    /// A namespace's directory for one program, as it is called outside of the root.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn namespace_dir(self, kit: &Kit, sandbox: &Sandbox) -> io::Result<PathBuf> {
        let shm = sandbox.namespace_dir()?;
        if self.has_dev_shm() {
            return Ok(shm);
        }
        fs::remove_dir(&shm)?;
        let disk = kit
            .root(self.architecture())
            .join("data/tmp")
            .join(shm.file_name().unwrap_or_default());
        fs::create_dir(&disk)?;
        fs::set_permissions(&disk, fs::Permissions::from_mode(0o700))?;
        if self == Self::App {
            std::os::unix::fs::chown(&disk, Some(APP), Some(APP))?;
        }
        Ok(disk)
    }
}

/// Has the command start in another root, which is a mount in the calling thread's view, see [`Kit::enter`]: in a view of
/// its own, since a program that only changed its root may make no user namespace.
fn change_root(command: &mut Command, root: &Path) {
    let root = CString::new(root.as_os_str().as_bytes()).unwrap_or_default();
    let enter = move || {
        let here = c".".as_ptr();
        // SAFETY: C strings; the calls change the process that is about to execute the program, nothing else. The new root
        // goes on top of the old one, which is then taken away.
        let done = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::chdir(root.as_ptr()) == 0
                && libc::syscall(libc::SYS_pivot_root, here, here) == 0
                && libc::umount2(here, libc::MNT_DETACH) == 0
                && libc::chdir(c"/".as_ptr()) == 0
        };
        if done {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: between fork and exec the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(enter) };
}

/// The kit, unpacked.
#[derive(Debug)]
pub struct Kit {
    source: PathBuf,
    unpacked: PathBuf,
}

/// The kit of `BIONIC_KIT`, unpacked on the first call, with the libraries in its roots; `None` where the variable is not
/// set.
///
/// # Errors
/// The kit cannot be unpacked, or the libraries not be copied.
pub fn kit() -> Result<Option<&'static Kit>, String> {
    static KIT: OnceLock<Result<Option<Kit>, String>> = OnceLock::new();
    match KIT.get_or_init(unpack) {
        Ok(kit) => Ok(kit.as_ref()),
        Err(error) => Err(error.clone()),
    }
}

fn unpack() -> Result<Option<Kit>, String> {
    let Some(source) = std::env::var_os("BIONIC_KIT").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let built = artefacts()?;
    let source = built.root.join(source);
    let kit = Kit {
        source: fs::canonicalize(&source)
            .map_err(|e| format!("BIONIC_KIT {}: {e}", source.display()))?,
        unpacked: built.programs.join("bionic"),
    };
    let _one_builder = built.lock()?;
    // Unpacked whole, or again.
    let complete = kit.unpacked.join("complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&kit.unpacked);
        run_tool(Command::new(kit.source.join("setup")).arg(&kit.unpacked))?;
        fs::write(&complete, "").map_err(|e| e.to_string())?;
    }
    kit.fill_roots(built)
        .map_err(|e| format!("{}: {e}", kit.unpacked.display()))?;
    Ok(Some(kit))
}

impl Kit {
    /// Where the root for a processor lies.
    #[must_use]
    pub fn root(&self, architecture: &str) -> PathBuf {
        self.unpacked.join(format!("root-{architecture}"))
    }

    /// One of the kit's own programs.
    #[must_use]
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.source.join(name));
        command.env("KIT", &self.unpacked);
        command
    }

    /// Where it was unpacked.
    #[must_use]
    pub fn unpacked(&self) -> &Path {
        &self.unpacked
    }

    /// The compiler, as one command line. Android 9.
    #[must_use]
    pub fn compiler(&self, architecture: &str) -> String {
        let (kit, cc) = (self.unpacked.display(), self.source.join("cc"));
        format!("env KIT={kit} {} {architecture} 28", cc.display())
    }

    fn fill_roots(&self, built: &Artefacts) -> io::Result<()> {
        for architecture in ["x86_64", "aarch64"] {
            let root = self.root(architecture);
            for directory in [
                "data/lib", "data/tmp", "dev/shm", "etc", "proc", "sys", "tmp",
            ] {
                fs::create_dir_all(root.join(directory))?;
            }
            for open in ["data/tmp", "tmp"] {
                fs::set_permissions(root.join(open), fs::Permissions::from_mode(0o1777))?;
            }
            for device in DEVICES {
                fs::write(root.join("dev").join(device), "")?;
            }
        }
        for name in [
            "libpartage.so",
            "libpartage_preload.so",
            "libpartage_trace.so",
        ] {
            self.install(&built.release.join(name), "x86_64", name)?;
        }
        for (from, name) in [
            ("libpartage.so", "libpartage.so.0"),
            ("libandroid_shmem.so", "libandroid-shmem.so"),
        ] {
            self.install(&built.release.join(from), "x86_64", name)?;
        }
        Ok(())
    }

    /// Puts a library into a root.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn install(&self, from: &Path, architecture: &str, name: &str) -> io::Result<()> {
        let to = self.root(architecture).join("data/lib").join(name);
        // Not into the old file: a program may have it mapped.
        let _ = fs::remove_file(&to);
        fs::copy(from, to).map(drop)
    }

    /// Builds programs (`FOLDER/NAME`) for a setting, below [`PROGRAMS`] of its root.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn build(
        &self,
        built: &Artefacts,
        setting: Setting,
        programs: &[String],
    ) -> Result<(), String> {
        let architecture = setting.architecture();
        let goal = if setting == Setting::Linked {
            "cdylib"
        } else {
            "plain"
        };
        // Where the C library has no POSIX shared memory, the names are found when the object is preloaded.
        let flags = "CFLAGS=-O1 -Wno-nonnull -Wl,-z,undefs";
        let _one_builder = built.lock()?;
        run_tool(
            Command::new("make")
                .args(["--silent", "--no-print-directory", "-j2", "-C"])
                .arg(built.root.join("c_tests"))
                .arg(format!("CC={}", self.compiler(architecture)))
                .args([flags, goal])
                .arg(format!("NAMES={}", programs.join(" ")))
                .arg(format!(
                    "OUT={}{PROGRAMS}",
                    self.root(architecture).display()
                ))
                .arg(format!("LIB={}", built.release.display())),
        )
    }

    /// Gives the calling thread's view of the root, in a sandbox of its own, what a program expects to find there.
    ///
    /// # Errors
    /// Something cannot be mounted.
    pub fn enter(&self, setting: Setting) -> io::Result<()> {
        let root = self.root(setting.architecture());
        bind(&root, &root)?;
        bind(Path::new("/sys"), &root.join("sys"))?;
        for device in DEVICES {
            bind(
                &Path::new("/dev").join(device),
                &root.join("dev").join(device),
            )?;
        }
        bind(Path::new("/proc"), &root.join("proc"))?;
        if setting.has_dev_shm() {
            bind(Path::new("/dev/shm"), &root.join("dev/shm"))?;
        } else {
            // Nothing of that name: the directory it would be in is another.
            mount(
                Some(OsStr::new("none")),
                &root.join("dev"),
                Some(c"tmpfs"),
                0,
                Some(c"mode=755"),
            )?;
            for device in DEVICES {
                let to = root.join("dev").join(device);
                fs::write(&to, "")?;
                bind(&Path::new("/dev").join(device), &to)?;
            }
        }
        Ok(())
    }
}

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    mount(Some(from.as_os_str()), to, None, libc::MS_BIND, None)
}
