//! The page for browsers, in one where there is one: opened, searched, zoomed, clicked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_report::style::Style;
use partage_report::symbols::Symbols;
use partage_report::verdict::Verdict;
use partage_report::{Filter, Model, html};
use partage_tests::process::run_bounded;
use std::time::Duration;

use crate::scene;
use crate::support::Scratch;

fn page() -> String {
    let recording = scene::recording();
    let model = Model::of(&recording);
    let verdict = Verdict::of(&recording, &model);
    let mut symbols = Symbols::new();
    assert!(!verdict.text(&model, &mut symbols, Style::PLAIN).is_empty());
    html::page(&recording, &Filter::default(), &mut symbols, &verdict)
}

#[test]
fn one_file_without_network() {
    let page = page();
    for word in ["http:", "https:", "src=", "@import", "url(", "/*DATA*/"] {
        assert!(!page.contains(word), "{word}");
    }
    let start = "id=\"data\">";
    let data = page.split_once(start).unwrap().1;
    let data = data.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let objects = data["objects"]["group"].as_array().unwrap();
    assert_eq!(
        objects.len(),
        Model::of(&scene::recording()).objects().count()
    );
    assert_eq!(data["failures"].as_array().unwrap().len(), 4);
    assert!(data["leaks"].as_array().unwrap().len() >= 2);
    // What a process calls itself ends no element and runs no script.
    assert!(data.to_string().contains("client <new>"));
}

/// Asked in the page itself, after everything else has run.
const QUESTIONS: &str = r##"<script>
const seen = [], body = document.body.dataset, key = (to, key) => to.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const find = (text) => { const box = document.getElementById("search"); box.value = text; box.dispatchEvent(new Event("input")); };
const span = () => body.to - body.from, whole = span(), rows = document.getElementById("rows"), all = +body.rows;
seen.push(all > 2 && whole > 0 ? "drawn" : `no rows: ${all}`);
find("queue"); seen.push(+body.rows < all && /1 of/.test(document.getElementById("matches").textContent) ? "searched" : "not searched");
seen.push(/queue/.test(document.getElementById("chosen").textContent) ? "told" : "not told");
find(""); document.getElementById("in").click(); seen.push(span() < whole * .6 ? "zoomed" : `not zoomed: ${span()}`);
const before = +body.from; key(rows, "ArrowRight"); seen.push(+body.from > before ? "moved" : "not moved");
key(window, "0"); seen.push(span() === whole ? "back" : "not back");
const first = document.getElementById("chosen").textContent; key(rows, "ArrowDown"); seen.push(document.getElementById("chosen").textContent !== first ? "chosen" : "not chosen");
const at = rows.getBoundingClientRect(); rows.dispatchEvent(new PointerEvent("pointermove", { clientX: at.left + 500, clientY: at.top + 10, bubbles: true }));
seen.push(document.getElementById("tip").hidden ? "no tip" : "tip");
const dark = document.documentElement.classList.contains("dark"); document.getElementById("theme").click();
seen.push(document.documentElement.classList.contains("dark") !== dark ? "dark" : "not dark");
document.getElementById("only").click(); seen.push(+body.rows < all ? "leaks" : "not leaks");
body.seen = seen.join(" ");
</script></body>"##;

#[test]
fn a_browser_shows_searches_and_zooms() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no chromium");
        return;
    };
    let scratch = Scratch::new();
    let file = scratch.path("page.html");
    fs::write(&file, page().replace("</body>", QUESTIONS)).unwrap();
    let mut command = Command::new(browser);
    let profile = format!("--user-data-dir={}", scratch.path("profile").display());
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1300,900",
        ])
        .args([&profile, "--dump-dom"])
        .arg(format!("file://{}", file.display()));
    let ended = run_bounded(&mut command, &scratch.path("log"), Duration::from_secs(60)).unwrap();
    let said = ended
        .output
        .split_once("data-seen=\"")
        .unwrap_or(("", "nothing\""))
        .1;
    let said = said.split('"').next();
    let wanted = "drawn searched told zoomed moved back chosen tip dark leaks";
    assert_eq!(said, Some(wanted));
}

fn browser() -> Option<PathBuf> {
    let names = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let mut there = names.iter().map(Path::new).filter(|path| path.exists());
    there.next().map(Path::to_path_buf)
}
