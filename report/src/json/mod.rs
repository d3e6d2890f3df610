//! JSON, one object per line; `docs/trace-schema.json` is the schema, `docs/tracing.md` explains it.
//!
//! `process` lines come when a process begins, `call` lines in the order in which the calls ended, `end` lines when a
//! process ended, `hold` lines when somebody has let go of an object, `object` lines at the end, or in a long recording
//! when the object is gone for good; then `hold` lines of what is still held, and `totals` last.

mod lines;

use std::collections::BTreeMap;

use partage_trace_format::{Call, structs::ShmidDs};

use crate::Filter;
use crate::event::{Detail, Event};
use crate::leaks;
use crate::model::{
    Applied, Deed, Hold, HoldId, HoldKind, Kind, Model, Object, ObjectId, Origin, Process, Release,
    Site,
};
use crate::recording::Recording;
use crate::stream::{Ending, Item, Stream};
use crate::symbols::{Frame, Symbols};
use crate::text;
use crate::words;
use lines::{
    CallLine, DeedLine, EndLine, FrameLine, HoldLine, Line, ObjectLine, ProcessLine, TotalsLine,
};

/// Writes a recording, line by line with their line feeds, and returns what is known at its end. The filter picks
/// calls and objects.
pub fn write(recording: &Recording, filter: &Filter, each: &mut dyn FnMut(&str)) -> Model {
    let (mut model, mut symbols) = (Model::forgetful(), Symbols::new());
    let (mut calls, mut errors) = (0, 0);
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        for (id, object) in &applied.forgotten {
            if filter.wants(object) {
                put(each, &object_line(&model, &mut symbols, *id, object));
            }
        }
        let Some(index) = applied.process else {
            continue;
        };
        match &item {
            Item::Event(event) => {
                let object = applied.object.and_then(|id| model.object(id));
                if filter.passes(event, model.process(index), object) {
                    calls += 1;
                    errors += u64::from(event.failed());
                    let frames = symbols.event(&model, &applied, event);
                    put(each, &Line::Call(call(index, event, &applied, frames)));
                }
            }
            Item::Start(_) | Item::End(..) => {
                if let Some(process) = model.process(index)
                    && filter.wants_process(process)
                {
                    put(each, &begin_or_end(index, process));
                }
            }
        }
        for id in &applied.ended {
            put_hold(each, &model, filter, *id);
        }
    }
    model.hold_against(recording.afterwards());
    let held = model.holds().numbered();
    for (id, _) in held.filter(|(_, hold)| hold.to.is_none()) {
        put_hold(each, &model, filter, id);
    }
    for (id, object) in model.objects().numbered() {
        if filter.wants(object) {
            put(each, &object_line(&model, &mut symbols, id, object));
        }
    }
    put(
        each,
        &Line::Totals(totals(recording, &model, calls, errors)),
    );
    model
}

fn put(each: &mut dyn FnMut(&str), line: &Line<'_>) {
    // Numbers, strings and lists of them always have a JSON form.
    if let Ok(mut text) = serde_json::to_string(line) {
        text.push('\n');
        each(&text);
    }
}

fn put_hold(each: &mut dyn FnMut(&str), model: &Model, filter: &Filter, id: HoldId) {
    if let Some(hold) = model.hold(id)
        && let Some(object) = model.object(hold.object)
        && filter.wants(object)
    {
        put(each, &hold_line(model, hold));
    }
}

fn begin_or_end(index: usize, process: &Process) -> Line<'_> {
    let start = &process.start;
    let Some((time, ending)) = process.end else {
        return Line::Process(ProcessLine {
            process: index,
            pid: start.pid,
            ppid: start.ppid,
            forked: start.forked,
            program: &start.exe,
            arguments: &start.arguments,
            time: start.time,
            wall: start.wall,
        });
    };
    let (how, status) = match ending {
        Ending::Exited(status) => ("exited", Some(status)),
        Ending::Executed => ("executed", None),
        Ending::Vanished => ("vanished", None),
        Ending::Running => ("running", None),
    };
    Line::End(EndLine {
        process: index,
        pid: start.pid,
        time,
        how,
        status,
        mapped_peak: process.mapped.peak,
        mapped: process.mapped.current,
    })
}

fn call<'a>(
    process: usize,
    event: &'a Event,
    applied: &Applied,
    frames: Vec<Frame>,
) -> CallLine<'a> {
    let names = event.call.map_or(&[][..], Call::arg_names);
    let values = event.args.iter().map(|value| *value as i64);
    CallLine {
        process,
        pid: event.pid,
        tid: event.tid,
        time: event.time,
        wall: event.wall,
        duration: event.duration,
        call: event.call_name(),
        arguments: names.iter().copied().zip(values).collect(),
        name: event.name.as_deref().map(words::text),
        data: event.detail.map(data),
        words: text::words(event).arguments,
        result: (!event.entered()).then_some(event.result),
        errno: event.failed().then(|| words::errno_name(event.errno)),
        object: applied.object,
        callers: frames.into_iter().map(frame).collect(),
    }
}

