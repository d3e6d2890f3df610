//! What the manual pages say beyond `--help`: for which command, which variables, files and pages.

use crate::variables;

/// A file, and what it is.
pub(super) type File = (&'static str, &'static str);

/// What a command reads, where its things are, and what to read next.
pub(super) struct Facts {
    command: &'static str,
    /// Names of variables of the table below, or of the library's.
    pub(super) environment: &'static [&'static str],
    pub(super) files: &'static [File],
    /// Names and sections of other pages.
    pub(super) see: &'static [(&'static str, u8)],
}

const NAMESPACE: File = (
    "/dev/shm/partage-UID",
    "the namespace of a user, where neither --dir nor PARTAGE_DIR names one; partage(7) has the other places",
);
const SYSTEM: File = (
    "/dev/shm/partage",
    "the namespace of all users, where root has made one: partage-init(1)",
);
const OBJECTS: File = (
    "/dev/shm",
    "POSIX objects of those who have no namespace of their own",
);
const SYSCTLS: File = (
    "/proc/sys/kernel/shmmax, shmall, shmmni, shm_rmid_forced",
    "the kernel's limits",
);
const PROCESSES: File = (
    "/proc/PID/maps, /proc/PID/fd",
    "where holders are looked for; those of other users are root's to see",
);
const PLACES: &[File] = &[NAMESPACE, SYSTEM, OBJECTS];
const LOOKING: &[File] = &[NAMESPACE, SYSTEM, OBJECTS, PROCESSES];

/// Which namespace is meant.
const WHICH: &[&str] = &["PARTAGE_DIR", "PARTAGE_POSIX", "XDG_RUNTIME_DIR", "TMPDIR"];
/// The same, where tables are drawn.
const SHOWN: &[&str] = &[
    "PARTAGE_DIR",
    "PARTAGE_POSIX",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
    "NO_COLOR",
    "CLICOLOR_FORCE",
];
const LAUNCH: &[&str] = &[
    "PARTAGE_LIB",
    "PARTAGE_DIR",
    "PARTAGE_POSIX",
    "PARTAGE_BACKEND",
    "PARTAGE_LOG",
    "PARTAGE_PATIENCE",
    "PARTAGE_HUGE_DIR",
    "PARTAGE_SHMMAX",
    "PARTAGE_SHMALL",
    "PARTAGE_SHMMNI",
    "PARTAGE_RMID_FORCED",
    "LD_PRELOAD",
];

