//! Member slots: taken by one at a time, never twice under one name, and who lives is never taken for dead.

use loom::sync::Arc;
use loom::thread;
use partage_model::{Namespace, kernel};

fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn two_that_join_at_once_get_a_slot_each() {
    bounded(|| {
        let namespace = Arc::new(Namespace::new());
        let other = namespace.clone();
        let thread = thread::spawn(move || {
            let member = other.join(1).unwrap();
            assert!(other.is_alive(member.token()));
            member.token()
        });
        let member = namespace.join(2).unwrap();
        assert!(namespace.is_alive(member.token()));
        let theirs = thread.join().unwrap();
        assert_ne!(theirs, member.token());
        assert!(namespace.is_alive(theirs) && namespace.is_alive(member.token()));
    });
}

#[test]
fn a_successor_has_another_name() {
    bounded(|| {
        let namespace = Arc::new(Namespace::new());
        let (first, other) = (namespace.clone(), namespace.clone());
        let before = thread::spawn(move || first.join(1).unwrap().token())
            .join()
            .unwrap();
        kernel::exit(1);
        let thread = thread::spawn(move || other.join(2).unwrap());
        // Until the successor has its name, the lock that it holds may pass for the predecessor's; not for longer.
        let _ = namespace.is_alive(before);
        let successor = thread.join().unwrap();
        assert_eq!(successor.slot(), 0);
        assert_ne!(successor.token(), before);
        assert!(!namespace.is_alive(before) && namespace.is_alive(successor.token()));
    });
}

#[test]
fn who_lives_is_never_taken_for_dead() {
    bounded(|| {
        let namespace = Arc::new(Namespace::new());
        let member = namespace.join(1).unwrap();
        let token = member.token();
        let other = namespace.clone();
        let thread = thread::spawn(move || {
            // Meets the slot that is taken, and takes the next; and leaves it again.
            other.join(2).unwrap().release();
        });
        assert!(namespace.is_alive(token));
        thread.join().unwrap();
        assert!(namespace.is_alive(token));
        member.release();
        assert!(!namespace.is_alive(token));
    });
}

#[test]
fn who_dies_while_joining_leaves_nothing() {
    bounded(|| {
        let namespace = Arc::new(Namespace::new());
        let (first, dying) = (namespace.clone(), namespace.clone());
        let before = thread::spawn(move || first.join(1).unwrap().token())
            .join()
            .unwrap();
        kernel::exit(1);
        let thread = thread::spawn(move || dying.die_joining(2));
        let member = namespace.join(3).unwrap();
        assert!(namespace.is_alive(member.token()));
        thread.join().unwrap();
        assert!(namespace.is_alive(member.token()));
        assert_ne!(member.token(), before);
        // Named by a slot that nobody may have taken since, but not held by anybody who lives.
        assert!(!namespace.is_alive(before));
    });
}
