//! Showing a recording that is complete, or as it is now.

use super::Options;
use super::known::Known;
use super::limits::limits;
use super::options::Format;
use crate::failure::{FAILED, Failure, Outcome, UNCLEAR};
use crate::name::shown;
use crate::progress;
use anstream::ColorChoice;
use partage_report::diff::Side;
use partage_report::event::Event;
use partage_report::model::Applied;
use partage_report::stream::Stream;
use partage_report::style::Style;
use partage_report::symbols::{Frame, Symbols};
use partage_report::text::Writer;
use partage_report::verdict::{Status, Verdict};
use partage_report::{Model, Recording, ci, diff, findings, html, sarif};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

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
                    Failure::io(format_args!("cannot write {}", shown(path)), why)
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
    // On a terminal that gets the calls themselves they are sign of life enough.
    let busy = options.shows_calls() && !calls_written && options.to.is_none();
    let on_screen = if live {
        io::stderr().is_terminal()
    } else {
        io::stdout().is_terminal()
    };
    if !(busy && on_screen) {
        recording.tell_progress(progress::of_reading());
    }
    let mut output = if calls_written && options.to.is_some() {
        Output::open(None, live)?
    } else {
        Output::open(options.to.as_deref(), live)?
    };
    let shown = match options.format {
        _ if !options.shows_calls() || calls_written => None,
        Format::Text => Some(write_lines(recording, options, &mut output)?),
        Format::Json => Some(
            output.fill(|each| partage_report::json::write(recording, &options.filter(), each))?,
        ),
        Format::Perfetto => Some(
            output
                .fill(|each| partage_report::perfetto::write(recording, &options.filter(), each))?,
        ),
        Format::Junit | Format::Github | Format::Sarif => None,
    };
    // What shows calls forgets what is over: a long recording need not fit into memory.
    let mut model = match shown {
        Some(model) if !options.looks_back() => model,
        _ if options.looks_back() => Model::of(recording),
        _ => Model::in_short(recording),
    };
    let style = output.style();
    let machine = options.format != Format::Text;
    let mut symbols = options.symbols();
    model.hold_against(recording.afterwards());
    let mut verdict = Verdict::default();
    if options.looks_back() {
        verdict = Verdict::of(recording, &model);
        Known::read(options)?.pass_over(options, &mut verdict, &model, &mut symbols)?;
    }
    if options.format.lists_leaks() {
        output.write(&list(options, &verdict, &model, &mut symbols))?;
    }
    let mut text = String::new();
    if options.summary {
        text += &partage_report::summary::text(recording, &options.filter(), style);
    }
    // Between the lines of a list nothing else may stand.
    let apart = !options.format.lists_leaks() || options.to.is_some();
    if options.judges() && apart {
        text += &verdict.text(&model, &mut symbols, options.manner(style));
    }
    if apart {
        text += &limits(recording, &model, style);
    }
    if machine {
        // The output is for programs.
        Output::open(None, true)?.write(&text)?;
    } else {
        output.write(&text)?;
    }
    output.finish()?;
    if let Some(path) = &options.timeline {
        let picture = partage_report::timeline::draw(&model, &options.filter());
        write_file(path, &picture)?;
    }
    if let Some(path) = &options.html {
        let mut symbols = options.symbols();
        let page = html::page(recording, &options.filter(), &mut symbols, &verdict);
        write_file(path, &page)?;
    }
    if options.fail_on_leaks.is_none() {
        return Ok(0);
    }
    Ok(match verdict.status(options.counting()) {
        Status::Clean => 0,
        Status::Unclear if !options.strict => UNCLEAR,
        Status::Unclear | Status::Leaks => FAILED,
    })
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|why| Failure::io(format_args!("cannot write {}", shown(path)), why))
}

/// The leaks as a list for other programs.
fn list(options: &Options, verdict: &Verdict, model: &Model, symbols: &mut Symbols) -> String {
    let manner = options.manner(Style::PLAIN);
    let findings = findings::list(verdict, model, symbols, options.counting(), manner);
    match options.format {
        Format::Junit => ci::junit(&findings, verdict),
        Format::Sarif => sarif::text(&findings, verdict, &root()),
        _ => ci::github(&findings, verdict, &root()),
    }
}

/// What paths are told relative to: those of a workflow are below the directory that it has checked out.
fn root() -> PathBuf {
    let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let root = root.or_else(|| std::env::current_dir().ok());
    root.unwrap_or_default()
}

/// Shows what changed from the recording `before` to the recording `after`. With `--fail-on-leaks`, fails if a leak is new
/// or has become more.
pub(crate) fn show_changes(before: &Recording, after: &Recording, options: &Options) -> Outcome {
    let mut output = Output::open(options.to.as_deref(), false)?;
    let known = Known::read(options)?;
    let manner = options.manner(output.style());
    let mut symbols = options.symbols();
    let mut sides = Vec::new();
    for recording in [before, after] {
        let model = Model::of(recording);
        let mut verdict = Verdict::of(recording, &model);
        known.pass_over(options, &mut verdict, &model, &mut symbols)?;
        let counting = options.counting();
        let findings = findings::list(&verdict, &model, &mut symbols, counting, manner);
        // What was unwound of one recording says nothing of the other.
        symbols = options.symbols();
        sides.push((model, findings));
    }
    let mut sides = sides
        .iter()
        .map(|(model, findings)| Side { model, findings });
    let (Some(before), Some(after)) = (sides.next(), sides.next()) else {
        return Ok(0);
    };
    let (text, worse) = diff::text(before, after, output.style());
    output.write(&text)?;
    output.finish()?;
    let fails = worse && options.fail_on_leaks.is_some();
    Ok(if fails { FAILED } else { 0 })
}

fn write_lines(
    recording: &Recording,
    options: &Options,
    output: &mut Output,
) -> Result<Model, Failure> {
    let mut writer = Writer::new(options.text(output.style()), options.filter());
    let (mut model, mut symbols) = (Model::forgetful(), Symbols::new());
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        let lines = writer.lines(&item, &applied, &model, &mut |event| {
            frames(&mut symbols, &model, &applied, event)
        });
        output.write(&lines)?;
    }
    Ok(model)
}
