//! `include/partage.h` compiles wherever a C or C++ program may include it, and with
//! `PARTAGE_DROP_IN` turns the plain names into the library's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};

const DIALECTS: [(&str, &str, &str); 5] = [
    ("gcc", "-std=c99", "c"),
    ("gcc", "-std=c11", "c"),
    ("gcc", "-std=gnu11", "c"),
    ("g++", "-std=c++17", "cc"),
    ("g++", "-std=gnu++17", "cc"),
];

const SYSTEM: &str = "#include <sys/ipc.h>\n#include <sys/shm.h>\n#include <sys/mman.h>\n";
const OURS: &str = "#include <partage.h>\n";
const DROP_IN: &str = "#define PARTAGE_DROP_IN\n#include <partage.h>\n";

/// Every prefixed name, used with the types that a program uses.
const PREFIXED: &str = r"
int main(void)
{
    int id = partage_shmget(0, 4096, 0600);
    void *memory = partage_shmat(id, 0, 0);
    void *mapped;
    int file = partage_shm_open(NAME, 0, 0600);
    mapped = partage_mmap(0, 4096, 1, 1, file, 0);
    mapped = partage_mremap(mapped, 4096, 8192, 1);
    partage_munmap(mapped, 8192);
    partage_close(file);
    partage_shm_unlink(NAME);
    partage_shmctl(id, 0, 0);
    if (PARTAGE_VERSION_MAJOR + PARTAGE_VERSION_MINOR + PARTAGE_VERSION_PATCH == 0)
        return partage_version() == 0;
    return partage_shmdt(memory);
}
";

/// A program that knows plain names only, with nothing else to declare them; it runs.
const DROPPED_IN: &str = r#"
#define PARTAGE_DROP_IN
#include <partage.h>
int main(void)
{
    int id = shmget(0, 4096, 0600);
    char *memory = (char *)shmat(id, 0, 0);
    if (id == -1 || memory == (char *)-1)
        return 1;
    memory[4095] = 'x';
    if (shmdt(memory) != 0)
        return 2;
    memory = (char *)shmat(id, 0, 0);
    if (munmap(memory, 4096) != 0)
        return 3;
    /* What is left is not ours any more: the count knows of it though this file does not map munmap. */
    struct shmid_ds status;
    if (shmctl(id, IPC_STAT, &status) != 0 || status.shm_nattch != 0)
        return 4;
    for (int i = 0; PARTAGE_VERSION[i] != 0; i++)
        if (partage_version()[i] != PARTAGE_VERSION[i])
            return 5;
    return shmctl(id, 0, 0) == 0 ? 0 : 6;
}
"#;

/// C++ that has members of the names of system calls, as the standard library's streams have; it runs.
const MEMBERS: &str = r#"
struct window {
    int opened = 1;
    int close() { return opened = 0; }
    int mmap() { return 1; }
    int munmap(int by) { return by; }
    int mremap() { return 3; }
};
template <class file> void shut(file &it) { it.close(); }
int main()
{
    std::ofstream file("/dev/null");
    file.close();
    std::fstream both;
    shut(both);
    window it;
    shut(it);
    int segment = shmget(0, 4096, 0600);
    void *memory = shmat(segment, 0, 0);
    bool good = memory != (void *)-1 && shmdt(memory) == 0 && shmctl(segment, 0, 0) == 0;
    int descriptor = ::open("/dev/null", 0);
    return !(good && ::close(descriptor) == 0 && it.mmap() + it.munmap(1) + it.mremap() + it.opened == 5);
}
"#;

fn scratch(built: &Artefacts) -> PathBuf {
    let dir = built.programs.join("header");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Compiles `source` in `dialect`; the program is linked to the library if `program` says where.
fn compile(built: &Artefacts, name: &str, source: &str, dialect: usize, program: Option<&Path>) {
    let (compiler, standard, suffix) = DIALECTS[dialect];
    let file = scratch(built).join(format!("{name}-{dialect}.{suffix}"));
    fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]);
    command.arg(built.root.join("include")).arg(&file).arg("-o");
    match program {
        Some(program) => command.arg(program).arg(built.release.join("libpartage.a")),
        None => command.arg(file.with_extension("o")).arg("-c"),
    };
    if let Err(shown) = run_tool(&mut command) {
        panic!("{name}, {compiler} {standard}:\n{shown}");
    }
}

fn compile_everywhere(name: &str, source: &str) {
    let built = artefacts().unwrap();
    for dialect in 0..DIALECTS.len() {
        compile(built, name, source, dialect, None);
    }
}

#[test]
fn alone() {
    compile_everywhere("alone", OURS);
    compile_everywhere("twice", &format!("{OURS}{OURS}"));
    compile_everywhere("drop-in-alone", DROP_IN);
}

#[test]
fn beside_the_systems_headers() {
    for (name, ours) in [("plain", OURS), ("drop-in", DROP_IN)] {
        compile_everywhere(&format!("{name}-after"), &format!("{SYSTEM}{ours}"));
        compile_everywhere(&format!("{name}-before"), &format!("{ours}{SYSTEM}"));
    }
}

#[test]
fn declares_the_prefixed_names() {
    let source = format!("{OURS}#define NAME \"/x\"\n{PREFIXED}");
    compile_everywhere("prefixed", &source);
    compile_everywhere("prefixed-beside", &format!("{SYSTEM}{source}"));
}

/// Compiles `source` in `dialect`, linked to the library, and runs it in a namespace of its own.
fn compile_and_run(name: &str, source: &str, dialect: usize) {
    let built = artefacts().unwrap();
    let program = scratch(built).join(format!("{name}-{dialect}"));
    compile(built, name, source, dialect, Some(&program));
    let dir = scratch(built).join(format!("namespace-{name}-{dialect}"));
    fs::create_dir_all(&dir).unwrap();
    let status = Command::new(&program)
        .env("PARTAGE_DIR", &dir)
        .status()
        .unwrap();
    fs::remove_dir_all(&dir).unwrap();
    assert!(status.success(), "{}: {status}", program.display());
}

#[test]
fn a_program_that_drops_it_in_runs() {
    for dialect in 0..DIALECTS.len() {
        compile_and_run("dropped-in", DROPPED_IN, dialect);
    }
}

/// Only names that no member has are mapped: before and after the C++ library's own headers.
#[test]
fn members_keep_their_names() {
    const STREAMS: &str = "#include <fstream>\n#include <unistd.h>\n";
    for (dialect, (.., suffix)) in DIALECTS.iter().enumerate() {
        if *suffix == "cc" {
            compile_and_run(
                "after-streams",
                &format!("{STREAMS}{DROP_IN}{MEMBERS}"),
                dialect,
            );
            compile_and_run(
                "before-streams",
                &format!("{DROP_IN}{STREAMS}{MEMBERS}"),
                dialect,
            );
        }
    }
}

/// The header that the last build of the library made from the sources.
fn generated(built: &Artefacts) -> PathBuf {
    // `partage-` and a hash: not one of the other packages.
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.strip_prefix("partage-")
            .is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let made = fs::read_dir(built.release.join("build"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_ours)
        .map(|package| package.join("out/partage.h"))
        .filter(|header| header.exists());
    made.max_by_key(|header| fs::metadata(header).unwrap().modified().unwrap())
        .unwrap()
}

#[test]
fn is_what_the_sources_say() {
    let built = artefacts().unwrap();
    let committed = fs::read_to_string(built.root.join("include/partage.h")).unwrap();
    let generated = fs::read_to_string(generated(built)).unwrap();
    assert_eq!(committed, generated, "`make header` brings it up to date");
}
