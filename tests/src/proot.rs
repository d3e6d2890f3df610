//! Programs under proot, which is how most users of Android run a GNU system: it traces every program and answers or
//! changes its system calls. Debian's, and Termux's where a kit brings it (`BIONIC_KIT`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// Which proot, and with what options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proot {
    /// Debian's.
    Debian,
    /// Debian's with `-0`: the user seems to be root.
    DebianRoot,
    /// Termux's.
    Termux,
    /// Termux's as proot-distro starts it: with `-0`, and with `--link2symlink`, where a hard link is a copy.
    TermuxLinks,
}

impl Proot {
    /// What the summary calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "proot",
            Self::DebianRoot => "proot-0",
            Self::Termux => "termux-proot",
            Self::TermuxLinks => "termux-proot-links",
        }
    }

    /// The program, if it is there.
    #[must_use]
    pub fn program(self) -> Option<PathBuf> {
        let there = |path: PathBuf| path.exists().then_some(path);
        match self {
            Self::Debian | Self::DebianRoot => there(PathBuf::from("/usr/bin/proot")),
            Self::Termux | Self::TermuxLinks => {
                let kit = std::env::var_os("BIONIC_KIT").filter(|value| !value.is_empty())?;
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
                there(root.join(kit).join("proot-link2symlink"))
            }
        }
    }

    /// The command that runs `path` under it, with a library preloaded or without.
    #[must_use]
    pub fn command(self, path: &Path, library: Option<&Path>, temporary: &Path) -> Command {
        let mut command = Command::new(self.program().unwrap_or_default());
        match self {
            Self::Debian | Self::Termux => {}
            Self::DebianRoot => {
                command.arg("-0");
            }
            Self::TermuxLinks => {
                command.args(["-0", "--link2symlink"]);
            }
        }
        // Quiet, and in the root that there is.
        command.args(["-v", "-1", "-r", "/", "-w", "/", "/usr/bin/env"]);
        if let Some(library) = library {
            command.arg(format!("LD_PRELOAD={}", library.display()));
        }
        command.arg(path).env("PROOT_TMP_DIR", temporary);
        command
    }
}
