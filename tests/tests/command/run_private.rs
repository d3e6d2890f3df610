//! `partage run --private`: the namespace goes with the program, however that ends.

use crate::support::{built, finish, outcome, partage, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for a signal that is trapped, but not for ever. bash runs a trap at once while it waits by its own command, but one
/// that came just before that only when it is done; and sometimes none at all while a program runs in front of it.
const WAIT: &str = "for ((i = 0; i < 1200; i++)); do sleep 0.05 & wait $!; done";

/// A private run whose program said where its namespace is, and its pid.
struct Run {
    supervisor: Child,
    namespace: PathBuf,
    program: i32,
}

impl Run {
    /// Starts a shell that says so, then goes on with `script`.
    fn start(script: &str) -> Self {
        Self::start_after("", script)
    }

    /// The same, once `preparation` is done.
    fn start_after(preparation: &str, script: &str) -> Self {
        let script = format!("{preparation}\necho $PARTAGE_DIR $$\n{script}");
        let mut command = partage(&["run", "--private", "--", "bash", "-c", &script]);
        // Where these tests run in the background, some are ignored, and bash traps none of those.
        // SAFETY: signal(2) may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut supervisor = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(supervisor.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (namespace, program) = line.trim().split_once(' ').unwrap();
        let program = program.parse().unwrap();
        Self {
            supervisor,
            namespace: namespace.into(),
            program,
        }
    }

    fn supervisor_pid(&self) -> i32 {
        self.supervisor.id().try_into().unwrap()
    }

    /// The process that waits for the supervisor's death: it too has the starter file open.
    fn guard(&self) -> i32 {
        let starter = self.namespace.join("starter");
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut holders = pids.filter(|pid| has_open(*pid, &starter));
        holders.find(|pid| *pid != self.supervisor_pid()).unwrap()
    }
}

fn has_open(pid: i32, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let mut targets = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| target == path)
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: kill touches no memory; the process was started by the test.
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(sent, 0);
}

