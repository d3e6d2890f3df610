//! One process: every covered call, its arguments and results, on libc and with other preloads.

use partage_trace_format::header::{Origin, State};
use partage_trace_format::{Call, Item, Record, Trace};

use crate::run::{Line, Outcome, Traced, numbered};

const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// Records and truth of one process agree line by line.
#[track_caller]
pub(crate) fn agree(outcome: &Outcome) {
    let told = outcome.told();
    let recorded = outcome.recorded();
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        recorded.keys().collect::<Vec<_>>()
    );
    for (pid, told) in &told {
        let recorded = &recorded[pid];
        for (told, recorded) in told.iter().zip(recorded) {
            assert_eq!(told, recorded);
        }
        assert_eq!(told.len(), recorded.len(), "{:?}", recorded.last());
    }
}

#[test]
fn every_call_is_recorded_with_its_result_and_no_other() {
    let outcome = Traced::new("calls", &[]).run();
    assert!(outcome.truth.len() > 55);
    agree(&outcome);
    let trace = outcome.only();
    let header = trace.header();
    assert_eq!(
        (header.origin, header.state, header.exit_status),
        (Origin::Exec, State::Exited, 0)
    );
    assert!(
        header
            .arguments()
            .next()
            .unwrap()
            .ends_with(header.exe.rsplit(|byte| *byte == b'/').next().unwrap())
    );
    assert_eq!((header.dropped, header.flags), (0, 0));
}

#[test]
fn the_other_clock_tells_the_same() {
    let outcome = Traced::new("calls", &[])
        .env("PARTAGE_TRACE_CLOCK", "monotonic")
        .run();
    agree(&outcome);
    let trace = outcome.only();
    let times: Vec<u64> = trace.records().map(|record| record.time).collect();
    assert!(
        times
            .iter()
            .all(|time| *time >= trace.header().started.monotonic)
    );
}

#[test]
fn times_lie_within_the_run() {
    let now = || {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: time is writable.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
        u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
    };
    let before = now();
    let outcome = Traced::new("calls", &[]).run();
    let after = now();
    let trace = outcome.only();
    for record in trace.records() {
        let time = trace.clock().monotonic_ns(record.time);
        let end = time + trace.clock().duration_ns(record.duration);
        assert!(
            before <= time && end <= after,
            "{before} {time} {end} {after}"
        );
    }
}

fn find(records: &[Record], call: Call, nth: usize) -> &Record {
    records
        .iter()
        .filter(|record| record.call == Ok(call))
        .nth(nth)
        .unwrap()
}

#[test]
fn arguments_and_payloads_are_those_of_the_call() {
    let outcome = Traced::new("calls", &[]).run();
    let trace = outcome.only();
    let records: Vec<Record> = trace.records().collect();
    let pid = trace.header().pid;
    let get = find(&records, Call::Shmget, 0);
    assert_eq!(get.args[..3], [0, 10000, (libc::IPC_CREAT | 0o600) as u64]);
    let attach = find(&records, Call::Shmat, 0);
    assert_eq!((attach.args[0] as i64, attach.args[3]), (get.result, 10000));
    let status = find(&records, Call::Shmctl, 0).items().next();
    let Some(Item::ShmidDs(status)) = status else {
        panic!("{status:?}")
    };
    assert_eq!(
        (
            status.segsz,
            status.nattch,
            status.cpid,
            status.mode & 0o777
        ),
        (10000, 1, pid, 0o600)
    );
    assert!(
        matches!(find(&records, Call::Shmctl, 2).items().next(), Some(Item::ShmLimits(limits)) if limits.shmmni > 0)
    );
    assert!(
        matches!(find(&records, Call::Shmctl, 3).items().next(), Some(Item::ShmInfo(info)) if info.used_ids > 0)
    );
    let detach = find(&records, Call::Shmdt, 1);
    assert_eq!(
        (detach.args[0] as i64, detach.args[1]),
        (attach.result, 12288)
    );
    let name = format!("/calls-trace-{pid}");
    assert_eq!(
        find(&records, Call::ShmOpen, 0).name(),
        Some(name.as_bytes())
    );
    assert_eq!(find(&records, Call::ShmOpen, 1).name(), Some(&b"/a/b"[..]));
    assert_eq!(
        find(&records, Call::Open, 0).name(),
        Some(format!("/dev/shm{name}").as_bytes())
    );
    assert_eq!(find(&records, Call::Dup2, 2).args[2], 1);
    assert_eq!(
        find(&records, Call::Fclose, 0).args[1] as i64,
        find(&records, Call::Dup, 0).result
    );
}

