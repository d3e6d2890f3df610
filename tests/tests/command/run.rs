//! `partage run`: what reaches the program, and what is refused.

use crate::support::{Place, built, finish, outcome, partage};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

#[test]
fn exit_status_is_the_programs() {
    for private in [&[][..], &["--private"]] {
        for status in [0, 1, 7, 125, 255] {
            let script = format!("exit {status}");
            let words = [&["run"], private, &["--", "sh", "-c", &script]].concat();
            assert_eq!(outcome(&words), (Some(status), String::new()));
        }
    }
}

#[test]
fn death_by_a_signal_is_the_programs() {
    for private in [&[][..], &["--private"]] {
        for signal in [
            libc::SIGTERM,
            libc::SIGKILL,
            libc::SIGPIPE,
            libc::SIGRTMIN() + 1,
        ] {
            let script = format!("kill -{signal} $$");
            let words = [&["run"], private, &["--", "bash", "-c", &script]].concat();
            let ended = finish(&mut partage(&words));
            assert_eq!(
                ended.status.unwrap().signal(),
                Some(signal),
                "{}",
                ended.output
            );
        }
    }
}

#[test]
fn own_failures_have_statuses_of_their_own() {
    let place = Place::new();
    let plain = place.join("plain");
    fs::write(&plain, "").unwrap();
    let plain = plain.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["run"], 125, "required"),
        (
            &["run", "--no-such-option", "true"],
            125,
            "unexpected argument",
        ),
        (
            &["run", "--limits", "shmmin=1", "true"],
            125,
            "names are shmmax",
        ),
        (
            &["run", "--dir", "/no/such/parent", "true"],
            125,
            "No such file or directory",
        ),
        (&["run", "--keep", "true"], 125, "--private"),
        (
            &["run", "--user", "no-such-user", "true"],
            125,
            "there is no user",
        ),
        (&["run", plain], 126, "Permission denied"),
        (
            &["run", "/no/such/program"],
            127,
            "No such file or directory",
        ),
        (&["run", "no-such-program"], 127, "command not found"),
    ];
    for (words, status, message) in cases {
        let (code, output) = outcome(words);
        assert_eq!(code, Some(status), "{words:?}: {output}");
        assert!(output.contains(message), "{words:?}: {output}");
    }
}

#[test]
fn settings_reach_the_program() {
    let place = Place::new();
    let dir = place.join("namespace");
    let script = "echo $PARTAGE_DIR $PARTAGE_BACKEND $PARTAGE_SHMMAX $PARTAGE_SHMMNI $PARTAGE_LOG";
    let limits = [
        "--limits",
        "shmmax=1M,shmmni=10",
        "--log",
        "warn",
        "--backend",
        "user",
    ];
    let head = ["run", "--dir", dir.to_str().unwrap()];
    let words = [&head[..], &limits, &["sh", "-c", script]].concat();
    let expected = format!("{} user 1048576 10 warn\n", dir.display());
    assert_eq!(outcome(&words), (Some(0), expected));
    assert_eq!(
        fs::metadata(&dir).unwrap().permissions().mode() & 0o7777,
        0o711
    );
}

#[test]
fn preload_is_put_before_others() {
    let place = Place::new();
    let other = place.compile(
        "other.so",
        "int partage_test_nothing;",
        &["-shared", "-fPIC"],
    );
    let mut command = partage(&["run", "sh", "-c", "echo $LD_PRELOAD"]);
    let ended = finish(command.env("LD_PRELOAD", &other));
    let entries: Vec<&str> = ended.output.trim().split(':').collect();
    let release = built().release.to_str().unwrap();
    assert!(entries[0].starts_with(release), "{entries:?}");
    assert_eq!(entries.last().copied(), other.to_str(), "{entries:?}");
}

#[test]
fn missing_library_is_named() {
    let ended = finish(partage(&["run", "true"]).env("PARTAGE_LIB", "/no/such/library.so"));
    assert_eq!(ended.code(), Some(125));
    assert!(
        ended
            .output
            .contains("PARTAGE_LIB names /no/such/library.so"),
        "{}",
        ended.output
    );
}

/// Dispositions, the mask and open files are what they would be without us.
#[test]
fn process_state_is_handed_on() {
    let report = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; ls -l /proc/self/fd | wc -l";
    let in_state = |runner: &str| {
        let script =
            format!("trap '' PIPE USR1; exec 7</dev/null; {runner} sh -c \"{report}\" <&-");
        let mut shell = Command::new("bash");
        finish(
            shell
                .args(["-c", &script])
                .env("PARTAGE", built().command()),
        )
        .output
    };
    assert_eq!(in_state("$PARTAGE run --"), in_state(""));
    assert_eq!(in_state("$PARTAGE run --private --"), in_state(""));
}

