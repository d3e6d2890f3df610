//! Following a program while it runs.

use super::Options;
use super::options::Format;
use super::show::{Output, frames};
use crate::failure::Failure;
use crate::launch::Watch;
use partage_report::live::Live;
use partage_report::symbols::Symbols;
use partage_report::text::Writer;
use partage_report::{Model, Recording};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// How long processes that end right after the program are waited for where a verdict is wanted: those that tidy up. Also
/// how long nobody must record until a recording that others make is over: an exec has a moment without anybody.
const GRACE: Duration = Duration::from_secs(1);

/// How long to follow once the program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not any longer.
    None,
    /// A moment, for those who are about to end.
    Grace,
    /// Until nobody records any more.
    ToTheEnd,
    /// Until somebody has recorded, and nobody does any more: of a recording that others make.
    Others,
}

impl Patience {
    /// What the options ask for.
    pub(crate) fn of(wait: bool, judges: bool) -> Self {
        match (wait, judges) {
            (true, _) => Self::ToTheEnd,
            (_, true) => Self::Grace,
            _ => Self::None,
        }
    }

    /// Whether to go on, so long after the end of the program.
    fn lasts(self, since: Duration) -> bool {
        match self {
            Self::None => false,
            Self::Grace => since < GRACE,
            Self::ToTheEnd | Self::Others => true,
        }
    }
}

/// Reads the files of a run, and writes its calls as text if that is wanted.
pub(crate) struct Follower {
    recording: Recording,
    live: Live,
    model: Model,
    symbols: Symbols,
    lines: Option<(Writer, Output)>,
    /// Which calls to show, by the time since the recording began, once that is known.
    span: Option<(Option<u64>, Option<u64>)>,
}

impl Follower {
    /// Follows the files in this directory, of a `live` run or of one that others make.
    pub(crate) fn new(directory: &Path, options: &Options, live: bool) -> Result<Self, Failure> {
        let lines = if options.format == Format::Text && options.shows_calls() {
            let output = Output::open(options.to.as_deref(), live)?;
            let writer = Writer::new(options.text(output.style()), options.filter());
            Some((writer, output))
        } else {
            None
        };
        Ok(Self {
            recording: Recording::follow(directory),
            live: Live::default(),
            model: Model::forgetful(),
            symbols: Symbols::new(),
            lines,
            span: None,
        })
    }

    /// Shows only calls that begin so long after the start of the recording, and before so long.
    pub(crate) fn show_from(&mut self, since: Option<u64>, until: Option<u64>) {
        self.span = (since.is_some() || until.is_some()).then_some((since, until));
    }

    /// Follows until the program is over, everything is shown, and nobody records any more or patience is at its end. Without
    /// text there is nothing to do before that.
    pub(crate) fn follow(&mut self, watch: &Watch, patience: Patience) -> Result<(), Failure> {
        let mut ended_at: Option<Instant> = None;
        let mut idle_since: Option<Instant> = None;
        loop {
            if watch.over.load(Ordering::Acquire) {
                ended_at.get_or_insert_with(Instant::now);
            }
            let interrupted = watch.interrupted.load(Ordering::Acquire);
            let goes_on = !interrupted && ended_at.is_none_or(|at| patience.lasts(at.elapsed()));
            let last =
                ended_at.is_some() && (!goes_on || self.is_over(patience, &mut idle_since)?);
            if self.lines.is_some() || last {
                self.step(last)?;
            }
            if last {
                return Ok(());
            }
            std::thread::sleep(PERIOD);
        }
    }

    /// Whether nobody records any more.
    fn is_over(
        &mut self,
        patience: Patience,
        idle_since: &mut Option<Instant>,
    ) -> Result<bool, Failure> {
        self.recording.look().map_err(lost)?;
        let idle = self.recording.running().is_empty() && {
            // A process that ended while the system was looked at may have started another one meanwhile.
            let known = self.recording.images().len();
            self.recording.look().map_err(lost)?;
            known == self.recording.images().len() && self.recording.running().is_empty()
        };
        if patience != Patience::Others {
            return Ok(idle);
        }
        if !idle || self.recording.images().is_empty() {
            *idle_since = None;
            return Ok(false);
        }
        Ok(idle_since.get_or_insert_with(Instant::now).elapsed() >= GRACE)
    }

    fn step(&mut self, last: bool) -> Result<(), Failure> {
        self.recording.look().map_err(lost)?;
        let Some((writer, output)) = &mut self.lines else {
            return Ok(());
        };
        if let Some((since, until)) = self.span
            && let Some(began) = self.recording.began()
        {
            let after = |time: u64| began.saturating_add(time);
            writer.limit(since.map(after), until.map(after));
            self.span = None;
        }
        let mut text = String::new();
        for item in self.live.step(&mut self.recording, last) {
            let applied = self.model.apply(&item);
            let (model, symbols) = (&self.model, &mut self.symbols);
            text += &writer.lines(&item, &applied, model, &mut |event| {
                frames(symbols, model, &applied, event)
            });
        }
        output.write(&text)?;
        output.finish()
    }

    /// Whether the calls were written already.
    pub(crate) fn has_written(&self) -> bool {
        self.lines.is_some()
    }

    /// The recording as far as it was read, and whether its calls were written already.
    pub(crate) fn finish(self) -> (Recording, bool) {
        let mut recording = self.recording;
        recording.rewind();
        // The rest of a ring was never taken; what cannot be read is told with the losses.
        let _ = recording.look();
        (recording, self.lines.is_some())
    }
}

fn lost(why: std::io::Error) -> Failure {
    Failure::io("cannot read the recording", why)
}
