//! One row per object, and what the colours mean.

use std::collections::BTreeMap;

use super::scale::{LEFT, MARGIN, RIGHT, Scale, WIDTH};
use super::svg::{Area, Svg};
use crate::Filter;
use crate::leaks::is_lasting;
use crate::model::{Hold, HoldKind, Model, Object, Origin};
use crate::words;

/// Most lanes of attachments in one row; later ones are counted.
const LANES: usize = 8;
/// Most processes in the legend.
const LEGEND: usize = 24;

/// Where a row goes, and how tight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) y: f64,
    pub(super) number: usize,
    pub(super) dense: bool,
}

/// What one process held of an object, one stretch of time.
struct Stretch<'m> {
    hold: &'m Hold,
    lane: usize,
}

/// Draws a row; returns its bottom.
pub(super) fn row(
    svg: &mut Svg,
    model: &Model,
    filter: &Filter,
    object: &Object,
    scale: Scale,
    place: Place,
) -> f64 {
    let stretches = stretches(model, filter, object);
    let lanes = stretches
        .iter()
        .map(|stretch| stretch.lane + 1)
        .max()
        .unwrap_or(0);
    let shown = lanes.min(LANES);
    let (lane, pad) = if place.dense { (5.0, 4.0) } else { (11.0, 6.0) };
    let height = (shown as f64 * lane + 2.0 * pad).max(if place.dense { 14.0 } else { 24.0 });
    let Place { y, number, .. } = place;
    if number.is_multiple_of(2) {
        let area = Area {
            x: 0.0,
            y,
            width: WIDTH,
            height,
        };
        svg.bar(area, "stripe", "", "");
    }
    life(svg, object, scale, y, height);
    for number in 0..shown {
        let top = y + pad + number as f64 * lane;
        for bar in bars(&stretches, number, scale) {
            draw_bar(svg, model, &bar, scale, (top, lane - 1.0));
        }
    }
    marks(svg, object, scale, y, height);
    let base = y + height.min(24.0) / 2.0 + 4.0;
    captions(svg, model, object, base, lanes.saturating_sub(shown));
    y + height
}

/// From creation to removal; open to the left if it was there before, to the right if it stays.
fn life(svg: &mut Svg, object: &Object, scale: Scale, y: f64, height: f64) {
    let from = match object.origin {
        Origin::Found => LEFT,
        _ => scale.x(object.first.time),
    };
    let to = object.gone.map_or(RIGHT, |gone| scale.x(gone));
    let area = Area {
        x: from,
        y: y + 2.0,
        width: (to - from).max(1.5),
        height: height - 4.0,
    };
    let ends = match (object.gone, &object.removed) {
        (Some(gone), _) => format!("gone at {}", scale.moment(gone)),
        (None, Some(_)) => "removed, still in use at the end".to_owned(),
        (None, None) => "there at the end".to_owned(),
    };
    let starts = match object.origin {
        Origin::Found => "there before".to_owned(),
        _ => format!("made at {}", scale.moment(object.first.time)),
    };
    svg.bar(
        area,
        "life",
        "",
        &format!("{}: {starts}, {ends}", object.label()),
    );
}

/// The removal, errors, and the sign of a leak.
fn marks(svg: &mut Svg, object: &Object, scale: Scale, y: f64, height: f64) {
    if let Some(removed) = &object.removed {
        let (x, middle) = (scale.x(removed.time), y + height / 2.0);
        let cross = format!(
            "M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}",
            x - 4.0,
            middle - 4.0,
            x + 4.0,
            middle + 4.0,
            x - 4.0,
            middle + 4.0,
            x + 4.0,
            middle - 4.0
        );
        let tip = format!("{} at {}", removed.site.call, scale.moment(removed.time));
        svg.path(&cross, "removed", &tip);
    }
    if is_lasting(object) {
        let (x, middle) = (RIGHT, y + height / 2.0);
        let arrow = format!("M{x:.1} {:.1}l7 5l-7 5z", middle - 5.0);
        svg.path(&arrow, "leak", "never removed: a leak");
    }
    let mut last = f64::MIN;
    for time in &object.errors {
        // Ticks in one place would only make the file larger.
        let x = scale.x(*time);
        if x - last >= 1.0 {
            svg.line((x, y + 1.0), (x, y + height - 1.0), "error");
            last = x;
        }
    }
}