#[test]
fn shared_anonymous_memory_is_recorded_where_asked_for() {
    for (value, expected) in [("0", &[][..]), ("1", &[Call::Mmap, Call::Munmap][..])] {
        let outcome = Traced::new("anonymous", &[])
            .env("PARTAGE_TRACE_ANONYMOUS", value)
            .run();
        let calls: Vec<Call> = outcome
            .only()
            .records()
            .filter_map(|record| record.call.ok())
            .collect();
        let memory: Vec<Call> = calls
            .into_iter()
            .filter(|call| call.is_function() && *call != Call::Exit)
            .collect();
        assert_eq!(memory, expected);
    }
}

#[test]
fn every_call_site_lies_in_a_recorded_module() {
    let outcome = Traced::new("calls", &[]).run();
    let trace = outcome.only();
    let records: Vec<Record> = trace.records().collect();
    let modules: Vec<&Record> = records
        .iter()
        .filter(|record| record.call == Ok(Call::Module))
        .collect();
    // The last exit is the return from main: it has no call site.
    for record in records.iter().filter(|record| {
        record
            .call
            .is_ok_and(|call| call.is_function() && call != Call::Exit)
    }) {
        let caller = record.callers().next().expect("a return address");
        let module = modules
            .iter()
            .find(|module| (module.args[0]..module.args[1]).contains(&caller));
        assert_eq!(
            module.and_then(|module| module.name()),
            Some(trace.header().exe)
        );
    }
}

#[test]
fn allocators_that_replace_malloc_change_nothing() {
    for name in ["libjemalloc.so.2", "libtcmalloc_minimal.so.4"] {
        let library = format!("{LIBRARIES}/{name}");
        if !std::path::Path::new(&library).exists() {
            println!("not installed: {name}");
            continue;
        }
        agree(&Traced::new("calls", &[]).preload("", &library).run());
        agree_in_threads(Traced::new("threads", &[]).preload("", &library));
    }
}

#[test]
fn the_library_is_traced_as_the_kernel_is() {
    let built = partage_tests::artefacts::artefacts().unwrap();
    let library = built.shared_object();
    let traced = Traced::new("calls", &[]).preload("", library.to_str().unwrap());
    let namespace = traced.scratch.0.join("namespace");
    std::fs::create_dir(&namespace).unwrap();
    let objects = namespace.join("posix");
    let traced = traced.env("PARTAGE_DIR", namespace.to_str().unwrap());
    let outcome = traced.env("OBJECTS", objects.to_str().unwrap()).run();
    agree(&outcome);
    // One call of the program is one record: what the library does inside goes straight to the kernel.
    assert!(
        outcome
            .only()
            .records()
            .any(|record| record.call == Ok(Call::ShmOpen) && record.result >= 0)
    );
}

#[test]
fn a_program_of_another_c_library_is_traced() {
    let scratch = crate::run::Scratch::new();
    let source = "int shmdt(const void *); int main(void) { return shmdt((void *)1) != -1; }";
    let path = scratch.0.join("program.c");
    std::fs::write(&path, source).unwrap();
    let program = scratch.0.join("program");
    let compiled = std::process::Command::new("musl-gcc")
        .arg("-o")
        .arg(&program)
        .arg(&path)
        .status();
    if !compiled.is_ok_and(|status| status.success()) {
        println!("not installed: musl-gcc");
        return;
    }
    let mut command = std::process::Command::new(&program);
    command
        .env("PARTAGE_TRACE", scratch.traces())
        .env("LD_PRELOAD", &crate::run::built().recorder);
    assert!(command.status().unwrap().success());
    let files = crate::run::read_files(&scratch.traces());
    let trace = Trace::parse(&files[0]).unwrap();
    let calls: Vec<_> = trace
        .records()
        .filter_map(|record| record.call.ok())
        .filter(|call| call.is_function())
        .collect();
    assert_eq!(calls, [Call::Shmdt, Call::Exit]);
    assert_eq!(trace.header().state, State::Exited);
    assert_ne!(
        trace.header().flags & partage_trace_format::header::flag::STATUS_UNKNOWN,
        0
    );
}

