//! Programs as Debian ships them, run on the library where the kernel refuses its System V
//! calls, and, to know that the test itself is right, on the kernel's own.

mod account;
mod cluster;
mod launcher;
mod postgresql;
mod python;

use launcher::Launcher;

/// Runs `test` on the kernel or on the library; a tool that is not installed skips it, unless
/// the set-up promised to install it.
#[allow(clippy::panic, reason = "called by tests only, which fail in this way")]
fn run(on: fn() -> Result<Launcher, String>, test: fn(&Launcher) -> Outcome) {
    let outcome = match on() {
        Ok(launcher) => test(&launcher),
        Err(why) => Outcome::Failed(why),
    };
    match outcome {
        Outcome::Passed => {}
        Outcome::Missing(tool) if std::env::var_os("PARTAGE_TEST_ALL").is_none() => {
            eprintln!("skipped: {tool} is not installed");
        }
        Outcome::Missing(tool) => panic!("{tool} is not installed"),
        Outcome::Failed(why) => panic!("{why}"),
    }
}

/// How a test ended.
enum Outcome {
    Passed,
    Missing(&'static str),
    Failed(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(why) => Self::Failed(why),
        }
    }
}

#[test]
fn postgresql_works_on_the_kernel() {
    run(Launcher::kernel, postgresql::works);
}

#[test]
fn postgresql_works() {
    run(Launcher::partage, postgresql::works);
}

#[test]
fn postgresql_interlock_on_the_kernel() {
    run(Launcher::kernel, postgresql::interlock);
}

#[test]
fn postgresql_interlock() {
    run(Launcher::partage, postgresql::interlock);
}

#[test]
fn python_sysv_ipc_on_the_kernel() {
    run(Launcher::kernel, python::shares_memory);
}

#[test]
fn python_sysv_ipc() {
    run(Launcher::partage, python::shares_memory);
}
