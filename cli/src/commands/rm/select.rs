//! What `partage rm` is to remove, and what of it stays, with the reason.

use super::args::Args;
use super::item::Item;
use crate::failure::Failure;
use crate::model::{Object, Snapshot};
use crate::namespace::Backend;
use crate::output::format;
use crate::pattern;
use crate::sources::SEMAPHORE;
use crate::target::{Found, Target};
use nix::unistd::Uid;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was chosen.
#[derive(Default)]
pub(super) struct Chosen<'a> {
    /// Whether anything but names was said: a name may look like a pattern.
    pub(super) in_bulk: bool,
    /// Whose things are meant in bulk.
    me: u32,
    /// What goes.
    pub(super) items: Vec<Item<'a>>,
    /// What was named and stays, or is not there: that is a failure.
    pub(super) refused: Vec<(Option<(Item<'a>, Why)>, Failure)>,
    /// What was meant in bulk and stays, and why.
    pub(super) skipped: Vec<(Item<'a>, Why)>,
}

/// Why something stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Why {
    InUse,
    Unknown,
    NotYours,
    Young,
    Outside,
    Semaphore,
    Declined,
    Failed,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::Unknown => "whether somebody holds it cannot be seen (run as root)",
            Self::NotYours if Uid::effective().is_root() => "not yours (--all-users takes it too)",
            Self::NotYours => "not yours (run as root)",
            Self::Young => "used since (--older-than)",
            Self::Outside => "in /dev/shm, which is no namespace's (--orphans, or a pattern)",
            Self::Semaphore => "a named semaphore is kept between programs (a pattern takes it)",
            Self::Declined => "not wanted",
            Self::Failed => "not to be removed",
        }
    }
}

/// Chooses by what the command line says.
pub(super) fn choose<'a>(args: &Args, snapshot: &'a Snapshot, me: u32) -> Chosen<'a> {
    let mut chosen = Chosen {
        me,
        in_bulk: args.all || args.orphans,
        ..Chosen::default()
    };
    for word in &args.targets {
        match by_word(word, snapshot) {
            Err(failure) => chosen.refused.push((None, failure)),
            Ok(Matches::One(item)) => chosen.take_named(args, item),
            Ok(Matches::Several(items)) => {
                chosen.in_bulk = true;
                let wanted = items.into_iter().filter(|item| args.wants_kind(item));
                wanted.for_each(|item| chosen.take(args, item, Scope::Pattern));
            }
        }
    }
    if args.all || args.orphans {
        for item in everything(snapshot).filter(|item| args.wants_kind(item)) {
            let inside = match item {
                Item::Segment(_) => true,
                Item::Object(object) => is_within(object, snapshot),
            };
            chosen.take(args, item, Scope::Everything { inside });
        }
    }
    chosen
}

enum Matches<'a> {
    One(Item<'a>),
    Several(Vec<Item<'a>>),
}

enum Scope {
    Pattern,
    Everything { inside: bool },
}

/// A name that is there goes before a pattern of the same letters.
fn by_word<'a>(word: &str, snapshot: &'a Snapshot) -> Result<Matches<'a>, Failure> {
    let target: Target = word.parse().map_err(Failure::new)?;
    let missing = match target.find(snapshot) {
        Ok(Found::Segment(segment)) => return Ok(Matches::One(Item::Segment(segment))),
        Ok(Found::Object(object)) => return Ok(Matches::One(Item::Object(object))),
        Err(missing) => missing,
    };
    let Target::Name(name) = target else {
        return Err(missing);
    };
    if !pattern::is_pattern(name.as_bytes()) {
        return Err(missing);
    }
    let objects = snapshot.objects.iter();
    let fitting = objects.filter(|object| pattern::fits(name.as_bytes(), object.name.bytes()));
    let items: Vec<Item> = fitting.map(Item::Object).collect();
    match items.is_empty() {
        true => Err(Failure::new(format_args!("no object's name fits {name}"))
            .advise("quote patterns, and see `partage ls --posix` for the names")),
        false => Ok(Matches::Several(items)),
    }
}

