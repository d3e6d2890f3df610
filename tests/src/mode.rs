//! The ways in which a program of `c_tests` gets to the library, or to the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;
use crate::bionic::{self, Setting};
use crate::instrument::{Tool, Way};
use crate::proot::Proot;

/// Which implementation a program runs on, and how it gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The kernel's and the C library's own calls: the oracle.
    Kernel,
    /// Linked to the shared object.
    Cdylib,
    /// Linked to the archive.
    Static,
    /// The shared object preloaded.
    Preload,
    /// Preloaded by the command, where the kernel refuses its System V calls.
    Nosysv,
    /// Built for musl, on its own calls: where musl differs from glibc, this says how.
    MuslKernel,
    /// Built for musl, the shared object preloaded.
    MuslPreload,
    /// Built for musl and linked to the archive, with no shared object at all.
    MuslStatic,
    /// Built for aarch64 and linked to the archive, run by an emulator.
    Aarch64,
    /// Built for aarch64, the object for preloading preloaded, run by an emulator.
    Aarch64Preload,
    /// Built for riscv64 and linked to the archive, run by an emulator.
    Riscv64,
    /// Built for i686 and linked to the archive: 32-bit programs on this kernel.
    I686,
    /// Built for bionic, Android's C library, and run in a root with it.
    Bionic(Setting),
    /// Under proot, the shared object preloaded or not.
    Proot(Proot, bool),
    /// Watched by a tool.
    Watched(Tool, Way),
}

impl Mode {
    /// What the summary calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Cdylib => "cdylib",
            Self::Static => "static",
            Self::Preload => "preload",
            Self::Nosysv => "nosysv",
            Self::MuslKernel => "musl-kernel",
            Self::MuslPreload => "musl-preload",
            Self::MuslStatic => "musl-static",
            Self::Aarch64 => "aarch64",
            Self::Aarch64Preload => "aarch64-preload",
            Self::Riscv64 => "riscv64",
            Self::I686 => "i686",
            Self::Bionic(setting) => setting.name(),
            Self::Proot(proot, _) => proot.name(),
            Self::Watched(Tool::Address, Way::Linked) => "asan-cdylib",
            Self::Watched(Tool::Address, Way::Preloaded) => "asan-preload",
            Self::Watched(Tool::Thread, Way::Linked) => "tsan-cdylib",
            Self::Watched(Tool::Thread, Way::Preloaded) => "tsan-preload",
            Self::Watched(Tool::Valgrind, Way::Linked) => "valgrind-cdylib",
            Self::Watched(Tool::Valgrind, Way::Preloaded) => "valgrind-preload",
        }
    }

    /// What the programs find in `PARTAGE_TEST_MODE`: how they got to the library, whatever they are built for.
    fn test_mode(self) -> &'static str {
        match self {
            Self::MuslKernel | Self::Proot(_, false) => Self::Kernel.name(),
            Self::Bionic(Setting::Linked) => Self::Cdylib.name(),
            Self::MuslPreload | Self::Aarch64Preload | Self::Bionic(_) | Self::Proot(_, true) => {
                Self::Preload.name()
            }
            Self::MuslStatic | Self::Aarch64 | Self::Riscv64 | Self::I686 => Self::Static.name(),
            Self::Watched(_, Way::Linked) => Self::Cdylib.name(),
            Self::Watched(_, Way::Preloaded) => Self::Preload.name(),
            _ => self.name(),
        }
    }

    /// Where to look whether a program that fails does so without the library too: the programs expect what glibc does,
    /// and on musl the library does what musl does.
    pub(crate) fn reference(self) -> Option<Self> {
        match self {
            Self::MuslPreload | Self::MuslStatic => Some(Self::MuslKernel),
            Self::Proot(proot, true) => Some(Self::Proot(proot, false)),
            _ => None,
        }
    }

    /// What two runs that fail alike have in common.
    pub(crate) fn essence(self, why: &str) -> String {
        match self {
            // It adds words of its own; and a check's words may have a process's number in them. Where is enough.
            Self::Proot(..) => {
                let place = |line: &str| line.split(": ").next().map(str::to_owned);
                let is_ours = |line: &&str| line.contains(".c:") || line.contains(".h:");
                why.lines().filter(is_ours).filter_map(place).collect()
            }
            _ => why.to_owned(),
        }
    }

    /// The command that runs `program` (`FOLDER/NAME`) in this mode on the namespace `dir`.
    #[must_use]
    pub fn command(self, built: &Artefacts, program: &str, dir: &Path) -> Command {
        if let (Self::Bionic(setting), Ok(Some(kit))) = (self, bionic::kit()) {
            return setting.test_program(kit, program, self.test_mode(), dir);
        }
        let path = built.programs.join(self.variant()).join(program);
        let mut command = match self {
            Self::Nosysv => {
                let mut run = Command::new(built.command());
                run.args(["run", "--without-kernel-sysv", "--dir"])
                    .arg(dir)
                    .arg("--")
                    .arg(path);
                run
            }
            Self::Watched(tool, way) => {
                tool.command(built, way, program, &self.reports(built, program))
            }
            Self::Proot(proot, is_ours) => {
                let library = is_ours.then(|| built.shared_object());
                proot.command(&path, library.as_deref(), &built.programs)
            }
            Self::Aarch64 | Self::Aarch64Preload | Self::Riscv64 => {
                let mut run = Command::new(self.emulator());
                run.arg(path);
                run
            }
            _ => Command::new(path),
        };
        for (name, _) in std::env::vars_os() {
            let ours = name
                .to_str()
                .is_some_and(|name| name.starts_with("PARTAGE_"));
            if ours && name != "PARTAGE_LOG" && name != "PARTAGE_TEST_TIMEOUT" {
                command.env_remove(name);
            }
        }
        command.env("PARTAGE_TEST_MODE", self.test_mode());
        command.env("PARTAGE_DIR", dir);
        match self {
            Self::Preload | Self::MuslPreload => {
                command.env("LD_PRELOAD", built.shared_object());
            }
            Self::Watched(_, Way::Preloaded) => {}
            _ => {
                command.env_remove("LD_PRELOAD");
            }
        }
        if self == Self::Aarch64Preload {
            // The emulator is static: this is for the program in it.
            let object = "aarch64-unknown-linux-gnu/release/libpartage_preload.so";
            command.env("LD_PRELOAD", built.programs.with_file_name(object));
        }
        command
    }

    /// The folder of the programs that were built for it.
    fn variant(self) -> &'static str {
        match self {
            Self::Cdylib => "cdylib",
            Self::Static => "static",
            Self::MuslKernel | Self::MuslPreload => "musl/plain",
            Self::MuslStatic => "musl/static",
            Self::Aarch64 => "aarch64/static",
            Self::Aarch64Preload => "aarch64/plain",
            Self::Riscv64 => "riscv64/static",
            Self::I686 => "i686/static",
            Self::Kernel | Self::Preload | Self::Nosysv | Self::Bionic(_) | Self::Proot(..) => {
                "plain"
            }
            Self::Watched(_, way) => way.variant(),
        }
    }

    /// Where a tool that watches `program` leaves what it has to say.
    pub(crate) fn reports(self, built: &Artefacts, program: &str) -> PathBuf {
        let name = format!("{program}.reports");
        built.programs.join("log").join(self.name()).join(name)
    }

    fn emulator(self) -> &'static str {
        match self {
            Self::Riscv64 => "qemu-riscv64-static",
            _ => "qemu-aarch64-static",
        }
    }
}
