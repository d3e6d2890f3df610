//! Chrome's trace format, which ui.perfetto.dev opens.
//!
//! Calls are slices of their threads. Each object is a thread of a made-up process "shared memory", with its life as one
//! bar; attachments and mappings are bars (async slices) of their processes. Arrows lead from the call that made an
//! object to attachments in other processes. Counters show the bytes mapped, per process and in total.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::Filter;
use crate::event::Event;
use crate::model::{Applied, HoldId, HoldKind, Model, Object, ObjectId};
use crate::recording::Recording;
use crate::stream::{Item, Stream};
use crate::symbols::{Frame, Symbols};
use crate::text;

/// The made-up process. No process has this number: it is beyond the kernel's largest.
const OBJECTS: u32 = 0x4000_0000;

/// The call that made an object: process, thread, time in nanoseconds.
type Made = (u32, u32, u64);

struct Writer<'w> {
    each: &'w mut dyn FnMut(&str),
    first: bool,
    made: HashMap<ObjectId, Made>,
    arrows: usize,
}

/// Writes a recording as one JSON document, an event a line, and returns what is known at its end. The filter picks calls
/// and objects.
pub fn write(recording: &Recording, filter: &Filter, each: &mut dyn FnMut(&str)) -> Model {
    let (mut model, mut symbols) = (Model::forgetful(), Symbols::new());
    each("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    let mut writer = Writer {
        each,
        first: true,
        made: HashMap::new(),
        arrows: 0,
    };
    writer.name_process(OBJECTS, "shared memory");
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        for (id, object) in &applied.forgotten {
            writer.made.remove(id);
            writer.object(*id, object, 0, filter);
        }
        for id in &applied.ended {
            writer.hold(*id, 0, &model, filter);
        }
        match &item {
            Item::Start(start) => {
                let name = model
                    .processes()
                    .last()
                    .map(|process| process.program().to_owned());
                writer.name_process(start.pid, &name.unwrap_or_default());
                writer.counters(start.pid, start.time, &applied, &model);
            }
            Item::Event(event) => writer.event(event, &applied, &model, filter, &mut symbols),
            Item::End(_, time, _) => {
                let process = applied.process.and_then(|index| model.process(index));
                if let Some(process) = process {
                    writer.counters(process.start.pid, *time, &applied, &model);
                }
            }
        }
    }
    let end = model.last_time();
    for (id, object) in model.objects().numbered() {
        writer.object(id, object, end, filter);
    }
    let held = model
        .holds()
        .numbered()
        .filter(|(_, hold)| hold.to.is_none());
    for (id, _) in held {
        writer.hold(id, end, &model, filter);
    }
    (writer.each)(
        "
]}
",
    );
    model
}

/// Chrome counts in microseconds.
fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

