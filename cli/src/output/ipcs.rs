//! The table that `ipcs -m` of util-linux prints, byte for byte.

use super::format;
use crate::model::{DEST, LOCKED, Segment};

/// The segments in the order given.
pub(crate) fn table(segments: &[Segment]) -> String {
    let headings = ["key", "shmid", "owner", "perms", "bytes", "nattch"].map(String::from);
    let mut text = String::from("\n------ Shared Memory Segments --------\n");
    text += &line(&headings, &format!("{:<12}", "status"));
    for segment in segments {
        let flag = |bit, word| if segment.mode & bit == 0 { "" } else { word };
        let fields = [
            format::key(segment.key),
            segment.id.to_string(),
            owner(segment.owner.uid),
            format!("{:o}", segment.mode & 0o777),
            segment.size.to_string(),
            segment.nattch.to_string(),
        ];
        let status = format!("{:<6} {:<6}", flag(DEST, "dest"), flag(LOCKED, "locked"));
        text += &line(&fields, &status);
    }
    text + "\n"
}

fn line(fields: &[String; 6], status: &str) -> String {
    let padded = fields.iter().map(|field| format!("{field:<10} "));
    padded.collect::<String>() + status + "\n"
}

/// Names are cut to the width of their column, numbers are not.
fn owner(uid: u32) -> String {
    format::user(uid).chars().take(10).collect()
}
