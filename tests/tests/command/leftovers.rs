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

/// What `partage rm --orphans --dry-run` says of leftovers, in what comes after a line `left`: all of
/// them, and each said to be one of `kinds`.
#[track_caller]
fn are_known(output: &str, kinds: &[&str]) -> usize {
    let said: Vec<&str> = output.lines().skip_while(|line| *line != "left").collect();
    let went = said
        .iter()
        .filter(|line| line.starts_with("would remove object "));
    let went: Vec<_> = went.collect();
    let known = went.iter().filter(|line| {
        kinds
            .iter()
            .any(|kind| line.ends_with(&format!(", {kind})")))
    });
    assert_eq!(known.count(), went.len(), "{output}");
    assert_eq!(went.len() + 1, said.len(), "nothing else is said: {output}");
    went.len()
}

/// Whether there is no such program here; in a run that is to skip nothing that is a failure.
fn is_missing(output: &str, what: &str) -> bool {
    let missing = output.lines().any(|line| line == "none");
    if missing {
        let all = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!all, "{what} is not installed");
        eprintln!("skipped: {what} is not installed");
    }
    missing
}

/// Killed just before it takes the names of its objects away, and of those of UCX below it.
#[test]
fn of_mpich() {
    let script = r#"command -v mpicc.mpich mpiexec.mpich strace >/dev/null || { echo none; exit; }
        mount -t tmpfs none /tmp; cd /tmp
        cat >job.c <<'END'
#include <mpi.h>
int main(int count, char **words)
{
    MPI_Comm near;
    MPI_Win window;
    void *memory;
    MPI_Init(&count, &words);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &near);
    MPI_Win_allocate_shared(65536, 1, MPI_INFO_NULL, near, &memory, &window);
    return MPI_Finalize();
}
END
        mpicc.mpich -o job job.c
        for call in 1 3; do
            kill="inject=unlink,unlinkat:signal=SIGKILL:when=$call"
            timeout 60 mpiexec.mpich -n 2 strace -f -o /dev/null -e trace=unlink,unlinkat -e "$kill" ./job >said 2>&1
        done
        echo left; $PARTAGE rm --orphans --dry-run"#;
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    if !is_missing(&output, "MPICH") {
        assert!(are_known(&output, &["MPICH", "UCX"]) > 0, "{output}");
    }
}

/// Its library makes a participant, which is asked for by its name in C++.
#[test]
fn of_fast_dds() {
    let script = "ip link set lo up 2>/dev/null
        python3 -c '
import ctypes, glob, os, signal, sys
found = sorted(glob.glob(\"/usr/lib/*/libfastrtps.so.[0-9]*\"))
if not found:
    sys.exit(print(\"none\"))
library, dds = ctypes.CDLL(found[0]), \"_ZN8eprosima7fastdds3dds\"
get = library[dds + \"24DomainParticipantFactory12get_instanceEv\"]
make = library[dds + \"24DomainParticipantFactory18create_participantEjRKNS1_20DomainParticipantQosE\"
    \"PNS1_25DomainParticipantListenerERKNS1_10StatusMaskE\"]
get.restype = make.restype = ctypes.c_void_p
quality = ctypes.c_char.in_dll(library, dds + \"23PARTICIPANT_QOS_DEFAULTE\")
assert make(ctypes.c_void_p(get()), 0, ctypes.byref(quality), None, ctypes.byref(ctypes.c_uint64(0)))
os.kill(os.getpid(), signal.SIGKILL)' 2>&1
        echo left; $PARTAGE rm --orphans --dry-run";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    if !is_missing(&output, "Fast-DDS") {
        let kinds = ["segment", "lock", "port", "port semaphore"];
        let kinds = kinds.map(|kind| format!("Fast-DDS {kind}"));
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        assert!(are_known(&output, &kinds) >= 4, "{output}");
    }
}

/// Its daemon, with the memory of messages, which has the name of a group.
#[test]
fn of_iceoryx() {
    let script = "command -v iox-roudi >/dev/null || { echo none; exit; }
        mount -t tmpfs none /tmp; mkfifo /tmp/said; iox-roudi >/tmp/said 2>&1 & its=$!
        while read -r line; do case $line in *ready*) kill -9 $its; esac; done </tmp/said
        wait $its; echo left; $PARTAGE rm --orphans --dry-run";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    if !is_missing(&output, "iceoryx") {
        let count = are_known(&output, &["iceoryx", "iceoryx messages"]);
        assert_eq!(count, 2, "{output}");
    }
}

/// Semaphores of processes that were spawned, whose resource tracker dies with them.
#[test]
fn of_pythons_semaphores() {
    let script = "cat >/dev/shm/job.py <<'END'
import multiprocessing, os, signal
from multiprocessing import resource_tracker
if __name__ == '__main__':
    made = multiprocessing.get_context('spawn').Semaphore(2)
    os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
END
        python3 /dev/shm/job.py; rm /dev/shm/job.py
        python3 -c 'import ctypes
ctypes.CDLL(None).sem_open(b\"/mine\", 64, 384, 1)'
        $PARTAGE rm --orphans --yes; ls -A /dev/shm";
    let Some(output) = on_a_machine_of_its_own(script) else {
        return;
    };
    let stays = "a named semaphore is kept between programs (a pattern takes it), stays: object /sem.mine (32 B, named semaphore)";
    let went = "removed object /sem.mp-N (32 B, Python multiprocessing semaphore)";
    let wanted = [stays, went, "sem.mine"];
    assert_eq!(golden(&output, "sem.mp-"), wanted, "{output}");
}
