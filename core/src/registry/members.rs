//! Members: processes that use the namespace, and whether they still live.
//!
//! A member holds an open-file-description lock on its byte of a lock file, through a mapping of that file that
//! pins the open file description. The kernel drops the lock with the address space: at exit, at exec, at SIGKILL.

use super::Registry;
use super::format::MAX_MEMBERS;
use crate::error::{Errno, Result};
use crate::os::files::{self, File};
use crate::os::{clock, identity, locks, memory};
use crate::sync::Ordering;
use crate::text::Path;

const INDEX_BITS: u32 = 14;
const GENERATIONS: u32 = 1 << 17;
/// Members share lock files, this many to a file: the kernel keeps the locks of a file in a list.
const PER_FILE: u32 = 64;
/// How many taken slots a joining process passes before it widens the range that slots are given from.
const CROWDED: u32 = 8;
/// A descriptor that has to be kept gets a number that programs do not expect to be free.
const HIGH_DESCRIPTOR: i32 = 900;

/// Names one member for all time: its slot and the slot's generation. Never zero, and 31 bits long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token(u32);

impl Token {
    pub(crate) fn new(index: u32, generation: u32) -> Token {
        Token(index & (MAX_MEMBERS - 1) | (generation % GENERATIONS).max(1) << INDEX_BITS)
    }

    pub(crate) fn from_bits(bits: u32) -> Token {
        Token(bits & !(1 << 31))
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn index(self) -> u32 {
        self.0 & (MAX_MEMBERS - 1)
    }

    fn next_generation(self) -> u32 {
        (self.0 >> INDEX_BITS) + 1
    }
}

/// The lock that says that a member lives, and what keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    pub(crate) token: Token,
    /// The page that pins the open file description; 0 when a descriptor has to.
    page: usize,
    /// Kept open where a mapping does not pin the description, else -1.
    fd: i32,
}

impl Liveness {
    /// Children of fork shall not inherit the lock.
    pub(crate) fn keep_from_children(&self) -> Result<()> {
        if self.page == 0 {
            return Ok(());
        }
        // SAFETY: the page is ours and never accessed.
        unsafe { memory::advise(self.page, memory::page_size(), libc::MADV_DONTFORK) }
    }

    /// Children of fork shall inherit the lock after all.
    pub(crate) fn let_children_have(&self) -> Result<()> {
        if self.page == 0 {
            return Ok(());
        }
        // SAFETY: the page is ours and never accessed.
        unsafe { memory::advise(self.page, memory::page_size(), libc::MADV_DOFORK) }
    }

    /// Gives up this process's hold on the lock; it is gone when no other process has one.
    pub(crate) fn release(&self) {
        if self.page != 0 {
            // SAFETY: the page is ours and never accessed.
            let _ = unsafe { memory::unmap(self.page, memory::page_size()) };
        }
        self.close_kept_descriptor();
    }

    /// In a child: the parent's page was not inherited, but a descriptor was.
    pub(crate) fn close_kept_descriptor(&self) {
        if self.fd >= 0 {
            let _ = files::close(self.fd);
        }
    }
}

impl Registry {
    /// Takes a member slot for a process: this one, or with its pid to be filled in later, a child to be.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
    /// - `EACCES` and other errors of open(2): the lock file
    /// - `ENOLCK` the file system has no locks; or all slots are taken: `ENOSPC`
    pub(crate) fn claim_member(&self, pid: i32) -> Result<Liveness> {
        let header = self.header();
        let mut crowded = 0;
        for _ in 0..MAX_MEMBERS * 2 {
            let limit = header
                .member_limit
                .load(Ordering::Relaxed)
                .clamp(PER_FILE, MAX_MEMBERS);
            let index = header.next_member.fetch_add(1, Ordering::Relaxed) % limit;
            match self.try_claim(index, pid)? {
                None => crowded += 1,
                Some(liveness) => return Ok(liveness),
            }
            if crowded % CROWDED == 0 && limit < MAX_MEMBERS {
                header.member_limit.store(limit * 2, Ordering::Relaxed);
            }
        }
        Err(Errno::ENOSPC)
    }

    /// Lets a member that was claimed for a child know its process id.
    pub(crate) fn set_member_pid(&self, token: Token, pid: i32) {
        if let Some(slot) = self.member(token.index()) {
            slot.pid.store(pid as u32, Ordering::Relaxed);
        }
    }

    /// `None` when a member that lives has the slot.
    fn try_claim(&self, index: u32, pid: i32) -> Result<Option<Liveness>> {
        let slot = self.new_member(index)?;
        let file = self.open_lock_file(index / PER_FILE, libc::O_RDWR)?;
        match locks::take(file.fd(), byte_of(index)) {
            Err(Errno::EAGAIN) => return Ok(None),
            other => other?,
        }
        let (page, fd) = self.pin(file, index)?;
        let before = Token::from_bits(slot.token.load(Ordering::Relaxed));
        let token = Token::new(index, before.next_generation());
        slot.pid.store(pid as u32, Ordering::Relaxed);
        slot.uid.store(identity::euid(), Ordering::Relaxed);
        slot.since.store(clock::now() as u64, Ordering::Relaxed);
        // From here on the predecessor's token is nobody's: its records count no more.
        slot.token.store(token.bits(), Ordering::Release);
        Ok(Some(Liveness { token, page, fd }))
    }

