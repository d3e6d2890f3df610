//! The witness: who sees to the state before a victim's call, and looks at what is left after its death. One witness
//! is a member all the time; another is a new process each time.

use crate::calls;
pub use crate::child::in_child;
use crate::child::{pipe, read_findings, watchdog, write_findings};
use crate::examine::{self, Findings};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// The key of the segment that victims use, and that of the one that they do not.
pub const KEY: i32 = 0x7061;
const BYSTANDER: i32 = 0x7062;
const SIZE: usize = 8192;
const PERMISSIONS: i32 = 0o600;

/// What is there before the victim's call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Before {
    /// A segment with [`KEY`].
    pub segment: bool,
    /// The witness is attached to it.
    pub attached: bool,
    /// It has been removed: only with `attached`.
    pub removed: bool,
}

/// The segment in question, or -1, and one to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scene {
    /// The segment that the victim uses.
    pub id: i32,
    /// A segment for the witness to remove as its one call.
    pub spare: i32,
}

/// The one call that a witness makes before everything has to be in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OneCall {
    /// Making a segment.
    Create,
    /// Removing a segment that the victim had nothing to do with.
    Remove,
    /// `IPC_STAT` of the segment that the victim used.
    Stat,
}

/// What is right after the victim's death.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Attachments of the segment, if it is there.
    pub nattch: u64,
    /// Whether it may be gone.
    pub may_vanish: bool,
}

/// What a witness does, in the process that does it.
#[derive(Debug)]
pub struct Witness {
    directory: PathBuf,
    attached: Option<usize>,
    /// Whether a segment is kept in use that victims have nothing to do with.
    bystander: bool,
}

impl Witness {
    /// A witness that is not a member yet, of a namespace with the bystander.
    #[must_use]
    pub fn new(directory: &Path) -> Witness {
        Witness {
            directory: directory.to_path_buf(),
            attached: None,
            bystander: true,
        }
    }

    /// A witness of a namespace that may have nothing in it.
    #[must_use]
    pub fn of_empty(directory: &Path) -> Witness {
        Witness {
            bystander: false,
            ..Witness::new(directory)
        }
    }

    /// Becomes a member: makes the bystander and attaches it.
    fn join(&mut self) -> calls::Result<()> {
        let id = calls::get(BYSTANDER, SIZE, libc::IPC_CREAT | PERMISSIONS)?;
        calls::attach(id, 0).map(drop)
    }

    fn prepare(&mut self, before: Before) -> calls::Result<Scene> {
        let mut id = -1;
        if before.segment {
            id = calls::get(KEY, SIZE, libc::IPC_CREAT | libc::IPC_EXCL | PERMISSIONS)?;
        }
        if before.attached {
            self.attached = Some(calls::attach(id, 0)?);
        }
        if before.removed {
            calls::remove(id)?;
        }
        Ok(Scene {
            id,
            spare: calls::get(libc::IPC_PRIVATE, SIZE, libc::IPC_CREAT | PERMISSIONS)?,
        })
    }

    /// Makes one call; from then on everything must be in order.
    #[must_use]
    pub fn look(&self, scene: Scene, one_call: OneCall, expected: Expected) -> Findings {
        let mut findings = Findings::new();
        let made = match one_call {
            OneCall::Stat if scene.id >= 0 => match calls::stat(scene.id) {
                Err(libc::EINVAL | libc::EIDRM) if expected.may_vanish => Ok(()),
                other => other.map(drop),
            },
            OneCall::Remove => calls::remove(scene.spare),
            _ => calls::get(libc::IPC_PRIVATE, SIZE, libc::IPC_CREAT | PERMISSIONS).map(drop),
        };
        if let Err(errno) = made {
            findings.push(format!("{one_call:?} failed: errno {errno}"));
        }
        // How often a segment is attached, and by whom its file can be opened, has to be right when it is used next:
        // that comes below.
        let of_namespace = examine::namespace(&self.directory).into_iter();
        findings.extend(
            of_namespace
                .filter(|finding| !finding.starts_with("Count") && !finding.starts_with("mode")),
        );
        self.look_at_segment(scene, expected, &mut findings);
        findings.extend(examine::namespace(&self.directory));
        self.try_everything(&mut findings);
        findings
    }

    fn look_at_segment(&self, scene: Scene, expected: Expected, findings: &mut Findings) {
        let by_key = calls::get(KEY, 0, 0);
        let id = if scene.id >= 0 {
            scene.id
        } else {
            by_key.unwrap_or(-1)
        };
        match calls::stat(id) {
            Ok(status) => {
                let removed =
                    u32::from(status.shm_perm.mode) & partage_core::inspect::SHM_DEST != 0;
                let right = if removed { Err(libc::ENOENT) } else { Ok(id) };
                if by_key != right {
                    findings.push(format!(
                        "removed: {removed}, but the key leads to {by_key:?}"
                    ));
                }
                let recorded = examine::attachments(&self.directory, id);
                if status.shm_nattch != expected.nattch || recorded != (expected.nattch as u32, 0) {
                    findings.push(format!(
                        "nattch {}, {recorded:?} records, not {}",
                        status.shm_nattch, expected.nattch
                    ));
                }
            }
            Err(errno) if scene.id >= 0 && !expected.may_vanish => {
                findings.push(format!("gone: errno {errno}"))
            }
            Err(_) if by_key != Err(libc::ENOENT) => {
                findings.push(format!("gone, but the key leads to {by_key:?}"))
            }
            Err(_) => {}
        }
        let bystander = calls::get(BYSTANDER, 0, 0)
            .and_then(calls::stat)
            .map(|status| status.shm_nattch);
        if self.bystander && bystander != Ok(1) {
            findings.push(format!("the segment beside it has nattch {bystander:?}"));
        }
    }

