//! Every environment variable that the library reads. A program that runs with more rights than its caller (`AT_SECURE`)
//! ignores all of them. Tested by `tests/tests/variables.rs`.

use crate::os::environment;
use crate::sync::{AtomicU32, Ordering};
use crate::text::parse_number;

/// An environment variable, for the documentation and the command.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What counts where it is not set, in Markdown.
    pub default: &'static str,
    /// What its value may be.
    pub values: &'static str,
    /// What it is for, in Markdown.
    pub meaning: &'static str,
}

/// All of them. README has this table, and the manual; `tests/tests/variables.rs` compares README.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "PARTAGE_DIR",
        default: "`/dev/shm/partage-<euid>` and others",
        values: "a directory",
        meaning: "the directory that is the namespace",
    },
    Variable {
        name: "PARTAGE_POSIX",
        default: "`own`",
        values: "own or shared",
        meaning: "`shared`: POSIX objects are in `/dev/shm`, even if `PARTAGE_DIR` is set",
    },
    Variable {
        name: "PARTAGE_BACKEND",
        default: "`user`",
        values: "user, kernel or auto",
        meaning: "what answers the System V calls: `user`, the library; `kernel`, raw system calls; `auto`, the kernel where it surely works",
    },
    Variable {
        name: "PARTAGE_LOG",
        default: "nothing",
        values: "error, warn, info or debug",
        meaning: "`error`, `warn`, `info` or `debug`: explain on standard error why a call failed",
    },
    Variable {
        name: "PARTAGE_PATIENCE",
        default: "20000",
        values: "a number of milliseconds",
        meaning: "milliseconds that `IPC_SET` and `SHM_LOCK` wait for another process that changes the same segment",
    },
    Variable {
        name: "PARTAGE_HUGE_DIR",
        default: "the mounts of hugetlbfs",
        values: "a directory",
        meaning: "the directory on hugetlbfs for segments of huge pages",
    },
    Variable {
        name: "PARTAGE_SHMMAX",
        default: "2^64-1-2^24",
        values: "a number of bytes",
        meaning: "largest segment in bytes; counts when the namespace is made",
    },
    Variable {
        name: "PARTAGE_SHMALL",
        default: "2^64-1-2^24",
        values: "a number of pages",
        meaning: "most pages of all segments together; likewise",
    },
    Variable {
        name: "PARTAGE_SHMMNI",
        default: "4096",
        values: "a number up to 32768",
        meaning: "most segments, at most 32768; likewise",
    },
    Variable {
        name: "PARTAGE_RMID_FORCED",
        default: "0",
        values: "0 or 1",
        meaning: "1: a segment goes with its last attachment; likewise",
    },
];

/// The value of one of the variables above, unless the environment is not to be trusted.
fn variable(name: &str) -> Option<&'static [u8]> {
    if environment::is_privileged_start() {
        None
    } else {
        environment::variable(name).filter(|value| !value.is_empty())
    }
}

/// `PARTAGE_DIR`.
pub(crate) fn directory() -> Option<&'static [u8]> {
    variable("PARTAGE_DIR")
}

/// Whether POSIX objects are in the namespace that `PARTAGE_DIR` names.
pub(crate) fn has_own_objects() -> bool {
    directory().is_some() && !shares_objects()
}

/// `PARTAGE_POSIX`.
pub(crate) fn shares_objects() -> bool {
    variable("PARTAGE_POSIX") == Some(b"shared")
}

/// `PARTAGE_HUGE_DIR`.
pub(crate) fn huge_directory() -> Option<&'static [u8]> {
    variable("PARTAGE_HUGE_DIR")
}

/// A variable that other programs define too, such as `TMPDIR`; not read by privileged programs either.
pub(crate) fn general(name: &str) -> Option<&'static [u8]> {
    variable(name)
}

/// What a new namespace is limited to: the kernel's `shmmax`, `shmall`, `shmmni`, `shm_rmid_forced`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Largest segment, in bytes.
    pub shmmax: u64,
    /// Most pages of all segments together.
    pub shmall: u64,
    /// Most segments.
    pub shmmni: u32,
    /// Whether a segment is destroyed with its last attachment, removed or not.
    pub rmid_forced: bool,
}

