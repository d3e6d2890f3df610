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

/// All that the shared object may take from the C library, glibc's or musl's; memory and string
/// functions are asked for by the compiler.
const TAKEN: [&str; 17] = [
    "__errno_location",
    "abort",
    // Answered without a system call.
    "clock_gettime",
    "getauxval",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "strlen",
    // Weak: whichever of a pair the C library has.
    "__register_atfork",
    "pthread_atfork",
    // Weak: tells glibc from others.
    "gnu_get_libc_version",
    "__libc_setup_tls",
    "__environ",
    "environ",
    "__cxa_finalize",
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

#[test]
fn the_shared_object_takes_little() {
    let object = artefacts().unwrap().shared_object();
    let taken = names(&output("nm", &["-D", "--undefined-only"], &object));
    let more: Vec<_> = taken
        .iter()
        .filter(|name| !TAKEN.contains(&name.as_str()))
        .collect();
    assert!(
        more.is_empty(),
        "asked of the C library beyond the list: {more:?}"
    );
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
    const MOST: u64 = 128 * 1024;
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