    /// Every call works.
    fn try_everything(&self, findings: &mut Findings) {
        let all = || -> calls::Result<()> {
            let id = calls::get(
                KEY + 9,
                SIZE,
                libc::IPC_CREAT | libc::IPC_EXCL | PERMISSIONS,
            )?;
            let address = calls::attach(id, 0)?;
            calls::set_mode(id, 0o640)?;
            calls::remove(id)?;
            calls::detach(address)
        };
        if let Err(errno) = all() {
            findings.push(format!("a call after it failed: errno {errno}"));
        }
    }

    /// Removes everything but the bystander.
    fn clean(&mut self) -> Findings {
        if let Some(address) = self.attached.take() {
            let _ = calls::detach(address);
        }
        // Whose maker died when its key was entered already becomes a segment by this.
        let _ = calls::get(KEY, 0, 0);
        let bystander = calls::get(BYSTANDER, 0, 0);
        for id in examine::segments(&self.directory) {
            if Ok(id) != bystander {
                let _ = calls::remove(id);
            }
        }
        let mut findings = examine::namespace(&self.directory);
        let left = examine::segments(&self.directory).len();
        if left != 1 {
            findings.push(format!(
                "{} segments cannot be removed",
                left.saturating_sub(1)
            ));
        }
        findings
    }
}

/// The witness that stays: a child, spoken to in lines.
#[derive(Debug)]
pub struct Steady {
    pid: i32,
    to: File,
    from: BufReader<File>,
}

impl Steady {
    /// Starts it.
    #[must_use]
    pub fn start(directory: &Path) -> Steady {
        let (requests, to) = pipe();
        let (from, answers) = pipe();
        // SAFETY: this program has one thread; the child runs the loop below and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop((to, from));
            serve(directory, requests, answers);
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) };
        }
        Steady {
            pid,
            to,
            from: BufReader::new(from),
        }
    }

    fn ask(&mut self, request: String) -> Findings {
        let _ = writeln!(self.to, "{request}");
        read_findings(&mut self.from)
    }

    /// Brings about what is to be before the victim's call.
    ///
    /// # Errors
    /// A call failed.
    pub fn prepare(&mut self, before: Before) -> Result<Scene, String> {
        let [segment, attached, removed] =
            [before.segment, before.attached, before.removed].map(i32::from);
        let answer = self.ask(format!("0 {segment} {attached} {removed} 0"));
        let numbers: Vec<i32> = answer
            .iter()
            .filter_map(|number| number.parse().ok())
            .collect();
        match numbers[..] {
            [id, spare] => Ok(Scene { id, spare }),
            _ => Err(format!("the witness cannot prepare: {answer:?}")),
        }
    }

    /// [`Witness::look`], as a member of long standing or as a new process.
    pub fn look(
        &mut self,
        directory: &Path,
        anew: bool,
        scene: Scene,
        one_call: OneCall,
        expected: Expected,
    ) -> Findings {
        if anew {
            return in_child(|| Witness::new(directory).look(scene, one_call, expected));
        }
        let Expected { nattch, may_vanish } = expected;
        self.ask(format!(
            "{} {} {} {nattch} {}",
            one_call as i32 + 1,
            scene.id,
            scene.spare,
            i32::from(may_vanish)
        ))
    }

    /// Removes everything; what cannot be removed is a finding.
    pub fn clean(&mut self) -> Findings {
        self.ask("4 0 0 0 0".to_owned())
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        // SAFETY: the process is a child of ours that nobody has waited for.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

fn serve(directory: &Path, requests: File, mut answers: File) {
    let mut witness = Witness::new(directory);
    let mut joined = witness.join();
    for line in BufReader::new(requests).lines().map_while(Result::ok) {
        watchdog();
        let numbers: Vec<i64> = line
            .split(' ')
            .filter_map(|number| number.parse().ok())
            .collect();
        let [what, a, b, c, d] = numbers[..] else {
            return;
        };
        let scene = Scene {
            id: a as i32,
            spare: b as i32,
        };
        let expected = Expected {
            nattch: c as u64,
            may_vanish: d != 0,
        };
        let findings = match what {
            0 => {
                let before = Before {
                    segment: a != 0,
                    attached: b != 0,
                    removed: c != 0,
                };
                match std::mem::replace(&mut joined, Ok(())).and_then(|()| witness.prepare(before))
                {
                    Ok(scene) => vec![scene.id.to_string(), scene.spare.to_string()],
                    Err(errno) => vec![format!("errno {errno}")],
                }
            }
            1 => witness.look(scene, OneCall::Create, expected),
            2 => witness.look(scene, OneCall::Remove, expected),
            3 => witness.look(scene, OneCall::Stat, expected),
            _ => witness.clean(),
        };
        write_findings(&mut answers, &findings);
        // SAFETY: a plain number.
        unsafe { libc::alarm(0) };
    }
}
