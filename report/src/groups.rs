//! What was made or taken at one place, counted together: a thousand leaks of one line are one finding.

use std::collections::HashMap;

use crate::model::{Hold, HoldKind, Kind, Model, Object, ObjectId, Origin, Site};
use crate::stream::Ending;
use crate::style::Style;
use crate::symbols::{Frame, Symbols};
use crate::words;

/// In what order groups are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The largest first.
    #[default]
    Bytes,
    /// The most numerous first.
    Count,
}

/// How findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Colours.
    pub style: Style,
    /// The order of groups.
    pub sort: Sort,
    /// How many of a group are named.
    pub examples: usize,
}

impl From<Style> for Manner {
    fn from(style: Style) -> Self {
        Manner {
            style,
            sort: Sort::default(),
            examples: 3,
        }
    }
}

/// Objects of one sort that were made at one place by one program.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) objects: Vec<ObjectId>,
    pub(crate) bytes: u64,
    /// Those who made them, each once.
    pub(crate) processes: Vec<usize>,
    pub(crate) call: &'static str,
    pub(crate) origin: Origin,
    /// The nearest places, innermost first.
    pub(crate) places: Vec<Frame>,
}

/// What makes two objects alike.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    segment: bool,
    certain: bool,
    program: String,
    call: &'static str,
    places: usize,
}

/// Places by number: those of a site are looked up once, equal ones have one number.
#[derive(Default)]
struct Numbers {
    of_sites: HashMap<(usize, usize, Option<u64>, Vec<u64>), usize>,
    of_labels: HashMap<Vec<String>, usize>,
    places: Vec<Vec<Frame>>,
}

impl Numbers {
    fn of(&mut self, model: &Model, symbols: &mut Symbols, site: &Site) -> usize {
        let key = (site.process, site.modules, site.stack, site.callers.clone());
        if let Some(known) = self.of_sites.get(&key) {
            return *known;
        }
        let places = symbols.nearest(model, site);
        let labels = places.iter().map(Frame::label).collect();
        let next = self.places.len();
        let number = *self.of_labels.entry(labels).or_insert(next);
        if number == next {
            self.places.push(places);
        }
        self.of_sites.insert(key, number);
        number
    }

    fn places(&self, number: usize) -> Vec<Frame> {
        self.places.get(number).cloned().unwrap_or_default()
    }
}

/// Groups objects by what they are and where they were made.
pub(crate) fn objects(
    model: &Model,
    symbols: &mut Symbols,
    ids: &[ObjectId],
    sort: Sort,
) -> Vec<Group> {
    let mut numbers = Numbers::default();
    let mut known: HashMap<Likeness, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for id in ids {
        let Some(object) = model.object(*id) else {
            continue;
        };
        let site = &object.first.site;
        let number = numbers.of(model, symbols, site);
        let program = model.process(object.first.process);
        let likeness = Likeness {
            segment: is_segment(object),
            certain: object.origin == Origin::Created,
            program: program.map_or(String::new(), |process| process.program().to_owned()),
            call: site.call,
            places: number,
        };
        let index = *known.entry(likeness).or_insert(groups.len());
        if index == groups.len() {
            groups.push(Group {
                objects: Vec::new(),
                bytes: 0,
                processes: Vec::new(),
                call: site.call,
                origin: object.origin,
                places: numbers.places(number),
            });
        }
        if let Some(group) = groups.get_mut(index) {
            group.objects.push(*id);
            group.bytes = group.bytes.saturating_add(object.size.unwrap_or(0));
            if group.processes.last() != Some(&object.first.process)
                && !group.processes.contains(&object.first.process)
            {
                group.processes.push(object.first.process);
            }
        }
    }
    match sort {
        Sort::Bytes => groups.sort_by_key(|group| std::cmp::Reverse(group.bytes)),
        Sort::Count => groups.sort_by_key(|group| std::cmp::Reverse(group.objects.len())),
    }
    groups
}

pub(crate) fn is_segment(object: &Object) -> bool {
    matches!(object.kind, Kind::Segment { .. })
}

impl Group {
    /// The objects in words: one by its label, more by their number and size.
    pub(crate) fn label(&self, model: &Model) -> String {
        let objects: Vec<&Object> = self.known(model).collect();
        match objects.as_slice() {
            [one] => one.label(),
            all => {
                let segments = all.first().is_some_and(|object| is_segment(object));
                let thing = if segments { "segment" } else { "object" };
                let count = words::count(all.len() as u64, thing);
                format!("{count}, {}", words::size(self.bytes))
            }
        }
    }

    /// Whether they are segments.
    pub(crate) fn is_of_segments(&self, model: &Model) -> bool {
        self.known(model).next().is_some_and(is_segment)
    }

    /// Some of the objects by name, and how many more there are; empty for one alone.
    pub(crate) fn examples(&self, model: &Model, most: usize) -> String {
        if self.objects.len() < 2 || most == 0 {
            return String::new();
        }
        let named: Vec<String> = self.known(model).take(most).map(Object::name).collect();
        let more = self.objects.len().saturating_sub(named.len());
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", named.join(", "))
    }

    /// Who made them: `pid 7 (server)`, `12 processes (worker), pid 7 the first`.
    pub(crate) fn makers(&self, model: &Model) -> String {
        makers(model, &self.processes)
    }

