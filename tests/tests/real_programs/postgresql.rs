//! PostgreSQL: the whole life of a server, and its interlock against a second one.

use super::Outcome;
use super::cluster::{Cluster, descendants, kill, wait_until_gone};
use super::launcher::Launcher;
use partage_tests::postgresql;

/// initdb, start, pgbench with parallel queries, clean stop, nothing left.
pub(crate) fn works(launcher: &Launcher) -> Outcome {
    match postgresql::programs() {
        None => Outcome::Missing(postgresql::MISSING),
        Some(programs) => live(launcher, programs).into(),
    }
}

fn live(launcher: &Launcher, programs: std::path::PathBuf) -> Result<(), String> {
    let cluster = Cluster::create(launcher, programs)?;
    must_start(&cluster)?;
    let types = "select string_agg(setting, ' ' order by name) from pg_settings
        where name in ('shared_memory_type', 'dynamic_shared_memory_type')";
    expect_equal("memory types", &cluster.query(types)?, "sysv sysv")?;
    launcher.check_kernel_unused()?;
    cluster.bench(&["-i", "-q", "-s", "1"])?;
    let report = cluster.bench(&["-c", "4", "-j", "2", "-t", "100"])?;
    expect_contains(
        "pgbench",
        &report,
        "number of transactions actually processed: 400/400",
    )?;
    // Each parallel query makes a dynamic segment that its workers attach.
    let plan = "explain (analyze, costs off, timing off) select count(*) from pgbench_accounts";
    expect_contains(
        "a parallel query",
        &cluster.query(plan)?,
        "Workers Launched: 2",
    )?;
    let sum = cluster.query("select sum(abalance) - sum(0) from pgbench_accounts")?;
    let history = cluster.query("select sum(delta) from pgbench_history")?;
    expect_equal("the bank's books", &sum, &history)?;
    let stopped = cluster.stop()?;
    if stopped.code() != Some(0) {
        return Err(format!("stop: {}\n{}", stopped.output, cluster.read_log()));
    }
    launcher.check_nothing_left()
}

/// A server whose postmaster was killed cannot be started while one of its backends lives.
pub(crate) fn interlock(launcher: &Launcher) -> Outcome {
    match postgresql::programs() {
        None => Outcome::Missing(postgresql::MISSING),
        Some(programs) => lock_out(launcher, programs).into(),
    }
}

fn lock_out(launcher: &Launcher, programs: std::path::PathBuf) -> Result<(), String> {
    let cluster = Cluster::create(launcher, programs)?;
    must_start(&cluster)?;
    let (mut session, backend) = cluster.open_session()?;
    let postmaster = cluster.postmaster()?;
    let family = descendants(postmaster);
    // Backends leave when they see their postmaster gone; a stopped one cannot look.
    kill(backend, libc::SIGSTOP);
    kill(postmaster, libc::SIGKILL);
    let mut others = vec![postmaster];
    others.extend(family.iter().filter(|pid| **pid != backend));
    let refused = wait_until_gone(&others).and_then(|()| must_be_refused(&cluster));
    kill(backend, libc::SIGKILL);
    // The session ends with its backend.
    session.wait().map_err(|e| e.to_string())?;
    refused?;
    wait_until_gone(&family)?;
    must_start(&cluster)?;
    expect_equal(
        "the recovered server",
        &cluster.query("select 40 + 2")?,
        "42",
    )?;
    cluster.stop()?;
    launcher.check_nothing_left()
}

fn must_start(cluster: &Cluster<'_>) -> Result<(), String> {
    let started = cluster.start()?;
    match started.code() {
        Some(0) => Ok(()),
        _ => Err(format!("start: {}\n{}", started.output, cluster.read_log())),
    }
}

fn must_be_refused(cluster: &Cluster<'_>) -> Result<(), String> {
    let second = cluster.start()?;
    if second.code() == Some(0) {
        return Err("a second server started while a backend of the first lived".to_owned());
    }
    let log = cluster.read_log();
    expect_contains("the refusal", &log, "pre-existing shared memory block")?;
    expect_contains("the refusal", &log, "is still in use")
}

fn expect_equal(what: &str, got: &str, wanted: &str) -> Result<(), String> {
    match got == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {got:?}, not {wanted:?}")),
    }
}

fn expect_contains(what: &str, text: &str, wanted: &str) -> Result<(), String> {
    match text.contains(wanted) {
        true => Ok(()),
        false => Err(format!("{what}: no {wanted:?} in:\n{text}")),
    }
}
