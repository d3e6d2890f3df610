//! PostgreSQL's whole life, traced: initdb, start, a query, stop. Nothing of it may be left over.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use partage_tests::postgresql;
use partage_tests::process::{Ended, run_bounded};

use crate::support::{Scratch, among_others, built, reported};

const BOUND: Duration = Duration::from_secs(120);

/// The ids that the server runs under: it refuses to be root.
fn account() -> Option<(u32, u32)> {
    // SAFETY: reads the process's effective user id.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    // SAFETY: getpwnam gets a C string and returns null or a record that stays valid until the next such call.
    let record = unsafe { libc::getpwnam(c"postgres".as_ptr()).as_ref() };
    Some(record.map_or((65534, 65534), |record| (record.pw_uid, record.pw_gid)))
}

/// A copy of the build where that user can reach it.
fn install(scratch: &Scratch) -> PathBuf {
    let bin = scratch.path("bin");
    fs::create_dir(&bin).unwrap();
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["partage", "libpartage_trace.so", "libpartage.so"] {
        fs::copy(built().release.join(name), bin.join(name)).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin.join("partage")
}

struct Server {
    /// PostgreSQL's.
    programs: PathBuf,
    scratch: Scratch,
    partage: PathBuf,
    home: PathBuf,
}

impl Server {
    fn new(programs: PathBuf) -> Self {
        let scratch = Scratch::new();
        let (partage, home) = (install(&scratch), scratch.path("home"));
        fs::create_dir(&home).unwrap();
        if let Some((uid, gid)) = account() {
            chown(&home, Some(uid), Some(gid)).unwrap();
        }
        Server {
            programs,
            scratch,
            partage,
            home,
        }
    }

    /// Runs a shell script as the server's user, recorded into `name`.
    fn trace(&self, name: &str, words: &[&str], script: &str) -> Ended {
        let mut command = Command::new(&self.partage);
        command
            .args(["trace", "--wait", "-o"])
            .arg(self.home.join(name))
            .args(words);
        command.args(["--", "/bin/sh", "-ec", script]);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.programs.display()))
            .env("LC_ALL", "C");
        command.env("HOME", &self.home).current_dir(&self.home);
        if let Some((uid, gid)) = account() {
            command.uid(uid).gid(gid);
        }
        let _others = among_others();
        run_bounded(&mut command, &self.scratch.path("log"), BOUND).unwrap()
    }
}

#[test]
fn its_life_is_free_of_leaks() {
    let Some(programs) = postgresql::programs() else {
        let all = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!all, "{} is missing", postgresql::MISSING);
        return;
    };
    let server = Server::new(programs);
    let script = "\
initdb -D data --auth=trust --no-sync --no-locale -E UTF8 -U tester >initdb.log
cat >>data/postgresql.conf <<END
shared_memory_type = sysv
dynamic_shared_memory_type = posix
listen_addresses = ''
unix_socket_directories = '$PWD'
fsync = off
END
pg_ctl -D data -w -t 60 -l server.log start
psql -h $PWD -U tester -d postgres -X -A -t -c 'select 40 + 2'
pg_ctl -D data -w -t 60 -m fast stop
";
    let ended = server.trace("rec", &["--leaks", "--fail-on-leaks"], script);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("42"), "{}", ended.output);
    assert!(
        ended
            .output
            .contains("no leak: everything made was removed"),
        "{}",
        ended.output
    );
    assert!(!ended.output.contains("still running"), "{}", ended.output);
    let recording = server.home.join("rec");
    let recording = recording.to_str().unwrap();
    let json = reported(&["--format", "json", recording]);
    let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["torn"], &last["dropped"]),
        (&0.into(), &0.into()),
        "{last}"
    );
    assert_eq!(last["existing"], 0, "{last}");
    // The postmaster attaches the main segment, and so do its children by inheritance.
    let summary = reported(&["--summary", recording]);
    assert!(summary.contains("(postgres)"), "{summary}");
    let main = json
        .lines()
        .find(|line| line.contains("\"object\"") && line.contains("\"inherited\":true"));
    assert!(main.is_some());
}
