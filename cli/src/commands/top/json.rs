//! A look of `partage top`, for programs.

use super::rows::{self, Room, Row, Thing};
use crate::failure::Failure;
use crate::name;
use crate::output::{self, format};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Look<'a> {
    /// Seconds since the epoch.
    time: i64,
    /// In `/dev/shm`, in bytes.
    room: Option<Room>,
    /// That may hold more.
    unseen_processes: usize,
    things: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "name::optional_path")]
    directory: &'a Option<PathBuf>,
    growth: i64,
    orphan: bool,
    #[serde(flatten)]
    thing: &'a Thing,
}

/// One line of output.
pub(super) fn print(rows: &[&Row], look: &rows::Look) -> Result<(), Failure> {
    let lines = rows.iter().map(|row| Line {
        directory: &row.directory,
        growth: row.growth,
        orphan: row.is_orphan,
        thing: &row.thing,
    });
    output::print_json_line(&Look {
        time: format::now(),
        room: look.room,
        unseen_processes: look.unseen_processes,
        things: lines.collect(),
    })
}
