//! For each call, each system call that it makes and each errno that this one can have: the answer, and what is left.

use crate::points;
use crate::scenarios::{self, Scenario, Victim};
use partage_reliability::report::Report;
use partage_reliability::steady::{Expected, OneCall, Steady};
use partage_reliability::tracee::{Stop, Tracee};
use std::path::Path;
use std::process::ExitCode;

/// The errnos that a system call can plausibly have; none for those that cannot fail.
fn errnos(number: u64) -> &'static [i32] {
    match number as i64 {
        libc::SYS_openat => &[
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::ENOSPC,
            libc::EACCES,
            libc::EINTR,
            libc::EROFS,
        ],
        libc::SYS_mmap => &[libc::ENOMEM, libc::EAGAIN, libc::ENFILE],
        libc::SYS_mprotect | libc::SYS_mremap => &[libc::ENOMEM],
        libc::SYS_munmap => &[libc::ENOMEM],
        libc::SYS_madvise => &[libc::EINVAL, libc::ENOMEM],
        libc::SYS_fcntl => &[libc::ENOLCK, libc::EAGAIN, libc::EINVAL],
        libc::SYS_ftruncate => &[libc::EFBIG, libc::ENOSPC, libc::EIO],
        libc::SYS_fallocate => &[libc::ENOSPC, libc::EOPNOTSUPP],
        libc::SYS_linkat => &[libc::ENOSPC, libc::EPERM, libc::ENOENT],
        libc::SYS_unlinkat => &[libc::EROFS, libc::EPERM, libc::EIO],
        libc::SYS_fchmod | libc::SYS_fchmodat | libc::SYS_fchownat => &[libc::EPERM, libc::EROFS],
        libc::SYS_fstatfs | libc::SYS_statfs | libc::SYS_fstat | libc::SYS_newfstatat => {
            &[libc::ENOMEM]
        }
        libc::SYS_mkdirat => &[libc::ENOSPC, libc::EROFS],
        libc::SYS_futex => &[libc::EINTR],
        libc::SYS_clone => &[libc::EAGAIN],
        _ => &[],
    }
}

struct Run<'a> {
    directory: &'a Path,
    steady: Steady,
    report: Report,
    injected: usize,
}

pub(crate) fn all(directory: &Path) -> ExitCode {
    // SAFETY: plain numbers. Children of victims become this process's.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let steady = Steady::start(directory);
    let mut run = Run {
        directory,
        steady,
        report: Report::default(),
        injected: 0,
    };
    for scenario in scenarios::ALL
        .iter()
        .filter(|scenario| scenario.victim == Victim::Caller)
    {
        if let Err(error) = run.scenario(scenario) {
            run.report.finding(format!("{}: {error}", scenario.name));
        }
    }
    points::clean_object();
    let figures = format!("{} failures of system calls", run.injected);
    run.report.end("faults", &figures)
}

/// Numbers of the system calls of the part between the marks, in order.
fn record(victim: &mut Tracee) -> Result<Vec<u64>, String> {
    let mut numbers = Vec::new();
    while victim.to_system_call()? == Stop::Here {
        numbers.push(victim.registers()?.orig_rax);
        if victim.to_system_call()? != Stop::Here {
            break;
        }
    }
    Ok(numbers)
}

/// Has the system call at `place` answer `errno` without being made, and goes on to the mark.
fn inject(victim: &mut Tracee, place: usize, errno: i32) -> Result<Stop, String> {
    for _ in 0..place * 2 + 1 {
        match victim.to_system_call()? {
            Stop::Here => {}
            other => return Ok(other),
        }
    }
    let mut registers = victim.registers()?;
    registers.orig_rax = u64::MAX;
    victim.set_registers(&registers)?;
    match victim.to_system_call()? {
        Stop::Here => {}
        other => return Ok(other),
    }
    let mut registers = victim.registers()?;
    registers.rax = (-i64::from(errno)) as u64;
    victim.set_registers(&registers)?;
    victim.go_on()
}

