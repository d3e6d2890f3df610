//! Who holds what: nobody is missing, nobody is named falsely, and what cannot be seen is said.

use crate::fixture::Namespace;
use crate::support::{Place, finish, partage, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65534;

fn is_root() -> bool {
    // SAFETY: reads the effective user id.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("skipped: only root can be somebody else");
    }
    root
}

/// The line of a table that has this word.
fn line_of<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines()
        .find(|line| line.contains(word))
        .unwrap_or_else(|| panic!("{word} in\n{text}"))
}

/// In the pid namespace of a container the holder has a number that is another process's here.
#[test]
fn holder_in_another_pid_namespace_is_found_there() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    let mut unshare = Command::new("unshare");
    let script = "true; \"$@\"; true";
    unshare.args([
        "-p",
        "-f",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    unshare.env_remove("PARTAGE_DIR");
    let held = namespace.hold_under(unshare, "get 7 100 0600 at");
    let text = namespace.show(&["ls", "-p"]);
    assert!(text.lines().next().unwrap().contains("INNER"), "{text}");
    let fields: Vec<&str> = line_of(&text, "0x00000007").split_whitespace().collect();
    let [.., inner, namespaces] = fields[..] else {
        panic!("{text}")
    };
    let pid = fields[2];
    assert!(
        namespaces.starts_with("mnt:") && namespaces.contains(",pid:"),
        "{text}"
    );
    assert_ne!(pid, inner, "{text}");
    assert_eq!(fields[3], "shmtool", "{text}");
    assert_eq!(
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(),
        "shmtool\n"
    );
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let numbers = line_of(&status, "NSpid:");
    assert!(numbers.ends_with(&format!("\t{inner}")), "{numbers}");
    let stat = namespace.show(&["stat", "0x7"]);
    for part in [
        format!("created by  {pid} (shmtool), pid {inner} there\n"),
        format!("{pid}  shmtool (pid {inner} there, {namespaces})  at 0x"),
    ] {
        assert!(stat.contains(&part), "{part} in\n{stat}");
    }
    // From in there, those outside have no number.
    let _outside = namespace.hold("get 7 100 0600 at");
    let command = crate::support::built().command();
    let dir = namespace.dir();
    let script = format!(
        "true; {} ls --dir {dir} -p; {} ls --dir {dir}",
        command.display(),
        command.display()
    );
    let mut inside = Command::new("unshare");
    inside.args(["-p", "-f", "--mount-proc", "sh", "-c", &script]);
    let text = finish(&mut inside).output;
    assert!(text.contains("  ?  ?  "), "{text}");
    assert!(line_of(&text, "NATTCH").contains("PIDS"), "{text}");
    assert!(text.contains("  ?2\n"), "{text}");
    assert!(text.contains("2 holders cannot be seen"), "{text}");
    drop(held);
}

/// A number that was given to another process names nobody.
#[test]
fn creator_that_has_ended_is_not_named() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 7 100 0600");
    let stat = namespace.show(&["stat", &ids[0]]);
    assert!(
        line_of(&stat, "created by").ends_with("(gone, or not to be seen)"),
        "{stat}"
    );
}

