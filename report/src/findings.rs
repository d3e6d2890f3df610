//! The leaks of a verdict as a list, for programs that read reports: what of it counts, what is known, what is new.

use std::collections::BTreeMap;

use crate::groups::{self, Group, Manner};
use crate::model::{Model, ObjectId};
use crate::suppress::{Baseline, Suppressions, signature};
use crate::symbols::{Frame, Symbols};
pub use crate::verdict::Untold;
use crate::verdict::{Counting, Verdict};
use crate::words;

/// Leaks of one kind, one place, one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of leak: `lasting`, `abandoned`, `held`, `unrecorded`.
    pub kind: &'static str,
    /// In words: `1000 segments, 3.9 MiB, never removed`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Some of them by name.
    pub examples: String,
    /// Who made or took them, in words.
    pub who: String,
    /// The C function that was called.
    pub call: &'static str,
    /// The nearest places, innermost first.
    pub places: Vec<Frame>,
    /// What stays the same from run to run.
    pub signature: String,
}

impl Finding {
    /// The source file and line to mend, if that is known.
    #[must_use]
    pub fn line(&self) -> Option<&(String, u32)> {
        self.places.iter().find_map(|place| place.line.as_ref())
    }

    fn of_objects(model: &Model, group: &Group, kind: &'static str, manner: Manner) -> Self {
        let done = match kind {
            "abandoned" => "left by the maker, cleaned up by another process",
            _ if group.is_of_segments(model) => "never removed",
            _ => "never unlinked",
        };
        Finding {
            kind,
            what: format!("{}: {done}", group.label(model)),
            count: group.objects.len() as u64,
            bytes: group.bytes,
            examples: group.examples(model, manner.examples),
            who: group.makers(model),
            call: group.call,
            places: group.places.clone(),
            signature: group.signature(model, kind),
        }
    }
}

/// What counts as a leak of a verdict, the gravest kind first.
#[must_use]
pub fn list(
    verdict: &Verdict,
    model: &Model,
    symbols: &mut Symbols,
    counting: Counting,
    manner: Manner,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut of_objects = |ids: &[ObjectId], kind| {
        let groups = groups::objects(model, symbols, ids, manner.sort);
        let finding = |group: &Group| Finding::of_objects(model, group, kind, manner);
        findings.extend(groups.iter().map(finding));
    };
    of_objects(&verdict.leaks.lasting, "lasting");
    if counting != Counting::Lasting {
        of_objects(&verdict.abandoned, "abandoned");
    }
    for segment in &verdict.unrecorded {
        let size = words::size(segment.size);
        findings.push(Finding {
            kind: "unrecorded",
            what: format!(
                "shmid {} {size}: never removed, made by a call that was not recorded",
                segment.shmid
            ),
            count: 1,
            bytes: segment.size,
            examples: String::new(),
            who: format!("pid {}", segment.cpid),
            call: "shmget",
            places: Vec::new(),
            signature: signature("unrecorded", "shmget", "?", &[]),
        });
    }
    if counting == Counting::All {
        findings.extend(held(verdict, model, symbols, manner));
    }
    findings
}

fn held(verdict: &Verdict, model: &Model, symbols: &mut Symbols, manner: Manner) -> Vec<Finding> {
    let mut findings = Vec::new();
    for holders in groups::holds(model, symbols, &verdict.leaks.held, manner.sort) {
        let first = holders
            .processes
            .first()
            .and_then(|first| model.process(*first));
        let program = first.map_or("?", |process| process.program());
        for group in &holders.held {
            findings.push(Finding {
                kind: "held",
                what: format!("{} still held at {}", group.label(model), holders.how),
                count: group.count,
                bytes: group.bytes,
                examples: String::new(),
                who: groups::makers(model, &holders.processes),
                call: group.first.site.call,
                places: group.places.clone(),
                signature: group.signature(program),
            });
        }
    }
    findings
}

/// The signatures of findings, and how many leaks each stands for.
#[must_use]
pub fn signatures(findings: &[Finding]) -> BTreeMap<String, u64> {
    let mut known = BTreeMap::new();
    for finding in findings {
        *known.entry(finding.signature.clone()).or_insert(0) += finding.count;
    }
    known
}

impl Verdict {
    /// Takes out what is suppressed, and what the baseline knows.
    pub fn pass_over(
        &mut self,
        model: &Model,
        symbols: &mut Symbols,
        suppressions: &Suppressions,
        baseline: &Baseline,
    ) {
        let mut untold = Untold::default();
        let mut of_objects = |ids: &mut Vec<ObjectId>, kind| {
            if !suppressions.is_empty() {
                let before = ids.len();
                ids.retain(|id| {
                    let told = |object: &crate::model::Object| {
                        let frames = symbols.site(model, &object.first.site);
                        !suppressions.holds(&object.name(), &frames)
                    };
                    model.object(*id).is_some_and(told)
                });
                untold.suppressed += before - ids.len();
            }
            for group in groups::objects(model, symbols, ids, groups::Sort::default()) {
                if baseline.knows(&group.signature(model, kind)) {
                    untold.known += group.objects.len();
                    let known: std::collections::HashSet<_> = group.objects.iter().collect();
                    ids.retain(|id| !known.contains(id));
                }
            }
        };
        of_objects(&mut self.leaks.lasting, "lasting");
        of_objects(&mut self.abandoned, "abandoned");
        self.leaks.held.retain(|id| {
            let Some(hold) = model.hold(*id) else {
                return false;
            };
            let object = model.object(hold.object);
            let name = object.map_or(String::new(), crate::model::Object::name);
            let told = suppressions.is_empty()
                || !suppressions.holds(&name, &symbols.site(model, &hold.site));
            let known = told && {
                let program = model.process(hold.process);
                let program = program.map_or("?", |process| process.program());
                let places = symbols.nearest(model, &hold.site);
                baseline.knows(&signature("held", hold.site.call, program, &places))
            };
            untold.suppressed += usize::from(!told);
            untold.known += usize::from(known);
            told && !known
        });
        self.untold = untold;
    }
}
