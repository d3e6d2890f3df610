//! What to show of a recording, and how: the options that `trace` and `report` have in common.

use crate::failure::Failure;
use clap::ValueEnum;
use partage_report::Filter;
use partage_report::style::Style;
use partage_report::text::{Options as TextOptions, Timestamps};
use std::path::PathBuf;

/// Formats of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line per call, in strace's habits
    Text,
    /// A JSON object per line: processes, calls, objects, totals (docs/trace-schema.json)
    Json,
    /// Chrome's trace format, for ui.perfetto.dev
    Perfetto,
}

/// What counts as a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strictness {
    /// What stays in the system: segments never removed, objects never unlinked
    Lasting,
    /// Also what a process still held at its end: attachments, mappings, descriptors
    All,
}

/// Options of showing.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Showing")]
pub(crate) struct Options {
    /// How to show the calls
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Count calls, errors and time, per call and per object; bytes per process
    #[arg(short = 'c', long)]
    pub(crate) summary: bool,

    /// Say what was never removed, unlinked, detached, unmapped or closed, and where it was made
    #[arg(short, long)]
    pub(crate) leaks: bool,

    /// Exit with 1 if there are leaks (and the program itself succeeded)
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "lasting")]
    pub(crate) fail_on_leaks: Option<Strictness>,

    /// Draw the objects' lives into FILE, an SVG picture
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,

    /// Show the calls as well, beside --summary, --leaks or --timeline
    #[arg(long)]
    pub(crate) calls: bool,

    /// Write to FILE what is shown
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,

    /// Show the time of day (UTC) when each call began
    #[arg(short = 't', long, conflicts_with = "relative")]
    time: bool,

    /// Show the seconds since the call before
    #[arg(short, long)]
    relative: bool,

    /// Show how long each call took
    #[arg(short = 'T', long)]
    durations: bool,

    /// Show below each call where it was made
    #[arg(short = 'k', long)]
    pub(crate) stack: bool,

    /// Only these calls
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    call: Vec<String>,

    /// Only these objects: a shmid, a key (0x5eed), a /name, or words of how lines name them
    #[arg(long, value_name = "OBJECT")]
    object: Vec<String>,

    /// Only these processes
    #[arg(long, value_name = "PID,...", value_delimiter = ',')]
    pid: Vec<u32>,

    /// Only calls that failed
    #[arg(long)]
    errors: bool,
}

impl Options {
    /// Whether single calls are shown.
    pub(crate) fn shows_calls(&self) -> bool {
        let other =
            self.summary || self.leaks || self.timeline.is_some() || self.fail_on_leaks.is_some();
        self.calls || !other || self.format != Format::Text
    }

    /// What to show.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            calls: self.call.clone(),
            objects: self.object.clone(),
            pids: self.pid.clone(),
            errors: self.errors,
        }
    }

    /// Refuses names that no call has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let known = partage_report::call_names();
        match self
            .call
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(name) => Err(Failure::new(format_args!("no call is named {name}"))
                .advise(format_args!("known: {}", known.join(" ")))
                .with_status(crate::failure::USAGE)),
            None => Ok(()),
        }
    }

    /// How lines look.
    pub(crate) fn text(&self, style: Style) -> TextOptions {
        let timestamps = match (self.time, self.relative) {
            (true, _) => Timestamps::Wall,
            (_, true) => Timestamps::Relative,
            _ => Timestamps::None,
        };
        TextOptions {
            timestamps,
            durations: self.durations,
            callers: self.stack,
            style,
        }
    }
}
