//! The pictures are well-formed and hold what they should. With `PARTAGE_PICTURES=DIR` in the environment they are kept
//! there, to be looked at.

use partage_report::{Filter, Model, timeline};

use crate::scene;

/// Checks that every element is closed and every attribute and text escaped; how many elements of this name there are.
fn elements(svg: &str, wanted: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut count = 0;
    let mut rest = svg
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        .unwrap();
    while let Some((text, tail)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        for entity in text.split('&').skip(1) {
            let (name, _) = entity.split_once(';').unwrap();
            assert!(["amp", "lt", "gt", "quot"].contains(&name), "{name}");
        }
        let (tag, tail) = tail.split_once('>').unwrap();
        rest = tail;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        count += usize::from(name == wanted);
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    count
}

#[test]
fn any_number_of_objects() {
    for number in [0, 1, 5, 500] {
        let model = Model::of(&scene::crowd(number));
        let svg = timeline::draw(&model, &Filter::default());
        if let Some(dir) = std::env::var_os("PARTAGE_PICTURES") {
            let file = std::path::Path::new(&dir).join(format!("{number}.svg"));
            std::fs::write(file, &svg).unwrap();
        }
        assert!(elements(&svg, "rect") as u64 > number);
        assert_eq!(svg.matches("class=\"life\"").count() as u64, number);
        let leaks = (0..number).filter(|number| number % 10 == 3).count();
        assert_eq!(svg.matches("class=\"leak\"").count(), leaks);
    }
}

#[test]
fn very_many_objects_are_told_and_not_drawn() {
    let model = Model::of(&scene::crowd(3000));
    let svg = timeline::draw(&model, &Filter::default());
    elements(&svg, "rect");
    assert_eq!(svg.matches("class=\"life\"").count(), 500);
    // Those that leaked are among them.
    assert_eq!(svg.matches("class=\"leak\"").count(), 300);
    assert!(svg.contains("2500 objects more: too many for a picture"));
}

#[test]
fn names_are_escaped() {
    let model = Model::of(&scene::recording());
    let svg = timeline::draw(&model, &Filter::default());
    elements(&svg, "rect");
    assert!(svg.contains("client &lt;new&gt;"));
}

#[test]
fn filters_pick_rows() {
    let model = Model::of(&scene::recording());
    let filter = Filter {
        objects: vec!["/queue".into()],
        ..Filter::default()
    };
    let svg = timeline::draw(&model, &filter);
    assert_eq!(svg.matches("class=\"life\"").count(), 1);
}