    fn known<'m>(&self, model: &'m Model) -> impl Iterator<Item = &'m Object> {
        self.objects.iter().filter_map(|id| model.object(*id))
    }
}

/// Processes of one program in words.
pub(crate) fn makers(model: &Model, processes: &[usize]) -> String {
    let first = processes.first().and_then(|index| model.process(*index));
    let Some(first) = first else {
        return String::new();
    };
    match processes.len() {
        1 => format!("pid {}", first.label()),
        count => {
            let program = words::printable(first.program());
            let pid = first.start.pid;
            format!("{count} processes ({program}), pid {pid} the first")
        }
    }
}

/// Holds of one kind that were taken at one place by one program, and never given back.
pub(crate) struct Held<'m> {
    pub(crate) first: &'m Hold,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// Different objects that are held.
    pub(crate) objects: Vec<ObjectId>,
    pub(crate) places: Vec<Frame>,
}

impl Held<'_> {
    /// What is held in words: `2 mappings of /queue 8 KiB, 16 KiB mapped`.
    pub(crate) fn label(&self, model: &Model) -> String {
        let count = self.count;
        let what = match self.first.kind {
            HoldKind::Attachment(address) if count == 1 => format!("attachment at {address:#x}"),
            HoldKind::Attachment(_) => words::count(count, "attachment"),
            HoldKind::Mapping(address) if count == 1 => format!("mapping at {address:#x}"),
            HoldKind::Mapping(_) => words::count(count, "mapping"),
            HoldKind::Descriptor(fd) if count == 1 => format!("descriptor {fd}"),
            HoldKind::Descriptor(_) => words::count(count, "descriptor"),
        };
        let size = match self.first.kind {
            HoldKind::Descriptor(_) => String::new(),
            _ => format!(", {} mapped", words::size(self.bytes)),
        };
        format!("{what} of {}{size}", self.objects_label(model))
    }

    /// The object, or how many there are.
    pub(crate) fn objects_label(&self, model: &Model) -> String {
        match self.objects.as_slice() {
            [one] => model.object(*one).map_or(String::new(), Object::label),
            all => words::count(all.len() as u64, "object"),
        }
    }

    /// What stays the same from run to run.
    pub(crate) fn signature(&self, program: &str) -> String {
        crate::suppress::signature("held", self.first.site.call, program, &self.places)
    }
}

/// What the processes of one program still held when they ended in one way.
pub(crate) struct Holders<'m> {
    pub(crate) processes: Vec<usize>,
    pub(crate) how: &'static str,
    pub(crate) held: Vec<Held<'m>>,
}

/// Groups holds by program and by the place where they began.
pub(crate) fn holds<'m>(
    model: &'m Model,
    symbols: &mut Symbols,
    ids: &[usize],
    sort: Sort,
) -> Vec<Holders<'m>> {
    let mut numbers = Numbers::default();
    let mut holders: Vec<Holders<'m>> = Vec::new();
    let mut programs: HashMap<(String, &'static str), usize> = HashMap::new();
    let mut known: HashMap<(usize, u8, &'static str, usize), usize> = HashMap::new();
    let mut of_process: Vec<&Hold> = ids.iter().filter_map(|id| model.hold(*id)).collect();
    of_process.sort_by_key(|hold| hold.process);
    for hold in of_process {
        let Some(process) = model.process(hold.process) else {
            continue;
        };
        let how = match process.end {
            Some((_, Ending::Exited(_))) => "exit",
            Some((_, Ending::Executed)) => "exec",
            _ => "its end",
        };
        let key = (process.program().to_owned(), how);
        let of = *programs.entry(key).or_insert(holders.len());
        if of == holders.len() {
            holders.push(Holders {
                processes: Vec::new(),
                how,
                held: Vec::new(),
            });
        }
        let Some(group) = holders.get_mut(of) else {
            continue;
        };
        if group.processes.last() != Some(&hold.process) {
            group.processes.push(hold.process);
        }
        let number = numbers.of(model, symbols, &hold.site);
        let kind = match hold.kind {
            HoldKind::Attachment(_) => 0,
            HoldKind::Mapping(_) => 1,
            HoldKind::Descriptor(_) => 2,
        };
        let key = (of, kind, hold.site.call, number);
        let index = *known.entry(key).or_insert(group.held.len());
        if index == group.held.len() {
            group.held.push(Held {
                first: hold,
                count: 0,
                bytes: 0,
                objects: Vec::new(),
                places: numbers.places(number),
            });
        }
        if let Some(held) = group.held.get_mut(index) {
            held.count += 1;
            held.bytes = held.bytes.saturating_add(hold.left);
            held.objects.push(hold.object);
        }
    }
    for group in &mut holders {
        for held in &mut group.held {
            held.objects.sort_unstable();
            held.objects.dedup();
        }
        match sort {
            Sort::Bytes => group.held.sort_by_key(|held| std::cmp::Reverse(held.bytes)),
            Sort::Count => group.held.sort_by_key(|held| std::cmp::Reverse(held.count)),
        }
    }
    holders
}

impl Group {
    /// See [`crate::suppress::signature`].
    pub(crate) fn signature(&self, model: &Model, kind: &str) -> String {
        let maker = self
            .processes
            .first()
            .and_then(|maker| model.process(*maker));
        let program = maker.map_or("?", |maker| maker.program());
        crate::suppress::signature(kind, self.call, program, &self.places)
    }
}
