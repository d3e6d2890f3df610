//! The files under test, built once for all tests of a run.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the build put things.
#[derive(Debug)]
pub struct Artefacts {
    /// The repository's root.
    pub root: PathBuf,
    /// Holds `libpartage.so`, `libpartage.a` and the `partage` command.
    pub release: PathBuf,
    /// Holds the C programs: `plain/`, `cdylib/` and `static/`.
    pub programs: PathBuf,
}

impl Artefacts {
    /// The shared object.
    #[must_use]
    pub fn shared_object(&self) -> PathBuf {
        self.release.join("libpartage.so")
    }

    /// The command.
    #[must_use]
    pub fn command(&self) -> PathBuf {
        self.release.join("partage")
    }
}

/// Builds the library, the command and the C programs, on the first call.
///
/// `cargo test` builds no `cdylib`, so this runs `cargo build` itself; with `PARTAGE_TEST_RELEASE`
/// in the environment, the files to test are those in that directory.
///
/// # Errors
/// The first failing step, with what its tool printed.
pub fn artefacts() -> Result<&'static Artefacts, String> {
    static BUILT: OnceLock<Result<Artefacts, String>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref().map_err(Clone::clone)
}

/// Builds one package only, and returns where its object is: as [`artefacts`], in `PARTAGE_TEST_RELEASE` if that is set.
///
/// # Errors
/// What cargo printed.
pub fn object(package: &str, file: &str) -> Result<PathBuf, String> {
    if let Some(release) = prebuilt() {
        return Ok(release.join(file));
    }
    let target = target()?;
    build_package(&root()?, &target, package)?;
    Ok(target.join("release").join(file))
}

/// [`object`] of the recorder.
///
/// # Errors
/// As [`object`].
pub fn recorder() -> Result<PathBuf, String> {
    object("partage-trace", "libpartage_trace.so")
}

/// The repository's root.
///
/// # Errors
/// It is not where it was when this was compiled.
pub fn root() -> Result<PathBuf, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .parent()
        .ok_or("the test package has no parent directory")?;
    Ok(root.to_path_buf())
}

/// Cargo's directory for what it builds: this program is `TARGET/PROFILE/NAME`, or a test `TARGET/PROFILE/deps/NAME`.
///
/// # Errors
/// This program is somewhere else.
pub fn target() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let is_profile = |directory: &&Path| !directory.ends_with("deps");
    let profile = exe.ancestors().skip(1).find(is_profile);
    let target = profile.and_then(Path::parent);
    Ok(target
        .ok_or("not run from a target directory")?
        .to_path_buf())
}

fn prebuilt() -> Option<PathBuf> {
    std::env::var_os("PARTAGE_TEST_RELEASE").map(PathBuf::from)
}

fn build() -> Result<Artefacts, String> {
    let (root, target) = (root()?, target()?);
    let prebuilt = prebuilt();
    let built = Artefacts {
        release: prebuilt.clone().unwrap_or_else(|| target.join("release")),
        programs: target.join("c_tests"),
        root,
    };
    let _one_builder = lock(&built.programs).map_err(|e| format!("build lock: {e}"))?;
    if prebuilt.is_none() {
        build_packages(&built.root, &target)?;
    }
    run_tool(
        Command::new("make")
            .args(["--silent", "--no-print-directory", "-j2", "-C"])
            .arg(built.root.join("c_tests"))
            .arg(format!("ONLY={}", only()))
            .arg(format!("OUT={}", built.programs.display()))
            .arg(format!("LIB={}", built.release.display())),
    )?;
    Ok(built)
}

/// Which C programs are built and run: those whose `FOLDER/NAME` has this in it.
#[must_use]
pub fn only() -> String {
    std::env::var("C_TESTS").unwrap_or_default()
}

/// Apart from each other: in one call the command's std would be unified into the library.
fn build_packages(root: &Path, target: &Path) -> Result<(), String> {
    for package in [
        "partage",
        "partage-preload",
        "partage-ipcs",
        "partage-android-shmem",
        "partage-trace",
        "partage-cli",
    ] {
        build_package(root, target, package)?;
    }
    Ok(())
}

fn build_package(root: &Path, target: &Path, package: &str) -> Result<(), String> {
    run_tool(
        Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "-p", package])
            .arg("--target-dir")
            .arg(target)
            .current_dir(root),
    )
}

impl Artefacts {
    /// Keeps other tests from building C programs until it is dropped.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub fn lock(&self) -> Result<File, String> {
        lock(&self.programs).map_err(|e| format!("build lock: {e}"))
    }

    /// Builds C programs (`FOLDER/NAME`) once more with further flags of the compiler, below `programs/NAME`, linked
    /// (`cdylib`) or not (`plain`).
    ///
    /// # Errors
    /// What the compiler said.
    pub fn build_programs(
        &self,
        name: &str,
        flags: &str,
        variant: &str,
        programs: &[String],
    ) -> Result<(), String> {
        let _one_builder = self.lock()?;
        let out = self.programs.join(name);
        let goals = programs
            .iter()
            .map(|program| out.join(variant).join(program));
        run_tool(
            Command::new("make")
                .args(["--silent", "--no-print-directory", "-j2", "-C"])
                .arg(self.root.join("c_tests"))
                .arg(format!("OUT={}", out.display()))
                .arg(format!("LIB={}", self.release.display()))
                .arg(format!("CFLAGS={flags}"))
                .args(goals),
        )
    }
}

/// Takes the build's lock: test programs may run side by side as processes.
fn lock(dir: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let file = File::create(dir.join(".lock"))?;
    // SAFETY: flock takes a descriptor, here one that `file` keeps open, and touches no memory.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } {
        0 => Ok(file),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs a build step.
///
/// # Errors
/// The tool's output if it did not succeed.
pub fn run_tool(command: &mut Command) -> Result<(), String> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let out = command.output().map_err(|e| format!("{tool}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!(
        "{tool}: {}\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    ))
}
