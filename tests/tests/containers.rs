//! Two processes in namespaces of their own, as in two containers, share one directory; and the file systems that
//! containers have. Needs the right to make namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::process::run_bounded;

const BOUND: Duration = Duration::from_secs(60);

/// An empty directory of the test's own.
fn directory(built: &Artefacts, name: &str) -> PathBuf {
    let directory = built.programs.join("containers").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a shell script in the directory `name` that sets the scene and starts programs; `$segment` and `$filtered` are
/// the programs of `c_tests/containers`, `$release` has the command. It must succeed.
fn run(name: &str, script: &str) -> String {
    let built = artefacts().unwrap();
    let directory = directory(built, name);
    let [segment, filtered] = ["segment", "filtered"].map(|name| {
        let program = directory.join(name);
        run_tool(
            Command::new("gcc")
                .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o"])
                .arg(&program)
                .arg(built.root.join(format!("c_tests/containers/{name}.c"))),
        )
        .unwrap();
        program
    });
    let mut command = Command::new("unshare");
    // What is mounted is the script's own, and so is the kernel's table of segments.
    command
        .args(["--mount", "--ipc", "sh", "-eu", "-c", script])
        .current_dir(&directory)
        .env("segment", &segment)
        .env("filtered", &filtered)
        .env("library", built.shared_object())
        .env("release", &built.release)
        .env("PARTAGE_LOG", "error")
        .env_remove("PARTAGE_DIR");
    run_bounded(&mut command, &directory.join("log"), BOUND)
        .unwrap()
        .expect_success()
}

/// Two at a time in different pid, user, mount and IPC namespaces: what one wrote the other reads, both are counted,
/// and the one that is killed is counted no more.
#[test]
fn namespaces_share_a_directory() {
    run(
        "shared",
        r#"
        mkdir shared; mkfifo said go
        export PARTAGE_DIR=$PWD/shared LD_PRELOAD=$library
        apart="unshare --user --map-root-user --pid --fork --mount --ipc"
        # The second one ends by a signal as soon as its standard input says so.
        $apart "$segment" hold <go >said &
        exec 3>go 4<said
        read -r id <&4
        $apart "$segment" read "$id" 2
        echo kill >&3
        wait || true
        "$segment" count "$id" 0
        "$segment" remove "$id"
        "#,
    );
}

/// `/dev/shm` of 64 MB, as containers have it by default: what does not fit is refused when it is made.
#[test]
fn a_small_dev_shm() {
    run(
        "small",
        r#"
        mount -t tmpfs -o size=64m none /dev/shm
        export LD_PRELOAD=$library
        "$segment" fill $((32 << 20))
        "$segment" refused $((65 << 20)) ENOMEM
        "#,
    );
}

/// Without `/dev/shm`, and with a root that cannot be written to: the namespace is in the temporary directory.
#[test]
fn no_dev_shm_and_a_read_only_root() {
    run(
        "none",
        r#"
        mkdir writable
        mount -t tmpfs none writable
        mount -t tmpfs -o ro none /dev/shm
        mount --bind / / && mount -o remount,bind,ro /
        export LD_PRELOAD=$library TMPDIR=$PWD/writable XDG_RUNTIME_DIR=
        "$segment" fill 100000
        test -d writable/partage-0
        "#,
    );
}

/// Where there is no `/dev/shm` at all.
#[test]
fn no_dev_shm_at_all() {
    run(
        "missing",
        r#"
        mkdir writable
        mount -t tmpfs none /dev
        test ! -e /dev/shm
        export LD_PRELOAD=$library TMPDIR=$PWD/writable XDG_RUNTIME_DIR=
        "$segment" fill 100000
        test -d writable/partage-0
        "#,
    );
}

/// On an overlay, whose files are other files behind the scene, deaths are noticed as everywhere.
#[test]
fn an_overlay() {
    run(
        "overlay",
        r#"
        mkdir scene; mount -t tmpfs none scene; cd scene
        mkdir lower upper work merged; mkfifo said go
        mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work merged
        mkdir merged/shared
        export PARTAGE_DIR=$PWD/merged/shared LD_PRELOAD=$library
        "$segment" hold <go >said &
        exec 3>go 4<said
        read -r id <&4
        "$segment" read "$id" 2
        echo kill >&3
        wait || true
        "$segment" count "$id" 0
        "$segment" remove "$id"
        "#,
    );
}

/// Left to choose, the library takes the kernel's calls where they are free, and its own where a filter refuses them,
/// or ends whoever makes one: it must not try.
#[test]
fn the_backend_is_chosen_without_trying() {
    let said = run(
        "auto",
        r#"
        mkdir shared
        export PARTAGE_DIR=$PWD/shared PARTAGE_BACKEND=auto PARTAGE_LOG=info
        for action in kill trap eperm enosys; do
            "$filtered" $action /usr/bin/env LD_PRELOAD="$library" "$segment" fill 1000
        done
        # A kernel without System V shared memory has no such file; and where nothing is to be seen, nothing is tried.
        unshare --mount sh -euc 'mount -t tmpfs none /proc/sysvipc; LD_PRELOAD=$library "$segment" fill 1000'
        unshare --mount sh -euc 'mount -t tmpfs none /proc; LD_PRELOAD=$library "$segment" fill 1000'
        grep -q "Seccomp:.0" /proc/self/status || exit 0
        LD_PRELOAD=$library "$segment" fill 1000
        "#,
    );
    assert_eq!(said.matches("backend: user").count(), 6, "{said}");
    if said.contains("backend: kernel") {
        return;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    assert!(!status.contains("Seccomp:\t0\n"), "{said}");
}

/// The filters do what the test above takes them to do: without the library, programs end.
#[test]
fn the_filters_refuse() {
    run(
        "filters",
        r#"
        for action in kill trap eperm enosys; do
            if "$filtered" $action "$segment" fill 1000; then exit 1; fi
        done
        "#,
    );
}

/// Every user has a namespace of their own by default, where the kernel has one for all: an id means nothing to another user. After
/// `init --system` they meet, and the segment's mode decides, as in the kernel.
#[test]
fn users_meet_where_a_namespace_is_shared() {
    run(
        "users",
        &format!(
            r#"{SERVICE}
        make() {{ "$@" ipcmk -M 100 | sed 's/.*: //'; }}
        refused() {{ # WHY ID COMMAND...
            why=$1 id=$2
            shift 2
            if "$@" ipcrm -m "$id" 2>said; then exit 1; fi
            grep -q "$why" said
        }}
        refused 'permission denied' "$(make as 1001)" as 1002
        refused 'invalid id' "$(make as 1001 partage run --)" as 1002 partage run --
        partage init --system
        refused 'permission denied' "$(make as 1001 partage run --)" as 1002 partage run --
        "#
        ),
    );
}

/// A container's first process is root and becomes the service's user: the namespace is that user's, whoever changes the user and
/// whether the command comes before or after. Root's health check looks as that user, or into a common one.
#[test]
fn root_becomes_the_services_user() {
    run(
        "service",
        &format!(
            r#"{SERVICE}
        daemon=$(id -u daemon)
        as "$daemon" partage run -- ipcmk -M 1001
        partage run -- setpriv --reuid=daemon --regid=daemon --init-groups ipcmk -M 1002
        partage run -- runuser -u daemon -- ipcmk -M 1003
        partage run -- su -s /bin/sh daemon -c 'ipcmk -M 1004'
        # Root looks into it, and makes nothing there.
        partage ls --dir "/dev/shm/partage-$daemon" | grep -q 1001
        as "$daemon" partage ls --json >held
        for size in 1001 1002 1003 1004; do grep -q "\"size\": $size" held; done
        # Or all of them name one.
        export PARTAGE_DIR=/dev/shm/service
        partage init --group "$(id -g daemon)" "$PARTAGE_DIR"
        as "$daemon" partage run -- ipcmk -M 1005
        partage ls --json | grep -q '"size": 1005'
        "#
        ),
    );
}

/// A `/dev/shm` of its own, and the command where every user can reach it.
const SERVICE: &str = r#"
        mount -t tmpfs -o mode=1777 none /dev/shm
        mount -t tmpfs -o mode=755 none /mnt
        cp "$release/partage" "$release"/libpartage*.so /mnt
        chmod 755 /mnt/*
        cd /mnt
        export PATH=/mnt:$PATH LC_ALL=C
        as() {
            user=$1
            shift
            setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
        }
"#;
