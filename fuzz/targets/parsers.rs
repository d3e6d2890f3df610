//! The small parsers: names of objects, numbers and paths of options, sizes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partage_core::posix::name::{Flavor, Use, file_name, translate};
use partage_core::text;

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
    if let Ok(word) = std::str::from_utf8(bytes)
        && let Some(size) = partage_report::parse_size(word)
    {
        assert_eq!(partage_report::parse_size(&size.to_string()), Some(size));
    }
});
