//! `partage ls` and `partage stat`: what they show of namespaces made by C programs.

use crate::fixture::Namespace;
use crate::support::{finish, outcome, partage};
use std::process::Command;

/// The columns of a table, each line split at blanks.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn short_table() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 0x52e2c1 56 0600 get 0 4097 0640");
    let held = namespace.hold("get 0x52e2c1 56 0600 at write hello");
    let text = namespace.show(&["ls"]);
    let rows = rows(&text);
    let heading = "KEY ID OWNER MODE SIZE RES NATTCH STATUS CHANGED USED PIDS";
    assert_eq!(rows[0].join(" "), heading, "{text}");
    let user = crate::support::user();
    let pid = held.pid().to_string();
    assert_eq!(
        rows[1][..8],
        ["0x0052e2c1", &ids[0], &user, "600", "56B", "4KiB", "1", "-"]
    );
    assert_eq!(rows[1][10], pid);
    assert_eq!(
        rows[2][..8],
        ["0x00000000", &ids[1], &user, "640", "4KiB", "0B", "0", "-"]
    );
    assert_eq!(rows[2][9..], ["-", "-"]);
    assert_eq!(rows.len(), 3);
    held.finish();
    assert!(
        namespace
            .show(&["ls"])
            .lines()
            .nth(1)
            .unwrap()
            .contains(" 0  -")
    );
}

#[test]
fn attachments_name_process_address_and_access() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 7 100 0600 at ro");
    let text = namespace.show(&["ls", "-p"]);
    let rows = rows(&text);
    assert_eq!(rows[0].join(" "), "WHAT PID COMMAND ADDRESS ACCESS SINCE");
    let mut access: Vec<&str> = rows[1..].iter().map(|row| row[5]).collect();
    access.sort_unstable();
    assert_eq!(access, ["read-only", "read-write"], "{text}");
    for row in &rows[1..] {
        assert_eq!(
            row[..4],
            [
                &held.ids[0],
                "(0x00000007)",
                &held.pid().to_string(),
                "shmtool"
            ]
        );
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", held.pid())).unwrap();
        let address = row[4].strip_prefix("0x").unwrap();
        assert!(maps.contains(&format!("{address}-")), "{address}");
    }
}

#[test]
fn children_and_objects_are_shown() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 7 100 0600 at posix /picture 5000 fork 2");
    let text = namespace.show(&["ls"]);
    let rows = rows(&text);
    assert_eq!(rows[1][6], "3", "{text}");
    assert_eq!(rows[1][10].split(',').count(), 3, "{text}");
    let object = rows
        .iter()
        .find(|row| row.first() == Some(&"/picture"))
        .unwrap();
    assert_eq!(object[2..5], ["600", "4.9KiB", "0B"]);
    assert_eq!(object[6].split(',').count(), 3, "{text}");
    let tree = namespace.show(&["ls", "--tree"]);
    assert!(
        tree.contains(&format!("{} shmtool\n", held.pid())),
        "{tree}"
    );
    assert_eq!(tree.matches("/picture").count(), 3, "{tree}");
}

/// A killed process is not counted, reaped or not, and looking changes nothing.
#[test]
fn the_dead_are_not_counted() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 7 100 0600 at");
    assert_eq!(rows(&namespace.show(&["ls"]))[1][6], "1");
    held.kill();
    let text = namespace.show(&["ls"]);
    assert_eq!(rows(&text)[1][6..8], ["0", "-"], "{text}");
    assert_eq!(rows(&text)[1][10], "-", "{text}");
}

#[test]
fn removed_and_locked_are_said() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 7 100 0600 at lock remove");
    let text = namespace.show(&["ls"]);
    assert_eq!(rows(&text)[1][0], "0x00000000");
    assert_eq!(rows(&text)[1][7], "removed,locked", "{text}");
    held.finish();
    assert_eq!(namespace.show(&["ls"]).lines().count(), 1);
}

#[test]
fn selection_and_order() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 1 100 0600 get 2 5000 0600 get 3 50 0600");
    let _held = namespace.hold("get 2 5000 0600 at posix /x 1");
    let column = |words: &[&str]| {
        let text = namespace.show(&[&["ls", "--sysv"], words].concat());
        rows(&text)[1..]
            .iter()
            .map(|row| row[1].to_owned())
            .collect::<Vec<_>>()
    };
    let order = |picked: [usize; 3]| picked.map(|index| ids[index].clone()).to_vec();
    assert_eq!(column(&[]), order([0, 1, 2]));
    assert_eq!(column(&["--sort", "size"]), order([2, 0, 1]));
    assert_eq!(column(&["--sort", "key", "--reverse"]), order([2, 1, 0]));
    assert_eq!(column(&["--orphans"]), [ids[0].clone(), ids[2].clone()]);
    assert_eq!(column(&["--min-size", "1K"]), [ids[1].clone()]);
    assert_eq!(column(&["--owner", "12345"]), [] as [String; 0]);
    assert_eq!(column(&["--older-than", "1h"]), [] as [String; 0]);
    assert_eq!(column(&["--older-than", "0s"]).len(), 3);
    let posix = namespace.show(&["ls", "--posix"]);
    assert!(posix.starts_with("NAME") && posix.contains("/x"), "{posix}");
}