fn captions(svg: &mut Svg, model: &Model, object: &Object, y: f64, hidden: usize) {
    let (name, size) = (shorten(&object.name(), 30), object.size.map(words::size));
    svg.text(MARGIN, y, "small", &name);
    svg.text(
        LEFT - 8.0,
        y,
        "small right",
        &size.unwrap_or_else(|| "?".to_owned()),
    );
    let peak = peak_holders(model, object);
    let mut figures = format!("peak {peak} attached");
    if !object.errors.is_empty() {
        figures += &format!(", {}", words::count(object.errors.len() as u64, "error"));
    }
    if hidden > 0 {
        figures += &format!(", {hidden} not drawn");
    }
    let class = if is_lasting(object) || !object.errors.is_empty() {
        "small bad"
    } else {
        "small"
    };
    svg.text(RIGHT + 12.0, y, class, &figures);
}

/// Keeps the end, which tells names apart.
fn shorten(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(count - most + 1).collect();
    format!("…{tail}")
}

/// Most attachments and mappings at one time.
fn peak_holders(model: &Model, object: &Object) -> usize {
    let mut changes = Vec::new();
    for hold in mappings(model, object) {
        changes.push((hold.from, 1));
        changes.extend(hold.to.map(|(to, _)| (to, -1)));
    }
    changes.sort_unstable();
    let sums = changes.iter().scan(0i64, |sum, (_, change)| {
        *sum += change;
        Some(*sum)
    });
    usize::try_from(sums.max().unwrap_or(0)).unwrap_or(0)
}

fn mappings<'m>(model: &'m Model, object: &'m Object) -> impl Iterator<Item = &'m Hold> {
    let holds = object.holds.iter().filter_map(|id| model.hold(*id));
    holds.filter(|hold| !matches!(hold.kind, HoldKind::Descriptor(_)))
}

/// Attachments and mappings, each in the first lane that is free; descriptors where nothing is ever mapped.
fn stretches<'m>(model: &'m Model, filter: &Filter, object: &'m Object) -> Vec<Stretch<'m>> {
    let mut holds: Vec<&Hold> = mappings(model, object).collect();
    if holds.is_empty() {
        holds = object
            .holds
            .iter()
            .filter_map(|id| model.hold(*id))
            .collect();
    }
    let wanted = |hold: &&Hold| {
        let process = model.process(hold.process);
        process.is_some_and(|process| filter.wants_process(process))
    };
    let mut free: Vec<u64> = Vec::new();
    let mut stretches = Vec::new();
    for hold in holds.into_iter().filter(wanted) {
        let until = hold.to.map_or(u64::MAX, |(to, _)| to);
        let lane = free
            .iter()
            .position(|end| *end <= hold.from)
            .unwrap_or(free.len());
        match free.get_mut(lane) {
            Some(end) => *end = until,
            None => free.push(until),
        }
        stretches.push(Stretch { hold, lane });
    }
    stretches
}

/// One bar: a stretch, or several of one process that lie too close to be told apart.
struct Bar<'m> {
    first: &'m Hold,
    count: u64,
    from: f64,
    to: f64,
    until: Option<u64>,
}

/// The bars of one lane.
fn bars<'m>(stretches: &[Stretch<'m>], lane: usize, scale: Scale) -> Vec<Bar<'m>> {
    /// In units of the picture.
    const CLOSE: f64 = 0.5;
    let mut bars: Vec<Bar<'m>> = Vec::new();
    for stretch in stretches.iter().filter(|stretch| stretch.lane == lane) {
        let hold = stretch.hold;
        let until = hold.to.map(|(to, _)| to);
        let (from, to) = (scale.x(hold.from), until.map_or(RIGHT, |to| scale.x(to)));
        let close = |last: &&mut Bar<'m>| {
            last.first.process == hold.process && from - last.to < CLOSE && to - from < 2.0 * CLOSE
        };
        if let Some(last) = bars.last_mut().filter(close) {
            (last.count, last.to, last.until) = (last.count + 1, to.max(last.to), until);
        } else {
            bars.push(Bar {
                first: hold,
                count: 1,
                from,
                to,
                until,
            });
        }
    }
    bars
}