#[test]
fn open_or_locked_is_no_orphan() {
    let namespace = Namespace::new();
    let held = namespace.hold("open /lock flock posix /idle 10");
    let pid = held.pid().to_string();
    let text = namespace.show(&["ls"]);
    assert!(line_of(&text, "/lock").ends_with(&pid), "{text}");
    assert_eq!(namespace.show(&["ls", "--orphans"]).matches('/').count(), 0);
    let listed = namespace.show(&["ls", "-p"]);
    let row = line_of(&listed, "/lock");
    assert!(
        row.contains("open as ") && row.contains(", locked"),
        "{row}"
    );
    let stat = namespace.show(&["stat", "/lock"]);
    assert!(
        stat.contains("mapped  0 times\n") && stat.contains("open  1 time\n"),
        "{stat}"
    );
    let (code, output) = namespace.partage(&["rm", "/lock"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(Path::new(&namespace.dir()).join("posix/lock").exists());
    held.finish();
    let orphans = namespace.show(&["ls", "--orphans"]);
    assert_eq!(orphans.matches('/').count(), 2, "{orphans}");
    namespace.show(&["rm", "/lock", "/idle"]);
}

/// The room that `df` shows and a list of names does not.
#[test]
fn unlinked_memory_has_a_holder() {
    let namespace = Namespace::new();
    let held = namespace.hold("posix /gone 5000000 unlink /gone");
    let pid = held.pid().to_string();
    let text = namespace.show(&["ls"]);
    let row = line_of(&text, "/gone");
    assert!(row.contains("unlinked") && row.ends_with(&pid), "{text}");
    assert!(row.contains("4.8MiB"), "{text}");
    assert!(
        namespace
            .show(&["ls", "-p", "--pid", &pid])
            .contains("/gone (unlinked)")
    );
    assert!(
        namespace
            .show(&["ls", "--tree"])
            .contains("/gone (unlinked)")
    );
    let json = namespace.show(&["ls", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["nameless"][0]["name"], "/gone");
    assert_eq!(value["nameless"][0]["kind"], "unlinked");
    assert_eq!(value["nameless"][0]["attached"][0]["pid"], held.pid());
    let stat = namespace.show(&["stat", "/gone"]);
    for part in ["unlinked: it goes with its last holder", "mapped  1 time\n"] {
        assert!(stat.contains(part), "{part} in\n{stat}");
    }
    assert!(line_of(&stat, "shmtool").contains(&pid), "{stat}");
    let stat: serde_json::Value =
        serde_json::from_str(&namespace.show(&["stat", "--json", "/gone"])).unwrap();
    assert_eq!(stat["attached"][0]["pid"], held.pid());
    let (code, output) = namespace.partage(&["rm", "/gone"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("object /gone was unlinked"), "{output}");
    held.finish();
    assert!(!namespace.show(&["ls"]).contains("gone"));
    assert_eq!(namespace.partage(&["stat", "/gone"]).0, Some(1));
}

#[test]
fn memory_that_never_had_a_name_on_demand() {
    let namespace = Namespace::new();
    let name = format!("scratch-{}", std::process::id());
    let held = namespace.hold(&format!("memfd {name} 70000 close memfd {name}-open 50000"));
    assert!(!namespace.show(&["ls"]).contains(&name));
    let text = namespace.show(&["ls", "--all-memory"]);
    for (word, size) in [
        (format!("{name} "), "68.4KiB"),
        (format!("{name}-open "), "48.8KiB"),
    ] {
        let row = line_of(&text, &word);
        assert!(row.contains("memfd") && row.contains(size), "{text}");
        assert!(row.ends_with(&held.pid().to_string()), "{text}");
    }
}

/// A private mapping shows no change to others, and keeps the object's memory all the same.
#[test]
fn private_mappings_hold() {
    let namespace = Namespace::new();
    let held = namespace.hold("private /mine 10 private /lost 10 unlink /lost");
    let pid = held.pid().to_string();
    let text = namespace.show(&["ls"]);
    for what in ["/mine", "/lost"] {
        assert!(line_of(&text, what).ends_with(&pid), "{what} in\n{text}");
    }
    let text = namespace.show(&["ls", "-p"]);
    assert!(line_of(&text, "/mine").contains(" private "), "{text}");
}

/// Of such a process `/proc/PID/maps` and `/proc/PID/fd` are empty.
#[test]
fn process_whose_main_thread_has_ended() {
    let namespace = Namespace::new();
    let held = namespace
        .hold("get 7 100 0600 alone at posix /mapped 10 open /open posix /gone 10 unlink /gone");
    let pid = held.pid().to_string();
    wait_until("the main thread has ended", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.contains("State:\tZ")
    });
    let text = namespace.show(&["ls"]);
    for what in ["0x00000007", "/mapped", "/open", "/gone"] {
        assert!(line_of(&text, what).ends_with(&pid), "{what} in\n{text}");
    }
    if is_root() {
        let row: Vec<&str> = line_of(&text, "/gone").split_whitespace().collect();
        assert_eq!(row[..4], ["/gone", "unlinked", "10B", "0B"], "{text}");
    }
}

/// Whoever may not look into processes says so, and calls nothing an orphan that might be none.
#[test]
fn what_may_not_be_looked_into_is_said() {
    if !is_root() {
        return;
    }
    let name = format!("partage-test-unseen-{}", std::process::id());
    let path = format!("/dev/shm/{name}");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let own = format!("{path}-own");
    fs::write(&own, "x").unwrap();
    std::os::unix::fs::chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    let look = |words: &[&str]| finish(partage(words).uid(NOBODY).gid(NOBODY)).output;
    let (table, orphans) = (
        look(&["ls", "--posix"]),
        look(&["ls", "--posix", "--orphans"]),
    );
    // The kernel tells its owner that somebody has it open, whoever that is.
    let file = fs::File::open(&own).unwrap();
    let held = look(&["ls", "--posix"]);
    drop(file);
    let as_root = finish(&mut partage(&["ls", "--posix"])).output;
    let memory = look(&["ls", "--all-memory", "--posix"]);
    for path in [&path, &own] {
        fs::remove_file(path).unwrap();
    }
    let other = format!("/{name} ");
    assert!(line_of(&table, &other).ends_with('?'), "{table}");
    assert!(line_of(&as_root, &other).ends_with('-'), "{as_root}");
    assert!(!orphans.contains(&other), "{orphans}");
    assert!(
        orphans.contains("partage: whether somebody holds "),
        "{orphans}"
    );
    assert!(
        table.contains("may not be looked into: run as root"),
        "{table}"
    );
    let missing = "may not be looked into is not shown: run as root\n";
    assert!(memory.contains(missing), "{memory}");
    let mine = format!("/{name}-own ");
    assert!(line_of(&orphans, &mine).ends_with('-'), "{orphans}");
    assert!(line_of(&held, &mine).ends_with("?1"), "{held}");
}

/// An administrator looks into the namespace of a service's user, and sees its holders.
#[test]
fn root_looks_into_a_users_namespace() {
    if !is_root() {
        return;
    }
    let directory = format!("/tmp/partage-test-of-nobody-{}", std::process::id());
    fs::create_dir(&directory).unwrap();
    std::os::unix::fs::chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
    let made = finish(
        partage(&["run", "--dir", &directory, "--", "ipcmk", "-M", "4096"])
            .uid(NOBODY)
            .gid(NOBODY),
    );
    let seen = finish(&mut partage(&["ls", "--dir", &directory]));
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(made.code(), Some(0), "{}", made.output);
    assert_eq!(seen.code(), Some(0), "{}", seen.output);
    assert!(seen.output.contains("4KiB"), "{}", seen.output);
}

/// One planted name breaks nothing, and can be named.
#[test]
fn names_in_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let namespace = Namespace::new();
    namespace.make("posix /plain 10");
    let names: [(&[u8], &str); 3] = [
        (b"\xff\xfe", "/\\xff\\xfe"),
        (b"a\nb\x1b[2J", "/a\\x0ab\\x1b[2J"),
        (b"back\\slash", "/back\\\\slash"),
    ];
    let posix = Path::new(&namespace.dir()).join("posix");
    for (name, _) in names {
        fs::write(posix.join(OsStr::from_bytes(name)), "some bytes").unwrap();
    }
    let text = namespace.show(&["ls"]);
    let json: serde_json::Value = serde_json::from_str(&namespace.show(&["ls", "--json"])).unwrap();
    assert_eq!(json["objects"].as_array().unwrap().len(), 4);
    // Also when they are taken away, as long as somebody has the memory open.
    let lost = posix.join(OsStr::from_bytes(b"lost\xfe"));
    let open = fs::File::create(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    let other: serde_json::Value =
        serde_json::from_str(&namespace.show(&["ls", "--json"])).unwrap();
    let bytes: Vec<u8> = b"/lost\xfe".to_vec();
    assert_eq!(other["nameless"][0]["name_bytes"], serde_json::json!(bytes));
    drop(open);
    let place = Place::new();
    for (bytes, shown) in names {
        assert!(text.contains(&format!("{shown} ")), "{shown} in\n{text}");
        let mut objects = json["objects"].as_array().unwrap().iter();
        let whole = objects.any(|object| match object["name_bytes"].as_array() {
            Some(name) => name[1..]
                .iter()
                .map(|byte| byte.as_u64().unwrap() as u8)
                .eq(bytes.iter().copied()),
            None => &object["name"].as_str().unwrap().as_bytes()[1..] == bytes,
        });
        assert!(whole, "{shown} in\n{json}");
        assert!(
            namespace
                .show(&["stat", shown])
                .contains("size  10 bytes\n")
        );
        let copy = place.join("copy");
        namespace.show(&["cp", &format!("shm:{shown}"), copy.to_str().unwrap()]);
        assert_eq!(fs::read(copy).unwrap(), b"some bytes");
        namespace.show(&["rm", shown]);
    }
    assert_eq!(namespace.show(&["ls", "--posix"]).lines().count(), 2);
}

/// `EINVAL` has many causes: `PARTAGE_LOG` says which it was.
#[test]
fn invalid_arguments_are_explained() {
    let place = Place::new();
    let source = r#"
        #include <sys/shm.h>
        #include <stddef.h>
        int main(void)
        {
            int id = shmget(0xF00F, 4096, IPC_CREAT | 0600);
            struct shmid_ds ds;
            char *p = shmat(id, NULL, 0);
            return shmctl(0xF00F, IPC_RMID, NULL) == 0 || shmctl(77, IPC_STAT, &ds) == 0
                || shmat(0xF00F, NULL, 0) != (void *)-1 || shmat(id, p + 1, 0) != (void *)-1
                || shmat(id, p, 0) != (void *)-1 || shmat(id, NULL, SHM_REMAP) != (void *)-1
                || shmctl(id, 99, &ds) == 0 || shmctl(-1, IPC_RMID, NULL) == 0 || shmdt(p + 64) == 0;
        }"#;
    let program = place.compile("wrong", source, &[]);
    let run = [
        "run",
        "--private",
        "--log",
        "error",
        "--",
        program.to_str().unwrap(),
    ];
    let ended = finish(&mut partage(&run));
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let key = "no segment has the id 61455; 0xf00f is the key of segment ";
    assert_eq!(ended.output.matches(key).count(), 2, "{}", ended.output);
    for part in [
        "no segment has the id 77: EINVAL",
        "no segment has the id -1: EINVAL",
        "no multiple of the page size, and no SHM_RND: EINVAL",
        "something is mapped there already, and no SHM_REMAP: EINVAL",
        "SHM_REMAP needs an address: EINVAL",
        "shmctl has no command 99: EINVAL",
        "and this points into it: EINVAL",
    ] {
        assert!(ended.output.contains(part), "{part} in\n{}", ended.output);
    }
}