    /// Lets a mapping keep the lock, or the descriptor where a mapping does not: file systems that are layered over
    /// others map the file below.
    fn pin(&self, file: File, index: u32) -> Result<(usize, i32)> {
        let page = memory::map_token(file.fd())?;
        if self.pins_locks(&file) {
            return Ok((page, -1));
        }
        let kept = files::duplicate_from(file.fd(), HIGH_DESCRIPTOR)
            .or_else(|_| files::duplicate_from(file.fd(), 3));
        drop(file);
        let fd = kept?;
        // With the first descriptor gone, the question is whether the mapping alone would hold: ask without the second.
        let _ = files::close(fd);
        let again = self.open_lock_file(index / PER_FILE, libc::O_RDWR)?;
        if locks::is_held(again.fd(), byte_of(index))? {
            return Ok((page, -1));
        }
        // SAFETY: the page is ours and never accessed.
        let _ = unsafe { memory::unmap(page, memory::page_size()) };
        locks::take(again.fd(), byte_of(index))?;
        let high = files::duplicate_from(again.fd(), HIGH_DESCRIPTOR);
        Ok((
            0,
            match high {
                Ok(high) => high,
                Err(_) => again.into_fd(),
            },
        ))
    }

    /// Whether the file system is known to let a mapping keep the lock; asked once.
    fn pins_locks(&self, file: &File) -> bool {
        if self.pins_locks.load(Ordering::Relaxed) {
            return true;
        }
        let known = file
            .file_system()
            .is_ok_and(|system| matches!(system.kind, files::TMPFS | files::EXT4));
        self.pins_locks.store(known, Ordering::Relaxed);
        known
    }

    /// Opens a lock file, making it if need be. Its name cannot be guessed, so its mode may let everyone in: a process
    /// that gives up privileges still has to be counted when it forks.
    fn open_lock_file(&self, number: u32, flags: i32) -> Result<File> {
        let path = self.lock_file_path(number);
        match File::open(path.as_c_str(), flags, 0) {
            Err(Errno::ENOENT) => {}
            other => return other,
        }
        // Without a name until its mode is right, should this process die in between.
        if let Ok(file) = File::nameless(self.path().as_c_str(), 0o666) {
            file.set_mode(0o666)?;
            match file.name(path.as_c_str()) {
                Ok(()) => return Ok(file),
                Err(Errno::EEXIST) => return File::open(path.as_c_str(), flags, 0),
                Err(_) => {}
            }
        }
        match File::open(path.as_c_str(), flags | libc::O_CREAT | libc::O_EXCL, 0o666) {
            Err(Errno::EEXIST) => File::open(path.as_c_str(), flags, 0),
            Ok(file) => {
                file.set_mode(0o666)?;
                Ok(file)
            }
            Err(error) => Err(error),
        }
    }

    fn lock_file_path(&self, number: u32) -> Path {
        let mut path = self.file("/members-");
        path.push_hex(self.header().nonce.load(Ordering::Relaxed))
            .push_str("-")
            .push_decimal(number.into());
        path
    }
}

fn byte_of(index: u32) -> u64 {
    u64::from(index % PER_FILE)
}

/// Asks whether members live. A lock file is opened once for all questions in a row about its members, and none is asked
/// twice while it is open.
pub(crate) struct Prober<'a> {
    registry: &'a Registry,
    /// This process, which needs no asking.
    me: Option<Token>,
    file: Option<OpenLockFile>,
}

struct OpenLockFile {
    number: u32,
    file: File,
    /// One bit for each member: asked, and alive.
    asked: u64,
    alive: u64,
}

impl<'a> Prober<'a> {
    pub(crate) fn new(registry: &'a Registry, me: Option<Token>) -> Prober<'a> {
        Prober {
            registry,
            me,
            file: None,
        }
    }

    /// Whether the member lives. Where the kernel cannot be asked, because no descriptor is free, it is taken to
    /// live: a count may be too high for a moment, never too low.
    pub(crate) fn is_alive(&mut self, token: Token) -> bool {
        if self.me == Some(token) {
            return true;
        }
        let Some(slot) = self.registry.member(token.index()) else {
            return false;
        };
        if slot.token.load(Ordering::Acquire) != token.bits() {
            return false;
        }
        // A successor may have taken the slot since: then the lock is its own, and the token tells.
        self.is_locked(token.index()).unwrap_or(true)
            && slot.token.load(Ordering::Acquire) == token.bits()
    }

    fn is_locked(&mut self, index: u32) -> Result<bool> {
        let number = index / PER_FILE;
        if self.file.as_ref().is_none_or(|open| open.number != number) {
            self.file = None;
            let file = self.registry.open_lock_file(number, libc::O_RDWR)?;
            self.file = Some(OpenLockFile {
                number,
                file,
                asked: 0,
                alive: 0,
            });
        }
        let open = self.file.as_mut().ok_or(Errno::EBADF)?;
        let bit = 1u64 << byte_of(index);
        if open.asked & bit == 0 {
            open.alive |= if locks::is_held(open.file.fd(), byte_of(index))? {
                bit
            } else {
                0
            };
            open.asked |= bit;
        }
        Ok(open.alive & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_zero_and_keep_the_index() {
        let mut token = Token::from_bits(0);
        for _ in 0..GENERATIONS + 5 {
            token = Token::new(77, token.next_generation());
            assert_eq!(token.index(), 77);
            assert!(token.bits() != 0 && token.bits() < 1 << 31);
        }
    }
}
