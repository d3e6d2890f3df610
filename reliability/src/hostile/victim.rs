//! A process whose registry is changed under it: whatever its calls answer, its own memory stays as it was.

use super::calls::Calls;
use super::choices::Choices;
use crate::examine::Findings;
use partage_core::inspect::{self, Finding, Namespace};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

const PAGE: usize = 4096;
const SIZE: usize = 2 * PAGE;
const MOST: usize = 8;
const GUARDS: usize = 8;

/// What must not change.
#[derive(Debug)]
pub struct Victim<C> {
    /// Pages of its own, spread among the attachments, filled with a number.
    guards: [usize; GUARDS],
    /// Addresses and lengths; an address of 0 is a free place.
    attached: [(usize, usize); MOST],
    /// Whether attachments are read: to read what was cut off a file is a fault, for everybody who may.
    reads: bool,
    calls: u64,
    findings: Findings,
    answered_by: PhantomData<C>,
}

impl<C: Calls> Victim<C> {
    /// With segments attached, if they can be. `reads` says that no file of a segment is cut short.
    #[must_use]
    pub fn new(reads: bool) -> Self {
        let mut victim = Victim {
            guards: [0; GUARDS],
            attached: [(0, 0); MOST],
            reads,
            calls: 0,
            findings: Findings::new(),
            answered_by: PhantomData,
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
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: the kernel chooses a free page, which is then filled.
            unsafe {
                let page = libc::mmap(null_mut(), PAGE, protection, flags, -1, 0);
                if page != libc::MAP_FAILED {
                    page.cast::<u8>().write_bytes(0x5a, PAGE);
                    *guard = page as usize;
                }
            }
        }
    }

    fn attach(&mut self, key: i32) {
        self.calls += 2;
        if let Ok(address) = C::get(key, 0, 0).and_then(|id| C::attach(id, 0)) {
            self.note(address);
        }
    }

    fn note(&mut self, address: usize) {
        match self.attached.iter_mut().find(|(address, _)| *address == 0) {
            Some(place) => *place = (address, SIZE),
            None => drop(C::detach(address)),
        }
    }

    /// A call, of any kind.
    pub fn call(&mut self, choices: &mut impl Choices) {
        let key = choices.below(8) as i32 + 1;
        self.calls += 1;
        match choices.below(14) {
            0 => drop(C::get(key, SIZE, libc::IPC_CREAT | 0o600)),
            1 | 2 => self.attach(key),
            3 | 4 => self.end_one(choices, "shmdt", |address, _| C::detach(address)),
            5 => drop(C::get(key, 0, 0).and_then(C::stat)),
            6 => drop(C::get(key, 0, 0).and_then(|id| C::set_mode(id, 0o600))),
            7 => drop(C::get(key, 0, 0).and_then(C::remove)),
            8 => fork(),
            9 => self.end_one(choices, "munmap", C::unmap),
            10 => self.cut_one(choices),
            11 => self.double_one(choices),
            _ => drop(C::stat(choices.below(1 << 16) as i32)),
        }
        self.guard(choices.below(GUARDS));
        self.look();
    }

    /// An attachment goes, whatever the registry says: that it is one is known from this process's own memory.
    fn end_one(
        &mut self,
        choices: &mut impl Choices,
        name: &str,
        end: impl Fn(usize, usize) -> Result<(), i32>,
    ) {
        let place = self.attached.get_mut(choices.below(MOST));
        let (address, len) = place.map(std::mem::take).unwrap_or_default();
        if address != 0
            && let Err(errno) = end(address, len)
        {
            let text = format!("{name} of an attachment: errno {errno}");
            self.findings.push(text);
        }
    }

    /// The second page of one is unmapped.
    fn cut_one(&mut self, choices: &mut impl Choices) {
        let whole = self
            .attached
            .get_mut(choices.below(MOST))
            .filter(|(address, len)| *address != 0 && *len == SIZE);
        if let Some((address, len)) = whole {
            *len = PAGE;
            if let Err(errno) = C::unmap(*address + PAGE, PAGE) {
                self.findings
                    .push(format!("munmap of a page: errno {errno}"));
            }
        }
    }

    fn double_one(&mut self, choices: &mut impl Choices) {
        let (address, len) = self
            .attached
            .get(choices.below(MOST))
            .copied()
            .unwrap_or_default();
        if address != 0
            && len == SIZE
            && let Ok(double) = C::double(address, SIZE)
        {
            self.note(double);
        }
    }

    /// Its own pages are what they were, and attachments are still there: to read one is a fault if it is not.
    fn look(&mut self) {
        for &guard in self.guards.iter().filter(|&&guard| guard != 0) {
            // SAFETY: the page is mapped, if nobody unmapped it: then this is the fault that the test is there to see.
            let bytes = unsafe { std::slice::from_raw_parts(guard as *const u8, PAGE) };
            if bytes.iter().any(|&byte| byte != 0x5a) {
                self.findings
                    .push("a page of the program was written to".to_owned());
            }
        }
        if !self.reads {
            return;
        }
        for &(address, len) in self.attached.iter().filter(|(address, _)| *address != 0) {
            for offset in [0, len - 1] {
                // SAFETY: attached, and so long.
                unsafe { ((address + offset) as *const u8).read_volatile() };
            }
        }
    }

    /// What was found, and how many calls it was.
    #[must_use]
    pub fn end(mut self) -> (Findings, u64) {
        for (address, _) in self.attached {
            if address != 0 && C::detach(address).is_err() {
                self.findings
                    .push("an attachment cannot be detached".to_owned());
            }
        }
        (self.findings, self.calls)
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

/// Looks at everything that there is to see, as the command does, from outside; how much that was.
#[must_use]
pub fn view(directory: &Path) -> usize {
    let Ok(namespace) = Namespace::open(directory.as_os_str().as_bytes()) else {
        return 0;
    };
    let mut seen = namespace.limits().shmmni as usize;
    namespace.each_slot(|_, segment| {
        seen += namespace.resident_bytes(segment) as usize;
        seen += namespace.with_file(segment, <[u8]>::len);
        namespace.each_attachment(segment.shmid, |attachment| {
            seen += usize::from(attachment.alive);
        });
    });
    namespace.each_member(|member| seen += usize::from(member.pid != 0));
    namespace.check(|_| seen += 1);
    seen
}

/// Repairs the registry as it is, and finds what is wrong afterwards.
///
/// # Errors
/// How it is refused.
pub fn repair(directory: &Path) -> Result<Findings, &'static str> {
    inspect::repair().map_err(|error| error.name())?;
    // A member of long standing goes on where the first bytes would have kept it from joining.
    let namespace =
        Namespace::open(directory.as_os_str().as_bytes()).map_err(|error| error.name())?;
    let mut findings = Findings::new();
    // A file that the registry has a wrong name for is not there: that is for a person to decide on.
    namespace.check(|finding| {
        if !matches!(finding, Finding::File { .. }) {
            findings.push(format!("after repair: {finding:?}"));
        }
    });
    Ok(findings)
}