fn descriptors(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

impl Run<'_> {
    fn scenario(&mut self, scenario: &Scenario<'_>) -> Result<(), String> {
        // Once for what is only made the first time.
        let scene = self.steady.prepare(scenario.before)?;
        points::victim(scenario, scene)?.go_on()?;
        self.clean(scenario.name);
        let scene = self.steady.prepare(scenario.before)?;
        let mut whole = points::victim(scenario, scene)?;
        let open = descriptors(whole.pid);
        let numbers = record(&mut whole)?;
        drop(whole);
        self.clean(scenario.name);
        // The last one is the mark's.
        let marked = numbers.len().saturating_sub(2);
        for (place, &number) in numbers.iter().take(marked).enumerate() {
            for &errno in errnos(number) {
                self.one(scenario, (place, number, errno), open)?;
            }
        }
        println!("{}: {} system calls", scenario.name, marked);
        Ok(())
    }

    fn one(
        &mut self,
        scenario: &Scenario<'_>,
        (place, number, errno): (usize, u64, i32),
        open: usize,
    ) -> Result<(), String> {
        let refused = matches!(errno, libc::EPERM | libc::EACCES | libc::EROFS);
        let at = format!(
            "{}: system call {number}, the {place}th, fails with {errno}",
            scenario.name
        );
        let scene = self.steady.prepare(scenario.before)?;
        let mut victim = points::victim(scenario, scene)?;
        self.injected += 1;
        match inject(&mut victim, place, errno)? {
            Stop::Mark => {}
            other => self
                .report
                .finding(format!("{at}: the call did not return: {other:?}")),
        }
        let left_open = descriptors(victim.pid);
        if left_open > open {
            self.report
                .finding(format!("{at}: {} descriptors left open", left_open - open));
        }
        // While it lives its attachments count; how many it has, the kernel's list of mappings says.
        let mapped = mappings(self.directory, victim.pid, scene.id);
        let others = u64::from(scenario.before.attached);
        self.look(
            &at,
            refused,
            scene,
            Expected {
                nattch: mapped + others,
                may_vanish: scenario.expected.may_vanish,
            },
        );
        victim.kill();
        self.look(
            &at,
            refused,
            scene,
            Expected {
                nattch: others,
                may_vanish: scenario.expected.may_vanish,
            },
        );
        self.clean(&at);
        Ok(())
    }

    fn look(
        &mut self,
        at: &str,
        refused: bool,
        scene: partage_reliability::steady::Scene,
        expected: Expected,
    ) {
        for finding in self
            .steady
            .look(self.directory, true, scene, OneCall::Create, expected)
        {
            // What the kernel does not let it do to the file, IPC_SET records all the same.
            if !(refused && finding.starts_with("mode")) {
                self.report.finding(format!("{at}; then: {finding}"));
            }
        }
    }

    fn clean(&mut self, at: &str) {
        points::clean_object();
        for finding in self.steady.clean() {
            self.report
                .finding(format!("{at}, after cleaning up: {finding}"));
        }
    }
}

/// Mappings of the segment's file in a process, anchors (of one page) left out.
fn mappings(directory: &Path, pid: i32, id: i32) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    let mut file = Vec::new();
    if let Ok(namespace) = partage_core::inspect::Namespace::open(directory.as_os_str().as_bytes())
    {
        namespace.each_slot(|_, segment| {
            if segment.shmid as i32 == id {
                file = namespace.with_file(segment, <[u8]>::to_vec);
            }
        });
    }
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let path = String::from_utf8_lossy(&file).into_owned();
    let is_whole = |line: &&str| {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        let len = range.and_then(|(start, end)| {
            Some(u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?)
        });
        !path.is_empty() && line.ends_with(&path) && len.is_some_and(|len| len > 4096)
    };
    maps.lines().filter(is_whole).count() as u64
}