#[test]
fn json_is_complete() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 0x10 100 0600 at");
    let value: serde_json::Value =
        serde_json::from_str(&namespace.show(&["ls", "--json"])).unwrap();
    let segment = &value["segments"][0];
    assert_eq!(segment["key"], 16);
    assert_eq!(segment["id"].to_string(), held.ids[0]);
    assert_eq!(segment["mode"], 0o600);
    assert_eq!(segment["nattch"], 1);
    assert_eq!(segment["attached"][0]["pid"], held.pid());
    assert_eq!(segment["attached"][0]["command"], "shmtool");
    assert_eq!(segment["attached"][0]["read_only"], false);
    assert_eq!(value["limits"]["shmmni"], 4096);
    assert_eq!(value["directory"], namespace.dir());
}

/// `ipcs -m` itself, on the library's calls, prints what `--ipcs` prints.
#[test]
fn same_table_as_ipcs() {
    let namespace = Namespace::new();
    let _held = namespace.hold("get -2 100 0600 get 5 123456 0666 at lock remove");
    namespace.make("get 6 1 0");
    let ours = namespace.show(&["ls", "--ipcs"]);
    let theirs = finish(&mut partage(&[
        "run",
        "--dir",
        &namespace.dir(),
        "--",
        "ipcs",
        "-m",
    ]));
    assert_eq!(ours, theirs.output);
    // The kernel's table is hidden only where the kernel does not serve the calls.
    let words = ["run", "--backend", "kernel", "--", "ipcs", "-m"];
    assert!(!finish(&mut partage(&words)).output.contains("0xfffffffe"));
}

#[test]
fn lsipc_and_ipcrm_work_on_our_segments() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 5 123456 0600 get 6 10 0600");
    let dir = namespace.dir();
    let run = |words: &[&str]| {
        finish(&mut partage(
            &[&["run", "--dir", &dir, "--"], words].concat(),
        ))
    };
    let listed = run(&["lsipc", "-m", "--noheadings", "-o", "ID,SIZE", "-b"]).output;
    assert_eq!(
        rows(&listed),
        [[ids[0].as_str(), "123456"], [ids[1].as_str(), "10"]]
    );
    assert_eq!(run(&["ipcrm", "-m", &ids[0], "-M", "6"]).code(), Some(0));
    assert_eq!(namespace.show(&["ls"]).lines().count(), 1);
}

/// The same calls in the kernel give the same table there.
#[test]
fn same_table_as_the_kernels() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root has an IPC namespace of its own");
        return;
    }
    let script = "ipcmk -M 100 -p 0640 >/dev/null; ipcmk -M 7 >/dev/null; ipcs -m;
        $PARTAGE ls --backend kernel --ipcs";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-i", "sh", "-c", script])
        .env("PARTAGE", crate::support::built().command());
    let output = finish(&mut unshare).output;
    let (first, second) = output.split_at(output.len() / 2);
    assert_eq!(first, second);
    assert_eq!(first.lines().count(), 6, "{first}");
}

#[test]
fn everything_about_one() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 0x10 5000 0640 at write x posix /y 10");
    let id = held.ids[0].as_str();
    let by_id = namespace.show(&["stat", id]);
    assert_eq!(by_id, namespace.show(&["stat", "0x10"]));
    for part in [
        &format!("segment  {id}\n"),
        "key  0x00000010\n",
        "size  5000 bytes (4.9 KiB)\n",
        "resident  4096 bytes (4 KiB)\n",
        "mode  640\n",
        &format!("created by  {} (shmtool)\n", held.pid()),
        "detached  never\n",
        "nattch  1\n",
        &format!("{}  shmtool  at 0x", held.pid()),
        "read-write  since 20",
    ] {
        assert!(by_id.contains(part), "{part} in\n{by_id}");
    }
    assert!(namespace.show(&["stat", "/y"]).contains("size  10 bytes\n"));
    let (code, output) = namespace.partage(&["stat", "999999"]);
    assert_eq!(code, Some(1));
    assert!(
        output.contains("there is no such thing: segment 999999"),
        "{output}"
    );
    assert_eq!(outcome(&["stat", "0x0"]).0, Some(2));
}

