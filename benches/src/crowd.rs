//! Other processes that are there while something is measured, and do nothing.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe};

use crate::child::exit_at_once;
use crate::segment::Segment;

/// Processes that wait for their end, which comes when this is dropped.
#[derive(Debug)]
pub(crate) struct Crowd {
    children: Vec<Pid>,
    /// Nothing is written to it: children see it close.
    leash: Option<OwnedFd>,
}

impl Crowd {
    /// Starts `size` processes and waits until each has attached `segment`.
    pub(crate) fn start(size: u32, segment: &Segment) -> io::Result<Crowd> {
        let (held, leash) = pipe()?;
        let (ready, say_ready) = pipe()?;
        let mut crowd = Crowd {
            children: Vec::new(),
            leash: Some(leash),
        };
        let (mut held, mut ready, mut say_ready) =
            (File::from(held), File::from(ready), File::from(say_ready));
        for _ in 0..size {
            // SAFETY: this process has one thread.
            match unsafe { fork() }? {
                ForkResult::Child => {
                    crowd.leash = None;
                    let stood = stand_by(segment, &mut held, &mut say_ready);
                    exit_at_once(i32::from(stood.is_err()));
                }
                ForkResult::Parent { child } => crowd.children.push(child),
            }
        }
        drop(say_ready);
        let mut said = vec![0; size as usize];
        ready.read_exact(&mut said)?;
        Ok(crowd)
    }
}

fn stand_by(segment: &Segment, held: &mut File, say_ready: &mut File) -> io::Result<()> {
    let _attached = segment.attach()?;
    say_ready.write_all(&[1])?;
    held.read(&mut [0]).map(drop)
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.leash = None;
        for &child in &self.children {
            let _ = waitpid(child, None);
        }
    }
}
