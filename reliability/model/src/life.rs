//! The process that a thread stands for, and how long it lives.

use crate::World;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

struct Life {
    world: Arc<World>,
    process: usize,
    /// Accesses to shared memory until it is killed; `None` for one that is not.
    left: Cell<Option<u32>>,
    is_dead: Cell<bool>,
}

loom::thread_local! {
    static LIFE: RefCell<Option<Life>> = RefCell::new(None);
}

std::thread_local! {
    /// Of the test, whose models all run on its thread.
    static TURNS: Cell<bool> = const { Cell::new(false) };
}

/// Whether every access takes a turn. To the checker, accesses of different atomics, and a read and a later write, need not be
/// tried in both orders, since a read may be given any value that it could have: what comes of the order all the same is
/// tried with turns only, and takes the longer.
pub fn with_turns(turns: bool) {
    TURNS.set(turns);
}

/// Runs a process: it is killed before the access of this number. Whether that was so.
pub(crate) fn run(
    world: &Arc<World>,
    process: usize,
    dies_at: Option<u32>,
    act: impl FnOnce(),
) -> bool {
    let life = Life {
        world: world.clone(),
        process,
        left: Cell::new(dies_at),
        is_dead: Cell::new(false),
    };
    LIFE.with(|current| *current.borrow_mut() = Some(life));
    act();
    LIFE.with(|current| {
        current
            .borrow_mut()
            .take()
            .is_some_and(|life| life.is_dead.get())
    })
}

/// Before each access: whether the process of this thread is dead, or dies now.
pub(crate) fn is_over() -> bool {
    if TURNS.get() {
        let world = LIFE.with(|life| life.borrow().as_ref().map(|life| life.world.clone()));
        if let Some(world) = world {
            world.take_turn();
        }
    }
    let dying = LIFE.with(|life| {
        let life = life.borrow();
        let life = life.as_ref()?;
        if life.is_dead.get() {
            return Some(None);
        }
        match life.left.get() {
            Some(0) => {
                life.is_dead.set(true);
                Some(Some((life.world.clone(), life.process)))
            }
            left => {
                life.left.set(left.map(|left| left - 1));
                None
            }
        }
    });
    match dying {
        None => false,
        Some(None) => true,
        Some(Some((world, process))) => {
            world.bury(process);
            true
        }
    }
}

/// Whether the process of this thread is dead.
pub(crate) fn is_dead() -> bool {
    LIFE.with(|life| {
        life.borrow()
            .as_ref()
            .is_some_and(|life| life.is_dead.get())
    })
}

/// After each change: what is promised of every instant is looked at.
pub(crate) fn look() {
    let world = LIFE.with(|life| life.borrow().as_ref().map(|life| life.world.clone()));
    if let Some(world) = world {
        world.look();
    }
}
