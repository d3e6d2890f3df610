//! What the recording cannot say, said.

use partage_report::style::{Role, Style};
use partage_report::{Model, Recording};

/// Remarks on what is missing; empty if nothing is.
pub(crate) fn limits(recording: &Recording, model: &Model, style: Style) -> String {
    let mut text = String::new();
    let remarks = partage_report::limits::remarks(recording, model);
    let deaths = partage_report::deaths::remarks(recording, model);
    for remark in deaths.iter().chain(&remarks) {
        text += &style.paint(Role::Error, "note:");
        text += &format!(" {remark}\n");
    }
    text
}
