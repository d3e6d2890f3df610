//! Locks on the bytes of one file, as the kernel keeps them: they belong to open file descriptions, which live as long as a
//! descriptor or a mapping of some process does.

use loom::sync::Mutex;
use std::cell::Cell;
use std::collections::BTreeMap;

/// One open file description.
#[derive(Debug, Default)]
struct Description {
    process: u32,
    holders: u32,
    locked: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    last: i32,
    descriptions: BTreeMap<i32, Description>,
}

loom::lazy_static! {
    static ref STATE: Mutex<State> = Mutex::new(State::default());
}

loom::thread_local! {
    /// The process that this thread is.
    static PROCESS: Cell<u32> = Cell::new(0);
    /// Whether it is killed when it asks for the time.
    static DOOMED: Cell<bool> = Cell::new(false);
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    match STATE.lock() {
        Ok(mut state) => act(&mut state),
        Err(_) => std::process::abort(),
    }
}

/// This thread is a process of this number from here on.
pub fn be(process: u32) {
    PROCESS.with(|own| own.set(process));
}

/// This thread's process will be killed in the middle of joining.
pub fn doom() {
    DOOMED.with(|doomed| doomed.set(true));
}

/// SIGKILL, if it is time for it.
pub(crate) fn may_die() {
    if DOOMED.with(|doomed| doomed.replace(false)) {
        std::panic::resume_unwind(Box::new("killed"));
    }
}

/// The process ends: all that it holds is gone.
pub fn exit(process: u32) {
    with(|state| {
        state
            .descriptions
            .retain(|_, description| description.process != process);
    });
}

pub(crate) fn open() -> i32 {
    let process = PROCESS.with(Cell::get);
    with(|state| {
        state.last += 1;
        let description = Description {
            process,
            holders: 1,
            locked: None,
        };
        state.descriptions.insert(state.last, description);
        state.last
    })
}

pub(crate) fn hold(fd: i32) {
    with(|state| {
        if let Some(description) = state.descriptions.get_mut(&fd) {
            description.holders += 1;
        }
    });
}

pub(crate) fn let_go(fd: i32) {
    with(|state| {
        let last = state.descriptions.get_mut(&fd).is_some_and(|description| {
            description.holders -= 1;
            description.holders == 0
        });
        if last {
            state.descriptions.remove(&fd);
        }
    });
}

fn is_locked_by_others(state: &State, fd: i32, byte: u64) -> bool {
    let mut all = state.descriptions.iter();
    all.any(|(other, description)| *other != fd && description.locked == Some(byte))
}

pub(crate) fn is_held(fd: i32, byte: u64) -> bool {
    with(|state| is_locked_by_others(state, fd, byte))
}

pub(crate) fn take(fd: i32, byte: u64) -> bool {
    with(|state| {
        if is_locked_by_others(state, fd, byte) {
            return false;
        }
        if let Some(description) = state.descriptions.get_mut(&fd) {
            description.locked = Some(byte);
        }
        true
    })
}
