//! `--watch`: the same again every few seconds.

use crate::failure::Failure;
use crate::output::table::shortened;
use crate::output::{self, format};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Shows what `text` says every so many seconds, with its notes. On a terminal each replaces the one before, cut
/// to the window so that its head and the notes stay in sight, until `q` is pressed or the process is
/// interrupted; elsewhere they follow each other.
pub(super) fn every(
    seconds: u32,
    text: impl Fn() -> Result<(String, Vec<String>), Failure>,
) -> Result<(), Failure> {
    let pause = Duration::from_secs(seconds.into());
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        loop {
            let (now, notes) = text()?;
            output::print(&now)?;
            output::notes::print(&notes);
            std::thread::sleep(pause);
        }
    }
    let cannot = |why| Failure::io("cannot use the terminal", why);
    loop {
        let (now, notes) = text()?;
        draw(&now, &notes).map_err(cannot)?;
        if wait(pause).map_err(|why| cannot(why.into()))? {
            return Ok(());
        }
    }
}

fn draw(text: &str, notes: &[String]) -> io::Result<()> {
    const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";
    let (width, height) = ratatui::crossterm::terminal::size()?;
    let room = usize::from(height.saturating_sub(1)).saturating_sub(notes.len());
    let mut lines = fitting(text, room.max(1));
    let whole = |note: &String| shortened(&output::notes::line(note), width.into());
    lines.extend(notes.iter().map(whole));
    // Not through the colour filter: this is no colour, and is wanted under NO_COLOR too.
    let mut out = io::stdout().lock();
    out.write_all(CLEAR.as_bytes())?;
    out.flush()?;
    drop(out);
    let mut out = anstream::stdout().lock();
    out.write_all((lines.join("\n") + "\n").as_bytes())?;
    out.flush()
}

/// As many lines as there is room for, with the last saying how many there are no room for.
fn fitting(text: &str, height: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let kept = match lines.len() {
        all if all <= height => all,
        _ => height - 1,
    };
    let mut shown: Vec<String> = lines.iter().take(kept).map(ToString::to_string).collect();
    if kept < lines.len() {
        shown.push(format!(
            "... {} more",
            format::count(lines.len() - kept, "line")
        ));
    }
    shown
}

/// Keys come as they are pressed, and are not shown, as long as this lives.
struct Keys {
    before: Termios,
}

impl Keys {
    fn begin() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut now = before.clone();
        now.local_flags -= LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        tcsetattr(io::stdin(), SetArg::TCSANOW, &now)?;
        Ok(Self { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // There is nobody to tell if the terminal is gone.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}

/// Whether somebody quits before the time is over. What is typed after that is the shell's: bytes
/// are taken one by one.
fn wait(pause: Duration) -> nix::Result<bool> {
    const INTERRUPT: u8 = 3;
    const SUSPEND: u8 = 26;
    let end = Instant::now() + pause;
    let mut keys = Keys::begin()?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let stdin = io::stdin();
        let mut watched = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, left) {
            Ok(0) => return Ok(false),
            Err(nix::errno::Errno::EINTR) => continue,
            polled => polled?,
        };
        let mut key = [0];
        match nix::unistd::read(stdin.as_fd(), &mut key)? {
            // The terminal was hung up.
            0 => return Ok(true),
            _ if key == [b'q'] => return Ok(true),
            _ if key == [INTERRUPT] => {
                // The shell is to see what it would have seen.
                drop(keys);
                raise(Signal::SIGINT)?;
                return Ok(true);
            }
            _ if key == [SUSPEND] => {
                drop(keys);
                raise(Signal::SIGTSTP)?;
                keys = Keys::begin()?;
            }
            _ => {}
        }
    }
}
