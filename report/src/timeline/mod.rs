//! A picture of a recording: one row per object, its life as a bar, who was attached when, sizes, peaks, errors.
//!
//! ```text
//! name, size │ bytes mapped over time                │ peak
//!            │ 0 ms      1 ms      2 ms              │
//! /a  64 KiB │ [====pid 7====   ]x                   │ 2 attached
//! ```

mod chart;
mod rows;
mod scale;
mod svg;

use crate::Filter;
use crate::model::{Model, Object, ObjectId};
use crate::words;
use scale::{LEFT, MARGIN, RIGHT, Scale, WIDTH};
use svg::Svg;

/// Most objects that are drawn: viewers do not open pictures of very many.
const MOST: usize = 500;

/// The recording as an SVG document.
#[must_use]
pub fn draw(model: &Model, filter: &Filter) -> String {
    let wanted = |(_, object): &(ObjectId, &Object)| filter.wants(object);
    let mut objects: Vec<(ObjectId, &Object)> = model.objects().numbered().filter(wanted).collect();
    let more = objects.len().saturating_sub(MOST);
    if more > 0 {
        // What leaked is what the picture is looked at for; the rest in its order.
        objects.sort_by_key(|(_, object)| !crate::leaks::is_lasting(object));
        objects.truncate(MOST);
        objects.sort_by_key(|(id, _)| *id);
    }
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
    if more > 0 {
        let line = format!("{more} objects more: too many for a picture, --html shows them all");
        svg.text(MARGIN, y + 20.0, "aside", &line);
        y += 36.0;
    }
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
