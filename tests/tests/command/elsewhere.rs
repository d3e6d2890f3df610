//! What is in other mount and IPC namespaces, and of processes that tell little.

use crate::fixture::Namespace;
use crate::support::{Place, built, finish};
use std::process::Command;

/// What `script` prints where mounts, segments and pids are its own, with an empty /dev/shm. It has
/// `$PARTAGE` and `$TOOL`, and `hold WORDS... -- STEPS...`, which starts the tool by WORDS and waits for it
/// to be ready; whoever was started ends with the script.
fn apart(script: &str) -> Option<String> {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can have such namespaces");
        return None;
    }
    let place = Place::new();
    // A fifo for each holder: it says that it is ready, and is read no more.
    let whole = format!(
        "set -e; mount -t tmpfs none {0}; mount -t tmpfs -o mode=1777 none /dev/shm; number=0
        hold() {{
            number=$((number + 1)); mkfifo {0}/in$number {0}/out$number
            \"$@\" hold <{0}/in$number >{0}/out$number &
            eval \"exec $((number + 2))>{0}/in$number\"
            while read -r line; do [ \"$line\" != ready ] || break; done <{0}/out$number
        }}
        {script}",
        "/mnt"
    );
    let mut unshare = Command::new("unshare");
    unshare
        .args([
            "-m",
            "-i",
            "-p",
            "-f",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            &whole,
        ])
        .env("PARTAGE", built().command())
        .env("TOOL", crate::fixture::tool())
        .env("NO_COLOR", "1")
        .env_remove("PARTAGE_DIR");
    let ended = finish(&mut unshare);
    drop(place);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    Some(ended.output)
}

fn lines_with<'a>(text: &'a str, word: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().filter(|line| line.contains(word));
    lines
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// The main thread's entry in /proc tells nothing any more, its IPC namespace neither.
#[test]
fn segment_of_the_kernel_held_by_a_thread() {
    let script = "hold $TOOL get 0x77 100 0600 at alone
        $PARTAGE ls --backend kernel -p 2>&1";
    let Some(text) = apart(script) else { return };
    let rows = lines_with(&text, "0x00000077");
    assert_eq!(rows.len(), 1, "{text}");
    assert_eq!(rows[0][3], "shmtool", "{text}");
    assert!(!text.contains("cannot be seen"), "{text}");
}

/// A container has a /dev/shm of its own: its objects and its namespace are memory of this machine.
#[test]
fn memory_of_another_mount_namespace() {
    let script = "own='mount -t tmpfs none /dev/shm; exec \"$@\"'
        hold unshare -m -i sh -c \"$own\" sh $PARTAGE run -- $TOOL get 0x88 5000 0600 at
        hold unshare -m -i sh -c \"$own\" sh $TOOL posix /theirs 6000 get 0x89 100 0600 at
        $PARTAGE ls --all-memory -p; echo; $PARTAGE ls --all-users; $PARTAGE top -n 1; $PARTAGE ls
        $PARTAGE ls -p --dir $($PARTAGE ls --all-users | grep -o '^/proc/[0-9]*/root[^ ]*' | head -n 1)";
    let Some(text) = apart(script) else { return };
    let theirs = lines_with(&text, "/theirs");
    assert_eq!(theirs.len(), 2, "in -p and in top: {text}");
    assert_eq!(
        (theirs[0][1], theirs[0][3]),
        ("(elsewhere)", "shmtool"),
        "{text}"
    );
    let namespaces = theirs[0].last().unwrap();
    assert!(
        namespaces.starts_with("ipc:") && namespaces.contains(",mnt:"),
        "{text}"
    );
    assert_eq!(theirs[1][3], "elsewhere", "{text}");
    let segment = lines_with(&text, "/SYSV00000089");
    assert_eq!(segment[0][1], "(sysv)", "{text}");
    // Of the list, in the list, of top, and by the directory that the list has.
    let ours = lines_with(&text, "/root/dev/shm/partage-0");
    assert_eq!(ours[0][2], "used", "{text}");
    assert_eq!(lines_with(&text, "0x00000088").len(), 3, "{text}");
}

/// The kernel shows a line feed in its tables of mappings as digits.
#[test]
fn names_of_memory_with_line_feeds() {
    let namespace = Namespace::new();
    let _held = namespace.hold("memfd a\nb 5000");
    let text = namespace.show(&["ls", "--all-memory"]);
    assert!(text.contains("/memfd:a\\x0ab "), "{text}");
}

