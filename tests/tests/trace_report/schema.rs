//! Every line of the JSON format is as `docs/trace-schema.json` says, and the schema says something.

use std::path::Path;

use partage_report::{Filter, Recording, json};
use serde_json::Value;

use crate::scene;

fn validator() -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trace-schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

fn lines(recording: &Recording) -> Vec<Value> {
    let mut lines = Vec::new();
    json::write(recording, &Filter::default(), &mut |line| {
        lines.push(serde_json::from_str(line).unwrap());
    });
    lines
}

#[test]
fn every_line_is_valid() {
    let validator = validator();
    for recording in [
        scene::recording(),
        scene::crowd(30),
        Recording::of(Vec::new()),
    ] {
        for line in lines(&recording) {
            let errors: Vec<String> = validator
                .iter_errors(&line)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{line}\n{}", errors.join("\n"));
        }
    }
}

#[test]
fn all_kinds_of_lines_are_there() {
    let kinds: Vec<String> = lines(&scene::recording())
        .iter()
        .map(|line| line["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in ["process", "call", "end", "hold", "object", "totals"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}");
    }
}

#[test]
fn a_line_that_is_not_as_documented_is_refused() {
    let validator = validator();
    for line in lines(&scene::recording()) {
        let Value::Object(fields) = &line else {
            panic!()
        };
        for name in fields.keys() {
            let mut without = fields.clone();
            without.remove(name);
            let optional = ["name", "data"].contains(&name.as_str()) && line["type"] == "call";
            assert_eq!(
                validator.is_valid(&Value::Object(without)),
                optional,
                "{name} of {line}"
            );
            let mut other = fields.clone();
            other.insert(name.clone(), Value::Array(vec![Value::Array(Vec::new())]));
            assert!(
                !validator.is_valid(&Value::Object(other)),
                "{name} of {line}"
            );
        }
        let mut more = fields.clone();
        more.insert("surplus".into(), Value::Null);
        assert!(!validator.is_valid(&Value::Object(more)));
    }
}
