//! A member's life while words of the registry change and files are replaced: what is changed and what is called, the
//! input says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partage_fuzz::{isolated, namespace::Namespace};
use partage_reliability::hostile::{self, Bytes, Choices, Core, Victim};
use std::sync::OnceLock;

/// More steps tell nothing new.
const STEPS: usize = 40;

static NAMESPACE: OnceLock<Namespace> = OnceLock::new();

fn life(namespace: &Namespace, bytes: &[u8]) -> Vec<String> {
    let mut choices = Bytes::new(bytes);
    // Before anybody has attached anything, files may be cut short too.
    let mut all_whole = true;
    for _ in 0..choices.below(4) {
        all_whole &= !namespace.trick(&mut choices, false);
    }
    for _ in 0..choices.below(8) {
        namespace.mutate(&mut choices);
    }
    let mut victim = Victim::<Core>::new(all_whole);
    for _ in 0..STEPS {
        if choices.is_empty() {
            break;
        }
        match choices.below(16) {
            0 => {
                namespace.trick(&mut choices, true);
            }
            1..=9 => namespace.mutate(&mut choices),
            10 => {
                let _ = hostile::view(namespace.directory());
            }
            _ => {}
        }
        victim.call(&mut choices);
    }
    let _ = hostile::view(namespace.directory());
    // A registry that cannot be repaired is refused; one that can be must be right afterwards.
    let mut findings = hostile::repair(namespace.directory()).unwrap_or_default();
    findings.extend(victim.end().0);
    findings
}

fuzz_target!(
    init: {
        let made = Namespace::make().expect("a namespace");
        assert!(NAMESPACE.set(made).is_ok());
    },
    |bytes: &[u8]| {
        let namespace = NAMESPACE.get().expect("made at the start");
        isolated::run(|| life(namespace, bytes));
        namespace.restore().expect("put back");
    }
);
