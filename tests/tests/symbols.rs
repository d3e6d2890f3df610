//! What the shipped objects export and what they ask of the system: `include/partage.symbols` is
//! the whole of the first, the list below of the second.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use partage_tests::artefacts::artefacts;
use partage_tests::bionic::kit;

/// What every shared object may take from the C library: glibc, musl and bionic all have it. Memory and string functions are
/// asked for by the compiler.
const EVERYWHERE: [&str; 10] = [
    "abort",
    // Answered without a system call.
    "clock_gettime",
    "environ",
    "getauxval",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "strlen",
    "strnlen",
];

/// What only the objects take that stand between a program and the C library.
const EVERYWHERE_FOR_TOOLS: [&str; 7] = [
    "dlerror",
    "dlsym",
    "fileno",
    // A block for each thread.
    "pthread_getspecific",
    "pthread_key_create",
    "pthread_key_delete",
    "pthread_setspecific",
];

/// What one of the three lacks: asked for weakly, and done without.
const SOMEWHERE: [&str; 8] = [
    // One of a pair.
    "__errno",
    "__errno_location",
    "__register_atfork",
    "pthread_atfork",
    // Tell glibc from others.
    "__libc_setup_tls",
    "gnu_get_libc_version",
    // Finds the place in the linker's list; without it the list is walked.
    "_dl_find_object",
    // Says that there is one thread only.
    "__libc_single_threaded",
];

/// Everything that is loaded into programs, and whether it is a tool's.
const OBJECTS: [(&str, bool); 5] = [
    ("libandroid_shmem.so", false),
    ("libpartage.so", false),
    ("libpartage_preload.so", false),
    ("libpartage_ipcs.so", true),
    ("libpartage_trace.so", true),
];

fn output(program: &str, arguments: &[&str], file: &Path) -> String {
    let out = Command::new(program)
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

/// The names in nm's output, without the versions.
fn names(shown: &str) -> BTreeSet<String> {
    shown
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|name| name.split('@').next().unwrap_or(name).to_owned())
        .collect()
}

fn listed() -> BTreeSet<String> {
    let path = artefacts().unwrap().root.join("include/partage.symbols");
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_shared_object_exports_what_is_listed() {
    let object = artefacts().unwrap().shared_object();
    let exported = names(&output("nm", &["-D", "--defined-only"], &object));
    assert_eq!(exported, listed());
}

#[test]
fn the_list_is_sorted() {
    let path = artefacts().unwrap().root.join("include/partage.symbols");
    let text = fs::read_to_string(path).unwrap();
    let sorted: Vec<_> = listed().into_iter().collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), sorted);
}

#[test]
fn the_archive_defines_what_is_listed() {
    let archive = artefacts().unwrap().release.join("libpartage.a");
    let shown = output(
        "nm",
        &["--defined-only", "--extern-only", "--quiet"],
        &archive,
    );
    let missing: Vec<_> = listed().difference(&names(&shown)).cloned().collect();
    assert!(missing.is_empty(), "not in the archive: {missing:?}");
}

#[test]
fn exported_names_carry_no_version() {
    let object = artefacts().unwrap().shared_object();
    let shown = output("nm", &["-D", "--defined-only"], &object);
    assert!(
        !shown.contains('@'),
        "a versioned name cannot be preloaded over an unversioned one:\n{shown}"
    );
}

/// UCX and others overwrite the beginning of these functions with a jump to a function of their own, 14 bytes on x86-64 and
/// 16 on aarch64: what comes behind must not be hit.
#[test]
fn functions_have_room_for_a_jump() {
    const JUMP: u64 = 16;
    const OVERWRITTEN: [&str; 8] = [
        "mmap", "mmap64", "mremap", "munmap", "shmat", "shmctl", "shmdt", "shmget",
    ];
    let built = artefacts().unwrap();
    for object in [
        built.shared_object(),
        built.release.join("libpartage_preload.so"),
    ] {
        let shown = output("nm", &["-D", "-S", "--defined-only"], &object);
        let mut seen = 0;
        for line in shown.lines() {
            let fields: Vec<_> = line.split_whitespace().collect();
            if let [_, size, _, name] = fields[..]
                && OVERWRITTEN.contains(&name)
            {
                seen += 1;
                let size = u64::from_str_radix(size, 16).unwrap();
                assert!(
                    size >= JUMP,
                    "{}: {name} has {size} bytes",
                    object.display()
                );
            }
        }
        assert_eq!(seen, OVERWRITTEN.len(), "{shown}");
    }
}

/// The names that an object asks for, each with whether it does so weakly.
fn asked_for(object: &Path) -> Vec<(String, bool)> {
    let shown = output("nm", &["-D", "--undefined-only"], object);
    let asked: Vec<_> = shown
        .lines()
        .filter_map(|line| {
            let (kind, name) = line.trim().split_once(' ')?;
            Some((name.to_owned(), kind == "w"))
        })
        .collect();
    assert!(!asked.is_empty(), "{shown}");
    asked
}

