//! Bytes over time, above the rows.

use super::scale::{LEFT, MARGIN, RIGHT, Scale};
use super::svg::Svg;
use crate::model::{HoldKind, Model, Object, ObjectId};
use crate::words;

const HEIGHT: f64 = 70.0;

/// Changes of a number of bytes, by time.
type Changes = Vec<(u64, i128)>;

/// Draws what is mapped and what exists; returns the bottom.
pub(super) fn memory(
    svg: &mut Svg,
    model: &Model,
    objects: &[(ObjectId, &Object)],
    scale: Scale,
    y: f64,
) -> f64 {
    let mapped = steps(mapped(model, objects));
    let existing = steps(existing(objects));
    let peak = |steps: &[(u64, u64)]| steps.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let (mapped_peak, existing_peak) = (peak(&mapped), peak(&existing));
    let top = mapped_peak.max(existing_peak).max(1);
    let bottom = y + HEIGHT;
    let place = |bytes: u64| bottom - (HEIGHT - 8.0) * bytes as f64 / top as f64;
    svg.text(
        MARGIN,
        y + 14.0,
        "small",
        "bytes mapped by all processes (blue)",
    );
    svg.text(
        MARGIN,
        y + 28.0,
        "small",
        "bytes in all objects (green, dashed)",
    );
    let tip = format!("mapped: at most {}", words::size(mapped_peak));
    svg.path(&area(&mapped, scale, bottom, place), "mapped", &tip);
    let tip = format!("in objects: at most {}", words::size(existing_peak));
    svg.path(&outline(&existing, scale, place), "existing", &tip);
    svg.line((LEFT, bottom), (RIGHT, bottom), "axis");
    let text = format!("peak {} mapped", words::size(mapped_peak));
    svg.text(RIGHT + 8.0, y + 14.0, "small", &text);
    let text = format!("peak {} in objects", words::size(existing_peak));
    svg.text(RIGHT + 8.0, y + 28.0, "small", &text);
    bottom + 4.0
}

fn mapped(model: &Model, objects: &[(ObjectId, &Object)]) -> Changes {
    let mut changes = Changes::new();
    let ids = objects.iter().flat_map(|(_, object)| &object.holds);
    for hold in ids.filter_map(|id| model.hold(*id)) {
        if matches!(hold.kind, HoldKind::Descriptor(_)) {
            continue;
        }
        changes.push((hold.from, i128::from(hold.bytes)));
        changes.extend(hold.to.map(|(to, _)| (to, -i128::from(hold.bytes))));
    }
    changes
}

fn existing(objects: &[(ObjectId, &Object)]) -> Changes {
    let mut changes = Changes::new();
    for (_, object) in objects {
        let size = i128::from(object.size.unwrap_or(0));
        changes.push((object.first.time, size));
        changes.extend(object.gone.map(|gone| (gone, -size)));
    }
    changes
}

/// The sums after each moment of change.
fn steps(mut changes: Changes) -> Vec<(u64, u64)> {
    changes.sort_unstable();
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let mut sum = 0i128;
    for (time, change) in changes {
        sum += change;
        let bytes = u64::try_from(sum.max(0)).unwrap_or(u64::MAX);
        match steps.last_mut().filter(|(last, _)| *last == time) {
            Some((_, value)) => *value = bytes,
            None => steps.push((time, bytes)),
        }
    }
    steps
}

/// Stairs through the steps, up to the right edge; of steps in one place, the highest and the last.
fn outline(steps: &[(u64, u64)], scale: Scale, place: impl Fn(u64) -> f64) -> String {
    const CLOSE: f64 = 0.3;
    let mut data = format!("M{LEFT:.1} {:.1}", place(0));
    let mut rest = steps.iter().peekable();
    while let Some((time, bytes)) = rest.next() {
        let x = scale.x(*time);
        let (mut highest, mut last) = (*bytes, *bytes);
        while let Some((_, bytes)) = rest.next_if(|(time, _)| scale.x(*time) - x < CLOSE) {
            (highest, last) = (highest.max(*bytes), *bytes);
        }
        data += &format!("H{x:.1}V{:.1}", place(highest));
        if last != highest {
            data += &format!("V{:.1}", place(last));
        }
    }
    data + &format!("H{RIGHT:.1}")
}

fn area(steps: &[(u64, u64)], scale: Scale, bottom: f64, place: impl Fn(u64) -> f64) -> String {
    format!("{}V{bottom:.1}H{LEFT:.1}Z", outline(steps, scale, place))
}
