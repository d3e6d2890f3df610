//! The lines, field by field; their meaning is in `docs/trace-schema.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::ObjectId;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Process(ProcessLine<'a>),
    Call(CallLine<'a>),
    End(EndLine),
    Hold(HoldLine),
    Object(ObjectLine),
    Totals(TotalsLine),
}

#[derive(Serialize)]
pub(super) struct ProcessLine<'a> {
    pub(super) process: usize,
    pub(super) pid: u32,
    pub(super) ppid: u32,
    pub(super) forked: bool,
    pub(super) program: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) time: u64,
    pub(super) wall: u64,
}

#[derive(Serialize)]
pub(super) struct CallLine<'a> {
    pub(super) process: usize,
    pub(super) pid: u32,
    pub(super) tid: u32,
    pub(super) time: u64,
    pub(super) wall: u64,
    pub(super) duration: u64,
    pub(super) call: &'a str,
    pub(super) arguments: BTreeMap<&'a str, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<BTreeMap<&'a str, i64>>,
    pub(super) words: Vec<String>,
    pub(super) result: Option<i64>,
    pub(super) errno: Option<String>,
    pub(super) object: Option<ObjectId>,
    pub(super) callers: Vec<FrameLine>,
}

#[derive(Serialize)]
pub(super) struct FrameLine {
    pub(super) address: u64,
    pub(super) module: Option<String>,
    pub(super) offset: Option<u64>,
    pub(super) function: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct EndLine {
    pub(super) process: usize,
    pub(super) pid: u32,
    pub(super) time: u64,
    pub(super) how: &'static str,
    pub(super) status: Option<i32>,
    pub(super) mapped_peak: u64,
    pub(super) mapped: u64,
}

#[derive(Serialize)]
pub(super) struct ObjectLine {
    pub(super) object: ObjectId,
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) shmid: Option<i32>,
    pub(super) key: Option<i32>,
    pub(super) name: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) origin: &'static str,
    pub(super) first: DeedLine,
    pub(super) removed: Option<DeedLine>,
    pub(super) gone: Option<u64>,
    pub(super) errors: u64,
    pub(super) leak: bool,
}

#[derive(Serialize)]
pub(super) struct DeedLine {
    pub(super) process: usize,
    pub(super) pid: u32,
    pub(super) time: u64,
    pub(super) call: &'static str,
    pub(super) callers: Vec<FrameLine>,
}

#[derive(Serialize)]
pub(super) struct HoldLine {
    pub(super) object: ObjectId,
    pub(super) process: usize,
    pub(super) pid: u32,
    pub(super) kind: &'static str,
    pub(super) address: Option<u64>,
    pub(super) fd: Option<i32>,
    pub(super) bytes: u64,
    pub(super) from: u64,
    pub(super) to: Option<u64>,
    pub(super) release: Option<&'static str>,
    pub(super) inherited: bool,
}

#[derive(Serialize)]
pub(super) struct TotalsLine {
    pub(super) processes: usize,
    pub(super) calls: u64,
    pub(super) errors: u64,
    pub(super) objects: usize,
    pub(super) mapped_peak: u64,
    pub(super) mapped: u64,
    pub(super) existing_peak: u64,
    pub(super) existing: u64,
    pub(super) lasting_leaks: usize,
    pub(super) held_at_end: usize,
    pub(super) running: Vec<u32>,
    pub(super) torn: u64,
    pub(super) missing: u64,
    pub(super) dropped: u64,
    pub(super) unrecorded: u64,
    pub(super) overwritten: u64,
    pub(super) remarks: Vec<String>,
}