fn everything(snapshot: &Snapshot) -> impl Iterator<Item = Item<'_>> {
    let segments = snapshot.segments.iter().map(Item::Segment);
    segments.chain(snapshot.objects.iter().map(Item::Object))
}

fn is_within(object: &Object, snapshot: &Snapshot) -> bool {
    let directory = snapshot.directory.as_ref();
    directory.is_some_and(|directory| object.file.starts_with(directory))
}

impl<'a> Chosen<'a> {
    fn take_named(&mut self, args: &Args, item: Item<'a>) {
        if args.force || item.is_orphan() {
            return self.items.push(item);
        }
        let (why, words) = match item.is_unknown() {
            true => (Why::Unknown, "whether somebody holds it cannot be seen"),
            false => (Why::InUse, "somebody is attached, or has it open"),
        };
        let failure = Failure::new(format_args!("{}: {words}", item.describe()))
            .advise("`partage ls -p` shows who; `--force` removes it all the same");
        self.refused.push((Some((item, why)), failure));
    }

    fn take(&mut self, args: &Args, item: Item<'a>, scope: Scope) {
        match args.reason_to_stay(&item, &scope, self.me) {
            None => self.items.push(item),
            Some(why) => self.skipped.push((item, why)),
        }
    }

    /// What stays, a line for each while they are few, else for each reason.
    pub(super) fn told(&self) -> String {
        const FEW: usize = 12;
        if self.skipped.len() <= FEW {
            let lines = self.skipped.iter();
            return lines
                .map(|(item, why)| format!("{}, stays: {}\n", why.words(), item.describe()))
                .collect();
        }
        let mut numbers: BTreeMap<Why, (usize, u64)> = BTreeMap::new();
        for (item, why) in &self.skipped {
            let (count, bytes) = numbers.entry(*why).or_default();
            *count += 1;
            *bytes = bytes.saturating_add(item.size());
        }
        let lines = numbers.into_iter().map(|(why, (count, bytes))| {
            let things = format::count(count, "thing");
            format!(
                "{}, stay: {things} of {}\n",
                why.words(),
                format::size(bytes)
            )
        });
        lines.collect()
    }
}

impl Args {
    /// Segments, objects or both. By `--backend kernel` segments are meant.
    fn wants_kind(&self, item: &Item) -> bool {
        let only_segments = self.sysv || (self.namespace.backend == Backend::Kernel && !self.posix);
        match item {
            Item::Segment(_) => !self.posix,
            Item::Object(_) => self.posix || !only_segments || !self.targets.is_empty(),
        }
    }

    fn reason_to_stay(&self, item: &Item, scope: &Scope, me: u32) -> Option<Why> {
        let young = self.older_than.is_some_and(|age| {
            let moment = format::now().saturating_sub(age);
            item.last_use() > moment
        });
        let reasons = [
            (!self.all_users && !item.is_of(me), Why::NotYours),
            (self.is_outside(scope), Why::Outside),
            (young, Why::Young),
            (item.is_unknown() && !self.force, Why::Unknown),
            (!item.is_orphan() && !self.takes_held(), Why::InUse),
            (self.is_semaphore(item, scope), Why::Semaphore),
        ];
        let mut reasons = reasons.into_iter();
        reasons.find_map(|(applies, why)| applies.then_some(why))
    }

    /// What is in use is no orphan, however hard one tries.
    fn takes_held(&self) -> bool {
        self.force && !self.orphans
    }

    /// /dev/shm belongs to programs of all kinds: `--all` is no word for it.
    fn is_outside(&self, scope: &Scope) -> bool {
        self.all && matches!(scope, Scope::Everything { inside: false })
    }

    /// One of a known program is no use to the next that runs.
    fn is_semaphore(&self, item: &Item, scope: &Scope) -> bool {
        let named = matches!(item, Item::Object(object) if object.kind == Some(SEMAPHORE));
        named && matches!(scope, Scope::Everything { inside: false })
    }
}
