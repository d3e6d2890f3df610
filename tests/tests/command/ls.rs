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
    let heading = "KEY ID OWNER MODE SIZE RES NATTCH STATUS AGE PIDS";
    assert_eq!(rows[0].join(" "), heading, "{text}");
    let user = crate::support::user();
    let pid = held.pid().to_string();
    assert_eq!(
        rows[1][..8],
        ["0x0052e2c1", &ids[0], &user, "600", "56", "4.0K", "1", "-"]
    );
    assert_eq!(rows[1][9], pid);
    assert_eq!(
        rows[2][..8],
        ["0x00000000", &ids[1], &user, "640", "4.1K", "0", "0", "-"]
    );
    assert_eq!(rows[2][9], "-");
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
    assert_eq!(rows[1][9].split(',').count(), 3, "{text}");
    let object = rows
        .iter()
        .find(|row| row.first() == Some(&"/picture"))
        .unwrap();
    assert_eq!(object[2..5], ["600", "4.9K", "0"]);
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
    assert_eq!(rows(&text)[1][9], "-", "{text}");
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
        "size  5000 bytes (4.9K)\n",
        "resident  4096 bytes (4.0K)\n",
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
