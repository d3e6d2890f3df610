//! Processes attach, detach, remove, die, take over and fork at the same time, in every order of their accesses to shared
//! memory with at most so many preemptions. The very code of the core, see the crate.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a model fails by panicking"
)]

use loom::thread;
use partage_model::{Process, World};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const OLD: u32 = 32769;
const NEW: u32 = 65537;

/// Every order with at most `preemptions` switches away from a thread that could go on, and with one where each access takes
/// a turn; `PARTAGE_MODEL_MORE` allows that many more, for hours.
fn every_order(preemptions: usize, model: impl Fn() + Clone + Send + Sync + 'static) {
    let more = std::env::var("PARTAGE_MODEL_MORE").map_or(0, |more| more.parse().unwrap());
    for (turns, preemptions) in [(false, preemptions), (true, 1)] {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions + more);
        partage_model::with_turns(turns);
        builder.check(model.clone());
    }
}

/// A model with a process that is killed before its first access, its second, and so on, until it comes to its end.
fn with_death_at_every_access(
    preemptions: usize,
    model: impl Fn(Option<u32>, &AtomicBool) + Clone + Send + Sync + 'static,
) {
    for access in 0.. {
        let died = Arc::new(AtomicBool::new(false));
        let (seen, model) = (died.clone(), model.clone());
        every_order(preemptions, move || model(Some(access), &seen));
        if !died.load(Ordering::SeqCst) {
            return;
        }
    }
}

fn start(
    world: &Arc<World>,
    number: usize,
    dies_at: Option<u32>,
    act: impl FnOnce(&Process<'_>) + 'static,
) -> thread::JoinHandle<bool> {
    let world = world.clone();
    thread::spawn(move || world.run(number, dies_at, act))
}

#[test]
fn three_come_and_go() {
    every_order(2, || {
        let world = World::new(OLD, [true; 3]);
        let others = [1, 2].map(|number| {
            start(&world, number, None, move |process| {
                process.come_and_go(OLD, number as u32);
            })
        });
        world.run(0, None, |process| process.come_and_go(OLD, 0));
        for other in others {
            assert!(!other.join().unwrap());
        }
        world.examine();
    });
}

#[test]
fn removal_gives_up_nothing_that_is_mapped() {
    every_order(2, || {
        let world = World::new(OLD, [true; 3]);
        let one = start(&world, 1, None, |process| process.come_and_go(OLD, 1));
        let other = start(&world, 2, None, |process| process.come_and_go(OLD, 2));
        world.run(0, None, |process| assert!(process.remove(OLD)));
        assert!(!one.join().unwrap() && !other.join().unwrap());
        world.examine();
    });
}

#[test]
fn a_slot_is_given_to_another_segment() {
    every_order(2, || {
        let world = World::with_reuse(OLD, [true; 3]);
        let late = start(&world, 1, None, |process| process.come_and_go(OLD, 1));
        let early = start(&world, 2, None, |process| process.come_and_go(NEW, 2));
        world.run(0, None, |process| {
            process.remove(OLD);
            process.reuse(NEW);
        });
        assert!(!late.join().unwrap() && !early.join().unwrap());
        world.examine();
    });
}

#[test]
fn the_last_detach_meets_the_slots_next_segment() {
    every_order(2, || {
        let world = World::with_reuse(OLD, [true; 3]);
        let number = Cell::new(None);
        world.run(1, None, |process| number.set(process.attach(OLD, 1)));
        world.run(0, None, |process| assert!(process.remove(OLD)));
        let number = number.get().unwrap();
        let last = start(&world, 1, None, move |process| process.detach(1, number));
        let next = start(&world, 2, None, |process| process.reuse(NEW));
        assert!(!last.join().unwrap() && !next.join().unwrap());
        world.examine();
    });
}

#[test]
fn a_slot_is_given_on_while_its_dead_are_looked_after() {
    with_death_at_every_access(1, |access, died| {
        let world = World::with_reuse(OLD, [true; 3]);
        let dead = world.run(1, access, |process| process.come_and_go(OLD, 1));
        died.fetch_or(dead, Ordering::SeqCst);
        world.run(0, None, |process| assert!(process.remove(OLD)));
        let looks_after = start(&world, 2, None, |process| {
            let _ = process.take(1);
        });
        world.run(0, None, |process| process.reuse(NEW));
        assert!(!looks_after.join().unwrap());
        world.examine();
    });
}

#[test]
fn one_dies_at_any_access() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [true; 3]);
        let victim = start(&world, 1, access, |process| process.come_and_go(OLD, 1));
        let reaper = start(&world, 2, None, |process| process.reap(1));
        world.run(0, None, |process| process.come_and_go(OLD, 0));
        died.fetch_or(victim.join().unwrap(), Ordering::SeqCst);
        reaper.join().unwrap();
        world.examine();
    });
}

