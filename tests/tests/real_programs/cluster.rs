//! A PostgreSQL database cluster in a directory of its own.

use super::launcher::Launcher;
use partage_tests::process::Ended;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

/// Everything in System V memory: the main segment, the dynamic ones of parallel queries, and
/// the interlock. Sockets stay in the test's directory.
const SETTINGS: &str = "\
shared_memory_type = sysv
dynamic_shared_memory_type = sysv
shared_buffers = 32MB
listen_addresses = ''
fsync = off
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
parallel_tuple_cost = 0
";

/// A cluster, stopped and removed when dropped.
pub(crate) struct Cluster<'a> {
    launcher: &'a Launcher,
    programs: PathBuf,
    data: PathBuf,
}

impl<'a> Cluster<'a> {
    /// Makes the cluster with initdb.
    pub(crate) fn create(launcher: &'a Launcher, programs: PathBuf) -> Result<Self, String> {
        adopt_orphans()?;
        let data = launcher.home().join("data");
        let cluster = Self {
            launcher,
            programs,
            data,
        };
        let mut initdb = cluster.program("initdb");
        initdb
            .arg("-D")
            .arg(&cluster.data)
            .args(["--auth=trust", "--no-sync", "--no-locale"]);
        initdb.args(["-E", "UTF8", "-U", "tester"]);
        launcher.succeed(&mut initdb)?;
        let file = cluster.data.join("postgresql.conf");
        let home = launcher.home().display();
        let settings = format!("{SETTINGS}unix_socket_directories = '{home}'\n");
        let old = fs::read_to_string(&file).map_err(|e| e.to_string())?;
        fs::write(&file, old + &settings).map_err(|e| e.to_string())?;
        Ok(cluster)
    }

    fn program(&self, name: &str) -> Command {
        self.launcher.command(&self.programs.join(name))
    }

    /// Asks pg_ctl to start the server and waits until it answers or refuses.
    pub(crate) fn start(&self) -> Result<Ended, String> {
        self.control(&["start", "-w", "-t", "60", "-l"], Some(&self.log()))
    }

    /// Stops the server as an administrator would.
    pub(crate) fn stop(&self) -> Result<Ended, String> {
        self.control(&["stop", "-w", "-t", "60", "-m", "fast"], None)
    }

    fn control(&self, words: &[&str], file: Option<&Path>) -> Result<Ended, String> {
        let mut pg_ctl = self.program("pg_ctl");
        pg_ctl.arg("-D").arg(&self.data).args(words).args(file);
        self.launcher.finish(&mut pg_ctl)
    }

    fn log(&self) -> PathBuf {
        self.launcher.home().join("server.log")
    }

    /// What the server logged.
    pub(crate) fn read_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// A client program, connected to the server.
    fn client(&self, name: &str, words: &[&str]) -> Command {
        let mut client = self.program(name);
        client
            .arg("-h")
            .arg(self.launcher.home())
            .args(["-U", "tester"])
            .args(words);
        client
    }

    /// Runs pgbench on the standard database.
    pub(crate) fn bench(&self, words: &[&str]) -> Result<String, String> {
        self.launcher
            .succeed(self.client("pgbench", words).arg("postgres"))
    }

    /// Runs SQL and returns the answer without decoration.
    pub(crate) fn query(&self, sql: &str) -> Result<String, String> {
        let words = [
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            "postgres",
            "-c",
            sql,
        ];
        let answer = self.launcher.succeed(&mut self.client("psql", &words))?;
        Ok(answer.trim().to_owned())
    }

    /// Opens a session that sleeps in the server, and returns it with its backend's pid once the
    /// server says that it is there.
    pub(crate) fn open_session(&self) -> Result<(Child, i32), String> {
        let words = ["-X", "-d", "postgres", "-c", "select pg_sleep(600)"];
        let mut client = self.client("psql", &words);
        client
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let session = client.spawn().map_err(|e| e.to_string())?;
        let find = "select pid from pg_stat_activity where query like 'select pg_sleep%'";
        let deadline = Instant::now() + BOUND;
        while Instant::now() < deadline {
            if let Ok(pid) = self.query(find)?.parse() {
                return Ok((session, pid));
            }
        }
        Err("the session never reached the server".to_owned())
    }

    /// The postmaster's pid, from its lock file.
    pub(crate) fn postmaster(&self) -> Result<i32, String> {
        let file = fs::read_to_string(self.data.join("postmaster.pid"));
        let file = file.map_err(|e| format!("postmaster.pid: {e}"))?;
        let line = file.lines().next().unwrap_or_default();
        line.parse()
            .map_err(|_| format!("postmaster.pid holds {line:?}"))
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if let Ok(postmaster) = self.postmaster() {
            let mut family = descendants(postmaster);
            family.push(postmaster);
            for pid in &family {
                kill(*pid, libc::SIGKILL);
            }
            // Bounded; a failure has been reported already or is about to be.
            let _ = wait_until_gone(&family);
        }
    }
}

/// Sends `signal` to a server process of the test's own.
pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: kill touches no memory; the pid is that of a process the test started.
    unsafe { libc::kill(pid, signal) };
}

/// The children of `parent`.
pub(crate) fn descendants(parent: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// The parent of a process; an unreaped one is still there.
fn parent_of(pid: i32) -> Option<i32> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    line.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Makes this process the parent of whoever loses its own, such as a server that pg_ctl started:
/// a dead postmaster that nobody reaps would still own its lock file in the eyes of the next.
fn adopt_orphans() -> Result<(), String> {
    // SAFETY: sets a flag of this process and touches no memory.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().to_string()),
    }
}

/// Waits until none of `pids` is there, reaping those that are ours by now.
pub(crate) fn wait_until_gone(pids: &[i32]) -> Result<(), String> {
    let deadline = Instant::now() + BOUND;
    for pid in pids {
        while parent_of(*pid).is_some() {
            // SAFETY: no status is asked for; a process that is not our child is left alone.
            unsafe { libc::waitpid(*pid, std::ptr::null_mut(), libc::WNOHANG) };
            if Instant::now() > deadline {
                return Err(format!("process {pid} does not end"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}
