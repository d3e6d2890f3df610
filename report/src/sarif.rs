//! Leaks as SARIF 2.1.0, which code scanners and editors read.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::ci;
use crate::findings::Finding;
use crate::symbols::Frame;
use crate::verdict::Verdict;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What relative paths are relative to.
const ROOT: &str = "SRCROOT";

/// A kind of finding.
struct Rule {
    /// As in [`Finding::kind`].
    kind: &'static str,
    name: &'static str,
    level: &'static str,
    short: &'static str,
    help: &'static str,
}

const RULES: [Rule; 4] = [
    Rule {
        kind: "lasting",
        name: "SharedMemoryLeak",
        level: "error",
        short: "Shared memory stays in the system.",
        help: "Remove the segment with shmctl(IPC_RMID), the object with shm_unlink, the semaphore with sem_unlink.",
    },
    Rule {
        kind: "abandoned",
        name: "SharedMemoryAbandoned",
        level: "warning",
        short: "Shared memory was left by its maker and cleaned up by another process.",
        help: "Let the process remove it that made it, on its ways to fail as well.",
    },
    Rule {
        kind: "held",
        name: "SharedMemoryHeld",
        level: "warning",
        short: "An attachment, mapping or descriptor was still held when the process ended.",
        help: "Give it back with shmdt, munmap or close.",
    },
    Rule {
        kind: "unrecorded",
        name: "SharedMemoryLeakUnrecorded",
        level: "error",
        short: "A segment stays in the system that a call made which was not recorded.",
        help: "Remove the segment with shmctl(IPC_RMID).",
    },
];

/// The document: its version comes first, as the standard wishes.
#[derive(Serialize)]
struct Log {
    version: &'static str,
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Value; 1],
}

/// The document. Paths below `root` are relative to it. What could not be judged is told as notifications of the run.
#[must_use]
pub fn text(findings: &[Finding], verdict: &Verdict, root: &Path) -> String {
    let doubts = verdict.reasons().into_iter().map(|doubt| {
        json!({"level": "warning", "message": {"text": doubt}, "descriptor": {"id": "cannot-tell"}})
    });
    let run = json!({
        "tool": {"driver": {
            "name": "partage",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            "notifications": [{
                "id": "cannot-tell",
                "shortDescription": {"text": "It cannot be told whether anything leaked."},
            }],
        }},
        "invocations": [{
            "executionSuccessful": true,
            "toolExecutionNotifications": doubts.collect::<Vec<_>>(),
        }],
        "originalUriBaseIds": {ROOT: {"uri": directory(root)}},
        "results": findings.iter().map(|finding| result(finding, root)).collect::<Vec<_>>(),
    });
    let log = Log {
        version: "2.1.0",
        schema: SCHEMA,
        runs: [run],
    };
    // Strings, numbers and lists of them always have a JSON form.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.kind,
        "name": rule.name,
        "shortDescription": {"text": rule.short},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
    })
}

fn result(finding: &Finding, root: &Path) -> Value {
    let index = RULES.iter().position(|rule| rule.kind == finding.kind);
    let level = index.and_then(|index| RULES.get(index));
    let message = format!("{}\n{}", finding.what, ci::description(finding));
    let mut result = json!({
        "ruleId": finding.kind,
        "ruleIndex": index,
        "level": level.map(|rule| rule.level),
        "message": {"text": message.trim_end()},
        "occurrenceCount": finding.count,
        "partialFingerprints": {"leakPlace/v1": finding.signature},
        "properties": {"bytes": finding.bytes},
    });
    let nearest = finding.places.iter().find(|place| place.line.is_some());
    if let (Some(place), Some(fields)) =
        (nearest.or(finding.places.first()), result.as_object_mut())
    {
        let frames = finding.places.iter().map(|place| frame(place, root));
        let stack =
            json!({"message": {"text": finding.call}, "frames": frames.collect::<Vec<_>>()});
        fields.insert("locations".to_owned(), json!([location(place, root)]));
        fields.insert("stacks".to_owned(), json!([stack]));
    }
    result
}

fn frame(place: &Frame, root: &Path) -> Value {
    let mut frame = json!({"location": location(place, root)});
    if let (Some(module), Some(fields)) = (&place.module, frame.as_object_mut()) {
        fields.insert("module".to_owned(), json!(module));
    }
    frame
}

/// Where it is: the source line, else the program's file.
fn location(place: &Frame, root: &Path) -> Value {
    let mut location = json!({"message": {"text": place.label()}});
    let Some(fields) = location.as_object_mut() else {
        return location;
    };
    let physical = match (&place.line, &place.module) {
        (Some((file, line)), _) => {
            let mut physical = json!({"artifactLocation": artifact(file, root)});
            // Line 0 is the compiler's word for none.
            if let (1.., Some(fields)) = (*line, physical.as_object_mut()) {
                fields.insert("region".to_owned(), json!({"startLine": line}));
            }
            Some(physical)
        }
        (None, Some(module)) => Some(json!({"artifactLocation": artifact(module, root)})),
        (None, None) => None,
    };
    if let Some(physical) = physical {
        fields.insert("physicalLocation".to_owned(), physical);
    }
    if let Some(function) = &place.function {
        let logical = json!([{"fullyQualifiedName": function, "kind": "function"}]);
        fields.insert("logicalLocations".to_owned(), logical);
    }
    location
}

fn artifact(file: &str, root: &Path) -> Value {
    match Path::new(file).strip_prefix(root) {
        Ok(below) => json!({"uri": uri(&below.to_string_lossy()), "uriBaseId": ROOT}),
        Err(_) if file.starts_with('/') => json!({"uri": format!("file://{}", uri(file))}),
        Err(_) => json!({"uri": uri(file)}),
    }
}

/// A directory's URI, which ends with a slash.
fn directory(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("file://{}/", uri(path.trim_end_matches('/')))
}

/// A path as the path of a URI.
fn uri(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => text += &format!("%{byte:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let root = Path::new("/home/a b");
        assert_eq!(directory(root), "file:///home/a%20b/");
        assert_eq!(directory(Path::new("/")), "file:///");
        let below = artifact("/home/a b/src/ü:1.c", root);
        assert_eq!(
            below,
            json!({"uri": "src/%C3%BC%3A1.c", "uriBaseId": "SRCROOT"})
        );
        let outside = artifact("/opt/x%.c", root);
        assert_eq!(outside, json!({"uri": "file:///opt/x%25.c"}));
        assert_eq!(artifact("rel/a.c", root), json!({"uri": "rel/a.c"}));
    }
}