const TABLE: &[Facts] = &[
    Facts {
        command: "run",
        environment: LAUNCH,
        files: PLACES,
        see: &[
            ("partage-trace", 1),
            ("partage-check", 1),
            ("env", 1),
            ("ld.so", 8),
            ("seccomp", 2),
        ],
    },
    Facts {
        command: "trace",
        environment: &["PARTAGE_LIB", "PARTAGE_TRACE_LIB", "LD_PRELOAD", "NO_COLOR"],
        files: &[],
        see: &[
            ("partage-report", 1),
            ("partage-run", 1),
            ("strace", 1),
            ("ptrace", 2),
        ],
    },
    Facts {
        command: "report",
        environment: &["NO_COLOR", "CLICOLOR_FORCE"],
        files: &[],
        see: &[("partage-trace", 1)],
    },
    Facts {
        command: "ls",
        environment: SHOWN,
        files: LOOKING,
        see: &[
            ("partage-stat", 1),
            ("partage-top", 1),
            ("partage-rm", 1),
            ("ipcs", 1),
            ("lsof", 8),
            ("sysvipc", 7),
        ],
    },
    Facts {
        command: "top",
        environment: SHOWN,
        files: LOOKING,
        see: &[("partage-ls", 1), ("top", 1), ("df", 1)],
    },
    Facts {
        command: "stat",
        environment: SHOWN,
        files: LOOKING,
        see: &[("partage-ls", 1), ("partage-dump", 1), ("shmctl", 2)],
    },
    Facts {
        command: "rm",
        environment: WHICH,
        files: LOOKING,
        see: &[
            ("partage-ls", 1),
            ("partage-gc", 1),
            ("ipcrm", 1),
            ("shm_unlink", 3),
        ],
    },
    Facts {
        command: "gc",
        environment: WHICH,
        files: PLACES,
        see: &[
            ("partage-rm", 1),
            ("partage-destroy", 1),
            ("partage-doctor", 1),
        ],
    },
    Facts {
        command: "dump",
        environment: WHICH,
        files: PLACES,
        see: &[("partage-cp", 1), ("partage-stat", 1), ("hexdump", 1)],
    },
    Facts {
        command: "cp",
        environment: WHICH,
        files: PLACES,
        see: &[("partage-dump", 1), ("cp", 1)],
    },
    Facts {
        command: "init",
        environment: &[
            "PARTAGE_SHMMAX",
            "PARTAGE_SHMALL",
            "PARTAGE_SHMMNI",
            "PARTAGE_RMID_FORCED",
        ],
        files: &[SYSTEM],
        see: &[("partage-destroy", 1), ("partage-run", 1), ("chmod", 1)],
    },
    Facts {
        command: "destroy",
        environment: &[],
        files: PLACES,
        see: &[("partage-init", 1), ("partage-gc", 1)],
    },
    Facts {
        command: "doctor",
        environment: SHOWN,
        files: &[NAMESPACE, SYSTEM, OBJECTS, SYSCTLS, PROCESSES],
        see: &[
            ("partage-check", 1),
            ("partage-ls", 1),
            ("partage-rm", 1),
            ("sysctl", 8),
            ("shm_overview", 7),
        ],
    },
    Facts {
        command: "check",
        environment: &["LD_PRELOAD", "LD_LIBRARY_PATH", "PATH"],
        files: &[("/proc/PID/maps", "what is in a process")],
        see: &[
            ("partage-run", 1),
            ("partage-doctor", 1),
            ("ldd", 1),
            ("ld.so", 8),
        ],
    },
    Facts {
        command: "completions",
        environment: &[],
        files: &[
            (
                "/usr/share/bash-completion/completions/partage",
                "bash's, where partage is installed",
            ),
            ("/usr/share/zsh/vendor-completions/_partage", "zsh's"),
            (
                "/usr/share/fish/vendor_completions.d/partage.fish",
                "fish's",
            ),
        ],
        see: &[("bash", 1), ("zshcompsys", 1), ("fish", 1)],
    },
];

/// Of the page of `partage` itself.
pub(super) const PROGRAM: Facts = Facts {
    command: "",
    environment: SHOWN,
    files: PLACES,
    see: &[
        ("partage", 3),
        ("partage", 7),
        ("ipcs", 1),
        ("shm_overview", 7),
        ("sysvipc", 7),
    ],
};

/// Of a subcommand.
pub(super) fn of(command: &str) -> Option<&'static Facts> {
    TABLE.iter().find(|facts| facts.command == command)
}

/// Variables that are not the library's.
const OTHERS: &[(&str, &str)] = &[
    (
        "PARTAGE_LIB",
        "the library to preload, instead of the one beside the command",
    ),
    ("PARTAGE_TRACE_LIB", "the recording library, likewise"),
    (
        "XDG_RUNTIME_DIR",
        "a place for the default namespace where /dev/shm cannot be used",
    ),
    ("TMPDIR", "likewise, after that one"),
    (
        "NO_COLOR",
        "where it is set and not empty, nothing is coloured; --color goes before it",
    ),
    (
        "CLICOLOR_FORCE",
        "where it is set and not 0, output is coloured without a terminal, too",
    ),
    ("LD_PRELOAD", "the library is put before what it names"),
    ("LD_LIBRARY_PATH", "where the dynamic linker looks first"),
    ("PATH", "where programs are looked for"),
];

/// What a variable means.
pub(super) fn meaning(name: &str) -> Option<&'static str> {
    let other = OTHERS.iter().find(|(other, _)| *other == name);
    other
        .map(|(_, meaning)| *meaning)
        .or_else(|| variables::known(name).map(|known| known.meaning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use partage_core::options::VARIABLES;

    #[test]
    fn every_command_and_variable_is_known() {
        let program = crate::args::Cli::command();
        for command in program.get_subcommands().filter(|one| !one.is_hide_set()) {
            assert!(of(command.get_name()).is_some(), "{}", command.get_name());
        }
        for name in TABLE
            .iter()
            .chain([&PROGRAM])
            .flat_map(|facts| facts.environment)
        {
            assert!(meaning(name).is_some(), "{name}");
        }
    }

    /// What is run has all of the library.
    #[test]
    fn the_page_of_run_has_every_variable() {
        for one in VARIABLES {
            assert!(LAUNCH.contains(&one.name), "{}", one.name);
        }
    }
}