impl Writer<'_> {
    /// Writes an event.
    fn put(&mut self, event: Value) {
        let separator = if self.first { "\n" } else { ",\n" };
        self.first = false;
        (self.each)(&format!("{separator}{event}"));
    }

    fn name_process(&mut self, pid: u32, name: &str) {
        self.put(json!({
            "ph": "M", "name": "process_name", "pid": pid, "tid": pid, "args": { "name": name },
        }));
    }

    fn event(
        &mut self,
        event: &Event,
        applied: &Applied,
        model: &Model,
        filter: &Filter,
        symbols: &mut Symbols,
    ) {
        if let Some(id) = applied.object.filter(|_| applied.created) {
            self.made.insert(id, (event.pid, event.tid, event.time));
        }
        let object = applied.object.and_then(|id| model.object(id));
        let process = applied.process.and_then(|index| model.process(index));
        if filter.passes(event, process, object) {
            let places = symbols.event(model, applied, event);
            let places = symbols.nearest_of(places);
            self.slice(event, object.map(|object| object.label()), &places);
            for id in &applied.began {
                self.arrow(event, *id, model);
            }
        }
        self.counters(event.pid, event.end(), applied, model);
    }

    /// The call as a slice.
    fn slice(&mut self, event: &Event, object: Option<String>, places: &[Frame]) {
        let said = text::words(event);
        let mut args = json!({
            "call": format!("{}({})", event.call_name(), said.arguments.join(", ")),
            "result": said.result,
        });
        if let Some(args) = args.as_object_mut() {
            let places = places.iter().map(|place| Value::String(place.label()));
            args.insert("place".to_owned(), Value::Array(places.collect()));
            if let Some(object) = object {
                args.insert("object".to_owned(), Value::String(object));
            }
        }
        let category = if event.failed() { "call,error" } else { "call" };
        let mut slice = json!({
            "ph": "X", "name": event.call_name(), "cat": category, "pid": event.pid, "tid": event.tid,
            "ts": micros(event.time), "dur": micros(event.duration), "args": args,
        });
        if let Some(slice) = slice.as_object_mut().filter(|_| event.failed()) {
            slice.insert("cname".to_owned(), Value::String("terrible".to_owned()));
        }
        self.put(slice);
    }

    /// An arrow from the call that made the object to this one, if it maps it in another process.
    fn arrow(&mut self, event: &Event, hold: HoldId, model: &Model) {
        let Some(hold) = model.hold(hold) else { return };
        let maps = !matches!(hold.kind, HoldKind::Descriptor(_));
        let Some((pid, tid, time)) = self.made.get(&hold.object).copied() else {
            return;
        };
        if !maps || pid == event.pid {
            return;
        }
        self.arrows += 1;
        let arrow = self.arrows;
        let common = |phase: &str, pid: u32, tid: u32, time: u64| {
            json!({
                "ph": phase, "name": "attached by", "cat": "object", "id": arrow,
                "pid": pid, "tid": tid, "ts": micros(time), "bp": "e",
            })
        };
        let (start, finish) = (
            common("s", pid, tid, time),
            common("f", event.pid, event.tid, event.time),
        );
        self.put(start);
        self.put(finish);
    }

    /// The bytes mapped after something has begun or ended.
    fn counters(&mut self, pid: u32, time: u64, applied: &Applied, model: &Model) {
        if applied.began.is_empty() && applied.ended.is_empty() {
            return;
        }
        let process = applied.process.and_then(|index| model.process(index));
        let own = process.map_or(0, |process| process.mapped.current);
        for (pid, bytes) in [(pid, own), (OBJECTS, model.mapped().current)] {
            self.put(json!({
                "ph": "C", "name": "bytes mapped", "pid": pid, "ts": micros(time), "args": { "bytes": bytes },
            }));
        }
    }

    /// An object's life as a bar, which reaches to `end` if it is still there.
    fn object(&mut self, id: ObjectId, object: &Object, end: u64, filter: &Filter) {
        if !filter.wants(object) {
            return;
        }
        self.put(json!({
            "ph": "M", "name": "thread_name", "pid": OBJECTS, "tid": id + 1, "args": { "name": object.name() },
        }));
        let to = object.gone.unwrap_or(end);
        self.put(json!({
            "ph": "X", "name": object.label(), "cat": "object", "pid": OBJECTS, "tid": id + 1,
            "ts": micros(object.first.time), "dur": micros(to.saturating_sub(object.first.time)),
            "args": { "kind": object.kind.word(), "removed": object.is_removed(), "errors": object.failures },
        }));
    }

    /// An attachment or mapping as a bar of its process, which reaches to `end` if it has not ended.
    fn hold(&mut self, id: HoldId, end: u64, model: &Model, filter: &Filter) {
        let Some(hold) = model.hold(id) else { return };
        let object = model.object(hold.object);
        let Some(object) = object.filter(|object| filter.wants(object)) else {
            return;
        };
        let (name, address) = match hold.kind {
            HoldKind::Attachment(address) => ("attached", address),
            HoldKind::Mapping(address) => ("mapped", address),
            HoldKind::Descriptor(_) => return,
        };
        let process = model.process(hold.process);
        let Some(process) = process.filter(|process| filter.wants_process(process)) else {
            return;
        };
        let pid = process.start.pid;
        let to = hold.to.map_or(end, |(to, _)| to);
        let name = format!("{name}: {}", object.label());
        let args = json!({ "address": format!("{address:#x}"), "bytes": hold.bytes, "inherited": hold.inherited });
        for (phase, time) in [("b", hold.from), ("e", to)] {
            self.put(json!({
                "ph": phase, "name": name, "cat": "attachment", "id": id, "pid": pid, "tid": pid,
                "ts": micros(time), "args": args,
            }));
        }
    }
}
