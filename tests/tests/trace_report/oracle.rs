//! Stacks as perf and addr2line tell them, of the same program.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Scratch, reported, traced};

/// Calls from recursion, through the C library and out of inlined functions.
const PROGRAM: &str = r#"
#include <cstdlib>
#include <sys/shm.h>
namespace pool {
static inline __attribute__((always_inline)) int make(std::size_t size)
{
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    return id < 0 ? 1 : shmctl(id, IPC_RMID, nullptr);
}
static inline __attribute__((always_inline)) int twice(std::size_t size)
{
    return make(size) |
           make(size * 2);
}
}
volatile int failed;
__attribute__((noinline)) void descend(int depth)
{
    char room[64];
    if (depth > 0) descend(depth - 1);
    else failed = failed | pool::twice(4096);
    room[depth % 64] = 1;
    asm volatile("" : : "r"(room) : "memory");
}
static int compare(const void *, const void *)
{
    descend(3);
    return 0;
}
int main()
{
    int numbers[] = {1, 2};
    qsort(numbers, 2, sizeof numbers[0], compare);
    failed = failed | pool::make(8192);
    return failed;
}
"#;

/// Where a program that is not to be moved is linked to. Some perf tell addresses from there on.
const BASE: u64 = 0x40_0000;

/// A place of the program: function, file and line.
type Place = (String, String);

/// Return addresses in the program, less one, for each call of shmget, as perf unwinds them; None without perf or its rights.
fn unwound_by_perf(scratch: &Scratch, program: &Path) -> Option<Vec<Vec<u64>>> {
    let data = scratch.path("perf.data");
    let mut record = Command::new("perf");
    record.args(["record", "-q", "-e", "syscalls:sys_enter_shmget"]);
    record.args(["--call-graph", "dwarf", "-o"]).arg(&data);
    let recorded = record.arg("--").arg(program).output().ok()?;
    if !recorded.status.success() {
        return None;
    }
    let mut script = Command::new("perf");
    script.args(["script", "--no-inline", "-F", "ip,sym,dso", "-i"]);
    let Output { stdout, .. } = script.arg(&data).output().ok()?;
    let text = String::from_utf8(stdout).unwrap();
    let own = format!("({})", program.display());
    let calls = text.split("\n\n").filter(|call| call.contains(&own));
    let addresses = |call: &str| {
        let lines = call.lines().filter(|line| line.ends_with(&own));
        let addresses = lines.filter_map(|line| line.split_whitespace().next());
        addresses
            .map(|word| BASE | u64::from_str_radix(word, 16).unwrap())
            .collect()
    };
    Some(calls.map(addresses).collect())
}

/// What stands at an address, with the functions that it was put into.
fn named_by_addr2line(program: &Path, address: u64) -> Option<Vec<Place>> {
    let mut command = Command::new("addr2line");
    command.args(["-i", "-f", "-C", "-e"]).arg(program);
    let Output { stdout, .. } = command.arg(format!("{address:#x}")).output().ok()?;
    let text = String::from_utf8(stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let place = |pair: &[&str]| {
        let line = pair[1].split(" (").next().unwrap_or_default();
        (pair[0].to_owned(), line.to_owned())
    };
    Some(lines.chunks_exact(2).map(place).collect())
}

/// The same as the report has it: addresses less one, and places. Inlined functions share an address, and so do calls of
/// a function by itself: of equal ones in a row there is one.
fn reported_of(path: &str, program: &Path) -> Vec<(Vec<u64>, Vec<Place>)> {
    let text = reported(&["--format", "json", "--call", "shmget", path]);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let calls = lines.filter(|line: &serde_json::Value| line["type"] == "call");
    let mut told = Vec::new();
    for call in calls {
        let (mut addresses, mut places) = (Vec::new(), Vec::new());
        let callers = call["callers"].as_array().unwrap().clone();
        let own = callers
            .iter()
            .filter(|frame| frame["module"].as_str().map(Path::new) == Some(program));
        for frame in own {
            addresses.push(frame["address"].as_u64().unwrap() - 1);
            let line = format!(
                "{}:{}",
                frame["file"].as_str().unwrap_or("?"),
                frame["line"]
            );
            places.push((frame["function"].as_str().unwrap_or("?").to_owned(), line));
        }
        addresses.dedup();
        told.push((addresses, places));
    }
    told
}

#[test]
fn stacks_are_those_of_perf_and_addr2line() {
    let scratch = Scratch::new();
    let (source, program) = (scratch.path("oracle.cc"), scratch.path("oracle"));
    std::fs::write(&source, PROGRAM).unwrap();
    let mut compiler = Command::new("g++");
    compiler.args(["-O2", "-g", "-no-pie", "-fomit-frame-pointer", "-o"]);
    let compiled = compiler.arg(&program).arg(&source).status();
    if !compiled.is_ok_and(|status| status.success()) {
        println!("skipped: no C++ compiler");
        return;
    }
    let Some(unwound) = unwound_by_perf(&scratch, &program) else {
        println!("skipped: no perf, or it may not record system calls");
        return;
    };
    let path = scratch.path("rec");
    let path = path.to_str().unwrap();
    let ended = traced(&scratch, &["-o", path, "--summary"], &program, &[]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let told = reported_of(path, &program);
    assert_eq!((unwound.len(), told.len()), (3, 3), "{unwound:x?} {told:?}");
    for (theirs, (ours, places)) in unwound.iter().zip(&told) {
        // Above main there is the program's own start, which perf does not always reach.
        let mut each = theirs.clone();
        each.dedup();
        assert_eq!(ours[..ours.len().min(each.len())], each);
        let Some(named) = theirs
            .iter()
            .map(|address| named_by_addr2line(&program, *address))
            .collect::<Option<Vec<_>>>()
        else {
            println!("skipped: no addr2line");
            return;
        };
        let named: Vec<Place> = named.into_iter().flatten().collect();
        // It gives the innermost of inlined functions the name of the outermost: lines are compared, names below.
        let to_main = |places: &[Place]| -> Vec<String> {
            let main = places.iter().rposition(|(function, _)| function == "main");
            let places = places[..=main.unwrap()].iter();
            places.map(|(_, line)| line.clone()).collect()
        };
        assert_eq!(to_main(places), to_main(&named));
    }
    let names: Vec<&str> = told[0].1.iter().map(|(name, _)| name.as_str()).collect();
    let descent = ["descend(int)"; 4];
    let wanted = [&["make", "twice"], &descent[..], &["compare", "main"]].concat();
    assert_eq!(names[..wanted.len()], wanted);
}
