//! What is measured: a list of cases, each an operation in a setting.

use crate::way::Way;

/// What one iteration does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// shmget of an existing key, asking for these rights.
    Find(i32),
    /// `IPC_STAT`.
    Status,
    /// shmat and shmdt of a segment that this process never attached before.
    AttachFirst,
    /// shmat and shmdt of a segment that it did.
    AttachAgain,
    /// Make and remove.
    CreateRemove,
    /// Make, attach, touch, detach, remove.
    LifeCycle,
    /// fork, and the end of the child, with so many attachments.
    Fork(u32),
    /// The first shmget in a process, which finds an existing key.
    FirstCall,
    /// Starting `true` and waiting for its end.
    Start,
    /// So many processes attach and detach at once, one segment or one each.
    Contend(u32, Share),
    /// Writes a byte to each page of a new segment of so many bytes; one iteration is one page.
    FirstTouch(usize),
    /// Reads words that are there one after the other; one iteration is one page.
    Sequential(usize),
    /// Reads words that are there at random places; one iteration is one word.
    Random(usize),
}

/// Who attaches what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// All the same segment.
    Same,
    /// Each a segment of its own.
    Own,
}

/// What is there while it is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Segments, the one that is used included.
    pub segments: u32,
    /// Other processes that are members: each has another segment attached.
    pub members: u32,
    /// Other processes that have the very segment attached.
    pub attached: u32,
    /// As an ordinary user, and not as root.
    pub ordinary_user: bool,
}

const PLAIN: Setting = Setting {
    segments: 1,
    members: 0,
    attached: 0,
    ordinary_user: false,
};

/// A line of the results.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The table that it stands in.
    pub table: Table,
    /// What it is called there.
    pub name: String,
    /// What one iteration does.
    pub operation: Operation,
    /// What is there meanwhile.
    pub setting: Setting,
    /// At most this part of the kernel's time is aimed at.
    pub target: Option<f64>,
}

/// The tables of the results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// The calls by themselves.
    Calls,
    /// The same in a crowd.
    Crowd,
    /// Processes that start and fork.
    Processes,
    /// Many at once.
    Contention,
    /// Memory once it is attached.
    Memory,
}

impl Table {
    /// All, in their order.
    pub const ALL: [Table; 5] = [
        Table::Calls,
        Table::Crowd,
        Table::Processes,
        Table::Contention,
        Table::Memory,
    ];

    /// The heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Table::Calls => "Calls",
            Table::Crowd => "Calls among many segments and many members",
            Table::Processes => "Processes",
            Table::Contention => "Attaching and detaching at once",
            Table::Memory => "Memory access",
        }
    }
}

/// All cases. The quick ones leave out what is large.
#[must_use]
pub fn all(quick: bool) -> Vec<Case> {
    let mut cases = calls();
    cases.extend(crowd(quick));
    cases.extend(processes());
    cases.extend(contention(quick));
    cases.extend(memory(quick));
    cases
}

/// The case of that name.
#[must_use]
pub fn named(name: &str) -> Option<Case> {
    all(false).into_iter().find(|case| case.name == name)
}

fn case(table: Table, name: impl Into<String>, operation: Operation, setting: Setting) -> Case {
    Case {
        table,
        name: name.into(),
        operation,
        setting,
        target: None,
    }
}

impl Case {
    /// Whether there is something to do that way: starting a program knows no segments, and a creator who hands descriptors
    /// out is asked for nothing else.
    #[must_use]
    pub fn has(&self, way: Way) -> bool {
        use Operation::{AttachAgain, AttachFirst, CreateRemove, FirstCall, LifeCycle, Start};
        match way {
            Way::Kernel | Way::Partage => true,
            Way::ByHand => !matches!(self.operation, FirstCall | Start),
            Way::Handed => matches!(
                self.operation,
                AttachFirst | AttachAgain | CreateRemove | LifeCycle
            ),
        }
    }

    fn aims_at(self, target: f64) -> Case {
        Case {
            target: Some(target),
            ..self
        }
    }
}

