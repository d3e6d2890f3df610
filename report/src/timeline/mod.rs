//! A picture of a recording: one row per object, its life as a bar, who was attached when, sizes, peaks, errors.
//!
//! ```text
//! name, size │ bytes mapped over time                │ peak
//!            │ 0 ms      1 ms      2 ms              │
//! /a  64 KiB │ [====pid 7====   ]x                   │ 2 attached
//! ```

mod chart;
mod rows;
mod svg;

use crate::Filter;
use crate::model::{Model, Object, ObjectId};
use crate::words;
use svg::Svg;

const WIDTH: f64 = 1280.0;
/// Left edge of the time axis: room for names.
const LEFT: f64 = 290.0;
/// Right edge of the time axis: room for figures.
const RIGHT: f64 = WIDTH - 170.0;
const MARGIN: f64 = 16.0;

/// Nanoseconds to places in the picture.
#[derive(Clone, Copy, Debug)]
struct Scale {
    from: u64,
    to: u64,
}

impl Scale {
    fn x(&self, time: u64) -> f64 {
        let span = self.to.saturating_sub(self.from).max(1) as f64;
        let inside = time.clamp(self.from, self.to).saturating_sub(self.from) as f64;
        LEFT + (RIGHT - LEFT) * inside / span
    }

    /// A moment as the axis counts it.
    fn moment(&self, time: u64) -> String {
        words::duration(time.saturating_sub(self.from))
    }
}

/// The recording as an SVG document.
#[must_use]
pub fn draw(model: &Model, filter: &Filter) -> String {
    let wanted = |(_, object): &(ObjectId, &Object)| filter.wants(object);
    let objects: Vec<(ObjectId, &Object)> =
        model.objects().iter().enumerate().filter(wanted).collect();
    let scale = scale(model, &objects);
    let mut svg = Svg::default();
    let mut y = heading(&mut svg, model, &objects);
    y = chart::memory(&mut svg, model, &objects, scale, y);
    let top = y;
    y = axis(&mut svg, scale, y);
    let dense = objects.len() > 40;
    for (number, (_, object)) in objects.iter().enumerate() {
        y = rows::row(
            &mut svg,
            model,
            filter,
            object,
            scale,
            rows::Place { y, number, dense },
        );
    }
    if objects.is_empty() {
        svg.text(LEFT, y + 20.0, "aside", "no shared memory object was seen");
        y += 36.0;
    }
    grid(&mut svg, scale, top + 22.0, y);
    if dense {
        // The one at the top is out of sight.
        y = axis(&mut svg, scale, y);
    }
    y = rows::legend(&mut svg, model, filter, y + 14.0);
    svg.finish(WIDTH, y + MARGIN)
}

/// From the first to the last thing known about the objects, with some air.
fn scale(model: &Model, objects: &[(ObjectId, &Object)]) -> Scale {
    let from = objects.iter().map(|(_, object)| object.first.time).min();
    let from = from.map_or(model.first_time(), |first| first.min(model.last_time()));
    let to = model.last_time().max(from.saturating_add(1));
    let air = to.saturating_sub(from) / 50;
    Scale {
        from: from.saturating_sub(air),
        to: to.saturating_add(air),
    }
}

fn heading(svg: &mut Svg, model: &Model, objects: &[(ObjectId, &Object)]) -> f64 {
    let program = model
        .processes()
        .first()
        .map_or("", |process| process.program());
    svg.text(
        MARGIN,
        30.0,
        "title",
        &format!("Shared memory of {program}"),
    );
    let calls: u64 = model.processes().iter().map(|process| process.calls).sum();
    let errors: u64 = model.processes().iter().map(|process| process.errors).sum();
    let line = format!(
        "{}, {}, {}, {}; at most {} mapped by all processes, {} in all objects",
        words::count(objects.len() as u64, "object"),
        words::count(model.processes().len() as u64, "process").replace("processs", "processes"),
        words::count(calls, "call"),
        words::count(errors, "error"),
        words::size(model.mapped().peak),
        words::size(model.existing().peak),
    );
    svg.text(MARGIN, 50.0, "aside", &line);
    66.0
}

/// Round steps of the axis: 1, 2 or 5 times a power of ten, some eight of them.
fn step(span: u64) -> u64 {
    let mut step = 1u64;
    loop {
        for factor in [1, 2, 5] {
            let candidate = step.saturating_mul(factor);
            if span / candidate <= 8 || candidate == u64::MAX {
                return candidate;
            }
        }
        step = step.saturating_mul(10);
    }
}

fn ticks(scale: Scale) -> impl Iterator<Item = u64> {
    let span = scale.to.saturating_sub(scale.from);
    let step = step(span);
    (0..=span / step).map(move |index| scale.from + index * step)
}

fn axis(svg: &mut Svg, scale: Scale, y: f64) -> f64 {
    for time in ticks(scale) {
        svg.centred(scale.x(time), y + 14.0, "aside", &tidy(&scale.moment(time)));
    }
    svg.line((LEFT, y + 20.0), (RIGHT, y + 20.0), "axis");
    y + 24.0
}

/// A round number without the zeros behind its point.
fn tidy(moment: &str) -> String {
    match moment.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => moment.to_owned(),
    }
}

fn grid(svg: &mut Svg, scale: Scale, top: f64, bottom: f64) {
    for time in ticks(scale) {
        svg.line((scale.x(time), top), (scale.x(time), bottom), "grid");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(step(8), 1);
        assert_eq!(step(100), 20);
        assert_eq!(step(1_000_000), 200_000);
        assert!(u64::MAX / step(u64::MAX) <= 8);
    }
}
