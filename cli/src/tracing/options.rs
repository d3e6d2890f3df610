//! What to show of a recording, and how: the options that `trace` and `report` have in common.

use super::habits;
use crate::failure::Failure;
use clap::ValueEnum;
use partage_report::Filter;
use partage_report::groups::{Manner, Sort};
use partage_report::style::Style;
use partage_report::symbols::{Symbols, System};
use partage_report::text::{Options as TextOptions, Timestamps};
use partage_report::verdict::Counting;
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
    /// Leaks as JUnit's XML, for continuous integration
    Junit,
    /// Leaks as annotations of GitHub's workflows, at the file and line to mend
    Github,
    /// Leaks as SARIF 2.1.0, for code scanners and editors
    Sarif,
}

impl Format {
    /// Whether it is a list of leaks, not of calls.
    pub(crate) fn lists_leaks(self) -> bool {
        matches!(self, Self::Junit | Self::Github | Self::Sarif)
    }
}

/// What counts as a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strictness {
    /// What stays in the system: segments never removed, objects never unlinked
    Lasting,
    /// Also what another process removed after its maker had ended, as Python's resource tracker does
    Abandoned,
    /// Also what a process still held at its end: attachments, mappings, descriptors
    All,
}

/// In what order leaks are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// The largest first
    Bytes,
    /// The most numerous first
    Count,
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

    /// Exit with 1 if there are leaks, with 3 if that cannot be told (and the program itself succeeded)
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "lasting")]
    pub(crate) fail_on_leaks: Option<Strictness>,

    /// With --fail-on-leaks, exit with 1 also when it cannot be told whether anything leaked, instead of 3
    #[arg(long, requires = "fail_on_leaks")]
    pub(crate) strict: bool,

    /// Draw the objects' lives into FILE, an SVG picture
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,

    /// Write to FILE a page for browsers: a timeline to zoom and search, leaks by place, failed calls
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Show the calls as well, beside --summary, --leaks, --timeline or --html
    #[arg(long)]
    pub(crate) calls: bool,

    /// Write to FILE what is shown
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,

    /// Show the time of day (UTC) when each call began
    #[arg(short = 't', long, conflicts_with = "relative", action = clap::ArgAction::Count)]
    time: u8,

    /// Show the seconds since the call before
    #[arg(short, long)]
    relative: bool,

    /// Show how long each call took
    #[arg(short = 'T', long)]
    durations: bool,

    /// Show below each call where it was made, and of leaks all places, those in the system's libraries as well
    #[arg(short = 'k', long)]
    pub(crate) stack: bool,

    /// Order leaks by their bytes or by their number
    #[arg(long, value_enum, default_value = "bytes", value_name = "BY")]
    sort: SortBy,

    /// Say nothing of leaks that FILE names: lines of leak:PATTERN (function, file or module of any place), object:PATTERN
    #[arg(long, value_name = "FILE")]
    pub(crate) suppressions: Option<PathBuf>,

    /// Say nothing of leaks that FILE knows, which --write-baseline has made
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write to FILE which leaks there are, for --baseline
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,

    /// How many of the leaks of one place are named
    #[arg(long, value_name = "N", default_value = "3")]
    examples: usize,

    /// Whose libraries and scripts are passed over when a leak's place is told [default: /lib/, /lib64/, /usr/lib/,
    /// /usr/lib64/, /usr/libexec/]
    #[arg(long, value_name = "PATH,...", value_delimiter = ',')]
    system: Vec<String>,

    /// Only these calls
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    call: Vec<String>,

    /// The same as strace has it: trace=shmget,shmat, trace=%ipc or trace=all
    #[arg(short = 'e', value_name = "trace=NAME,...", value_parser = habits::expression)]
    expression: Vec<habits::Expression>,

    /// Only these objects: a shmid, a key (0x5eed), a /name, or words of how lines name them
    #[arg(long, value_name = "OBJECT")]
    object: Vec<String>,

    /// Only these processes
    #[arg(long, value_name = "PID,...", value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,

    /// Only processes of these programs: a file's name, or what the program is called by; * stands for anything
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    comm: Vec<String>,

    /// Only calls that failed
    #[arg(long)]
    errors: bool,

    /// Say nothing of the ends of processes
    #[arg(short, long)]
    quiet: bool,

    /// Taken for strace's sake: what a descriptor stands for is always told
    #[arg(short = 'y', action = clap::ArgAction::Count, hide = true)]
    _descriptors: u8,

    /// Only calls from this time on, and before that; set by the command that knows when the recording began
    #[arg(skip)]
    pub(crate) since: Option<u64>,
    #[arg(skip)]
    pub(crate) until: Option<u64>,
}

