//! The calls that are killed, stopped, or made to fail: what is there before each, what the victim has done so far, and the
//! call itself.

use crate::calls;
use crate::steady::{Before, Expected, KEY, Scene};

/// A process to be killed in a call.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// What the harnesses call it.
    pub name: &'a str,
    /// What is there already.
    pub before: Before,
    /// The victim's calls before the one in question; returns what that needs.
    pub ready: fn(Scene) -> usize,
    /// The call, and the errno that it ends with, or 0.
    pub act: fn(Scene, usize) -> i32,
    /// What may be, at whatever instruction the call ended.
    pub expected: Expected,
    /// Who is stepped and killed.
    pub victim: Victim,
    /// The call makes another segment than the one that the witness asks about, which then is not its one call.
    pub makes_another: bool,
}

/// Who of those in a call is stepped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Victim {
    /// The process that makes the call.
    Caller,
    /// The caller of fork; its child lives on, with its attachment.
    Parent,
    /// The child of fork; its parent lives on, with its attachment.
    Child,
}

const NOTHING: Before = Before {
    segment: false,
    attached: false,
    removed: false,
};
const SEGMENT: Before = Before {
    segment: true,
    attached: false,
    removed: false,
};
const IN_USE: Before = Before {
    segment: true,
    attached: true,
    removed: false,
};
const REMOVED: Before = Before {
    segment: true,
    attached: true,
    removed: true,
};

const fn stays(nattch: u64) -> Expected {
    Expected {
        nattch,
        may_vanish: false,
    }
}

const GOES: Expected = Expected {
    nattch: 0,
    may_vanish: true,
};

const fn scenario(
    name: &'static str,
    before: Before,
    ready: fn(Scene) -> usize,
    act: fn(Scene, usize) -> i32,
    expected: Expected,
) -> Scenario<'static> {
    Scenario {
        name,
        before,
        ready,
        act,
        expected,
        victim: Victim::Caller,
        makes_another: false,
    }
}

const OBJECT: &std::ffi::CStr = c"/partage-test-crash";
const CREATE: i32 = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;

fn stranger(_: Scene) -> usize {
    0
}

/// Becomes a member by a call that changes nothing here.
fn joined(_: Scene) -> usize {
    let _ = calls::get(libc::IPC_PRIVATE, 1, 0o600).map(calls::remove);
    0
}

fn attached(scene: Scene) -> usize {
    calls::attach(scene.id, 0).unwrap_or(0)
}

fn attached_and_removed(scene: Scene) -> usize {
    let address = attached(scene);
    let _ = calls::remove(scene.id);
    address
}

fn errno_of<T>(result: calls::Result<T>) -> i32 {
    result.err().unwrap_or(0)
}

fn create(_: Scene, _: usize) -> i32 {
    errno_of(calls::get(KEY, 8192, CREATE))
}

fn create_private(_: Scene, _: usize) -> i32 {
    errno_of(calls::get(libc::IPC_PRIVATE, 8192, CREATE))
}

fn attach(scene: Scene, _: usize) -> i32 {
    errno_of(calls::attach(scene.id, 0))
}

fn detach(_: Scene, address: usize) -> i32 {
    errno_of(calls::detach(address))
}

fn set(scene: Scene, _: usize) -> i32 {
    errno_of(calls::set_mode(scene.id, 0o644))
}

fn lock(scene: Scene, _: usize) -> i32 {
    errno_of(calls::control(scene.id, 11))
}

fn remove(scene: Scene, _: usize) -> i32 {
    errno_of(calls::remove(scene.id))
}

fn unmap_half(_: Scene, address: usize) -> i32 {
    errno_of(calls::unmap(address, 4096))
}

fn double(_: Scene, address: usize) -> i32 {
    errno_of(calls::double(address, 8192))
}

fn stat(scene: Scene, _: usize) -> i32 {
    errno_of(calls::stat(scene.id))
}

fn make_object(_: Scene, _: usize) -> i32 {
    errno_of(calls::make_object(OBJECT))
}

fn unlink_object(_: Scene, _: usize) -> i32 {
    errno_of(calls::unlink_object(OBJECT))
}

fn with_object(_: Scene) -> usize {
    let _ = calls::make_object(OBJECT);
    0
}

