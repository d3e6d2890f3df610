//! Other processors: the C suite, cross-compiled, run by qemu's user-mode emulator or, for i686, by the kernel itself; 32- and
//! 64-bit processes in one namespace; and whether the code type-checks for those that are not run.

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
use partage_tests::cross::{NOT_EMULATED, cargo_for};
use partage_tests::mode::Mode;
use partage_tests::process::run_bounded;
use partage_tests::suite::run_suite_without;

const BOUND: Duration = Duration::from_secs(60);

/// A processor: Rust's name, the C compiler's, and the folder of its programs.
struct Target {
    rust: &'static str,
    compiler: &'static str,
    folder: &'static str,
}

const AARCH64: Target = Target {
    rust: "aarch64-unknown-linux-gnu",
    compiler: "aarch64-linux-gnu-gcc",
    folder: "aarch64",
};
const RISCV64: Target = Target {
    rust: "riscv64gc-unknown-linux-gnu",
    compiler: "riscv64-linux-gnu-gcc",
    folder: "riscv64",
};
const I686: Target = Target {
    rust: "i686-unknown-linux-gnu",
    compiler: "i686-linux-gnu-gcc",
    folder: "i686",
};

/// Where the suite is not run: type-checked only. Android's are in `android.rs`.
const CHECKED: [&str; 3] = [
    "aarch64-unknown-linux-musl",
    "armv7-unknown-linux-gnueabihf",
    "x86_64-unknown-linux-musl",
];

/// Programs whose numbers are of 64 bits.
const NOT_32_BITS: [&str; 13] = [
    "posix/map_arguments",
    "posix/size",
    "process/jumps_beside_attaches",
    "sysv/attach_failures",
    "sysv/attach_order",
    "sysv/control_fault",
    "sysv/control_info",
    "sysv/descriptors",
    "sysv/detach_order",
    "sysv/get_create",
    "sysv/limit_shmall",
    "sysv/limit_shmmax",
    "sysv/limit_shmmni",
];

impl Target {
    fn cargo(&self, built: &Artefacts, package: &str) {
        let upper = self.rust.replace('-', "_").to_uppercase();
        run_tool(
            cargo_for(self.rust, "core")
                .unwrap()
                .args(["build", "--quiet", "--release", "-p", package])
                .args(["--target", self.rust, "--target-dir"])
                .arg(built.programs.parent().unwrap())
                .env(format!("CARGO_TARGET_{upper}_LINKER"), self.compiler)
                .current_dir(&built.root),
        )
        .unwrap();
    }

    /// The directory with the library for it.
    fn release(&self, built: &Artefacts) -> PathBuf {
        let target = built.programs.parent().unwrap();
        target.join(self.rust).join("release")
    }

    fn programs(&self, built: &Artefacts, goal: &str, flags: &str, left_out: &[&str]) {
        let names = fs::read_to_string(built.root.join("c_tests/Makefile")).unwrap();
        assert!(names.contains("NAMES := "), "the Makefile has no NAMES");
        let mut chosen = Vec::new();
        for folder in ["sysv", "posix", "process", "abi", "deviations"] {
            for entry in fs::read_dir(built.root.join("c_tests").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap());
                if path.extension().is_some_and(|end| end == "c") && !left_out.contains(&&*name) {
                    chosen.push(name);
                }
            }
        }
        run_tool(
            Command::new("make")
                .args(["--silent", "--no-print-directory", "-j2", "-C"])
                .arg(built.root.join("c_tests"))
                .arg(format!("CC={}", self.compiler))
                .arg(format!("CFLAGS=-O1 {flags}"))
                .arg(goal)
                .arg(format!("NAMES={}", chosen.join(" ")))
                .arg(format!(
                    "OUT={}",
                    built.programs.join(self.folder).display()
                ))
                .arg(format!("LIB={}", self.release(built).display())),
        )
        .unwrap();
    }
}

fn suite(mode: Mode, left_out: &[&str]) {
    if let Err(failures) = run_suite_without(mode, left_out) {
        panic!("{}: {failures}", mode.name());
    }
}

#[test]
#[ignore = "needs a cross compiler and an emulator: make test-aarch64"]
fn aarch64() {
    let built = artefacts().unwrap();
    AARCH64.cargo(built, "partage");
    AARCH64.programs(built, "static", "-static", &[]);
    suite(Mode::Aarch64, &NOT_EMULATED);
}

/// Where Debian's cross libraries are: programs name the loader there and search there, and so need no other root.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu/lib";

fn dynamic() -> String {
    format!(
        "-Wl,--dynamic-linker={LIBRARIES}/ld-linux-aarch64.so.1 -Wl,--disable-new-dtags -Wl,-rpath,{LIBRARIES}"
    )
}

#[test]
#[ignore = "needs a cross compiler and an emulator: make test-aarch64"]
fn aarch64_preloaded() {
    let built = artefacts().unwrap();
    AARCH64.cargo(built, "partage-preload");
    AARCH64.cargo(built, "partage");
    AARCH64.programs(built, "plain", &dynamic(), &[]);
    suite(Mode::Aarch64Preload, &NOT_EMULATED);
}

