//! What the page shows, as its script reads it. Times are nanoseconds since the start.

use std::collections::HashMap;

use serde::Serialize;

use super::series::Series;
use crate::Filter;
use crate::event::Event;
use crate::findings::Finding;
use crate::groups::{self, Sort};
use crate::leaks;
use crate::model::{Applied, HoldKind, Model, Object, ObjectId};
use crate::recording::Recording;
use crate::stream::{Ending, Item, Stream};
use crate::symbols::{Frame, Symbols};
use crate::verdict::Verdict;
use crate::{why, words};

/// Most rows of failed calls.
const FAILURES: usize = 500;

/// The data of a page.
#[derive(Serialize)]
pub(super) struct Data {
    title: String,
    /// Nanoseconds since 1970 at the start.
    wall: u64,
    span: u64,
    verdict: String,
    reasons: Vec<String>,
    processes: Vec<ProcessData>,
    groups: Vec<GroupData>,
    objects: Objects,
    holds: Holds,
    existing: Vec<(u64, u64)>,
    mapped: Vec<(u64, u64)>,
    leaks: Vec<LeakData>,
    failures: Vec<Failure>,
    more_failures: usize,
}

#[derive(Serialize)]
struct ProcessData {
    pid: u32,
    name: String,
    from: u64,
    to: Option<u64>,
    end: String,
}

/// Objects that were made at one place.
#[derive(Serialize)]
struct GroupData {
    label: String,
    by: String,
    places: Vec<String>,
    bytes: u64,
}

/// A column for each property: many objects take little room.
#[derive(Default, Serialize)]
struct Objects {
    group: Vec<usize>,
    name: Vec<String>,
    size: Vec<Option<u64>>,
    from: Vec<u64>,
    to: Vec<Option<u64>>,
    leak: Vec<u8>,
}

#[derive(Default, Serialize)]
struct Holds {
    object: Vec<usize>,
    process: Vec<usize>,
    /// 0 attachment, 1 mapping, 2 descriptor.
    kind: Vec<u8>,
    from: Vec<u64>,
    to: Vec<Option<u64>>,
}

#[derive(Serialize)]
struct LeakData {
    kind: &'static str,
    what: String,
    count: u64,
    bytes: u64,
    examples: String,
    who: String,
    call: &'static str,
    places: Vec<String>,
}

/// Calls that failed alike.
#[derive(Serialize)]
struct Failure {
    call: &'static str,
    errno: String,
    object: String,
    who: String,
    count: u64,
    first: u64,
    why: String,
    places: Vec<String>,
}

/// What makes failed calls alike: call, error, object, process.
type Alike = (&'static str, i32, Option<ObjectId>, Option<usize>);

/// What only the events tell.
#[derive(Default)]
pub(super) struct Walked {
    existing: Series,
    mapped: Series,
    failures: Vec<Failure>,
    known: HashMap<Alike, usize>,
    start: Option<(u64, u64)>,
}

/// Goes through the events.
pub(super) fn walk(
    recording: &Recording,
    filter: &Filter,
    symbols: &mut Symbols,
) -> (Model, Walked) {
    let (mut model, mut walked) = (Model::default(), Walked::default());
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        let time = match &item {
            Item::Start(start) => start.time,
            Item::Event(event) => event.end(),
            Item::End(_, time, _) => *time,
        };
        if let Item::Start(start) = &item {
            walked.start.get_or_insert((start.time, start.wall));
        }
        let (first, _) = walked.start.unwrap_or((time, 0));
        let since = time.saturating_sub(first);
        walked.existing.add(since, model.existing().current);
        walked.mapped.add(since, model.mapped().current);
        if let Item::Event(event) = &item
            && event.failed()
            && event.is_call()
        {
            walked.failed(&model, symbols, filter, event, &applied, since);
        }
    }
    model.hold_against(recording.afterwards());
    (model, walked)
}

impl Walked {
    fn failed(
        &mut self,
        model: &Model,
        symbols: &mut Symbols,
        filter: &Filter,
        event: &Event,
        applied: &Applied,
        since: u64,
    ) {
        let object = applied.object.and_then(|id| model.object(id));
        let process = applied.process.and_then(|index| model.process(index));
        if !filter.passes(event, process, object) {
            return;
        }
        let key = (
            event.call_name(),
            event.errno,
            applied.object,
            applied.process,
        );
        let index = *self.known.entry(key).or_insert(self.failures.len());
        if let Some(failure) = self.failures.get_mut(index) {
            failure.count += 1;
            return;
        }
        let frames = symbols.event(model, applied, event);
        self.failures.push(Failure {
            call: event.call_name(),
            errno: words::errno(event.errno),
            object: object.map_or_else(|| name(event), Object::name),
            who: process.map_or(String::new(), |process| process.label()),
            count: 1,
            first: since,
            why: why::of(event, model).unwrap_or_default(),
            places: labels(&symbols.nearest_of(frames)),
        });
    }
}