/// Where /proc lists only one's own processes, nothing says that nobody else holds an object; root can
/// ask the kernel, also without the capability for it, as in a container.
#[test]
fn what_may_be_held_by_processes_that_are_not_listed() {
    let script = "hold $TOOL posix /theirs 6000
        setpriv --reuid=4711 --regid=4711 --clear-groups sh -c 'echo x >/dev/shm/4711s'
        mount -o remount,hidepid=invisible /proc || mount -o remount,hidepid=2 /proc
        as() { setpriv --reuid=65534 --regid=65534 --clear-groups $PARTAGE \"$@\"; }
        as ls; as rm --orphans --all-users --yes; echo \"status $?\"; ls /dev/shm
        setpriv --bounding-set=-lease,-sys_ptrace $PARTAGE ls --posix --orphans";
    let Some(text) = apart(script) else { return };
    let theirs = lines_with(&text, "/theirs");
    assert_eq!(theirs[0].last(), Some(&"?"), "{text}");
    assert!(
        text.contains("holds 2 objects cannot be told, with processes that are not listed"),
        "{text}"
    );
    let kept = "cannot be seen (run as root), stays: object /theirs ";
    assert!(text.contains(kept) && text.contains("status 0\n"), "{text}");
    // Of root's look the object is an orphan that is one.
    let orphans = text.rsplit("NAME ").next().unwrap();
    assert!(
        orphans.contains("/4711s") && !orphans.contains("/theirs"),
        "{text}"
    );
}

/// Segments that nobody has mapped are in the table of their namespace alone. Root reads it there.
#[test]
fn segments_of_another_ipc_namespace_that_nobody_has_mapped() {
    let script = "hold unshare -i $TOOL get 0x8a 7000 0600 get 0x8b 5000 0600 at
        echo \"theirs $(stat -Lc %i /proc/$!/ns/ipc)\"
        ipcmk -M 3000 >/dev/null
        $PARTAGE ls --all-memory; echo; $PARTAGE ls --all-memory --orphans --backend kernel; echo
        $PARTAGE top -n 1 | grep SYSV; $PARTAGE ls --all-memory --json
        setpriv --reuid=65534 --clear-groups $PARTAGE ls --all-memory | grep -c SYSV0000008a || echo unseen";
    let Some(text) = apart(script) else { return };
    let ipc = text.lines().next().unwrap().replace("theirs ", "ipc:");
    let orphans = lines_with(&text, "/SYSV0000008a ");
    let cells = ["sysv", "6.8KiB", "0B", "-", "0", &ipc, "-"];
    assert_eq!(orphans.len(), 3, "{text}");
    assert_eq!(orphans[0][1..], cells, "{text}");
    assert_eq!(orphans[1][1..], cells, "{text}");
    let held = lines_with(&text, "/SYSV0000008b ");
    assert_eq!(held.len(), 2, "held, so no orphan: {text}");
    assert_eq!(held[0][6], ipc, "{text}");
    assert!(held[0][4].parse::<u32>().is_ok(), "{text}");
    // Of this namespace: without a name by our backend, and in the list itself by the kernel's.
    assert_eq!(lines_with(&text, " 2.9KiB ").len(), 2, "{text}");
    let json = text.find("\n{").map(|start| &text[start..]).unwrap();
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<serde_json::Value>();
    let value = values.next().unwrap().unwrap();
    let nameless = value["nameless"].as_array().unwrap();
    let orphan = nameless
        .iter()
        .find(|memory| memory["name"] == "/SYSV0000008a")
        .unwrap();
    assert_eq!(format!("ipc:{}", orphan["ipc"]), ipc);
    assert_eq!(
        (&orphan["shmid"], &orphan["unseen"]),
        (&0.into(), &0.into())
    );
    assert!(text.ends_with("0\nunseen\n"), "{text}");
}

/// A program under `partage run` that opens the kernel's table gets ours: the command does not, since it would remove
/// a segment of the kernel's by the id of one of ours.
#[test]
fn segments_of_the_kernel_as_seen_from_a_run() {
    let command = built().command();
    let command = command.display();
    let script = format!(
        "ipcmk -M 7000 >/dev/null; ipcmk -M 7000 >/dev/null
        {command} run --private -- sh -c 'ipcmk -M 9000 >/dev/null; {command} ls --backend kernel
            {command} rm --backend kernel --orphans -n; {command} top'; echo end"
    );
    let mut unshare = Command::new("unshare");
    let output = finish(unshare.args(["-ri", "sh", "-c", &script])).output;
    assert_eq!(output.matches("6.8KiB").count(), 4, "{output}");
    assert_eq!(output.matches("6.8 KiB").count(), 2, "{output}");
    assert_eq!(output.matches("8.8KiB").count(), 1, "{output}");
    assert!(!output.contains("8.8 KiB"), "{output}");
}
