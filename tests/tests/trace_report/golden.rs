//! Golden texts of every format. With `PARTAGE_BLESS=1` in the environment they are written instead of compared.

use std::path::Path;

use partage_report::style::Style;
use partage_report::symbols::Symbols;
use partage_report::text::{Options, Timestamps};
use partage_report::verdict::{Counting, Verdict};
use partage_report::{Filter, Model, findings, json, limits, perfetto, sarif, summary, timeline};

use partage_tests::shown::lines;

use crate::scene;

const PLAIN: Options = Options {
    timestamps: Timestamps::None,
    durations: false,
    callers: false,
    quiet: false,
    style: Style::PLAIN,
};

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/trace")
        .join(name);
    if std::env::var_os("PARTAGE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    for (number, (wanted, got)) in wanted.lines().zip(text.lines()).enumerate() {
        assert_eq!(wanted, got, "{name}, line {}", number + 1);
    }
    assert_eq!(
        wanted.lines().count(),
        text.lines().count(),
        "lines of {name}"
    );
}

#[test]
fn text() {
    let recording = scene::recording();
    compare("calls.txt", &lines(&recording, PLAIN, Filter::default()));
    let full = Options {
        timestamps: Timestamps::Wall,
        durations: true,
        callers: true,
        quiet: false,
        style: Style { colour: true },
    };
    compare(
        "calls-full.txt",
        &lines(&recording, full, Filter::default()),
    );
    let relative = Options {
        timestamps: Timestamps::Relative,
        ..PLAIN
    };
    compare(
        "calls-relative.txt",
        &lines(&recording, relative, Filter::default()),
    );
}

#[test]
fn filters() {
    let recording = scene::recording();
    let of = |filter| lines(&recording, PLAIN, filter);
    let object = |name: &str| Filter {
        objects: vec![name.to_owned()],
        ..Filter::default()
    };
    for name in ["7", "shmid 7", "0x5eed", "key 0x5eed"] {
        let text = of(object(name));
        assert_eq!(text.lines().count(), 10, "{name}:\n{text}");
        assert!(
            text.lines()
                .all(|line| line.contains("# shmid 7 \"key 0x5eed\"")),
            "{text}"
        );
    }
    assert_eq!(of(object("/queue")).lines().count(), 5);
    assert_eq!(of(object("memfd:scratch")).lines().count(), 1);
    let errors = of(Filter {
        errors: true,
        ..Filter::default()
    });
    assert_eq!(errors.lines().count(), 4);
    assert!(errors.lines().all(|line| line.contains("= -1 E")));
    let calls = of(Filter {
        calls: vec!["shmat".into(), "shmdt".into()],
        ..Filter::default()
    });
    assert_eq!(calls.lines().count(), 6);
    let began = recording.began().unwrap();
    let early = of(Filter {
        until: Some(began + 1),
        ..Filter::default()
    });
    let late = of(Filter {
        since: Some(began + 1),
        ..Filter::default()
    });
    let everything = of(Filter::default());
    assert!(!early.contains("shmat(") && late.contains("shmat("));
    let calls = |text: &str| text.lines().filter(|line| line.contains(" = ")).count();
    assert_eq!(calls(&early) + calls(&late), calls(&everything));
    let client = of(Filter {
        pids: vec![scene::CLIENT],
        ..Filter::default()
    });
    assert!(client.lines().all(|line| line.starts_with("[pid 5000200")));
    let program = |name: &str| {
        of(Filter {
            programs: vec![name.to_owned()],
            ..Filter::default()
        })
    };
    assert_eq!(program("client*"), client);
    let server = program("server");
    assert!(!server.contains("[pid 5000200") && server.contains("[pid 5000101"));
    let number = |text: &str| text.lines().count();
    assert_eq!(number(&server) + number(&client), number(&everything));
    assert_eq!(program("serv"), "");
    let quiet = Options {
        quiet: true,
        ..PLAIN
    };
    let quiet = lines(&recording, quiet, Filter::default());
    assert_eq!(quiet.lines().filter(|line| line.contains("+++")).count(), 0);
}

#[test]
fn summary_and_leaks() {
    let recording = scene::recording();
    let text = summary::text(&recording, &Filter::default(), Style::PLAIN);
    compare("summary.txt", &text);
    let model = Model::of(&recording);
    let found = Verdict::of(&recording, &model);
    let mut text = found.text(&model, &mut Symbols::new(), Style::PLAIN);
    for remark in limits::remarks(&recording, &model) {
        text += &format!("note: {remark}\n");
    }
    compare("leaks.txt", &text);
}

#[test]
fn sarif_document() {
    let recording = scene::recording();
    let model = Model::of(&recording);
    let mut verdict = Verdict::of(&recording, &model);
    verdict.doubts.push("something was not seen".to_owned());
    let manner = Style::PLAIN.into();
    let found = findings::list(&verdict, &model, &mut Symbols::new(), Counting::All, manner);
    let text = sarif::text(&found, &verdict, Path::new("/srv"));
    let version = env!("CARGO_PKG_VERSION");
    compare("leaks.sarif", &text.replace(version, "VERSION"));
}

#[test]
fn json_lines() {
    let mut text = String::new();
    json::write(&scene::recording(), &Filter::default(), &mut |line| {
        text += line
    });
    compare("calls.jsonl", &text);
}

#[test]
fn perfetto_document() {
    let mut text = String::new();
    perfetto::write(&scene::recording(), &Filter::default(), &mut |piece| {
        text += piece
    });
    compare("perfetto.json", &text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = document["traceEvents"].as_array().unwrap();
    for event in events {
        assert!(
            event["ph"].is_string() && event["pid"].is_number(),
            "{event}"
        );
    }
    let count = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    // The worker and the client attach what the server has made.
    assert_eq!((count("s"), count("f")), (2, 2));
    assert_eq!(count("b"), count("e"));
}

#[test]
fn picture() {
    let model = Model::of(&scene::recording());
    compare("timeline.svg", &timeline::draw(&model, &Filter::default()));
}
