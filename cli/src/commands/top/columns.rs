//! Which columns a window has room for, and how wide they are.

use super::rows::Row;
use super::view::{HEADINGS, cells};
use crate::output::table::{Align, columns, shortened};
use ratatui::layout::{Alignment, Constraint};
use ratatui::text::Text;
use ratatui::widgets::Cell;

/// Blanks between columns.
pub(super) const GAP: u16 = 2;
/// What is shown of these, at least: all of it if there is room.
const CUT: [(&str, usize); 3] = [("WHAT", 16), ("PIDS", 7), ("COMMAND", 8)];
/// What a narrow window does without, the first of these first.
const DISPENSABLE: [&str; 6] = ["OWNER", "COMMAND", "KIND", "SIZE", "GROWTH", "PIDS"];

/// A column that is shown.
pub(super) struct Column {
    /// Among all columns.
    place: usize,
    pub(super) width: Constraint,
    room: usize,
}

impl Column {
    pub(super) fn heading(&self) -> Cell<'static> {
        let (heading, align) = HEADINGS[self.place];
        aligned(heading.to_owned(), align)
    }

    pub(super) fn cell(&self, texts: &[String; 8]) -> Cell<'static> {
        let text = shortened(&texts[self.place], self.room);
        aligned(text, HEADINGS[self.place].1)
    }
}

/// Those that fit, with what is in `rows`.
pub(super) fn fitting(rows: &[&Row], window: usize) -> Vec<Column> {
    let mut longest = HEADINGS.map(|(heading, _)| heading.len());
    for row in rows {
        for (length, text) in longest.iter_mut().zip(cells(row)) {
            *length = (*length).max(columns(&text));
        }
    }
    let least = |heading: &str| CUT.iter().find(|(name, _)| *name == heading);
    let needed = |place: usize| {
        let length = longest[place];
        least(HEADINGS[place].0).map_or(length, |(_, least)| length.min(*least))
    };
    let mut places: Vec<usize> = (0..HEADINGS.len()).collect();
    for heading in DISPENSABLE {
        let gaps = usize::from(GAP) * places.len().saturating_sub(1);
        let all: usize = places.iter().map(|place| needed(*place)).sum();
        if all + gaps <= window {
            break;
        }
        places.retain(|place| HEADINGS[*place].0 != heading);
    }
    let mut widths: Vec<usize> = places.iter().map(|place| needed(*place)).collect();
    let gaps = usize::from(GAP) * places.len().saturating_sub(1);
    let mut left = window.saturating_sub(gaps + widths.iter().sum::<usize>());
    for (width, place) in widths.iter_mut().zip(&places) {
        let more = longest[*place].saturating_sub(*width).min(left);
        *width += more;
        left -= more;
    }
    let chosen = places.into_iter().zip(widths);
    chosen
        .map(|(place, width)| Column {
            place,
            room: width,
            width: Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX)),
        })
        .collect()
}

fn aligned(text: String, align: Align) -> Cell<'static> {
    let alignment = match align {
        Align::Left => Alignment::Left,
        Align::Right => Alignment::Right,
    };
    Cell::from(Text::from(text).alignment(alignment))
}