/// The kernel's defaults.
pub const DEFAULT_LIMITS: Limits = Limits {
    shmmax: u64::MAX - (1 << 24),
    shmall: u64::MAX - (1 << 24),
    shmmni: 4096,
    rmid_forced: false,
};

/// The limits that the environment asks for; a value that is no number, or out of range, leaves the default.
pub(crate) fn limits() -> Limits {
    Limits {
        shmmax: number("PARTAGE_SHMMAX").unwrap_or(DEFAULT_LIMITS.shmmax),
        shmall: number("PARTAGE_SHMALL").unwrap_or(DEFAULT_LIMITS.shmall),
        shmmni: number("PARTAGE_SHMMNI")
            .filter(|&count| count <= u64::from(crate::registry::MAX_SEGMENTS))
            .map_or(DEFAULT_LIMITS.shmmni, |count| count as u32),
        rmid_forced: number("PARTAGE_RMID_FORCED") == Some(1),
    }
}

/// `PARTAGE_BACKEND`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BackendChoice {
    User,
    Kernel,
    Auto,
}

pub(crate) fn backend() -> BackendChoice {
    match variable("PARTAGE_BACKEND") {
        Some(b"kernel") => BackendChoice::Kernel,
        Some(b"auto") => BackendChoice::Auto,
        _ => BackendChoice::User,
    }
}

/// `PARTAGE_LOG`, from silent (0) to `debug` (4); read once.
pub(crate) fn log_level() -> u32 {
    const UNREAD: u32 = u32::MAX;
    static LEVEL: AtomicU32 = AtomicU32::new(UNREAD);
    let known = LEVEL.load(Ordering::Relaxed);
    if known != UNREAD {
        return known;
    }
    let level = match variable("PARTAGE_LOG") {
        Some(b"error") => 1,
        Some(b"warn") => 2,
        Some(b"info") => 3,
        Some(b"debug") => 4,
        _ => 0,
    };
    LEVEL.store(level, Ordering::Relaxed);
    level
}

/// `PARTAGE_PATIENCE`, in milliseconds; read once.
pub(crate) fn patience_ms() -> u64 {
    const DEFAULT: u32 = 20_000;
    static PATIENCE: AtomicU32 = AtomicU32::new(0);
    let known = PATIENCE.load(Ordering::Relaxed);
    if known != 0 {
        return known.into();
    }
    let patience = number("PARTAGE_PATIENCE")
        .and_then(|ms| u32::try_from(ms).ok())
        .map_or(DEFAULT, |ms| ms.max(1));
    PATIENCE.store(patience, Ordering::Relaxed);
    patience.into()
}

/// Tells of each variable whose value means nothing, so that its default counts.
#[cold]
pub(crate) fn each_wrong(mut tell: impl FnMut(&'static str, &'static [u8])) {
    enum Meaning {
        Level,
        Objects,
        Backend,
        UpTo(u64),
    }
    for (name, meaning) in [
        ("PARTAGE_LOG", Meaning::Level),
        ("PARTAGE_POSIX", Meaning::Objects),
        ("PARTAGE_BACKEND", Meaning::Backend),
        ("PARTAGE_RMID_FORCED", Meaning::UpTo(1)),
        (
            "PARTAGE_SHMMNI",
            Meaning::UpTo(crate::registry::MAX_SEGMENTS.into()),
        ),
        ("PARTAGE_PATIENCE", Meaning::UpTo(u32::MAX.into())),
        ("PARTAGE_SHMMAX", Meaning::UpTo(u64::MAX)),
        ("PARTAGE_SHMALL", Meaning::UpTo(u64::MAX)),
    ] {
        let Some(value) = variable(name) else {
            continue;
        };
        let means_something = match meaning {
            Meaning::Level => log_level() != 0,
            Meaning::Objects => matches!(value, b"own" | b"shared"),
            Meaning::Backend => matches!(value, b"user" | b"kernel" | b"auto"),
            Meaning::UpTo(most) => parse_number(value).is_some_and(|number| number <= most),
        };
        if !means_something {
            tell(name, value);
        }
    }
}

/// The number that a variable has as its value.
fn number(name: &str) -> Option<u64> {
    variable(name).and_then(parse_number)
}
