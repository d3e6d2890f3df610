//! What `partage rm` did, told as it happens, or to programs at the end.

use super::item::Item;
use super::select::Why;
use crate::failure::{FAILED, Failure, Outcome};
use crate::model::{Object, Segment};
use crate::name;
use crate::output;
use serde::Serialize;
use std::path::Path;

/// Everything that became of what was meant.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    #[serde(skip)]
    json: bool,
    #[serde(skip)]
    status: u8,
    #[serde(serialize_with = "name::optional_path")]
    directory: Option<&'a Path>,
    dry_run: bool,
    /// What went, or would go.
    removed: Things<'a>,
    kept: Things<'a>,
    failures: Vec<Failure>,
}

/// Segments and objects apart, as `ls` has them.
#[derive(Default, Serialize)]
struct Things<'a> {
    segments: Vec<Thing<&'a Segment>>,
    objects: Vec<Thing<&'a Object>>,
}

#[derive(Serialize)]
struct Thing<T> {
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Why>,
    #[serde(flatten)]
    thing: T,
}

impl<'a> Things<'a> {
    fn add(&mut self, item: Item<'a>, reason: Option<Why>) {
        match item {
            Item::Segment(thing) => self.segments.push(Thing { reason, thing }),
            Item::Object(thing) => self.objects.push(Thing { reason, thing }),
        }
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(json: bool, dry_run: bool, directory: Option<&'a Path>) -> Self {
        Self {
            json,
            status: 0,
            directory,
            dry_run,
            removed: Things::default(),
            kept: Things::default(),
            failures: Vec::new(),
        }
    }

    /// A line for people.
    pub(super) fn say(&self, text: &str) -> Result<(), Failure> {
        match self.json {
            true => Ok(()),
            false => output::print(text),
        }
    }

    /// It went, or would go.
    pub(super) fn removed(&mut self, item: Item<'a>) -> Result<(), Failure> {
        let did = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        self.removed.add(item, None);
        self.say(&format!("{did} {}\n", item.describe()))
    }

    pub(super) fn kept(&mut self, item: Item<'a>, why: Why) {
        self.kept.add(item, Some(why));
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        self.status = failure.report();
        self.failures.push(failure);
    }

    /// Somebody was asked, and did not want it.
    pub(super) fn declined(&mut self, items: &[Item<'a>]) {
        self.status = FAILED;
        items
            .iter()
            .for_each(|item| self.kept(*item, Why::Declined));
    }

    pub(super) fn end(self) -> Outcome {
        if self.json {
            output::print_json(&self)?;
        }
        Ok(self.status)
    }
}