/// The two functions of the object for preloading that are jumps, where the kernel refuses its calls: it does so to the
/// emulator, which makes them for the program.
#[test]
#[ignore = "needs a cross compiler and an emulator: make test-aarch64"]
fn aarch64_entry_points() {
    let built = artefacts().unwrap();
    AARCH64.cargo(built, "partage-preload");
    let directory = built.programs.join("aarch64/preload");
    fs::create_dir_all(directory.join("plugins")).unwrap();
    let sources = built.root.join("c_tests");
    for (name, to, flags) in [
        ("plugin", "plugins/plugin.so", "-shared -fPIC"),
        ("patched", "patched", ""),
        ("deepbind", "deepbind", "-Wl,-rpath,$ORIGIN/plugins"),
    ] {
        let dynamic = dynamic();
        let options = dynamic.split(' ').chain(flags.split_terminator(' '));
        run_tool(
            Command::new(AARCH64.compiler)
                .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I"])
                .arg(&sources)
                .arg("-o")
                .arg(directory.join(to))
                .arg(sources.join(format!("preload/{name}.c")))
                .args(options),
        )
        .unwrap();
    }
    let object = AARCH64.release(built).join("libpartage_preload.so");
    for program in ["patched", "deepbind"] {
        let mut command = Command::new(built.command());
        command
            .args(["run", "--without-kernel-sysv", "--private", "--", "env"])
            .arg(format!("LD_PRELOAD={}", object.display()))
            .args(["qemu-aarch64-static"])
            .arg(directory.join(program))
            .env("PARTAGE_TEST_MODE", "nosysv")
            .env_remove("PARTAGE_DIR");
        let ended = run_bounded(&mut command, &directory.join("log"), BOUND).unwrap();
        assert_eq!(
            ended.code(),
            Some(0),
            "{program}: {}{}",
            ended.output,
            ended.describe()
        );
    }
}

#[test]
#[ignore = "needs a cross compiler and an emulator: make test-cross"]
fn riscv64() {
    let built = artefacts().unwrap();
    RISCV64.cargo(built, "partage");
    RISCV64.programs(built, "static", "-static", &[]);
    suite(Mode::Riscv64, &NOT_EMULATED);
}

#[test]
#[ignore = "needs a cross compiler: make test-cross"]
fn i686() {
    let built = artefacts().unwrap();
    I686.cargo(built, "partage");
    I686.programs(built, "static", "-static", &NOT_32_BITS);
    suite(Mode::I686, &NOT_32_BITS);
}

/// 32- and 64-bit processes in one namespace: each reads what the other wrote, both are counted, and the death of one is
/// noticed by the other.
#[test]
#[ignore = "needs a cross compiler: make test-cross"]
fn i686_and_64_bits_together() {
    let built = artefacts().unwrap();
    I686.cargo(built, "partage");
    let directory = built.programs.join("i686/mixed");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    for (compiler, archive, name) in [
        (I686.compiler, I686.release(built), "narrow"),
        ("gcc", built.release.clone(), "wide"),
    ] {
        run_tool(
            Command::new(compiler)
                .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-static", "-o"])
                .arg(directory.join(name))
                .arg(built.root.join("c_tests/containers/segment.c"))
                .arg(archive.join("libpartage.a")),
        )
        .unwrap();
    }
    for (one, other) in [("narrow", "wide"), ("wide", "narrow")] {
        let script = r#"
            mkfifo said go
            ./$one hold <go >said &
            exec 3>go 4<said
            read -r id <&4
            ./$other read "$id" 2
            ./$other count "$id" 1
            ./$one read "$id" 2
            echo kill >&3
            wait || true
            ./$other count "$id" 0
            ./$one remove "$id"
            ./$other count "$id" 0 2>refused && exit 1
            "$partage" doctor >doctor 2>&1 || { cat doctor; exit 1; }
            rm said go
        "#;
        let mut command = Command::new("sh");
        command
            .args(["-eu", "-c", script])
            .current_dir(&directory)
            .env("one", one)
            .env("other", other)
            .env("partage", built.command())
            .env("PARTAGE_DIR", directory.join("shared"))
            .env("PARTAGE_LOG", "error")
            .env_remove("LD_PRELOAD");
        let ended = run_bounded(&mut command, &directory.join("log"), BOUND).unwrap();
        assert_eq!(
            ended.code(),
            Some(0),
            "{one}, {other}: {}{}",
            ended.output,
            ended.describe()
        );
    }
}

#[test]
#[ignore = "builds a library for each: make test-cross"]
fn others_type_check() {
    let built = artefacts().unwrap();
    for rust in CHECKED {
        run_tool(
            cargo_for(rust, "core")
                .unwrap()
                .args(["check", "--quiet", "-p", "partage-core", "--target", rust])
                .arg("--target-dir")
                .arg(built.programs.join("checked"))
                .current_dir(&built.root),
        )
        .unwrap_or_else(|error| panic!("{rust}: {error}"));
    }
}
