//! An input that runs in a child: a member's life begins and ends with it, and nothing that it leaves in its process
//! makes the next input behave otherwise. The child's coverage counters are handed to the fuzzer.

use std::ptr::null_mut;
use std::sync::OnceLock;

/// An input that takes longer hangs, in seconds.
const LONGEST: u32 = 30;

unsafe extern "C" {
    /// The counters of all instrumented code, from here: the linker knows where the section lies.
    #[link_name = "__start___sancov_cntrs"]
    static FIRST: u8;
    /// To here.
    #[link_name = "__stop___sancov_cntrs"]
    static END: u8;
}

/// Where the counters are, and as many bytes that children share with this process.
struct Counters {
    own: usize,
    shared: usize,
    len: usize,
}

fn counters() -> &'static Counters {
    static COUNTERS: OnceLock<Counters> = OnceLock::new();
    COUNTERS.get_or_init(|| {
        let (own, end) = (&raw const FIRST as usize, &raw const END as usize);
        let len = end - own;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a free range.
        let shared = unsafe { libc::mmap(null_mut(), len, protection, flags, -1, 0) };
        assert!(shared != libc::MAP_FAILED, "no memory for counters");
        Counters {
            own,
            shared: shared as usize,
            len,
        }
    })
}

fn copy(from: usize, to: usize, len: usize) {
    // SAFETY: one is the counters' section, the other the shared mapping, both `len` bytes; this process has one thread.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, len) };
}

/// Runs `body` in a child; what it finds, its death and its hanging are findings, which end this process.
///
/// # Panics
/// On a finding.
pub fn run(body: impl FnOnce() -> Vec<String>) {
    let Counters { own, shared, len } = *counters();
    // SAFETY: this process has one thread; the child runs the body and ends.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: the handlers are the fuzzer's, for its own process: here, the parent looks after the signals.
        unsafe {
            libc::signal(libc::SIGALRM, libc::SIG_DFL);
            libc::alarm(LONGEST);
        }
        let findings = body();
        for finding in &findings {
            eprintln!("FINDING {finding}");
        }
        copy(own, shared, len);
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(!findings.is_empty())) };
    }
    let mut status = 0;
    // SAFETY: the process is a child of ours that nobody has waited for.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1 {}
    copy(shared, own, len);
    assert!(
        status == 0,
        "wait status {status:#x} ({} s is the longest that an input may take)",
        LONGEST
    );
}