fn calls() -> Vec<Case> {
    let call = |name: &str, operation, setting| case(Table::Calls, name, operation, setting);
    let user = Setting {
        ordinary_user: true,
        ..PLAIN
    };
    let attached = |attached| Setting { attached, ..PLAIN };
    vec![
        call("shmget, 0600, as root", Operation::Find(0o600), PLAIN).aims_at(0.1),
        call("shmget, 0600, as a user", Operation::Find(0o600), user).aims_at(0.1),
        call("shmget, no rights asked", Operation::Find(0), PLAIN).aims_at(0.1),
        call("IPC_STAT, as root", Operation::Status, PLAIN).aims_at(0.15),
        call("IPC_STAT, as a user", Operation::Status, user).aims_at(0.15),
        call("IPC_STAT, 1 attached", Operation::Status, attached(1)),
        call("IPC_STAT, 16 attached", Operation::Status, attached(16)),
        call("attach + detach, first", Operation::AttachFirst, PLAIN).aims_at(1.15),
        call(
            "attach + detach, first, as a user",
            Operation::AttachFirst,
            user,
        )
        .aims_at(1.15),
        call("attach + detach, again", Operation::AttachAgain, PLAIN).aims_at(0.75),
        call(
            "attach + detach, again, as a user",
            Operation::AttachAgain,
            user,
        )
        .aims_at(0.75),
        call("create + remove", Operation::CreateRemove, PLAIN).aims_at(1.0),
        call("create + remove, as a user", Operation::CreateRemove, user).aims_at(1.0),
        call("life cycle", Operation::LifeCycle, PLAIN).aims_at(1.1),
        call("life cycle, as a user", Operation::LifeCycle, user).aims_at(1.1),
    ]
}

fn crowd(quick: bool) -> Vec<Case> {
    let operations = [
        ("shmget", Operation::Find(0)),
        ("IPC_STAT", Operation::Status),
        ("first", Operation::AttachFirst),
        ("again", Operation::AttachAgain),
        ("life cycle", Operation::LifeCycle),
    ];
    let segments = if quick { &[100][..] } else { &[100, 4000] };
    let members = if quick { &[100][..] } else { &[100, 1000] };
    let mut cases = Vec::new();
    for (name, operation) in operations {
        cases.extend(segments.iter().map(|&segments| {
            let setting = Setting { segments, ..PLAIN };
            case(
                Table::Crowd,
                format!("{name}, {segments} segments"),
                operation,
                setting,
            )
        }));
        cases.extend(members.iter().map(|&members| {
            let setting = Setting { members, ..PLAIN };
            case(
                Table::Crowd,
                format!("{name}, {members} members"),
                operation,
                setting,
            )
        }));
    }
    cases
}

fn processes() -> Vec<Case> {
    let process = |name: &str, operation| case(Table::Processes, name, operation, PLAIN);
    vec![
        process("first call in a process", Operation::FirstCall),
        process("start of true", Operation::Start),
        process("fork + exit, nothing attached", Operation::Fork(0)),
        process("fork + exit, 1 attachment", Operation::Fork(1)),
        process("fork + exit, 100 attachments", Operation::Fork(100)).aims_at(1.2),
    ]
}

fn contention(quick: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for &processes in if quick { &[2, 8][..] } else { &[2, 8, 64] } {
        for (share, name) in [(Share::Same, "the same segment"), (Share::Own, "one each")] {
            let name = format!("{processes} processes, {name}");
            let operation = Operation::Contend(processes, share);
            cases.push(case(Table::Contention, name, operation, PLAIN));
        }
    }
    cases
}

type OfSize = fn(usize) -> Operation;

fn memory(quick: bool) -> Vec<Case> {
    const KINDS: [(&str, OfSize); 3] = [
        ("first touch, a page", Operation::FirstTouch),
        ("sequential, a page", Operation::Sequential),
        ("random, a word", Operation::Random),
    ];
    const SIZES: [(&str, usize); 5] = [
        ("4 KiB", 4 << 10),
        ("256 KiB", 256 << 10),
        ("16 MiB", 16 << 20),
        ("256 MiB", 256 << 20),
        ("1 GiB", 1 << 30),
    ];
    let mut cases = Vec::new();
    for (kind, operation) in KINDS {
        for (size, bytes) in SIZES.iter().take(if quick { 3 } else { SIZES.len() }) {
            let name = format!("{kind}, of {size}");
            cases.push(case(Table::Memory, name, operation(*bytes), PLAIN).aims_at(1.0));
        }
    }
    cases
}
