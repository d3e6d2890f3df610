//! PostgreSQL with all its shared memory in System V segments, and its own benchmark.

use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::User;
use partage_bench::surroundings::Surroundings;
use partage_bench::way::Way;

use super::runs::{RUNS, WAYS, run};

/// What each run does to the database.
pub(super) fn select_only(
    surroundings: &Surroundings,
    note: &mut dyn FnMut(Way, f64),
) -> io::Result<()> {
    contest(surroundings, &["--select-only"], note)
}

pub(super) fn tpc_b(surroundings: &Surroundings, note: &mut dyn FnMut(Way, f64)) -> io::Result<()> {
    contest(surroundings, &[], note)
}

fn contest(
    surroundings: &Surroundings,
    arguments: &[&str],
    note: &mut dyn FnMut(Way, f64),
) -> io::Result<()> {
    let servers = WAYS
        .iter()
        .map(|&way| Ok((way, Server::start(surroundings, way)?)));
    let servers = servers.collect::<io::Result<Vec<_>>>()?;
    for _ in 0..RUNS {
        for (way, server) in &servers {
            note(*way, server.transactions_per_second(arguments)?);
        }
    }
    Ok(())
}

/// A server of our own, reached by a socket in its directory.
struct Server {
    programs: PathBuf,
    directory: PathBuf,
}

impl Server {
    fn start(surroundings: &Surroundings, way: Way) -> io::Result<Server> {
        let directory =
            std::env::temp_dir().join(format!("partage-bench-{}-{way:?}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let server = Server {
            programs: programs()?,
            directory,
        };
        let user = account()?;
        chown(
            &server.directory,
            Some(user.uid.as_raw()),
            Some(user.gid.as_raw()),
        )?;
        let data = server.directory.join("data");
        run(server
            .program("initdb")?
            .arg("--no-sync")
            .arg("--auth=trust")
            .arg("-D")
            .arg(&data))?;
        let options = format!(
            "-c shared_memory_type=sysv -c dynamic_shared_memory_type=sysv -c fsync=off -c listen_addresses= \
             -c unix_socket_directories={}",
            server.directory.display()
        );
        let mut start = server.program("pg_ctl")?;
        start
            .args(["start", "--wait", "-o", &options, "-D"])
            .arg(&data)
            .arg("-l")
            .arg(server.directory.join("log"));
        let namespace = server.directory.join("namespace");
        std::fs::create_dir(&namespace)?;
        chown(&namespace, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        surroundings.set_way(&mut start, way, false);
        if way == Way::Partage {
            start.env("PARTAGE_DIR", &namespace);
        }
        // Its output is the server's too: a pipe would stay open.
        let started = start
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()?;
        if !started.success() {
            let log = std::fs::read_to_string(server.directory.join("log")).unwrap_or_default();
            return Err(io::Error::other(format!("the server did not start: {log}")));
        }
        run(server
            .pgbench()?
            .args(["--initialize", "--quiet", "--scale=5", "postgres"]))?;
        Ok(server)
    }

    fn program(&self, name: &str) -> io::Result<Command> {
        let mut command = Command::new(self.programs.join(name));
        let user = account()?;
        command
            .current_dir(&self.directory)
            .uid(user.uid.as_raw())
            .gid(user.gid.as_raw());
        Ok(command)
    }

    fn pgbench(&self) -> io::Result<Command> {
        let mut command = self.program("pgbench")?;
        command.arg("-h").arg(&self.directory);
        Ok(command)
    }

    fn transactions_per_second(&self, arguments: &[&str]) -> io::Result<f64> {
        let mut pgbench = self.pgbench()?;
        pgbench
            .args(["--no-vacuum", "--client=2", "--time=2"])
            .args(arguments)
            .arg("postgres");
        let output = run(&mut pgbench)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.ok_or_else(|| io::Error::other("pgbench says no rate"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut stop) = self.program("pg_ctl") {
            let _ = run(stop
                .args(["stop", "--wait", "--mode=immediate", "-D"])
                .arg(self.directory.join("data")));
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Whom the server runs as, which may not be root: Debian's account for it, or whoever we are.
fn account() -> io::Result<User> {
    let user = if nix::unistd::geteuid().is_root() {
        User::from_name("postgres")
    } else {
        User::from_uid(nix::unistd::geteuid())
    };
    user?.ok_or_else(|| io::Error::other("no account for PostgreSQL"))
}

/// Where the newest PostgreSQL has its programs.
fn programs() -> io::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|path| path.join("pg_ctl").exists())
        .max();
    newest.ok_or_else(|| io::Error::other("PostgreSQL is not installed"))
}