impl Options {
    /// Whether a verdict about leaks is wanted.
    pub(crate) fn judges(&self) -> bool {
        self.leaks || self.fail_on_leaks.is_some() || self.format.lists_leaks()
    }

    /// Whether something is shown that depends on all that ever was.
    pub(crate) fn looks_back(&self) -> bool {
        self.judges() || self.draws() || self.write_baseline.is_some()
    }

    /// What counts as a leak.
    pub(crate) fn counting(&self) -> Counting {
        match self.fail_on_leaks {
            None | Some(Strictness::Lasting) => Counting::Lasting,
            Some(Strictness::Abandoned) => Counting::Abandoned,
            Some(Strictness::All) => Counting::All,
        }
    }

    /// Whether a picture is made.
    fn draws(&self) -> bool {
        self.timeline.is_some() || self.html.is_some()
    }

    /// Whether single calls are shown.
    pub(crate) fn shows_calls(&self) -> bool {
        let other = self.summary || self.leaks || self.draws() || self.fail_on_leaks.is_some();
        match self.format {
            Format::Text => self.calls || !other,
            Format::Json | Format::Perfetto => true,
            Format::Junit | Format::Github | Format::Sarif => false,
        }
    }

    /// What to show.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            calls: self.calls_wanted(),
            objects: self.object.clone(),
            pids: self.pid.clone(),
            programs: self.comm.clone(),
            errors: self.errors,
            since: self.since,
            until: self.until,
        }
    }

    /// What names the places of calls, and knows which are of interest.
    pub(crate) fn symbols(&self) -> Symbols {
        Symbols::with_system(System::of(&self.system).with_all(self.stack))
    }

    /// How leaks are told.
    pub(crate) fn manner(&self, style: Style) -> Manner {
        Manner {
            style,
            sort: match self.sort {
                SortBy::Bytes => Sort::Bytes,
                SortBy::Count => Sort::Count,
            },
            examples: self.examples,
        }
    }

    /// Refuses names that no call has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let known = partage_report::call_names();
        let mut wanted = self.calls_wanted().into_iter();
        match wanted.find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Failure::new(format_args!("no call is named {name}"))
                .advise(format_args!("known: {}", known.join(" ")))
                .with_status(crate::failure::USAGE)),
            None => Ok(()),
        }
    }

    /// The calls that `--call` and `-e` name; empty for all.
    fn calls_wanted(&self) -> Vec<String> {
        if self.expression.iter().any(habits::Expression::is_all) {
            return Vec::new();
        }
        let expressions = self.expression.iter().flat_map(habits::Expression::calls);
        self.call.iter().cloned().chain(expressions).collect()
    }

    /// How lines look.
    pub(crate) fn text(&self, style: Style) -> TextOptions {
        let timestamps = match (self.time, self.relative) {
            (1.., _) => Timestamps::Wall,
            (_, true) => Timestamps::Relative,
            _ => Timestamps::None,
        };
        TextOptions {
            timestamps,
            durations: self.durations,
            callers: self.stack,
            quiet: self.quiet,
            style,
        }
    }
}