/// The child marks that the call is over in its process too.
fn fork(_: Scene, _: usize) -> i32 {
    // SAFETY: the child marks its end, and is then killed or ends.
    unsafe {
        match libc::fork() {
            0 => {
                crate::tracee::mark();
                libc::_exit(0)
            }
            -1 => calls::errno(),
            _ => 0,
        }
    }
}

/// Each call in each state that makes a difference.
pub const ALL: [Scenario<'static>; 22] = [
    scenario("shmget create", NOTHING, joined, create, stays(0)),
    scenario(
        "shmget IPC_PRIVATE",
        NOTHING,
        joined,
        create_private,
        stays(0),
    ),
    scenario(
        "first call in a process: shmget create",
        NOTHING,
        stranger,
        create,
        stays(0),
    ),
    scenario(
        "first call in a process: shmat",
        SEGMENT,
        stranger,
        attach,
        stays(0),
    ),
    scenario("shmat", SEGMENT, joined, attach, stays(0)),
    scenario(
        "shmat of a segment in use",
        IN_USE,
        joined,
        attach,
        stays(1),
    ),
    scenario("shmat, the second", SEGMENT, attached, attach, stays(0)),
    scenario("shmdt", SEGMENT, attached, detach, stays(0)),
    scenario(
        "shmdt of a segment in use",
        IN_USE,
        attached,
        detach,
        stays(1),
    ),
    scenario(
        "shmdt, the last of a removed segment",
        SEGMENT,
        attached_and_removed,
        detach,
        GOES,
    ),
    scenario("munmap of half", SEGMENT, attached, unmap_half, stays(0)),
    scenario("mremap that doubles", IN_USE, attached, double, stays(1)),
    scenario("shmctl IPC_SET", SEGMENT, joined, set, stays(0)),
    scenario("shmctl SHM_LOCK", SEGMENT, joined, lock, stays(0)),
    scenario("shmctl IPC_RMID", SEGMENT, joined, remove, GOES),
    scenario(
        "shmctl IPC_RMID, attached by the caller",
        SEGMENT,
        attached,
        remove,
        GOES,
    ),
    scenario(
        "shmctl IPC_RMID of a segment in use",
        IN_USE,
        joined,
        remove,
        stays(1),
    ),
    scenario(
        "shmctl IPC_RMID, a second time",
        REMOVED,
        joined,
        remove,
        stays(1),
    ),
    scenario("shm_open create", NOTHING, stranger, make_object, stays(0)),
    scenario("shm_unlink", NOTHING, with_object, unlink_object, stays(0)),
    Scenario {
        victim: Victim::Parent,
        ..scenario(
            "fork with an attachment, its caller",
            SEGMENT,
            attached,
            fork,
            stays(0),
        )
    },
    Scenario {
        victim: Victim::Child,
        ..scenario(
            "fork with an attachment, its child",
            SEGMENT,
            attached,
            fork,
            stays(1),
        )
    },
];

/// The registry itself is made by this call.
pub const FIRST_OF_ALL: Scenario<'static> = scenario(
    "first call of all: shmget create",
    NOTHING,
    stranger,
    create,
    stays(0),
);

/// Calls that meet what a process left that was killed in another: which was killed, which meets it.
pub const RECOVERIES: [(usize, Scenario<'static>); 8] = [
    (
        0,
        Scenario {
            makes_another: true,
            ..scenario("shmget create", NOTHING, joined, create, stays(0))
        },
    ),
    (4, scenario("shmat", SEGMENT, joined, attach, stays(0))),
    (
        4,
        scenario("shmctl IPC_STAT", SEGMENT, joined, stat, stays(0)),
    ),
    (8, scenario("shmdt", IN_USE, attached, detach, stays(1))),
    (
        14,
        scenario("shmctl IPC_RMID", SEGMENT, joined, remove, GOES),
    ),
    (
        14,
        Scenario {
            makes_another: true,
            ..scenario("shmget create", SEGMENT, joined, create_private, GOES)
        },
    ),
    (
        16,
        scenario("shmctl IPC_STAT", IN_USE, joined, stat, stays(1)),
    ),
    (20, scenario("shmat", SEGMENT, joined, attach, stays(0))),
];