/// In a pipe, top is a plain table, once.
#[test]
fn top_in_a_pipe() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 0x70a 50000 0600 at write x posix /t 10 unlink /t");
    let ended = finish(&mut partage(&["top"]));
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let mut lines = ended.output.lines();
    assert!(
        lines.next().unwrap().starts_with("/dev/shm: "),
        "{}",
        ended.output
    );
    let heading = "RES GROWTH SIZE KIND OWNER WHAT PIDS COMMAND";
    let heads: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(heads.join(" "), heading);
    let what = format!("{}:{} (0x0000070a)", namespace.dir(), held.ids[0]);
    let row = ended
        .output
        .lines()
        .find(|line| line.contains(&what))
        .unwrap();
    assert!(row.contains("4KiB") && row.contains(" segment "), "{row}");
    let holder = format!(" {} ", held.pid());
    assert!(row.contains(&holder) && row.ends_with(" shmtool"), "{row}");
    let twice = finish(&mut partage(&[
        "top", "-n", "2", "-d", "1", "--sort", "name",
    ]));
    assert_eq!(twice.output.matches("GROWTH").count(), 2);
}

#[test]
fn colours_are_as_asked_for() {
    let namespace = Namespace::new();
    namespace.make("get 1 1 0600");
    assert!(
        namespace
            .show(&["ls", "--color", "always"])
            .contains("\x1b[1mKEY")
    );
    assert!(!namespace.show(&["ls", "--color", "never"]).contains('\x1b'));
    assert_eq!(namespace.partage(&["ls", "--color", "pink"]).0, Some(2));
}

/// Whoever reads the kernel's table finds our segments there, byte for byte in the kernel's form.
#[test]
fn kernels_table_has_our_segments() {
    let namespace = Namespace::new();
    let _held = namespace.hold("get -2 100 0600 at write x get 5 123456 0666 at lock remove");
    namespace.make("get 6 1 0");
    let dir = namespace.dir();
    let run = |words: &[&str]| {
        let words = [&["run", "--dir", &dir, "--"], words].concat();
        finish(&mut partage(&words)).output
    };
    let table = run(&["cat", "/proc/sysvipc/shm"]);
    let heading = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    assert_eq!(
        table.lines().next(),
        heading.lines().next().or(table.lines().next())
    );
    let fields = rows(&table);
    assert_eq!(fields.len(), 4, "{table}");
    assert_eq!(
        (fields[1][0], fields[1][2], fields[1][3]),
        ("-2", "600", "100")
    );
    assert_eq!(fields[1][14..], ["4096", "0"], "{table}");
    assert_eq!(fields[2][2], "3666", "{table}");
    let widths: Vec<usize> = table.lines().map(str::len).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    for words in [
        &[
            "sh",
            "-c",
            "while IFS= read -r line; do printf '%s\\n' \"$line\"; done </proc/sysvipc/shm",
        ][..],
        &[
            "python3",
            "-c",
            "print(open('/proc/sysvipc/shm').read(), end='')",
        ],
        &["awk", "1", "/proc/sysvipc/shm"],
    ] {
        assert_eq!(run(words), table, "{words:?}");
    }
    let kernel = run(&["env", "LD_PRELOAD=", "cat", "/proc/sysvipc/shm"]);
    assert_ne!(kernel, table);
}

/// The same calls in the kernel and on the library give tables that differ in ids, times and pids only.
#[test]
fn table_is_the_kernels_but_for_ids() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root has an IPC namespace of its own");
        return;
    }
    let script =
        "$TOOL get 5 100 0640 get 6 7 0600 get -7 4096 0 >/dev/null; cat /proc/sysvipc/shm";
    let table = |words: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-i"]).args(words).args(["sh", "-c", script]);
        unshare.env("TOOL", crate::fixture::tool());
        let text = finish(&mut unshare).output;
        let lines = text.lines().map(masked);
        lines.map(|line| format!("{line:?}")).collect::<Vec<_>>()
    };
    let command = crate::support::built().command().display().to_string();
    let kernels = table(&["env"]);
    assert_eq!(kernels.len(), 4, "{kernels:?}");
    assert_eq!(kernels, table(&[&command, "run", "--private", "--"]));
}

/// Where each field ends, and what it says, but for id, pids and times.
fn masked(line: &str) -> Vec<(usize, &str)> {
    let fields = line.split_whitespace().enumerate();
    fields
        .map(|(number, field)| {
            let end = field.as_ptr() as usize - line.as_ptr() as usize + field.len();
            match number {
                1 | 4 | 5 | 11..=13 => (end, "#"),
                _ => (end, field),
            }
        })
        .collect()
}
