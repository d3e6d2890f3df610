//! Showing a recording that is complete, or as it is now.

use super::Options;
use super::limits::limits;
use super::options::{Format, Strictness};
use crate::failure::{FAILED, Failure, Outcome};
use anstream::ColorChoice;
use partage_report::event::Event;
use partage_report::model::Applied;
use partage_report::stream::Stream;
use partage_report::style::Style;
use partage_report::symbols::{Frame, Symbols};
use partage_report::text::Writer;
use partage_report::{Model, Recording};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Where text goes.
pub(crate) struct Output {
    to: Box<dyn Write + Send>,
    style: Style,
    closed: bool,
}

impl Output {
    /// The file, else stderr for a `live` run (stdout is the program's), else stdout. Colours on a terminal only.
    pub(crate) fn open(file: Option<&Path>, live: bool) -> Result<Self, Failure> {
        let (to, colour): (Box<dyn Write + Send>, bool) = match file {
            Some(path) => {
                let file = File::create(path).map_err(|why| {
                    Failure::io(format_args!("cannot write {}", path.display()), why)
                })?;
                (Box::new(io::BufWriter::new(file)), false)
            }
            None if live => {
                let choice = anstream::AutoStream::choice(&io::stderr());
                (Box::new(io::stderr()), choice != ColorChoice::Never)
            }
            None => {
                let choice = anstream::AutoStream::choice(&io::stdout());
                (
                    Box::new(io::BufWriter::new(io::stdout())),
                    choice != ColorChoice::Never,
                )
            }
        };
        Ok(Self {
            to,
            style: Style { colour },
            closed: false,
        })
    }

    /// How the text is to look.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Writes, perhaps later. A reader that went away is no failure.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.attempt(|to| to.write_all(text.as_bytes()))
    }

    /// Writes what is still to be written.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.attempt(|to| to.flush())
    }

    fn attempt(
        &mut self,
        what: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        match what(&mut *self.to) {
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(why) => Err(Failure::io("cannot write the output", why)),
            Ok(()) => Ok(()),
        }
    }

    /// Writes what `produce` hands out piece by piece.
    fn fill<T>(&mut self, produce: impl FnOnce(&mut dyn FnMut(&str)) -> T) -> Result<T, Failure> {
        let mut outcome = Ok(());
        let made = produce(&mut |piece| {
            if outcome.is_ok() {
                outcome = self.write(piece);
            }
        });
        outcome.map(|()| made)
    }
}

/// Where a call was made, line by line.
pub(crate) fn frames(
    symbols: &mut Symbols,
    model: &Model,
    applied: &Applied,
    event: &Event,
) -> Vec<String> {
    let frames = symbols.event(model, applied, event);
    frames.iter().map(Frame::label).collect()
}

/// Shows what the options ask for; of a `live` run, what was not written while it went on. Returns the exit status.
pub(crate) fn show(
    recording: &Recording,
    options: &Options,
    live: bool,
    calls_written: bool,
) -> Outcome {
    let mut output = if calls_written && options.to.is_some() {
        Output::open(None, live)?
    } else {
        Output::open(options.to.as_deref(), live)?
    };
    let model = match options.format {
        _ if !options.shows_calls() || calls_written => Model::of(recording),
        Format::Text => write_lines(recording, options, &mut output)?,
        Format::Json => {
            output.fill(|each| partage_report::json::write(recording, &options.filter(), each))?
        }
        Format::Perfetto => output
            .fill(|each| partage_report::perfetto::write(recording, &options.filter(), each))?,
    };
    let style = output.style();
    let machine = options.format != Format::Text;
    let mut symbols = Symbols::new();
    let leaks = partage_report::leaks::find(&model);
    let mut text = String::new();
    if options.summary {
        text += &partage_report::summary::text(recording, &options.filter(), style);
    }
    if options.leaks || options.fail_on_leaks.is_some() {
        text += &leaks.text(&model, &mut symbols, style);
    }
    text += &limits(recording, &model, style);
    if machine {
        // The output is for programs.
        Output::open(None, true)?.write(&text)?;
    } else {
        output.write(&text)?;
    }
    output.finish()?;
    if let Some(path) = &options.timeline {
        let picture = partage_report::timeline::draw(&model, &options.filter());
        std::fs::write(path, picture)
            .map_err(|why| Failure::io(format_args!("cannot write {}", path.display()), why))?;
    }
    let failed = match options.fail_on_leaks {
        None => false,
        Some(Strictness::Lasting) => !leaks.lasting.is_empty(),
        Some(Strictness::All) => !leaks.lasting.is_empty() || !leaks.held.is_empty(),
    };
    Ok(if failed { FAILED } else { 0 })
}

fn write_lines(
    recording: &Recording,
    options: &Options,
    output: &mut Output,
) -> Result<Model, Failure> {
    let mut writer = Writer::new(options.text(output.style()), options.filter());
    let (mut model, mut symbols) = (Model::default(), Symbols::new());
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        let lines = writer.lines(&item, &applied, &model, &mut |event| {
            frames(&mut symbols, &model, &applied, event)
        });
        output.write(&lines)?;
    }
    Ok(model)
}
