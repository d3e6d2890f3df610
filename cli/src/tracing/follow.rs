//! Following a program while it runs.

use super::Options;
use super::options::Format;
use super::show::{Output, frames};
use crate::failure::Failure;
use partage_report::live::Live;
use partage_report::symbols::Symbols;
use partage_report::text::Writer;
use partage_report::{Model, Recording};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Reads the files of a run, and writes its calls as text if that is wanted.
pub(crate) struct Follower {
    recording: Recording,
    live: Live,
    model: Model,
    symbols: Symbols,
    lines: Option<(Writer, Output)>,
}

impl Follower {
    /// Follows the files in this directory.
    pub(crate) fn new(directory: &Path, options: &Options) -> Result<Self, Failure> {
        let lines = if options.format == Format::Text && options.shows_calls() {
            let output = Output::open(options.to.as_deref(), true)?;
            let writer = Writer::new(options.text(output.style()), options.filter());
            Some((writer, output))
        } else {
            None
        };
        Ok(Self {
            recording: Recording::follow(directory),
            live: Live::default(),
            model: Model::default(),
            symbols: Symbols::new(),
            lines,
        })
    }

    /// Follows until `over` is set and everything is shown; with `wait`, until nobody records any more. Without text
    /// there is nothing to do before that.
    pub(crate) fn follow(&mut self, over: &AtomicBool, wait: bool) -> Result<(), Failure> {
        loop {
            let ended = over.load(Ordering::Acquire);
            let last = ended && (!wait || self.running()?.is_empty());
            if self.lines.is_some() || last {
                self.step(last)?;
            }
            if last {
                return Ok(());
            }
            std::thread::sleep(PERIOD);
        }
    }

    /// The processes that still record.
    fn running(&mut self) -> Result<Vec<u32>, Failure> {
        self.recording.look().map_err(lost)?;
        Ok(self.recording.running())
    }

    fn step(&mut self, last: bool) -> Result<(), Failure> {
        self.recording.look().map_err(lost)?;
        let Some((writer, output)) = &mut self.lines else {
            return Ok(());
        };
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