fn draw_bar(svg: &mut Svg, model: &Model, bar: &Bar<'_>, scale: Scale, (y, height): (f64, f64)) {
    let hold = bar.first;
    let process = model.process(hold.process);
    let label = process.map_or_else(String::new, |process| process.label());
    let (what, class) = match hold.kind {
        HoldKind::Attachment(_) => ("attached", "bar"),
        HoldKind::Mapping(_) => ("mapped", "bar"),
        HoldKind::Descriptor(_) => ("open", "bar fd"),
    };
    let until = bar
        .until
        .map_or_else(|| "the end".to_owned(), |to| scale.moment(to));
    let bytes = match hold.bytes {
        0 => String::new(),
        bytes => format!(", {}", words::size(bytes)),
    };
    let times = match bar.count {
        1 => String::new(),
        count => format!(" {count} times"),
    };
    let tip = format!(
        "pid {label} {what}{times}{bytes}: {} to {until}",
        scale.moment(hold.from)
    );
    let area = Area {
        x: bar.from,
        y,
        width: (bar.to - bar.from).max(1.5),
        height,
    };
    svg.bar(area, class, &colour(hold.process), &tip);
    if height >= 9.0 && bar.to - bar.from > 6.0 * label.chars().count() as f64 {
        svg.text(bar.from + 3.0, y + height - 1.8, "inside", &label);
    }
}

/// A colour that differs from the neighbours': hues by the golden angle.
fn colour(process: usize) -> String {
    const GOLDEN_ANGLE: f64 = 137.508;
    let hue = (210.0 + process as f64 * GOLDEN_ANGLE) % 360.0;
    let light = 34 + 8 * (process / 8 % 3);
    let (saturation, light) = (0.62, light as f64 / 100.0);
    let amount = saturation * light.min(1.0 - light);
    let channel = |offset: f64| {
        let k = (offset + hue / 30.0) % 12.0;
        let value = light - amount * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!(
        "#{:02x}{:02x}{:02x}",
        channel(0.0),
        channel(8.0),
        channel(4.0)
    )
}

/// The processes by colour; returns the bottom.
pub(super) fn legend(svg: &mut Svg, model: &Model, filter: &Filter, y: f64) -> f64 {
    let mut holders = BTreeMap::new();
    for hold in model.holds().iter() {
        let process = model.process(hold.process);
        if let Some(process) = process.filter(|process| filter.wants_process(process)) {
            holders.insert(hold.process, process.label());
        }
    }
    const COLUMNS: usize = 6;
    let column = (WIDTH - 2.0 * MARGIN) / COLUMNS as f64;
    for (number, (process, label)) in holders.iter().take(LEGEND).enumerate() {
        let x = MARGIN + (number % COLUMNS) as f64 * column;
        let y = y + (number / COLUMNS) as f64 * 16.0;
        let area = Area {
            x,
            y,
            width: 10.0,
            height: 10.0,
        };
        svg.bar(area, "bar", &colour(*process), label);
        svg.text(x + 14.0, y + 9.0, "small", &shorten(label, 26));
    }
    let rows = holders.len().min(LEGEND).div_ceil(COLUMNS);
    let mut bottom = y + rows as f64 * 16.0 + 14.0;
    if holders.len() > LEGEND {
        let more = format!("and {} more processes", holders.len() - LEGEND);
        svg.text(MARGIN, bottom, "small", &more);
        bottom += 16.0;
    }
    let key = "grey: the object's life; ×: removed or unlinked; red line: a call that failed; red arrow: never removed";
    svg.text(MARGIN, bottom, "aside", key);
    bottom
}
