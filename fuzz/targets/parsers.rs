//! The small parsers: names of objects, numbers and paths of options, sizes of limits, heads of programs.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "the files are used in part")]

use libfuzzer_sys::fuzz_target;
use partage_core::posix::name::{Flavor, Use, file_name, translate};

#[path = "../../cli/src/launch/elf.rs"]
mod elf;
#[path = "../../core/src/text.rs"]
mod text;

mod failure {
    /// What the parsers of the command need of its errors.
    #[derive(Debug)]
    pub struct Failure;

    impl Failure {
        pub fn new(_: impl std::fmt::Display) -> Self {
            Failure
        }

        pub fn advise(self, _: impl std::fmt::Display) -> Self {
            self
        }
    }
}

#[path = "../../cli/src/launch/limits.rs"]
mod limits;

fn name(bytes: &[u8]) {
    for flavor in [Flavor::Glibc, Flavor::Musl] {
        for purpose in [Use::Open, Use::Unlink] {
            match file_name(bytes, flavor, purpose) {
                Ok(name) => {
                    assert!(!name.is_empty() && name.len() < 260 && !name.contains(&b'/'));
                    assert!(bytes.ends_with(name));
                    let front = bytes.split_at(bytes.len() - name.len()).0;
                    assert!(front.iter().all(|&byte| byte == b'/'));
                }
                Err(error) => {
                    assert!(translate(error, flavor, purpose).name() != "E?");
                }
            }
        }
    }
}

fn number(bytes: &[u8]) {
    let Some(value) = text::parse_number(bytes) else {
        return;
    };
    let mut again = text::Text::<32>::new();
    assert_eq!(
        text::parse_number(again.push_decimal(value).bytes()),
        Some(value)
    );
    let mut again = text::Text::<32>::new();
    assert_eq!(
        text::parse_number(again.push_str("0x").push_hex(value).bytes()),
        Some(value)
    );
}

fn path(bytes: &[u8]) {
    let mut path = text::Text::<64>::new();
    path.push(bytes).push_str("/x");
    assert!(path.bytes().len() < 64);
    assert_eq!(path.as_c_str().to_bytes(), path.bytes());
    assert!(path.is_cut() || path.bytes().starts_with(bytes));
}

fuzz_target!(|bytes: &[u8]| {
    name(bytes);
    number(bytes);
    path(bytes);
    let _ = elf::inspect(bytes);
    if let Ok(word) = std::str::from_utf8(bytes) {
        let _ = limits::parse_size(word);
        if let Ok(pairs) = limits::Limits::parse(&[word.to_owned()]) {
            for (_, value) in pairs {
                assert!(text::parse_number(value.as_bytes()).is_some());
            }
        }
    }
});
