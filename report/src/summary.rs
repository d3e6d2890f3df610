//! Counts: per call, per object, per process.

use std::collections::BTreeMap;

use crate::Filter;
use crate::model::{Model, Object, ObjectId};
use crate::recording::Recording;
use crate::stream::{Item, Stream};
use crate::style::{Role, Style};
use crate::words;

/// What adds up over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    errors: u64,
    /// Nanoseconds.
    total: u64,
    /// Nanoseconds of the longest.
    longest: u64,
}

impl Tally {
    fn add(&mut self, duration: u64, failed: bool) {
        self.calls += 1;
        self.errors += u64::from(failed);
        self.total = self.total.saturating_add(duration);
        self.longest = self.longest.max(duration);
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let average = self.total.checked_div(self.calls).unwrap_or(0);
        let errors = if self.errors == 0 {
            String::new()
        } else {
            self.errors.to_string()
        };
        let times = [self.total, average, self.longest].map(words::duration);
        let mut cells = vec![self.calls.to_string(), errors];
        cells.extend(times);
        cells.push(name.to_owned());
        cells
    }
}

/// The tables, for what passes the filter.
#[must_use]
pub fn text(recording: &Recording, filter: &Filter, style: Style) -> String {
    let mut model = Model::default();
    let mut by_call: BTreeMap<&'static str, Tally> = BTreeMap::new();
    let mut by_object: BTreeMap<Option<ObjectId>, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        let Item::Event(event) = item else { continue };
        let object = applied.object.and_then(|id| model.object(id));
        let process = applied.process.and_then(|index| model.process(index));
        if filter.passes(&event, process, object) && !event.is_childs_side() {
            let (duration, failed) = (event.duration, event.failed());
            by_call
                .entry(event.call_name())
                .or_default()
                .add(duration, failed);
            by_object
                .entry(applied.object)
                .or_default()
                .add(duration, failed);
            all.add(duration, failed);
        }
    }
    let mut calls: Vec<(&str, Tally)> = by_call.into_iter().collect();
    calls.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.total));
    let mut rows: Vec<Vec<String>> = calls
        .iter()
        .map(|(name, tally)| tally.cells(name))
        .collect();
    rows.push(all.cells("total"));
    let mut text = table(
        "Calls",
        &["calls", "errors", "time", "avg", "max", "call"],
        &rows,
        style,
    );
    let rows: Vec<Vec<String>> = by_object
        .iter()
        .map(|(id, tally)| tally.cells(&label(&model, *id)))
        .collect();
    text += &table(
        "Objects",
        &["calls", "errors", "time", "avg", "max", "object"],
        &rows,
        style,
    );
    text + &memory(&model, filter, style)
}

fn label(model: &Model, id: Option<ObjectId>) -> String {
    let object = id.and_then(|id| model.object(id));
    object.map_or_else(|| "(no object)".to_owned(), Object::label)
}

/// Bytes mapped per process, and of all objects.
fn memory(model: &Model, filter: &Filter, style: Style) -> String {
    let mut rows = Vec::new();
    for process in model.processes() {
        if filter.wants_process(process) && process.mapped.peak > 0 {
            let sizes = [process.mapped.peak, process.mapped.current].map(words::size);
            rows.push([&sizes[..], &[format!("pid {}", process.label())]].concat());
        }
    }
    let totals = [
        (model.mapped(), "mapped by all processes"),
        (model.existing(), "in all objects"),
    ];
    for (gauge, name) in totals {
        let sizes = [gauge.peak, gauge.current].map(words::size);
        rows.push([&sizes[..], &[name.to_owned()]].concat());
    }
    table("Memory", &["peak", "at the end", ""], &rows, style)
}

/// Columns of numbers, aligned to the right, and a last one of names.
fn table(title: &str, headings: &[&str], rows: &[Vec<String>], style: Style) -> String {
    let mut widths: Vec<usize> = headings
        .iter()
        .map(|heading| heading.chars().count())
        .collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: &[String]| {
        let last = cells.len().saturating_sub(1);
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column == last {
                    cell.clone()
                } else {
                    format!("{cell:>width$}  ")
                }
            });
        let text: String = padded.collect();
        format!("{}\n", text.trim_end())
    };
    let mut text = format!("{}\n", style.paint(Role::Heading, title));
    let headings: Vec<String> = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    text += &line(&headings);
    for row in rows {
        text += &line(row);
    }
    text.push('\n');
    text
}
