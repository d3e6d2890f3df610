//! A member whose registry is changed under it: whatever its calls answer, its own memory stays as it was.

use partage_core::inspect::{self, Namespace};
use partage_reliability::calls;
use partage_reliability::random::Random;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

const SIZE: usize = 8192;
const MOST: usize = 8;
const GUARDS: usize = 8;

/// What must not change.
pub(crate) struct Victim {
    /// Pages of its own, spread among the attachments, filled with a number.
    guards: [usize; GUARDS],
    attached: [usize; MOST],
    calls: u64,
    findings: Vec<String>,
}

impl Victim {
    pub(crate) fn new() -> Victim {
        let mut victim = Victim {
            guards: [0; GUARDS],
            attached: [0; MOST],
            calls: 0,
            findings: Vec::new(),
        };
        for key in 1..4 {
            victim.attach(key);
            victim.guard(key as usize);
        }
        victim
    }

    fn guard(&mut self, number: usize) {
        if let Some(guard) = self
            .guards
            .get_mut(number % GUARDS)
            .filter(|guard| **guard == 0)
        {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: the kernel chooses a free page, which is then filled.
            unsafe {
                let page = libc::mmap(
                    null_mut(),
                    4096,
                    libc::PROT_READ | libc::PROT_WRITE,
                    flags,
                    -1,
                    0,
                );
                page.cast::<u8>().write_bytes(0x5a, 4096);
                *guard = page as usize;
            }
        }
    }

    fn attach(&mut self, key: i32) {
        self.calls += 2;
        if let Ok(address) = calls::get(key, 0, 0).and_then(|id| calls::attach(id, 0)) {
            match self.attached.iter_mut().find(|place| **place == 0) {
                Some(place) => *place = address,
                None => drop(calls::detach(address)),
            }
        }
    }

    /// Some calls of every kind.
    pub(crate) fn calls(&mut self, random: &mut Random) {
        let key = random.below(8) as i32 + 1;
        self.calls += 1;
        match random.below(10) {
            0 => drop(calls::get(key, SIZE, libc::IPC_CREAT | 0o600)),
            1 | 2 => self.attach(key),
            3 | 4 => self.detach(random),
            5 => drop(calls::get(key, 0, 0).and_then(calls::stat)),
            6 => drop(calls::get(key, 0, 0).and_then(|id| calls::set_mode(id, 0o600))),
            7 => drop(calls::get(key, 0, 0).and_then(calls::remove)),
            8 => fork(),
            _ => drop(calls::stat(random.below(1 << 16) as i32)),
        }
        self.guard(random.below(GUARDS));
        self.look();
    }

    fn detach(&mut self, random: &mut Random) {
        let chosen = random.below(MOST);
        let place = self.attached.get_mut(chosen).map(std::mem::take);
        if let Some(address) = place.filter(|&address| address != 0)
            && let Err(errno) = calls::detach(address)
        {
            let text = format!("shmdt of an attachment: errno {errno}");
            self.findings.push(text);
        }
    }

    /// Its own pages are what they were, and attachments are still there: to read one is a fault if it is not.
    fn look(&mut self) {
        for &guard in self.guards.iter().filter(|&&guard| guard != 0) {
            // SAFETY: the page is mapped, if nobody unmapped it: then this is the fault that the test is there to see.
            let bytes = unsafe { std::slice::from_raw_parts(guard as *const u8, 4096) };
            if bytes.iter().any(|&byte| byte != 0x5a) {
                self.findings
                    .push("a page of the program was written to".to_owned());
            }
        }
        for &address in self.attached.iter().filter(|&&address| address != 0) {
            for offset in [0, SIZE - 1] {
                // SAFETY: attached, two pages.
                unsafe { ((address + offset) as *const u8).read_volatile() };
            }
        }
    }

    /// What was found, and how many calls it was.
    pub(crate) fn end(mut self) -> Vec<String> {
        for place in self.attached {
            if place != 0 && calls::detach(place).is_err() {
                self.findings
                    .push("an attachment cannot be detached".to_owned());
            }
        }
        self.findings.push(format!("calls {}", self.calls));
        self.findings
    }
}

/// A child with the attachments of this process.
fn fork() {
    // SAFETY: the child ends at once.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(0);
        }
        let mut status = 0;
        libc::waitpid(pid, &raw mut status, 0);
        if status != 0 {
            libc::abort();
        }
    }
}

/// Repairs the registry as it is, and finds what is wrong afterwards; or says that it is refused.
pub(crate) fn repair(directory: &Path) -> Vec<String> {
    if let Err(error) = inspect::repair() {
        return vec![format!("refused: {}", error.name())];
    }
    let mut findings = Vec::new();
    match Namespace::open(directory.as_os_str().as_bytes()) {
        // A file that the registry has a wrong name for is not there: that is for a person to decide on.
        Ok(namespace) => namespace.check(|finding| {
            if !matches!(finding, inspect::Finding::File { .. }) {
                findings.push(format!("{finding:?}"));
            }
        }),
        Err(error) => findings.push(format!("cannot be opened: {}", error.name())),
    }
    findings
}

/// Removes files of segments that the registry, put back as it was, knows nothing of.
pub(crate) fn remove_strays(directory: &Path) {
    for finding in partage_reliability::examine::namespace(directory) {
        if let Some(name) = finding.strip_prefix("left over: ") {
            let _ = std::fs::remove_file(directory.join(name));
        }
    }
}
