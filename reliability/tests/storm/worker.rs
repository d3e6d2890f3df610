//! One of the many: random calls, forks, threads and execs until it is killed.

use crate::board::Board;
use partage_reliability::calls;
use partage_reliability::random::Random;
use std::process::ExitCode;

/// Few keys, so that processes meet.
const KEYS: usize = 12;
const FIRST_KEY: i32 = 0x5700;
/// More than a page: what is mapped of a single page is no attachment.
const SIZE: usize = 3 * 4096;
/// Attachments at a time.
const MOST: usize = 6;

/// What one thread has attached. No memory is allocated: it also lives in children of forks.
struct Actor<'a> {
    board: &'a Board,
    random: Random,
    attached: [usize; MOST],
}

/// A worker's life; it ends only when it is killed or its parent is gone.
pub(crate) fn run(board: &Board, slot: usize) -> ExitCode {
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
            0 => become_another(board, slot),
            1..=4 => actor.with_thread(),
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

impl Actor<'_> {
    /// One random call. What it answers is right or wrong only in the light of what all others do: the counts are
    /// compared when all are at rest.
    fn step(&mut self, may_fork: bool) {
        self.board.count_call();
        let key = FIRST_KEY + self.random.below(KEYS) as i32;
        match self.random.below(24) {
            0..=2 => drop(calls::get(key, SIZE, libc::IPC_CREAT | 0o600)),
            3 => drop(
                calls::get(libc::IPC_PRIVATE, SIZE, 0o600)
                    .and_then(|id| self.attach(id).and_then(|()| calls::remove(id))),
            ),
            4..=9 => drop(calls::get(key, 0, 0).and_then(|id| self.attach(id))),
            10..=14 => self.detach(),
            15 => drop(calls::get(key, 0, 0).and_then(calls::remove)),
            16..=18 => drop(calls::get(key, 0, 0).and_then(calls::stat)),
            19 => drop(calls::get(key, 0, 0).and_then(|id| calls::set_mode(id, 0o640))),
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
        for _ in 0..self.random.below(20) {
            if self.board.is_paused() {
                break;
            }
            self.step(false);
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
