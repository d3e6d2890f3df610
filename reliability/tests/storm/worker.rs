//! One of the many: random calls, forks, threads and execs until it is killed.

use crate::board::Board;
use partage_reliability::calls;
use partage_tests::random::Random;
use std::process::ExitCode;

/// Few keys, so that processes meet.
pub(crate) const KEYS: usize = 12;
pub(crate) const FIRST_KEY: i32 = 0x5700;
/// More than a page: what is mapped of a single page is no attachment.
pub(crate) const SIZE: usize = 3 * 4096;
/// Attachments at a time.
pub(crate) const MOST: usize = 6;
/// Some drop root, and others use what they make.
pub(crate) const PERMISSIONS: i32 = 0o666;
/// What `IPC_SET` makes of them.
pub(crate) const SET: u16 = 0o664;
/// Children that end at once, of one process, one after another.
const BURST: usize = 200;
/// Whom root becomes.
const NOBODY: u32 = 65534;

/// What one thread has attached. No memory is allocated: it also lives in children of forks.
struct Actor<'a> {
    board: &'a Board,
    random: Random,
    attached: [usize; MOST],
}

/// A worker's life; it ends only when it is killed or its parent is gone.
pub(crate) fn run(board: &Board, slot: usize) -> ExitCode {
    // SAFETY: plain numbers.
    unsafe { libc::setpgid(0, board.group()) };
    let parent = std::os::unix::process::parent_id();
    let mut actor = Actor {
        board,
        random: Random::new(board.new_life() + 1),
        attached: [0; MOST],
    };
    while std::os::unix::process::parent_id() == parent {
        if board.is_paused() {
            park(board, slot);
            continue;
        }
        match actor.random.below(400) {
            0 | 10..=20 => become_another(board, slot),
            1..=4 => actor.with_thread(),
            5..=8 | 21..=50 => actor.in_need(),
            9 => actor.burst(),
            _ => actor.step(true),
        }
    }
    ExitCode::FAILURE
}

fn park(board: &Board, slot: usize) {
    // Children first: then nobody is under way.
    // SAFETY: no status is asked for.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {}
    board.set_parked(slot, true);
    while board.is_paused() {
        // SAFETY: a plain number; the parent ends this process if it does not go on.
        unsafe { libc::usleep(200) };
    }
    board.set_parked(slot, false);
}

/// exec: all attachments are gone, the process is the same.
fn become_another(board: &Board, slot: usize) {
    use std::os::unix::process::CommandExt;
    board.count_exec();
    if let Ok(program) = std::env::current_exe() {
        let _ = std::process::Command::new(program)
            .args(["worker", &slot.to_string()])
            .exec();
    }
}

/// Sets a soft limit, at most to the hard one; returns what it was.
fn set_limit(what: libc::__rlimit_resource_t, soft: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is ours.
    unsafe {
        libc::getrlimit(what, &raw mut limit);
        let before = limit.rlim_cur;
        limit.rlim_cur = soft.min(limit.rlim_max);
        libc::setrlimit(what, &raw const limit);
        before
    }
}

/// Bytes of address space in use, without memory of its own and with the descriptor that a file needs.
fn address_space() -> u64 {
    let mut text = [0u8; 32];
    // SAFETY: a C string; the array has room.
    unsafe {
        let file = libc::open(
            c"/proc/self/statm".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        );
        libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
    }
    let pages = text.iter().take_while(|byte| byte.is_ascii_digit());
    pages.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')) * 4096
}