fn is_gone(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state
        .rsplit_once(')')
        .is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

#[test]
fn namespace_is_there_during_the_run_and_gone_with_it() {
    let script = "stat -c '%a %u' $PARTAGE_DIR; cat $PARTAGE_DIR/starter; echo $PARTAGE_DIR";
    let (code, output) = outcome(&["run", "--private", "sh", "-c", script]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = output.lines().collect();
    // Who is root may start programs as other users, which then make segments of their own.
    // SAFETY: reads the effective user id.
    let user = unsafe { libc::geteuid() };
    let mode = if user == 0 { 1733 } else { 711 };
    assert_eq!(lines[0], format!("{mode} {user}"));
    assert!(lines[1].starts_with("pid "), "{output}");
    assert_eq!(lines[3], "command sh");
    assert!(lines[4].contains("/partage-private-"), "{output}");
    assert!(!Path::new(lines[4]).exists());
}

#[test]
fn keep_leaves_it_and_says_where() {
    let (code, output) = outcome(&["run", "--private", "--keep", "sh", "-c", "exit 3"]);
    assert_eq!(code, Some(3));
    let path = output
        .trim()
        .strip_prefix("partage: kept the private namespace ")
        .unwrap();
    assert!(Path::new(path).join("kept").exists());
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn killed_supervisor_takes_program_and_namespace_along() {
    let mut run = Run::start("exec sleep 1000");
    kill(run.supervisor_pid(), libc::SIGKILL);
    assert_eq!(run.supervisor.wait().unwrap().signal(), Some(libc::SIGKILL));
    wait_until("the program is gone", || is_gone(run.program));
    wait_until("the namespace is gone", || !run.namespace.exists());
}

#[test]
fn killed_guard_is_not_missed() {
    let mut run = Run::start_after("trap 'exit 6' TERM", WAIT);
    kill(run.guard(), libc::SIGKILL);
    kill(run.program, libc::SIGTERM);
    assert_eq!(run.supervisor.wait().unwrap().code(), Some(6));
    assert!(!run.namespace.exists());
}

#[test]
fn killed_program_is_cleaned_up_after() {
    let mut run = Run::start("exec sleep 1000");
    kill(run.program, libc::SIGKILL);
    assert_eq!(run.supervisor.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert!(!run.namespace.exists());
}

#[test]
fn guard_leaves_after_an_ordinary_end() {
    let mut run = Run::start("exec sleep 1000");
    let guard = run.guard();
    kill(run.program, libc::SIGTERM);
    run.supervisor.wait().unwrap();
    wait_until("the guard is gone", || is_gone(guard));
}

#[test]
fn signals_are_passed_on() {
    for signal in [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGRTMAX(),
    ] {
        let trap = format!("trap 'exit 42' {signal}");
        let mut run = Run::start_after(&trap, WAIT);
        kill(run.supervisor_pid(), signal);
        assert_eq!(
            run.supervisor.wait().unwrap().code(),
            Some(42),
            "signal {signal}"
        );
    }
}

#[test]
fn stopping_and_going_on_concern_both() {
    let mut run = Run::start("kill -STOP $$; exit 5");
    let pid = run.supervisor_pid();
    let mut status = 0;
    // SAFETY: `status` is a valid place; the process is our child.
    let stopped = unsafe { libc::waitpid(pid, &raw mut status, libc::WUNTRACED) };
    assert_eq!(stopped, pid);
    assert!(libc::WIFSTOPPED(status));
    kill(pid, libc::SIGCONT);
    assert_eq!(run.supervisor.wait().unwrap().code(), Some(5));
}

/// What outlives the program keeps running; only the namespace goes.
#[test]
fn namespace_goes_when_the_program_ends_and_others_remain() {
    let mut run = Run::start_after("sleep 1000 & echo $! >$PARTAGE_DIR.pid", "exit 0");
    assert_eq!(run.supervisor.wait().unwrap().code(), Some(0));
    assert!(!run.namespace.exists());
    let file = run.namespace.with_extension("pid");
    let left = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    fs::remove_file(file).unwrap();
    assert!(!is_gone(left));
    kill(left, libc::SIGKILL);
}

#[test]
fn several_programs_share_one_private_namespace() {
    let script = "touch $PARTAGE_DIR/mark; sh -c 'test -e $PARTAGE_DIR/mark'";
    assert_eq!(
        outcome(&["run", "--private", "sh", "-c", script]).0,
        Some(0)
    );
}

#[test]
fn elsewhere_without_dev_shm() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can take /dev/shm away");
        return;
    }
    let script = "mount -t tmpfs -o ro none /dev/shm &&
        exec $PARTAGE run --private -- sh -c 'echo $PARTAGE_DIR'";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-m", "sh", "-c", script])
        .env("TMPDIR", "/var/tmp");
    let ended = finish(unshare.env("PARTAGE", built().command()));
    assert!(
        ended.output.starts_with("/var/tmp/partage-private-"),
        "{}",
        ended.output
    );
    assert!(!Path::new(ended.output.trim()).exists());
}

/// The usual start of a service: root enters, and drops to the user whose segments they will be.
#[test]
fn user_that_root_drops_to_makes_segments() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can drop to a user");
        return;
    }
    let drop = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let script = format!(
        "{drop} ipcmk -M 4096 && {drop} sh -c 'ipcs -m | grep -c 4096' && {drop} ipcrm --all=shm"
    );
    let words = [
        "run",
        "--private",
        "--without-kernel-sysv",
        "--",
        "sh",
        "-c",
    ];
    let (code, output) = outcome(&[&words[..], &[&script]].concat());
    assert_eq!(code, Some(0), "{output}");
    assert!(output.ends_with("\n1\n"), "{output}");
}

/// What outlives the run and makes its first call then is told that there is no shared memory, and leaves nothing.
#[test]
fn first_call_after_the_end_of_the_run_makes_nothing() {
    let late = "while [ -e $PARTAGE_DIR ]; do sleep 0.01; done; ipcmk -M 5000 >$PARTAGE_DIR.said 2>&1; \
                echo $? >$PARTAGE_DIR.code.new; mv $PARTAGE_DIR.code.new $PARTAGE_DIR.code";
    let mut run = Run::start_after(&format!("({late}) &"), "exit 3");
    assert_eq!(run.supervisor.wait().unwrap().code(), Some(3));
    let [said, code] = ["said", "code"].map(|name| run.namespace.with_extension(name));
    wait_until("the late call is made", || code.exists());
    let answers = [&said, &code].map(|file| fs::read_to_string(file).unwrap());
    for file in [said, code] {
        fs::remove_file(file).unwrap();
    }
    assert!(
        answers[0].contains("Function not implemented"),
        "{answers:?}"
    );
    assert_ne!(answers[1].trim(), "0");
    assert!(!run.namespace.exists());
}
