//! Which rows are shown, in which order, and as what.

use super::rows::{Look, Row};
use crate::output::table::Align;
use crate::output::{format, notes};
use clap::ValueEnum;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Most memory in use
    Size,
    /// What has grown most
    Growth,
    /// By name
    Name,
}

/// How rows are chosen and ordered.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) order: Order,
    pub(super) reverse: bool,
    pub(super) orphans: bool,
}

impl View {
    pub(super) fn apply(self, rows: &[Row]) -> Vec<&Row> {
        let wanted = rows.iter().filter(|row| !self.orphans || row.is_orphan);
        let mut rows: Vec<&Row> = wanted.collect();
        rows.sort_by(|one, other| match self.order {
            Order::Size => other.resident.cmp(&one.resident),
            Order::Growth => other.growth.cmp(&one.growth),
            Order::Name => one.name.cmp(&other.name),
        });
        if self.reverse {
            rows.reverse();
        }
        rows
    }
}

pub(super) const HEADINGS: [(&str, Align); 8] = [
    ("RES", Align::Right),
    ("GROWTH", Align::Right),
    ("SIZE", Align::Right),
    ("KIND", Align::Left),
    ("OWNER", Align::Left),
    ("WHAT", Align::Left),
    ("PIDS", Align::Left),
    ("COMMAND", Align::Left),
];

pub(super) fn cells(row: &Row) -> [String; 8] {
    [
        row.resident
            .map_or_else(|| "?".to_owned(), format::size_in_table),
        match row.growth {
            0 => "-".to_owned(),
            1.. => format!("+{}", format::size_in_table(row.growth.unsigned_abs())),
            _ => format!("-{}", format::size_in_table(row.growth.unsigned_abs())),
        },
        format::size_in_table(row.size),
        row.kind.to_owned(),
        row.owner.clone(),
        row.name.clone(),
        row.pids.clone(),
        row.commands.clone(),
    ]
}

/// The line at the head.
pub(super) fn summary(look: &Look) -> String {
    let rows = &look.rows;
    let total: u64 = rows.iter().filter_map(|row| row.resident).sum();
    let orphans = rows.iter().filter(|row| row.is_orphan);
    let (count, bytes) = orphans.fold((0, 0), |(count, bytes), row| {
        (count + 1, bytes + row.resident.unwrap_or(0))
    });
    let room = look.room.map(|room| {
        let (used, size) = (format::size(room.used), format::size(room.size));
        format!("/dev/shm: {used} of {size} used; ")
    });
    format!(
        "{}{} of shared memory in {}; {} with {}{}",
        room.unwrap_or_default(),
        format::size(total),
        format::count(rows.len(), "thing"),
        format::count(count, "orphan"),
        format::size(bytes),
        unseen(look)
    )
}

/// That the rest may not be all: what is held only by those who may not be looked into is missing.
fn unseen(look: &Look) -> String {
    let whose = match (look.unseen_processes, look.lists_all) {
        (0, true) => return String::new(),
        (0, false) => format!("there may be {}", notes::UNLISTED),
        (1, _) => "1 process may not be looked into".to_owned(),
        (several, _) => format!("{several} processes may not be looked into"),
    };
    format!("; {whose}{}", notes::who_could())
}