#[test]
fn the_holding_of_one_who_dies_is_taken_over() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [true, true, false]);
        let victim = start(&world, 1, access, |process| process.come_and_go(OLD, 1));
        let reaper = start(&world, 2, None, |process| process.reap(1));
        world.run(0, None, |process| {
            if process.take(1) {
                let _ = process.attach(OLD, 1);
            }
        });
        died.fetch_or(victim.join().unwrap(), Ordering::SeqCst);
        reaper.join().unwrap();
        world.examine();
    });
}

#[test]
fn two_take_over_what_a_dead_one_held() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [false, true, false]);
        died.fetch_or(
            world.run(1, access, |process| process.come_and_go(OLD, 1)),
            Ordering::SeqCst,
        );
        let other = start(&world, 2, None, |process| {
            if process.take(1) {
                process.come_and_go(OLD, 1);
            }
        });
        let third = start(&world, 3, None, |process| process.reap(1));
        world.run(0, None, |process| {
            if process.take(1) {
                let _ = process.attach(OLD, 1);
            }
        });
        other.join().unwrap();
        third.join().unwrap();
        world.examine();
    });
}

#[test]
fn who_takes_over_dies_too() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [true, true, false]);
        world.run(1, Some(FIRST_DEATH), |process| process.come_and_go(OLD, 1));
        let heir = start(&world, 2, access, |process| {
            if process.take(1) {
                process.come_and_go(OLD, 1);
            }
        });
        world.run(0, None, |process| {
            process.reap(1);
            process.come_and_go(OLD, 0);
        });
        died.fetch_or(heir.join().unwrap(), Ordering::SeqCst);
        world.examine();
    });
}

/// Right after the swap that announces an attach: word, id, count, token, word.
const FIRST_DEATH: u32 = 6;

#[test]
fn removed_while_the_last_user_dies() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [true; 3]);
        let victim = start(&world, 1, access, |process| process.come_and_go(OLD, 1));
        let reaper = start(&world, 2, None, |process| process.reap(1));
        world.run(0, None, |process| {
            process.remove(OLD);
        });
        died.fetch_or(victim.join().unwrap(), Ordering::SeqCst);
        reaper.join().unwrap();
        world.examine();
    });
}

#[test]
fn a_child_takes_what_was_counted_for_it() {
    every_order(2, || {
        let world = World::new(OLD, [true, true, false]);
        world.run(0, None, |process| process.fork(1, OLD, 1));
        let child = start(&world, 1, None, |process| process.be_child(1));
        let reaper = start(&world, 2, None, |process| process.reap(1));
        world.run(0, None, |process| process.come_and_go(OLD, 0));
        child.join().unwrap();
        reaper.join().unwrap();
        world.examine();
    });
}

#[test]
fn a_child_dies_at_any_access() {
    with_death_at_every_access(1, |access, died| {
        let world = World::new(OLD, [true, true, false]);
        world.run(0, None, |process| process.fork(1, OLD, 1));
        let child = start(&world, 1, access, |process| process.be_child(1));
        let heir = start(&world, 2, None, |process| {
            if process.take(1) {
                process.come_and_go(OLD, 1);
            }
        });
        world.run(0, None, |process| process.come_and_go(OLD, 0));
        died.fetch_or(child.join().unwrap(), Ordering::SeqCst);
        heir.join().unwrap();
        world.examine();
    });
}

#[test]
fn what_is_counted_late_for_a_child_is_not_the_next_members() {
    every_order(2, || {
        let world = World::new(OLD, [true, true, false]);
        let late = start(&world, 0, None, |process| process.count_for(1, OLD, 1));
        let child = start(&world, 1, None, |process| process.be_childless());
        let reaper = start(&world, 2, None, |process| process.free(1));
        world.run(3, None, |process| {
            if process.take(1) {
                assert!(
                    process.attach(OLD, 1).is_some(),
                    "its own holding is in use"
                );
            }
        });
        late.join().unwrap();
        child.join().unwrap();
        reaper.join().unwrap();
        world.examine();
    });
}