#[test]
fn address_sanitizer_goes_first_and_changes_nothing() {
    let asan = std::process::Command::new("gcc")
        .arg("-print-file-name=libasan.so")
        .output()
        .unwrap();
    let asan = String::from_utf8(asan.stdout).unwrap();
    agree(
        &Traced::new("calls", &["-fsanitize=address"])
            .preload(asan.trim(), "")
            .run(),
    );
}

const THREADS: u64 = 8;
const CALLS: u64 = 5000;

#[track_caller]
pub(crate) fn agree_in_threads(traced: Traced) {
    let outcome = traced
        .args(&[&THREADS.to_string(), &CALLS.to_string()])
        .run();
    let trace = outcome.only();
    let mut next = vec![0; THREADS as usize + 1];
    let mut tids = vec![0; THREADS as usize + 1];
    for record in trace
        .records()
        .filter(|record| record.call == Ok(Call::Shmdt))
    {
        let (thread, call) = (
            (record.args[0] >> 32) as usize,
            (record.args[0] & u64::from(u32::MAX)) >> 1,
        );
        assert_eq!(call, next[thread]);
        assert_eq!((record.result, record.errno), (-1, libc::EINVAL));
        assert!(tids[thread] == 0 || tids[thread] == record.tid);
        tids[thread] = record.tid;
        next[thread] += 1;
    }
    assert!(next[1..].iter().all(|count| *count == CALLS), "{next:?}");
    tids.sort_unstable();
    tids.dedup();
    assert_eq!(tids.len(), THREADS as usize + 1);
    assert_eq!(trace.header().dropped, 0);
}

#[test]
fn threads_lose_nothing_and_keep_their_order() {
    agree_in_threads(Traced::new("threads", &[]));
}

#[test]
fn handlers_that_interrupt_a_record_lose_nothing() {
    let outcome = Traced::new("handlers", &[]).run();
    let series = numbered(&outcome.only());
    for (index, name) in [(1, "main"), (2, "handler")] {
        let line: &Line = outcome.truth.iter().find(|line| line.call == name).unwrap();
        let numbers = series.get(&index).cloned().unwrap_or_default();
        assert_eq!(numbers.len() as i64, line.result);
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(at, number)| at as u64 == *number)
        );
    }
    assert!(series.contains_key(&2));
}

#[test]
fn records_begin_before_constructors_and_end_after_exit_handlers() {
    let outcome = Traced::new("early", &[]).run();
    let trace = outcome.only();
    assert_eq!(
        numbered(&trace).keys().copied().collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
}

#[test]
fn frames_are_walked_as_deep_as_asked_on_any_stack() {
    let outcome = Traced::new("frames", &[])
        .env("PARTAGE_TRACE_DEPTH", "6")
        .run();
    let trace = outcome.only();
    let records: Vec<Record> = trace
        .records()
        .filter(|record| record.call == Ok(Call::Shmdt))
        .collect();
    assert_eq!(records.len(), 4);
    let chains: Vec<Vec<u64>> = records
        .iter()
        .map(|record| record.callers().collect())
        .collect();
    // third, second and first called each other at the same places on all three stacks; the fourth has no frames.
    assert!(
        chains[..3]
            .iter()
            .all(|chain| chain.len() > 3 && chain.len() <= 6),
        "{chains:x?}"
    );
    assert!(
        chains[1][..3] == chains[0][..3] && chains[2][..3] == chains[0][..3],
        "{chains:x?}"
    );
    assert_eq!(chains[3].len(), 1);
}

#[test]
fn a_cancelled_thread_runs_its_handlers() {
    let scratch = crate::run::Scratch::new();
    let fifo = scratch.0.join("fifo");
    Traced::new("cancel", &[])
        .args(&[fifo.to_str().unwrap()])
        .run();
}
