//! Limits against what is used of them: of the kernel's segments, and of a namespace's.

use super::finding::Finding;
use crate::model::{Limits, Segment};
use crate::output::format;
use nix::unistd::Uid;

/// Whose limits they are.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    Kernel,
    /// The namespace in this directory, as a shell takes it, and its owner.
    Namespace(&'a str, u32),
}

/// A share of a limit from which on it is worth a word.
const MUCH: u128 = 80;

/// How the limits stand, and what could be freed.
pub(super) fn look(whose: Whose, limits: &Limits, segments: &[Segment]) -> Vec<Finding> {
    let orphans: Vec<&Segment> = segments
        .iter()
        .filter(|segment| segment.is_orphan())
        .collect();
    let count = Gauge {
        name: "shmmni",
        used: segments.len() as u64,
        limit: limits.shmmni,
        shown: |number| number.to_string(),
        freed: orphans.len() as u64,
        unit: "segments",
    };
    let sum = |pages: u64, segment: &Segment| pages.saturating_add(pages_of(segment));
    let pages = Gauge {
        name: "shmall",
        used: segments.iter().fold(0, sum),
        freed: orphans.iter().copied().fold(0, sum),
        limit: limits.shmall,
        shown: |pages| format::size(pages.saturating_mul(page_size())),
        unit: "of memory in segments",
    };
    let mut findings = Vec::new();
    for gauge in [&count, &pages] {
        findings.extend(gauge.finding(whose, &orphans));
    }
    if limits.shmmax < SMALL_SEGMENT {
        let shmmax = format::size(limits.shmmax);
        let what = format!("{} allows no segment above {shmmax}", whose.limit("shmmax"));
        findings.push(Finding::note(
            what,
            "programs that want a larger one get EINVAL: raise the limit",
            whose.raise("shmmax", 1 << 30),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::good(format!(
            "{}: {} of {}, {} of {} of memory in them",
            whose.title(),
            segments.len(),
            format::count(limits.shmmni as usize, "segment"),
            format::size(pages.used.saturating_mul(page_size())),
            format::size(limits.shmall.saturating_mul(page_size())),
        )));
    }
    findings
        .into_iter()
        .map(|finding| finding.about(whose.check()))
        .collect()
}

/// Below this, many a program does not start.
const SMALL_SEGMENT: u64 = 32 << 20;

struct Gauge {
    name: &'static str,
    used: u64,
    /// So much less is used without the orphans.
    freed: u64,
    limit: u64,
    shown: fn(u64) -> String,
    unit: &'static str,
}

impl Gauge {
    /// What to say if it is used up, or nearly.
    fn finding(&self, whose: Whose, orphans: &[&Segment]) -> Option<Finding> {
        let share = u128::from(self.used) * 100 / u128::from(self.limit.max(1));
        if share < MUCH {
            return None;
        }
        let full = self.used >= self.limit;
        let what = format!(
            "{} is {}: {} of {} {}; {}",
            whose.limit(self.name),
            if full { "used up" } else { "nearly used up" },
            (self.shown)(self.used),
            (self.shown)(self.limit),
            self.unit,
            told(orphans),
        );
        let helps = !orphans.is_empty() && self.used.saturating_sub(self.freed) < self.limit;
        let (advice, command) = match helps {
            true => whose.remove(orphans),
            false => {
                let more = self.limit.max(self.used).saturating_mul(2);
                ("raise the limit", whose.raise(self.name, more))
            }
        };
        Some(match full {
            true => Finding::problem(what, format!("shmget fails with ENOSPC: {advice}"), command),
            false => Finding::note(what, advice, command),
        })
    }
}

/// `no orphans`, or how many, how much and whose.
fn told(orphans: &[&Segment]) -> String {
    if orphans.is_empty() {
        return "none of them is an orphan".to_owned();
    }
    let mut users: Vec<u32> = orphans.iter().map(|segment| segment.owner.uid).collect();
    users.sort_unstable();
    users.dedup();
    let names: Vec<String> = users.into_iter().map(format::user).collect();
    let bytes = orphans.iter().map(|segment| segment.size);
    format!(
        "{} of {} (nobody is attached), {} of {}",
        format::count(orphans.len(), "orphan"),
        format::size(bytes.fold(0, u64::saturating_add)),
        if names.len() == 1 { "all" } else { "those" },
        names.join(", ")
    )
}

impl Whose<'_> {
    fn check(self) -> &'static str {
        match self {
            Self::Kernel => "kernel-limits",
            Self::Namespace(..) => "namespace-limits",
        }
    }

    fn title(self) -> String {
        match self {
            Self::Kernel => "the kernel's limits are far".to_owned(),
            Self::Namespace(directory, _) => format!("the limits of {directory} are far"),
        }
    }

    fn limit(self, name: &str) -> String {
        match self {
            Self::Kernel => format!("kernel.{name}"),
            Self::Namespace(directory, _) => format!("{name} of {directory}"),
        }
    }

    /// What to do, and how: others' segments only root removes, if he says so.
    fn remove(self, orphans: &[&Segment]) -> (&'static str, String) {
        let command = match self {
            Self::Kernel => "partage rm --backend kernel --orphans".to_owned(),
            Self::Namespace(directory, _) => format!("partage rm --orphans --dir {directory}"),
        };
        // Of who will type it, not of the user as whom doctor looks.
        let me = Uid::current();
        let is_mine = |orphan: &&Segment| orphan.owner.uid == me.as_raw();
        if orphans.iter().all(is_mine) {
            return ("remove the orphans", command);
        }
        let advice = match me.is_root() {
            true => "remove the orphans",
            false => "remove the orphans, as root",
        };
        let whose = match self {
            // In another user's namespace root takes part as that user.
            Self::Namespace(_, owner) if owner != 0 => format!(" --user {}", format::user(owner)),
            _ => " --all-users".to_owned(),
        };
        (advice, command + &whose)
    }

    /// A namespace has its limits for life: a shell gets one with others.
    fn raise(self, name: &str, value: u64) -> String {
        match self {
            Self::Kernel => format!("sysctl -w kernel.{name}={value}"),
            Self::Namespace(..) => {
                format!("partage run --private --limits {name}={value} -- sh")
            }
        }
    }
}

fn pages_of(segment: &Segment) -> u64 {
    segment.size.div_ceil(page_size())
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok().flatten().map_or(4096, |size| size as u64)
}
