//! What of a recording to show.

use crate::event::Event;
use crate::model::{Kind, Object};

/// What to show; an empty list lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Calls, by name.
    pub calls: Vec<String>,
    /// Objects: `shmid 7`, `7`, `0x5eed` or `key 0x5eed`, `/name`, `memfd:name`; or a part of what a line calls them.
    pub objects: Vec<String>,
    /// Processes.
    pub pids: Vec<u32>,
    /// Failed calls only.
    pub errors: bool,
}

impl Filter {
    /// Whether this call, which is about this object, is to be shown.
    #[must_use]
    pub fn passes(&self, event: &Event, object: Option<&Object>) -> bool {
        let call = event.call_name();
        event.is_call()
            && (!self.errors || event.failed())
            && (self.pids.is_empty() || self.pids.contains(&event.pid))
            && (self.calls.is_empty() || self.calls.iter().any(|name| name == call))
            && (self.objects.is_empty() || object.is_some_and(|object| self.wants(object)))
    }

    /// Whether this object is to be shown.
    #[must_use]
    pub fn wants(&self, object: &Object) -> bool {
        self.objects.is_empty() || self.objects.iter().any(|wanted| is_meant(wanted, object))
    }

    /// Whether this process is to be shown.
    #[must_use]
    pub fn wants_process(&self, pid: u32) -> bool {
        self.pids.is_empty() || self.pids.contains(&pid)
    }
}

fn is_meant(wanted: &str, object: &Object) -> bool {
    if let Kind::Segment { shmid, key } = object.kind {
        let number = |word: &str| match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(|key| key as i32),
            None => word.parse().ok(),
        };
        if let Some(id) = wanted.strip_prefix("shmid ") {
            return number(id) == Some(shmid);
        }
        if let Some(word) = wanted.strip_prefix("key ") {
            return number(word).is_some() && number(word) == key;
        }
        if let Some(number) = number(wanted) {
            return if wanted.starts_with("0x") {
                key == Some(number)
            } else {
                shmid == number
            };
        }
    }
    match &object.kind {
        Kind::Named(name) => name.trim_start_matches('/') == wanted.trim_start_matches('/'),
        _ => object.name().contains(wanted),
    }
}
