//! All workers, their children and their threads stopped wherever they are, at any moment: what is counted then.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long processes may take to stand still or to come to rest; they take milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process group that is stopped until this is dropped.
pub(crate) struct Frozen {
    group: i32,
    /// Threads in it.
    pub(crate) threads: usize,
}

impl Frozen {
    /// Stops the group, and returns when every thread in it stands still.
    ///
    /// # Errors
    /// Who does not stand still after all this time.
    pub(crate) fn freeze(group: i32) -> Result<Frozen, String> {
        let start = Instant::now();
        loop {
            // Again each time: a process may have come into the group since.
            // SAFETY: plain numbers; the group is that of this program's workers.
            unsafe { libc::kill(-group, libc::SIGSTOP) };
            let states = states_in(group);
            if states
                .iter()
                .all(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
            {
                let threads = states.len();
                return Ok(Frozen { group, threads });
            }
            if start.elapsed() > PATIENCE {
                return Err(describe(group));
            }
            // SAFETY: a plain number.
            unsafe { libc::usleep(200) };
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::kill(-self.group, libc::SIGCONT) };
    }
}

/// The states of all threads of all processes of a group, as proc_pid_stat(5) has them.
fn states_in(group: i32) -> Vec<char> {
    threads_in(group)
        .filter_map(|thread| stat_of(&thread))
        .map(|stat| stat.state)
        .collect()
}

/// What every thread of a group is doing: its state, and its system call with what the call was given.
pub(crate) fn describe(group: i32) -> String {
    let mut text = String::new();
    for thread in threads_in(group) {
        let name = thread.strip_prefix("/proc").unwrap_or(&thread).display();
        let (state, parent) = stat_of(&thread).map_or(('?', 0), |stat| (stat.state, stat.parent));
        let call = fs::read_to_string(thread.join("syscall")).unwrap_or_default();
        text += &format!("\n    {name} of {parent} {state} {}", call.trim_end());
    }
    text
}

fn threads_in(group: i32) -> impl Iterator<Item = PathBuf> {
    processes()
        .filter(move |process| stat_of(process).is_some_and(|stat| stat.group == group))
        .flat_map(|process| entries(process.join("task")))
}

/// The directories in /proc of all processes.
pub(crate) fn processes() -> impl Iterator<Item = PathBuf> {
    entries(PathBuf::from("/proc")).filter(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_str()
            .is_some_and(|name| name.parse::<i32>().is_ok())
    })
}

fn entries(directory: PathBuf) -> impl Iterator<Item = PathBuf> {
    let listed = fs::read_dir(directory).into_iter().flatten().flatten();
    listed.map(|entry| entry.path())
}

/// What is asked of proc_pid_stat(5).
struct Stat {
    state: char,
    parent: i32,
    group: i32,
}

fn stat_of(process: &Path) -> Option<Stat> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}