impl Actor<'_> {
    /// One random call. What it answers is right or wrong only in the light of what all others do: the counts are
    /// compared when all are at rest.
    fn step(&mut self, may_fork: bool) {
        self.board.count_call();
        let key = FIRST_KEY + self.random.below(KEYS) as i32;
        match self.random.below(26) {
            0..=2 => drop(calls::get(key, SIZE, libc::IPC_CREAT | PERMISSIONS)),
            3 => drop(self.make_removed()),
            24 | 25 => {
                let id = self.board.handed_out(self.random.below(64));
                let _ = self.attach(id);
            }
            4..=9 => drop(calls::get(key, 0, 0).and_then(|id| self.attach(id))),
            10..=14 => self.detach(),
            15 => drop(calls::get(key, 0, 0).and_then(calls::remove)),
            16..=18 => drop(calls::get(key, 0, 0).and_then(calls::stat)),
            19 => drop(calls::get(key, 0, 0).and_then(|id| calls::set_mode(id, SET))),
            20 => self.touch(),
            21 => self.double(),
            22 => self.trim(),
            _ if may_fork => self.fork(),
            _ => {}
        }
    }

    fn attach(&mut self, id: i32) -> calls::Result<()> {
        if let Some(place) = self.attached.iter_mut().find(|place| **place == 0) {
            *place = calls::attach(id, 0)?;
        }
        Ok(())
    }

    /// A segment that is removed at once, and whose id the others get: the usual way to share without a name.
    fn make_removed(&mut self) -> calls::Result<()> {
        let id = calls::get(libc::IPC_PRIVATE, SIZE, PERMISSIONS)?;
        let attached = self.attach(id);
        calls::remove(id)?;
        self.board.hand_out(self.random.below(64), id);
        attached
    }

    /// Some calls with hardly a descriptor, or hardly any address space.
    fn in_need(&mut self) {
        let (what, limit) = match self.random.below(2) {
            0 => (libc::RLIMIT_NOFILE, self.random.below(8) as u64),
            _ => (
                libc::RLIMIT_AS,
                address_space() + self.random.below(1 << 20) as u64,
            ),
        };
        let before = set_limit(what, limit);
        (0..20).for_each(|_| self.step(true));
        set_limit(what, before);
    }

    /// A server whose workers come and go, and which makes no other call meanwhile.
    fn burst(&mut self) {
        for _ in 0..BURST {
            if self.board.is_paused() {
                break;
            }
            self.board.count_fork();
            // SAFETY: the child ends at once.
            unsafe {
                match libc::fork() {
                    0 => libc::_exit(0),
                    pid => libc::waitpid(pid, std::ptr::null_mut(), 0),
                };
            }
        }
    }

    fn detach(&mut self) {
        let chosen = self.random.below(MOST);
        if let Some(place) = self.attached.get_mut(chosen).filter(|place| **place != 0) {
            let _ = calls::detach(std::mem::take(place));
        }
    }

    fn touch(&mut self) {
        if let Some(&address) = self.attached.iter().find(|&&address| address != 0) {
            // SAFETY: the address is attached for writing, whole pages; others may write as well, so it is atomic.
            unsafe { &*(address as *const std::sync::atomic::AtomicU64) }
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// A second mapping of an attachment, taken away again.
    fn double(&mut self) {
        if let Some(&address) = self.attached.iter().find(|&&address| address != 0)
            && let Ok(second) = calls::double(address, SIZE)
        {
            let _ = calls::unmap(second, SIZE);
        }
    }

    /// The last page of an attachment goes, then the rest.
    fn trim(&mut self) {
        if let Some(place) = self.attached.iter_mut().find(|place| **place != 0) {
            let _ = calls::unmap(*place + SIZE - 4096, 4096);
            let _ = calls::detach(std::mem::take(place));
        }
    }

    /// A child with all attachments: it does something of its own and ends in one of four ways.
    fn fork(&mut self) {
        self.board.count_fork();
        // SAFETY: the child makes system calls only, and ends or becomes another program.
        if unsafe { libc::fork() } != 0 {
            // SAFETY: no status is asked for; children that have ended are forgotten.
            while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
            return;
        }
        self.random = Random::new(self.board.new_life() + 1);
        if self.random.below(8) == 0 {
            // SAFETY: plain numbers.
            unsafe {
                libc::setgroups(0, std::ptr::null());
                libc::setresgid(NOBODY, NOBODY, NOBODY);
                libc::setresuid(NOBODY, NOBODY, NOBODY);
            }
        }
        for _ in 0..self.random.below(20) {
            if self.board.is_paused() {
                break;
            }
            self.step(false);
        }
        for what in [libc::RLIMIT_NOFILE, libc::RLIMIT_AS] {
            set_limit(what, libc::RLIM_INFINITY); // A program that is started needs both.
        }
        // SAFETY: strings that end with a zero byte, arrays that end with a null pointer; nothing returns.
        unsafe {
            match self.random.below(4) {
                0 => libc::kill(libc::getpid(), libc::SIGKILL),
                1 => libc::execl(
                    c"/bin/true".as_ptr(),
                    c"true".as_ptr(),
                    std::ptr::null::<libc::c_char>(),
                ),
                _ => 0,
            };
            libc::_exit(0);
        }
    }

    /// Another thread attaches, forks and detaches beside this one.
    fn with_thread(&mut self) {
        let board = self.board;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut other = Actor {
                    board,
                    random: Random::new(board.new_life() + 1),
                    attached: [0; MOST],
                };
                (0..30).for_each(|_| other.step(true));
                other
                    .attached
                    .iter()
                    .filter(|&&address| address != 0)
                    .for_each(|&address| calls::detach(address).unwrap_or(()));
            });
            (0..30).for_each(|_| self.step(true));
        });
    }
}