#[test]
fn the_objects_take_what_every_c_library_has() {
    for (object, is_tool) in OBJECTS {
        for (name, is_weak) in asked_for(&artefacts().unwrap().release.join(object)) {
            let tools = is_tool && EVERYWHERE_FOR_TOOLS.contains(&&*name);
            let known = if is_weak {
                SOMEWHERE.contains(&&*name)
            } else {
                EVERYWHERE.contains(&&*name) || tools
            };
            assert!(known, "{object} asks for {name}, weakly: {is_weak}");
        }
    }
}

/// bionic binds every name when it loads an object: one that it lacks, and the program does not start.
#[test]
fn bionic_has_what_the_objects_take() {
    let Some(kit) = kit().unwrap() else {
        eprintln!("skipped: BIONIC_KIT names no kit");
        return;
    };
    for architecture in ["x86_64", "aarch64"] {
        let libraries = kit.root(architecture).join("system/lib64");
        let has: BTreeSet<_> = ["libc.so", "libdl.so"]
            .iter()
            .flat_map(|name| {
                names(&output(
                    "nm",
                    &["-D", "--defined-only"],
                    &libraries.join(name),
                ))
            })
            .collect();
        for (object, _) in OBJECTS {
            for (name, is_weak) in asked_for(&artefacts().unwrap().release.join(object)) {
                assert!(
                    is_weak || has.contains(&name),
                    "{architecture}, {object}: {name}"
                );
            }
        }
    }
}

/// As Android's loaders want them: the table of names that all have had since Android 6, segments that fit pages of
/// 16 KiB, and no thread-local storage, which none before Android 10 loads.
#[test]
fn the_objects_suit_androids_loader() {
    const LARGEST_PAGE: u64 = 16 << 10;
    for (object, _) in OBJECTS {
        let object = artefacts().unwrap().release.join(object);
        let dynamic = output("readelf", &["--dynamic", "--wide"], &object);
        assert!(dynamic.contains("(GNU_HASH)"), "{dynamic}");
        let segments = output("readelf", &["--program-headers", "--wide"], &object);
        let rows: Vec<Vec<&str>> = segments
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert!(
            rows.iter().all(|row| row.first() != Some(&"TLS")),
            "{segments}"
        );
        let aligned: Vec<_> = rows
            .iter()
            .filter(|row| row.first() == Some(&"LOAD"))
            .filter_map(|row| row.last()?.strip_prefix("0x"))
            .map(|align| u64::from_str_radix(align, 16).unwrap())
            .collect();
        assert!(!aligned.is_empty(), "{segments}");
        assert!(
            aligned.iter().all(|align| align % LARGEST_PAGE == 0),
            "{segments}"
        );
    }
}

#[test]
fn the_shared_object_needs_no_other() {
    let object = artefacts().unwrap().shared_object();
    let shown = output("readelf", &["--dynamic", "--wide"], &object);
    let of = |tag: &str| {
        shown
            .lines()
            .filter(|line| line.contains(tag))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("(NEEDED)"), Vec::<&str>::new());
    assert_eq!(of("(TEXTREL)"), Vec::<&str>::new());
    assert!(
        of("(SONAME)")
            .iter()
            .any(|line| line.contains("[libpartage.so.0]")),
        "{shown}"
    );
    // Unloaded, its fork handlers would be called where nothing is.
    assert!(
        of("(FLAGS_1)").iter().any(|line| line.contains("NODELETE")),
        "{shown}"
    );
}

/// A panic would end the program that called us: there is none to reach, so none is linked in.
#[test]
fn the_shared_object_has_no_panic_in_it() {
    let object = artefacts().unwrap().shared_object();
    let shown = output("nm", &["--demangle"], &object);
    assert!(shown.contains(" shmget"), "stripped: nothing to look at");
    let panics: Vec<_> = shown
        .lines()
        .filter(|line| line.contains("panicking"))
        .collect();
    assert!(panics.is_empty(), "{panics:#?}");
}

#[test]
fn the_shared_object_is_small() {
    // Segments that are aligned for pages of 16 KiB are a part of it.
    const MOST: u64 = 172 * 1024;
    let built = artefacts().unwrap();
    let stripped = built.programs.join("libpartage.stripped.so");
    output(
        "strip",
        &["-o", stripped.to_str().unwrap()],
        &built.shared_object(),
    );
    let size = fs::metadata(stripped).unwrap().len();
    assert!(size < MOST, "{size} bytes, at most {MOST}");
}

/// Prototypes and structures are those of the last release.
#[test]
fn the_interface_is_as_recorded() {
    if Command::new("abidiff").arg("--version").output().is_err() {
        let wanted = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!wanted, "abidiff is not installed");
        return;
    }
    let packaging = artefacts().unwrap().root.join("packaging");
    let out = Command::new(packaging.join("abi.sh"))
        .arg("check")
        .arg(packaging.join("partage.abi"))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}
