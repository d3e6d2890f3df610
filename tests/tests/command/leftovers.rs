//! What real programs leave behind when they are killed: found, said what it is, and removed.

use crate::support::{Place, built};
use partage_tests::process::run_bounded;
use std::process::Command;
use std::time::Duration;

/// A database is made in this time even where much else runs.
const BOUND: Duration = Duration::from_secs(240);

/// What `script` prints in a mount and an IPC namespace of its own, with an empty /dev/shm; `None` where
/// such cannot be had.
fn on_a_machine_of_its_own(script: &str) -> Option<String> {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can have such namespaces, and be several users in them");
        return None;
    }
    let place = Place::new();
    let whole = format!("mount -t tmpfs -o mode=1777 none /dev/shm\ncd /\n{script}");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-m", "-i", "sh", "-c", &whole])
        .env("PARTAGE", built().command())
        .env("ROOT", &built().root)
        .env("NO_COLOR", "1")
        .env_remove("PARTAGE_DIR");
    let ended = run_bounded(&mut unshare, &place.join("output"), BOUND).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    Some(ended.output)
}

/// The output with what differs from run to run in one form: numbers behind `before`, ages, and the
/// blanks of tables.
fn golden(output: &str, before: &str) -> Vec<String> {
    let word = |word: &str| {
        let tail = word.trim_start_matches('/').strip_prefix(before);
        let is_age = word.ends_with('s') && word[..word.len() - 1].parse::<u32>().is_ok();
        match (tail, is_age) {
            (Some(tail), _) if !tail.is_empty() => format!("/{before}N"),
            (_, true) => "AGE".to_owned(),
            _ => word.to_owned(),
        }
    };
    let lines = output.lines().filter(|line| !line.contains("Killed"));
    lines
        .map(|line| {
            line.split_whitespace()
                .map(word)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

/// With its resource tracker, as a container that is stopped kills them.
#[test]
fn of_python() {
    let script = "python3 -c '
import os, signal
from multiprocessing import shared_memory, resource_tracker
made = shared_memory.SharedMemory(create=True, size=5000)
os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)'
        echo status $?
        $PARTAGE ls --posix
        $PARTAGE rm --orphans --dry-run
        $PARTAGE rm --orphans --yes
        ls -A /dev/shm";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    let wanted = [
        "status 137",
        "NAME OWNER MODE SIZE RES WRITTEN PIDS",
        "/psm_N root 600 4.9KiB 0B AGE -",
        "would remove object /psm_N (4.9 KiB, Python SharedMemory)",
        "removed object /psm_N (4.9 KiB, Python SharedMemory)",
    ];
    assert_eq!(golden(&output, "psm_"), wanted, "{output}");
}

/// Its interlock, a segment of the kernel's, and its dynamic memory. It is killed by a program that it
/// starts itself.
#[test]
fn of_postgresql() {
    let script = "PG=$($ROOT/scripts/find-postgresql.sh) || { echo none; exit; }
        home=$(mktemp -d); trap 'rm -rf \"$home\"' EXIT; chmod 755 $home; mkdir $home/data
        chown 65534:65534 $home/data
        as() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }
        as $PG/initdb -D $home/data -A trust -N --no-locale -E UTF8 -U tester >$home/log 2>&1 || cat $home/log
        echo \"copy (select 1) to program 'kill -9 \\$PPID'\" |
            as $PG/postgres --single -D $home/data postgres >$home/log 2>&1
        echo status $?
        $PARTAGE rm --orphans --all-users --dry-run
        $PARTAGE rm --backend kernel --orphans --dry-run
        $PARTAGE rm --orphans --all-users --yes
        $PARTAGE rm --backend kernel --orphans --all-users --yes
        ls -A /dev/shm; $PARTAGE ls --backend kernel --sysv | tail -n +2";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    if output.contains("none\n") {
        assert!(
            std::env::var_os("PARTAGE_TEST_ALL").is_none(),
            "PostgreSQL is not installed"
        );
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    }
    let of_it =
        |line: &str, start: &str| line.starts_with(start) && line.ends_with(", PostgreSQL)");
    let lines = golden(&output, "PostgreSQL.");
    assert_eq!(lines[0], "status 137", "{output}");
    let objects = lines
        .iter()
        .filter(|line| of_it(line, "would remove object /PostgreSQL.N ("));
    let objects = objects.count();
    assert!(objects > 0, "{output}");
    let removed = lines
        .iter()
        .filter(|line| of_it(line, "removed object /PostgreSQL.N ("));
    assert_eq!(removed.count(), objects, "{output}");
    let stays = "not yours (--all-users takes it too), stays: segment ";
    let stay = lines.iter().filter(|line| line.starts_with(stays));
    assert_eq!(stay.count(), 1, "{output}");
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("removed segment ") && last.ends_with(", 56 B, nattch 0)"),
        "{output}"
    );
}

/// Segments of programs that run on partage.
#[test]
fn of_php() {
    let script = "command -v php >/dev/null || { echo none; exit; }
        export PARTAGE_DIR=/dev/shm/mine
        $PARTAGE run -- php -r '$s = shm_attach(0x706870, 10000); shm_put_var($s, 1, \"kept\");
            posix_kill(posix_getpid(), 9);'
        echo status $?
        $PARTAGE ls
        $PARTAGE rm --orphans --yes
        $PARTAGE ls";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    if output.contains("none\n") {
        eprintln!("skipped: PHP is not installed");
        return;
    }
    let heading = "KEY ID OWNER MODE SIZE RES NATTCH STATUS CHANGED USED PIDS";
    let lines = golden(&output, "mine");
    assert_eq!(lines[..2], ["status 137", heading], "{output}");
    let fields: Vec<&str> = lines[2].split(' ').collect();
    assert_eq!(fields[0], "0x00706870", "{output}");
    assert_eq!(
        fields[2..],
        ["root", "666", "9.8KiB", "4KiB", "0", "-", "AGE", "AGE", "-"],
        "{output}"
    );
    assert!(lines[3].starts_with("removed segment "), "{output}");
    assert_eq!(lines[4..], [heading], "{output}");
}