fn frame(frame: Frame) -> FrameLine {
    let (file, line) = frame.line.unzip();
    FrameLine {
        address: frame.address,
        module: frame.module,
        offset: frame.offset,
        function: frame.function,
        file,
        line,
    }
}

fn data(detail: Detail) -> BTreeMap<&'static str, i64> {
    match detail {
        Detail::ShmidDs(data) => shmid_ds(&data).into(),
        Detail::Limits(data) => [
            ("shmmax", data.shmmax as i64),
            ("shmmin", data.shmmin as i64),
            ("shmmni", data.shmmni as i64),
            ("shmseg", data.shmseg as i64),
            ("shmall", data.shmall as i64),
        ]
        .into(),
        Detail::Usage(data) => [
            ("used_ids", i64::from(data.used_ids)),
            ("shm_tot", data.shm_tot as i64),
            ("shm_rss", data.shm_rss as i64),
            ("shm_swp", data.shm_swp as i64),
        ]
        .into(),
    }
}

fn shmid_ds(data: &ShmidDs) -> [(&'static str, i64); 13] {
    [
        ("key", i64::from(data.key as i32)),
        ("uid", data.uid.into()),
        ("gid", data.gid.into()),
        ("cuid", data.cuid.into()),
        ("cgid", data.cgid.into()),
        ("mode", data.mode.into()),
        ("shm_segsz", data.segsz as i64),
        ("shm_atime", data.atime),
        ("shm_dtime", data.dtime),
        ("shm_ctime", data.ctime),
        ("shm_cpid", data.cpid.into()),
        ("shm_lpid", data.lpid.into()),
        ("shm_nattch", data.nattch as i64),
    ]
}

fn object_line<'a>(
    model: &Model,
    symbols: &mut Symbols,
    id: ObjectId,
    object: &Object,
) -> Line<'a> {
    let (shmid, key, name) = match &object.kind {
        Kind::Segment { shmid, key } => (Some(*shmid), *key, None),
        Kind::Named(name) | Kind::Memfd(name) | Kind::Unknown(name) => (None, None, Some(name)),
        Kind::Anonymous => (None, None, None),
    };
    Line::Object(ObjectLine {
        object: id,
        kind: object.kind.word(),
        label: object.label(),
        shmid,
        key,
        name: name.cloned(),
        size: object.size,
        origin: match object.origin {
            Origin::Created => "created",
            Origin::CreatedOrFound => "created or found",
            Origin::Found => "found",
        },
        first: deed(model, symbols, &object.first),
        removed: object
            .removed
            .as_ref()
            .map(|removed| deed(model, symbols, removed)),
        gone: object.gone,
        errors: object.failures,
        leak: leaks::is_lasting(object),
    })
}

fn deed(model: &Model, symbols: &mut Symbols, deed: &Deed) -> DeedLine {
    DeedLine {
        process: deed.process,
        pid: pid(model, deed.process),
        time: deed.time,
        call: deed.site.call,
        callers: site(model, symbols, &deed.site),
    }
}

fn site(model: &Model, symbols: &mut Symbols, site: &Site) -> Vec<FrameLine> {
    symbols.site(model, site).into_iter().map(frame).collect()
}

fn pid(model: &Model, process: usize) -> u32 {
    model
        .process(process)
        .map_or(0, |process| process.start.pid)
}

fn hold_line<'a>(model: &Model, hold: &Hold) -> Line<'a> {
    let (kind, address, fd) = match hold.kind {
        HoldKind::Attachment(address) => ("attachment", Some(address), None),
        HoldKind::Mapping(address) => ("mapping", Some(address), None),
        HoldKind::Descriptor(fd) => ("descriptor", None, Some(fd)),
    };
    let (to, release) = hold.to.unzip();
    Line::Hold(HoldLine {
        object: hold.object,
        process: hold.process,
        pid: pid(model, hold.process),
        kind,
        address,
        fd,
        bytes: hold.bytes,
        from: hold.from,
        to,
        release: release.map(|how| match how {
            Release::Call => "call",
            Release::Exec => "exec",
            Release::PassedOn => "passed on",
            Release::Exit => "exit",
        }),
        inherited: hold.inherited,
    })
}

fn totals(recording: &Recording, model: &Model, calls: u64, errors: u64) -> TotalsLine {
    let (leaks, losses) = (leaks::find(model), recording.losses());
    TotalsLine {
        processes: model.processes().len(),
        calls,
        errors,
        objects: model.objects().count(),
        mapped_peak: model.mapped().peak,
        mapped: model.mapped().current,
        existing_peak: model.existing().peak,
        existing: model.existing().current,
        lasting_leaks: leaks.lasting.len(),
        held_at_end: leaks.held.len(),
        running: leaks.running,
        torn: losses.torn,
        missing: losses.missing,
        dropped: losses.dropped,
        unrecorded: losses.unrecorded,
        overwritten: losses.overwritten,
        remarks: crate::limits::remarks(recording, model),
    }
}