/// With a library that serves nothing, what answers is the kernel.
#[test]
fn filter_takes_the_kernels_calls_away() {
    let place = Place::new();
    let nothing = place.compile(
        "nothing.so",
        "int partage_test_nothing;",
        &["-shared", "-fPIC"],
    );
    for private in [&[][..], &["--private"]] {
        let words = [
            &["run", "--without-kernel-sysv"],
            private,
            &["--", "ipcmk", "-M", "1"],
        ];
        let ended = finish(partage(&words.concat()).env("PARTAGE_LIB", &nothing));
        assert_eq!(ended.code(), Some(1));
        assert!(
            ended.output.contains("Function not implemented"),
            "{}",
            ended.output
        );
    }
}

#[test]
fn static_program_is_refused_with_the_reason() {
    let place = Place::new();
    let source = "int main(void) { return 5; }";
    let program = place.compile("static", source, &["-static"]);
    let program = program.to_str().unwrap();
    let (code, output) = outcome(&["run", program]);
    assert_eq!(code, Some(125));
    assert!(output.contains("statically linked"), "{output}");
    assert!(output.contains("libpartage.a"), "{output}");
    assert_eq!(outcome(&["run", "--force", program]).0, Some(5));
}

/// A script is as reachable as its interpreter.
#[test]
fn interpreter_of_a_script_decides() {
    let place = Place::new();
    let interpreter = place.compile("static", "int main(void) { return 0; }", &["-static"]);
    let script = place.join("script");
    fs::write(&script, format!("#!{}\n", interpreter.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(outcome(&["run", script.to_str().unwrap()]).0, Some(125));
    fs::write(&script, "#!/bin/sh\nexit 9\n").unwrap();
    assert_eq!(outcome(&["run", script.to_str().unwrap()]).0, Some(9));
}

#[test]
fn set_uid_program_is_refused_where_the_bit_has_an_effect() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can make a program that changes the user");
        return;
    }
    let place = Place::new();
    let program = place.compile("set-uid", "int main(void) { return 4; }", &[]);
    chown(&program, Some(65534), None).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let program = program.to_str().unwrap();
    let (code, output) = outcome(&["run", program]);
    assert_eq!(code, Some(125));
    assert!(output.contains("it is set-uid"), "{output}");
    // The filter's no_new_privs takes the bit's effect away.
    assert_eq!(
        outcome(&["run", "--without-kernel-sysv", program]).0,
        Some(4)
    );
}

/// What a launcher of a container starts is reached, even where the launcher itself is not.
#[test]
fn static_launcher_is_warned_of_and_run() {
    let place = Place::new();
    let source =
        "#include <unistd.h>\nint main(int c, char **v) { (void)c; return execvp(v[1], v + 1); }";
    let launcher = place.compile("tini", source, &["-static"]);
    let (code, output) = outcome(&[
        "run",
        "--private",
        "--",
        launcher.to_str().unwrap(),
        "sh",
        "-c",
        "ipcmk -M 10 && ls $PARTAGE_DIR",
    ]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("only what it starts"), "{output}");
    assert!(output.contains("registry"), "{output}");
}

/// Objects of the outside stay in sight, segments are private all the same.
#[test]
fn private_run_that_shares_objects() {
    let name = format!("partage-test-shared-{}", std::process::id());
    let path = format!("/dev/shm/{name}");
    let place = Place::new();
    let source = r#"
        #include <fcntl.h>
        #include <sys/mman.h>
        int main(int c, char **v) { (void)c; return shm_open(v[1], O_RDWR, 0) < 0; }"#;
    let program = place.compile("opens", source, &[]);
    std::fs::write(&path, "x").unwrap();
    let program = program.to_str().unwrap();
    let hidden = outcome(&["run", "--private", "--", program, &name]);
    let shared = outcome(&["run", "--private", "--share-posix", "--", program, &name]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        (hidden.0, shared.0),
        (Some(1), Some(0)),
        "{hidden:?} {shared:?}"
    );
    assert_eq!(
        outcome(&["run", "--share-posix", "--", "true"]).0,
        Some(125)
    );
}

#[test]
fn as_another_user() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let script = "id -un; echo $HOME; ipcmk -M 10 >/dev/null && ipcs -m | grep -c nobody; stat -c %U $PARTAGE_DIR";
    let private = outcome(&[
        "run",
        "--private",
        "--user",
        "nobody",
        "--",
        "sh",
        "-c",
        script,
    ]);
    let lines: Vec<&str> = private.1.lines().collect();
    assert_eq!(private.0, Some(0), "{}", private.1);
    assert_eq!(
        (lines[0], lines[2], lines[3]),
        ("nobody", "1", "root"),
        "{}",
        private.1
    );
    let place = Place::new();
    let dir = place.join("theirs");
    std::fs::set_permissions(
        place.join(""),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .unwrap();
    let words = [
        "run",
        "--user",
        "nobody",
        "--dir",
        dir.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        script,
    ];
    let named = outcome(&words);
    let lines: Vec<&str> = named.1.lines().collect();
    assert_eq!(named.0, Some(0), "{}", named.1);
    assert_eq!(
        (lines[0], lines[2], lines[3]),
        ("nobody", "1", "nobody"),
        "{}",
        named.1
    );
}
