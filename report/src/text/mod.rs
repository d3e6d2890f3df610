//! Text in strace's habits: one line per call, with the object that it is about.

mod call;

pub(crate) use call::words;

use partage_trace_format::Call;

use crate::Filter;
use crate::event::Event;
use crate::model::{Applied, Model, Process};
use crate::stream::{Ending, Item};
use crate::style::{Role, Style};
use crate::{why, words};

/// How moments are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// Not at all.
    #[default]
    None,
    /// Time of day, UTC.
    Wall,
    /// Seconds since the line before.
    Relative,
}

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When calls began.
    pub timestamps: Timestamps,
    /// How long calls took.
    pub durations: bool,
    /// Whether return addresses are shown below each line.
    pub callers: bool,
    /// Whether nothing is said of the ends of processes.
    pub quiet: bool,
    /// Colours.
    pub style: Style,
}

/// Turns items into lines.
#[derive(Debug)]
pub struct Writer {
    options: Options,
    filter: Filter,
    last: Option<u64>,
    /// The program that the line before was about.
    program: String,
    shown: u64,
}

impl Writer {
    /// Nothing shown yet.
    #[must_use]
    pub fn new(options: Options, filter: Filter) -> Self {
        Writer {
            options,
            filter,
            last: None,
            program: String::new(),
            shown: 0,
        }
    }

    /// Shows only calls that began at this time or later, and before that one, in nanoseconds of `CLOCK_MONOTONIC`.
    pub fn limit(&mut self, since: Option<u64>, until: Option<u64>) {
        (self.filter.since, self.filter.until) = (since, until);
    }

    /// Lines shown so far.
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// The lines for an item that was applied to the model, each with its line feed. `frames` names return addresses.
    pub fn lines(
        &mut self,
        item: &Item,
        applied: &Applied,
        model: &Model,
        frames: &mut dyn FnMut(&Event) -> Vec<String>,
    ) -> String {
        match item {
            Item::Event(event) if event.call == Ok(Call::Death) => self.death(event, model),
            Item::Event(event) => self.event(event, applied, model, frames),
            Item::End(_, _, ending) => self.end(applied, model, *ending),
            Item::Start(_) => String::new(),
        }
    }

    fn event(
        &mut self,
        event: &Event,
        applied: &Applied,
        model: &Model,
        frames: &mut dyn FnMut(&Event) -> Vec<String>,
    ) -> String {
        let object = applied.object.and_then(|id| model.object(id));
        let process = applied.process.and_then(|index| model.process(index));
        if !self.filter.passes(event, process, object) {
            return String::new();
        }
        self.shown += 1;
        let style = self.options.style;
        let said = words(event);
        let mut line = style.paint(Role::Aside, &self.prefix(event, process));
        line += &style.paint(Role::Call, event.call_name());
        line += &format!("({})", said.arguments.join(", "));
        line += " = ";
        let role = if event.failed() {
            Role::Error
        } else {
            Role::Good
        };
        if event.failed() {
            line += &style.paint(role, &said.result);
        } else {
            line += &said.result;
        }
        if self.options.durations && !event.entered() {
            line += &style.paint(
                Role::Aside,
                &format!(" <{}>", words::seconds(event.duration)),
            );
        }
        if let Some(object) = object {
            line += &style.paint(Role::Object, &format!("  # {}", object.label()));
        }
        if let Some(why) = why::of(event, model) {
            line += &style.paint(Role::Error, &format!("  # {why}"));
        }
        line.push('\n');
        if self.options.callers {
            for frame in frames(event) {
                line += &style.paint(Role::Aside, &format!("    > {frame}"));
                line.push('\n');
            }
        }
        line
    }

    /// Who made the call, and when. The program is named where it is another than that of the line before.
    fn prefix(&mut self, event: &Event, process: Option<&Process>) -> String {
        let program = process.map_or("", Process::program);
        let mut prefix = format!("[pid {}", event.pid);
        if program != self.program {
            prefix += &format!("<{}>", words::printable(program));
            program.clone_into(&mut self.program);
        }
        if event.tid != event.pid {
            prefix += &format!(" tid {}", event.tid);
        }
        prefix += "] ";
        match self.options.timestamps {
            Timestamps::None => {}
            Timestamps::Wall => {
                let seconds = event.wall / 1_000_000_000 % 86_400;
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                let micros = event.wall % 1_000_000_000 / 1000;
                prefix += &format!("{hours:02}:{minutes:02}:{:02}.{micros:06} ", seconds % 60);
            }
            Timestamps::Relative => {
                let since = event.time.saturating_sub(self.last.unwrap_or(event.time));
                prefix += &format!("{:>10} ", words::seconds(since));
                self.last = Some(event.time);
            }
        }
        prefix
    }

    /// Somebody learned how a process ended that could not say so itself.
    fn death(&self, event: &Event, model: &Model) -> String {
        let (pid, signal) = (event.arg(0) as u32, event.int(1));
        let by_itself = pid == event.pid;
        let process = latest(model, pid);
        let told = process.is_some_and(|process| process.fault.is_some());
        if !self.shows_ends(pid, process) || !by_itself && told {
            return String::new();
        }
        let signal = words::signal(signal);
        let line = format!("[pid {pid}] +++ killed by {signal} +++");
        self.options.style.paint(Role::Aside, &line) + "\n"
    }

    /// Whether ends of this process are shown beside its calls.
    fn shows_ends(&self, pid: u32, process: Option<&Process>) -> bool {
        let filter = &self.filter;
        let plain = filter.calls.is_empty() && filter.objects.is_empty() && !filter.errors;
        let wanted = process.map_or_else(
            || filter.wants_pid(pid),
            |process| filter.wants_process(process),
        );
        plain && !self.options.quiet && wanted
    }

    fn end(&self, applied: &Applied, model: &Model, ending: Ending) -> String {
        let Some(process) = applied.process.and_then(|index| model.process(index)) else {
            return String::new();
        };
        let pid = process.start.pid;
        let word = match ending {
            Ending::Exited(status) => format!("exited with {}", status & 0xff),
            Ending::Vanished => "ended without exit: by a signal or a raw system call".to_owned(),
            Ending::Executed | Ending::Running => return String::new(),
        };
        let told = ending == Ending::Vanished && process.killed.is_some();
        if !self.shows_ends(pid, Some(process)) || process.calls == 0 || told {
            return String::new();
        }
        let style = self.options.style;
        let line = style.paint(Role::Aside, &format!("[pid {pid}] +++ {word} +++"));
        line + "\n"
    }
}

/// The latest process of this pid.
fn latest(model: &Model, pid: u32) -> Option<&Process> {
    let mut processes = model.processes().iter().rev();
    processes.find(|process| process.start.pid == pid)
}
