//! A page that shows a recording: one file without network, for any browser.
//!
//! The page holds the data as JSON, and a script that draws it (`page.js`): the timeline with a row for each place where
//! objects were made, leaks, failed calls.

mod data;
mod series;

use crate::Filter;
use crate::findings;
use crate::groups::{Manner, Sort};
use crate::recording::Recording;
use crate::style::Style;
use crate::symbols::Symbols;
use crate::verdict::{Counting, Verdict};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The recording as a page. The verdict, of the model of the same recording, says what leaked.
#[must_use]
pub fn page(
    recording: &Recording,
    filter: &Filter,
    symbols: &mut Symbols,
    verdict: &Verdict,
) -> String {
    let (model, walked) = data::walk(recording, filter, symbols);
    let manner = Manner {
        style: Style::PLAIN,
        sort: Sort::Bytes,
        examples: 5,
    };
    let leaks = findings::list(verdict, &model, symbols, Counting::All, manner);
    let data = data::collect(&model, filter, symbols, walked, verdict, leaks);
    // Within a script element nothing else ends it.
    let json = serde_json::to_string(&data).unwrap_or_default();
    let json = json.replace("</", "<\\/").replace("<!--", "<\\u0021--");
    let parts = [
        ("/*STYLE*/", STYLE),
        ("/*DATA*/", &json),
        ("/*SCRIPT*/", SCRIPT),
    ];
    let mut page = String::new();
    let mut rest = PAGE;
    for (mark, part) in parts {
        let Some((before, behind)) = rest.split_once(mark) else {
            continue;
        };
        page += before;
        page += part;
        rest = behind;
    }
    page + rest
}
