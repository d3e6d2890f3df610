//! How the registry counts: the core's own functions, over atomics that a model checker watches.
//!
//! A [`World`] has one slot with a few holdings, and processes, each a thread. Beside what they share there is what is true:
//! who has which segment mapped. After every change of shared memory the two are held against each other.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a model fails by panicking"
)]

mod life;
pub mod sync;

pub use life::with_turns;

use partage_core::registry::Holding;
use partage_core::registry::holdings::{self, Atomic, Ended, Slot};
use partage_core::registry::word::{Change, State, Word};
use partage_core::{Errno, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32 as Plain, Ordering};
use sync::AtomicU64;

/// Processes in a world, at most.
pub const PROCESSES: usize = 4;
const HOLDINGS: usize = 3;
const GENERATION: u64 = 1 << 14;

/// What is true of a process, which no process can read.
#[derive(Default)]
struct Truth {
    /// The segment that it has mapped, 0 for none.
    mapped: Plain,
    /// The segment that it may be counted for.
    counted: Plain,
    is_dead: AtomicBool,
}

/// A slot, its holdings, and processes.
pub struct World {
    word: AtomicU64,
    shmid: AtomicU64,
    holdings: [Holding<AtomicU64>; HOLDINGS],
    /// The token in each process's member slot: an older one is a dead member's.
    members: [AtomicU64; PROCESSES],
    /// Whether the kernel has let go of its lock.
    locks: [loom::sync::atomic::AtomicBool; PROCESSES],
    truth: [Truth; PROCESSES],
    /// See [`with_turns`].
    turn: loom::sync::atomic::AtomicUsize,
}

impl Slot for World {
    type Atomic = AtomicU64;

    fn word(&self) -> &AtomicU64 {
        &self.word
    }

    fn holding(&self, index: u32) -> Option<&Holding<AtomicU64>> {
        self.holdings.get(index as usize)
    }

    fn shmid(&self) -> u32 {
        self.shmid.load(Ordering::Acquire) as u32
    }

    fn is_forced(&self) -> bool {
        false
    }

    fn stamp(&self, _: Word, _: &Holding<AtomicU64>) {}
}

fn first_token(process: usize) -> u64 {
    process as u64 | GENERATION
}

impl World {
    /// A live segment in a slot that stays its own; holding `i` belongs to process `i` where `owned` says so, else to nobody.
    #[must_use]
    pub fn new(shmid: u32, owned: [bool; HOLDINGS]) -> Arc<World> {
        World::with(AtomicU64::plain(shmid.into()), owned)
    }

    /// As [`World::new`], with a slot that may be given to another segment.
    #[must_use]
    pub fn with_reuse(shmid: u32, owned: [bool; HOLDINGS]) -> Arc<World> {
        World::with(AtomicU64::watched(shmid.into()), owned)
    }

