//! Text in strace's habits: one line per call, with the object that it is about.

mod call;

pub(crate) use call::words;

use crate::Filter;
use crate::event::Event;
use crate::model::{Applied, Model};
use crate::stream::{Ending, Item};
use crate::style::{Role, Style};
use crate::words;

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
    /// Colours.
    pub style: Style,
}

/// Turns items into lines.
#[derive(Debug)]
pub struct Writer {
    options: Options,
    filter: Filter,
    last: Option<u64>,
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
            shown: 0,
        }
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
        if !self.filter.passes(event, object) {
            return String::new();
        }
        self.shown += 1;
        let style = self.options.style;
        let said = words(event);
        let mut line = style.paint(Role::Aside, &self.prefix(event));
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
        line.push('\n');
        if self.options.callers {
            for frame in frames(event) {
                line += &style.paint(Role::Aside, &format!("    > {frame}"));
                line.push('\n');
            }
        }
        line
    }

    fn prefix(&mut self, event: &Event) -> String {
        let mut prefix = if event.tid == event.pid {
            format!("[pid {}] ", event.pid)
        } else {
            format!("[pid {} tid {}] ", event.pid, event.tid)
        };
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

    fn end(&self, applied: &Applied, model: &Model, ending: Ending) -> String {
        let Some(process) = applied.process.and_then(|index| model.process(index)) else {
            return String::new();
        };
        let pid = process.start.pid;
        let plain = self.filter.calls.is_empty() && self.filter.objects.is_empty();
        let word = match ending {
            Ending::Exited(status) => format!("exited with {}", status & 0xff),
            Ending::Vanished => "ended without exit: by a signal or a raw system call".to_owned(),
            Ending::Executed | Ending::Running => return String::new(),
        };
        if !plain || self.filter.errors || !self.filter.wants_process(pid) || process.calls == 0 {
            return String::new();
        }
        let style = self.options.style;
        let line = style.paint(Role::Aside, &format!("[pid {pid}] +++ {word} +++"));
        line + "\n"
    }
}