fn name(event: &Event) -> String {
    let name = event.name.as_deref().unwrap_or(&[]);
    words::printable(&words::text(name))
}

fn labels(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(Frame::label).collect()
}

/// Everything for the page.
pub(super) fn collect(
    model: &Model,
    filter: &Filter,
    symbols: &mut Symbols,
    walked: Walked,
    verdict: &Verdict,
    leaks: Vec<Finding>,
) -> Data {
    let (first, wall) = walked.start.unwrap_or_default();
    let since = |time: u64| time.saturating_sub(first);
    let span = since(model.last_time()).max(1);
    let (groups, objects, places) = objects(model, filter, symbols, since);
    let mut failures = walked.failures;
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    let more_failures = failures.len().saturating_sub(FAILURES);
    failures.truncate(FAILURES);
    let program = model.processes().first();
    Data {
        title: program.map_or("a recording".to_owned(), |process| process.description()),
        wall,
        span,
        verdict: verdict.sentence(model),
        reasons: verdict.reasons(),
        processes: processes(model, since),
        groups,
        objects,
        holds: holds(model, filter, &places, since),
        existing: walked.existing.finish(span, model.existing().current),
        mapped: walked.mapped.finish(span, model.mapped().current),
        leaks: leaks.into_iter().map(leak).collect(),
        failures,
        more_failures,
    }
}

fn processes(model: &Model, since: impl Fn(u64) -> u64) -> Vec<ProcessData> {
    let process = |process: &crate::model::Process| ProcessData {
        pid: process.start.pid,
        name: words::printable(process.program()),
        from: since(process.start.time),
        to: process.end.map(|(time, _)| since(time)),
        end: match (process.killed, process.end) {
            (Some(signal), _) => format!("killed by {}", words::signal(signal)),
            (_, Some((_, Ending::Exited(status)))) => format!("exited with {}", status & 0xff),
            (_, Some((_, Ending::Executed))) => "executed another program".to_owned(),
            (_, Some((_, Ending::Vanished))) => "ended without exit".to_owned(),
            (_, Some((_, Ending::Running)) | None) => "running".to_owned(),
        },
    };
    model.processes().iter().map(process).collect()
}

/// The groups, their objects in columns, and the place of each object in the columns.
fn objects(
    model: &Model,
    filter: &Filter,
    symbols: &mut Symbols,
    since: impl Fn(u64) -> u64,
) -> (Vec<GroupData>, Objects, HashMap<ObjectId, usize>) {
    let wanted = |(_, object): &(ObjectId, &Object)| filter.wants(object);
    let ids: Vec<ObjectId> = (model.objects().numbered())
        .filter(wanted)
        .map(|(id, _)| id)
        .collect();
    let mut columns = Objects::default();
    let mut places = HashMap::new();
    let mut shown = Vec::new();
    for (number, group) in groups::objects(model, symbols, &ids, Sort::Bytes)
        .iter()
        .enumerate()
    {
        shown.push(GroupData {
            label: group.label(model),
            by: format!("{}, {}", group.makers(model), group.call),
            places: labels(&group.places),
            bytes: group.bytes,
        });
        for id in &group.objects {
            let Some(object) = model.object(*id) else {
                continue;
            };
            places.insert(*id, columns.group.len());
            columns.group.push(number);
            columns.name.push(object.name());
            columns.size.push(object.size);
            columns.from.push(since(object.first.time));
            columns.to.push(object.gone.map(&since));
            columns.leak.push(u8::from(leaks::is_lasting(object)));
        }
    }
    (shown, columns, places)
}

fn holds(
    model: &Model,
    filter: &Filter,
    places: &HashMap<ObjectId, usize>,
    since: impl Fn(u64) -> u64,
) -> Holds {
    let mut columns = Holds::default();
    for hold in model.holds().iter() {
        let process = model.process(hold.process);
        let wanted = process.is_some_and(|process| filter.wants_process(process));
        let Some(object) = places.get(&hold.object).filter(|_| wanted) else {
            continue;
        };
        columns.object.push(*object);
        columns.process.push(hold.process);
        columns.kind.push(match hold.kind {
            HoldKind::Attachment(_) => 0,
            HoldKind::Mapping(_) => 1,
            HoldKind::Descriptor(_) => 2,
        });
        columns.from.push(since(hold.from));
        columns.to.push(hold.to.map(|(time, _)| since(time)));
    }
    columns
}

fn leak(finding: Finding) -> LeakData {
    LeakData {
        kind: finding.kind,
        what: finding.what,
        count: finding.count,
        bytes: finding.bytes,
        examples: finding.examples,
        who: finding.who,
        call: finding.call,
        places: labels(&finding.places),
    }
}