    fn with(shmid: AtomicU64, owned: [bool; HOLDINGS]) -> Arc<World> {
        let live = Word {
            state: State::Live,
            ..Word::from_bits(0)
        };
        Arc::new(World {
            word: AtomicU64::watched(live.bits()),
            shmid,
            holdings: std::array::from_fn(|index| Holding {
                count: AtomicU64::watched(0),
                token: AtomicU64::watched(match owned.get(index) {
                    Some(true) => first_token(index),
                    _ => 0,
                }),
                address: AtomicU64::plain(0),
                change: AtomicU64::plain(0),
            }),
            members: std::array::from_fn(|index| AtomicU64::watched(first_token(index))),
            locks: std::array::from_fn(|_| loom::sync::atomic::AtomicBool::new(true)),
            truth: Default::default(),
            turn: loom::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// Runs a process to its end, or until it is killed before the access of this number. Whether it was killed.
    pub fn run(
        self: &Arc<World>,
        process: usize,
        dies_at: Option<u32>,
        act: impl FnOnce(&Process<'_>),
    ) -> bool {
        life::run(self, process, dies_at, || {
            act(&Process {
                world: self,
                number: process,
                token: first_token(process),
            });
        })
    }

    /// The kernel takes its memory apart, and then lets go of its lock.
    pub(crate) fn bury(&self, process: usize) {
        if let (Some(truth), Some(lock)) = (self.truth.get(process), self.locks.get(process)) {
            truth.is_dead.store(true, Ordering::SeqCst);
            truth.mapped.store(0, Ordering::SeqCst);
            lock.store(false, Ordering::SeqCst);
        }
    }

    fn is_dead(&self, token: u64) -> bool {
        let process = (token % GENERATION) as usize;
        let (Some(member), Some(lock)) = (self.members.get(process), self.locks.get(process))
        else {
            return true;
        };
        !lock.load(Ordering::SeqCst)
            || member.load(Ordering::Acquire) / GENERATION > token / GENERATION
    }

    fn number_mapped(&self) -> u32 {
        let mapped = |truth: &&Truth| truth.mapped.load(Ordering::SeqCst) != 0;
        self.truth.iter().filter(mapped).count() as u32
    }

    /// Before each access.
    pub(crate) fn take_turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// What holds at every instant.
    pub(crate) fn look(&self) {
        let word = Word::from_bits(self.word.newest());
        for truth in &self.truth {
            let mapped = truth.mapped.load(Ordering::SeqCst);
            assert!(
                mapped == 0 || word.state.has_segment() && self.shmid.newest() == u64::from(mapped),
                "segment {mapped} is gone and mapped: {word:?}"
            );
        }
        let counted = |truth: &&Truth| truth.counted.load(Ordering::SeqCst) != 0;
        let most = self.truth.iter().filter(counted).count() as u32;
        let least = self.number_mapped();
        assert!(
            (least..=most).contains(&word.total),
            "{least} mapped, {most} counted: {word:?}"
        );
    }

    /// What holds when all processes have come to their end, and the dead were looked for.
    pub fn examine(self: &Arc<World>) {
        self.run(PROCESSES - 1, None, |process| {
            for index in 0..HOLDINGS as u32 {
                process.reap(index);
            }
            let word = holdings::settled(&**self).unwrap();
            let counting = self
                .holdings
                .iter()
                .filter(|holding| holdings::counted(holding).is_some())
                .count() as u32;
            assert_eq!(word.total, counting, "the holdings say otherwise: {word:?}");
            assert_eq!(
                word.total,
                self.number_mapped(),
                "not what is mapped: {word:?}"
            );
            assert!(
                word.state != State::Removed || word.total != 0,
                "removed, and nobody to remove it: {word:?}"
            );
        });
    }
}

/// A process, in its own hands.
pub struct Process<'a> {
    world: &'a Arc<World>,
    number: usize,
    token: u64,
}

impl Process<'_> {
    fn truth(&self) -> &Truth {
        &self.world.truth[self.number]
    }

    fn set_mapped(&self, shmid: u32) {
        if !life::is_dead() {
            self.truth().mapped.store(shmid, Ordering::SeqCst);
            self.world.look();
        }
    }

    fn set_counted(&self, shmid: u32) {
        if !life::is_dead() {
            self.truth().counted.store(shmid, Ordering::SeqCst);
            self.world.look();
        }
    }

    /// Attaches a segment by a holding of this process: counts, then maps. The number to end it by.
    #[must_use]
    pub fn attach(&self, shmid: u32, holding: u32) -> Option<u64> {
        self.set_counted(shmid);
        match holdings::attach(&**self.world, shmid, holding, self.token) {
            Ok(number) => {
                self.set_mapped(shmid);
                Some(number)
            }
            Err(error) => {
                assert!(
                    life::is_dead() || matches!(error, Errno::EINVAL | Errno::ESTALE),
                    "{error:?}"
                );
                self.set_counted(0);
                None
            }
        }
    }

    /// Detaches: unmaps, then counts no more.
    pub fn detach(&self, holding: u32, number: u64) {
        self.set_mapped(0);
        let ended = holdings::end(&**self.world, holding, number, Change::Detach);
        assert!(
            matches!(ended, Ok(Ended::Now | Ended::Last)) || life::is_dead(),
            "its owner did not end it: {ended:?}"
        );
        self.set_counted(0);
    }

    /// Attaches and detaches.
    pub fn come_and_go(&self, shmid: u32, holding: u32) {
        if let Some(number) = self.attach(shmid, holding) {
            self.detach(holding, number);
        }
    }

    /// Counts a holding off if its member is dead.
    pub fn reap(&self, holding: u32) {
        let mut is_dead = |token| self.world.is_dead(token);
        let reaped = holdings::reap(&**self.world, holding, &mut is_dead);
        assert!(reaped.is_ok() || life::is_dead(), "{reaped:?}");
    }

    /// Takes a holding that is free, or a dead member's.
    #[must_use]
    pub fn take(&self, holding: u32) -> bool {
        let mut is_dead = |token| self.world.is_dead(token);
        let taken = holdings::take(&**self.world, holding, self.token, &mut is_dead);
        assert!(taken.is_ok() || life::is_dead(), "{taken:?}");
        taken == Ok(true)
    }

    /// `IPC_RMID`. Whether there was such a segment.
    pub fn remove(&self, shmid: u32) -> bool {
        let removed = holdings::update(&**self.world, |word| {
            if !word.state.has_segment() || self.world.shmid() != shmid {
                return Err(Errno::EINVAL);
            }
            let state = if word.total == 0 {
                State::Doomed
            } else {
                State::Removed
            };
            Ok((state != word.state).then(|| word.to_state(state)))
        });
        removed.is_ok()
    }

    /// Gives the slot of a doomed segment to another.
    pub fn reuse(&self, shmid: u32) {
        if self.pass_on(State::Doomed, State::Free) && self.pass_on(State::Free, State::Creating) {
            self.world.shmid.store(shmid.into(), Ordering::Release);
            self.step(State::Creating, State::Live);
        }
    }

    /// As the ledger does it; there is one of it in this world.
    fn pass_on(&self, from: State, to: State) -> bool {
        if Word::from_bits(self.world.word.load(Ordering::Acquire)).state != from {
            return false;
        }
        let passed = holdings::pass_on(&**self.world, |state| state == from, to, || true);
        assert!(passed.is_ok() || life::is_dead(), "{passed:?}");
        let state = Word::from_bits(self.world.word.newest()).state;
        // The ledger goes on to its next announcement now, and nobody will come back to this one.
        assert!(
            state != from || life::is_dead(),
            "it is still {state:?}, and is never to be {to:?}"
        );
        state == to
    }

    fn step(&self, from: State, to: State) -> bool {
        let stepped: Result<_> = holdings::update(&**self.world, |word| {
            Ok((word.state == from).then(|| Word {
                total: 0,
                ..word.to_state(to)
            }))
        });
        stepped.is_ok_and(|word| word.is_some())
    }

    /// Before a fork: counts for process `child`, by a holding of its own, what it will have mapped. It is born mapped.
    pub fn fork(&self, child: usize, shmid: u32, holding: u32) {
        let child = Process {
            world: self.world,
            number: child,
            token: first_token(child),
        };
        let _ = child.attach(shmid, holding);
    }

    /// A thread of the parent attaches during the fork: counts for process `child` too, which may be over by then.
    pub fn count_for(&self, child: usize, shmid: u32, holding: u32) {
        self.world.truth[child]
            .counted
            .store(shmid, Ordering::SeqCst);
        let _ = holdings::attach(&**self.world, shmid, holding, first_token(child));
    }

    /// Begins the next generation, and hands nothing on.
    pub fn be_childless(&self) {
        let next = self.token + GENERATION;
        self.world.members[self.number].store(next, Ordering::Release);
    }

    /// Frees a holding if its member is dead.
    pub fn free(&self, holding: u32) {
        let mut is_dead = |token| self.world.is_dead(token);
        let freed = holdings::free(&**self.world, holding, self.token, &mut is_dead);
        assert!(freed.is_ok() || life::is_dead(), "{freed:?}");
    }

    /// The child: hands the holding on to its next generation, and begins that.
    pub fn be_child(&self, holding: u32) {
        let next = self.token + GENERATION;
        let held = &self.world.holdings[holding as usize];
        let number = holdings::settled(&**self.world)
            .ok()
            .and_then(|_| holdings::counted(held));
        let handed_on =
            held.token
                .compare_exchange(self.token, next, Ordering::AcqRel, Ordering::Relaxed);
        assert!(
            life::is_dead() || number.is_some() && handed_on.is_ok(),
            "what was counted for a child is another's"
        );
        let touched = holdings::touch(&**self.world);
        assert!(touched.is_ok() || life::is_dead(), "{touched:?}");
        self.world.members[self.number].store(next, Ordering::Release);
    }
}
