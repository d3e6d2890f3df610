//! The lock excludes, and goes from the dead to exactly one.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use partage_model::Lock;

/// A lock and what it guards: the checker fails a model in which two are inside at once, or one does not see what the
/// one before it wrote.
struct Guarded {
    lock: Lock,
    inside: UnsafeCell<u32>,
}

// SAFETY: the lock is what the test is about; the checker finds out.
unsafe impl Sync for Guarded {}
// SAFETY: as above.
unsafe impl Send for Guarded {}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded {
            lock: Lock::new(),
            inside: UnsafeCell::new(0),
        })
    }

    fn step(&self) {
        // SAFETY: as above.
        self.inside.with_mut(|count| unsafe { *count += 1 });
        self.lock.unlock();
    }

    fn count(&self) -> u32 {
        // SAFETY: all threads have been joined.
        self.inside.with(|count| unsafe { *count })
    }
}

fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn two_exclude_each_other() {
    bounded(|| {
        let guarded = Guarded::new();
        let other = guarded.clone();
        let thread = thread::spawn(move || {
            assert!(!other.lock.lock(1, &[]));
            other.step();
        });
        assert!(!guarded.lock.lock(2, &[]));
        guarded.step();
        thread.join().unwrap();
        assert_eq!(guarded.count(), 2);
    });
}

#[test]
fn one_inherits_from_the_dead() {
    bounded(|| {
        let guarded = Guarded::new();
        assert!(!guarded.lock.lock(9, &[]));
        let other = guarded.clone();
        let thread = thread::spawn(move || {
            let inherited = other.lock.lock(1, &[9]);
            other.step();
            inherited
        });
        let inherited = guarded.lock.lock(2, &[9]);
        guarded.step();
        assert!(inherited ^ thread.join().unwrap(), "exactly one inherits");
        assert_eq!(guarded.count(), 2);
    });
}

#[test]
fn who_does_not_wait_inherits_as_well() {
    bounded(|| {
        let guarded = Guarded::new();
        assert!(!guarded.lock.lock(9, &[]));
        let other = guarded.clone();
        let thread = thread::spawn(move || {
            let got = other.lock.try_lock(1, &[9]);
            if got.is_some() {
                other.step();
            }
            got
        });
        let inherited = guarded.lock.lock(2, &[9]);
        guarded.step();
        let got = thread.join().unwrap();
        assert!(inherited ^ (got == Some(true)), "exactly one inherits");
        assert_eq!(guarded.count(), 1 + u32::from(got.is_some()));
    });
}
