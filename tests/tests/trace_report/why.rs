//! Reasons of failed calls, as the lines of the calls tell them.

use partage_report::style::Style;
use partage_report::text::{Options, Timestamps};
use partage_report::{Filter, Recording};
use partage_tests::shown::lines;
use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State};

use crate::scene::SERVER;
use crate::writer::TraceFile;

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const AT: u64 = 0x7f00_0000_0000;

/// The last line of these calls.
#[track_caller]
fn expect(words: &str, calls: impl FnOnce(&mut TraceFile)) {
    let mut file = TraceFile::new(SERVER, 1, Origin::Exec, 1000, "/bin/x");
    calls(&mut file);
    let recording = Recording::of(vec![file.image(State::Running, 0)]);
    let options = Options {
        timestamps: Timestamps::None,
        durations: false,
        callers: false,
        quiet: false,
        style: Style::PLAIN,
    };
    let text = lines(&recording, options, Filter::default());
    let line = text.lines().rfind(|line| line.contains(" = -1 E")).unwrap();
    if words.is_empty() {
        assert_eq!(line.matches('#').count(), 0, "{line}");
    } else {
        assert!(line.contains(words), "{words} is not in: {line}");
    }
}

#[test]
fn names_that_are_gone() {
    let made = |file: &mut TraceFile| {
        file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, "/x");
    };
    expect(
        "removed before by pid 5000100 (x --fast), shm_unlink",
        |file| {
            made(file);
            file.named(Call::ShmUnlink, &[0], 0, "/x");
            file.failed(Call::ShmOpen, &[0, 2, 0], ENOENT, "/x");
        },
    );
    expect("somebody outside the recording has removed it", |file| {
        made(file);
        file.failed(Call::Unlink, &[0], ENOENT, "/dev/shm/x");
    });
    expect(
        "removed before by pid 5000100 (x --fast), sem_unlink",
        |file| {
            file.named(Call::SemOpen, &[0, 0o300, 0o600, 1], AT as i64, "/lock");
            file.named(Call::SemUnlink, &[0], 0, "/lock");
            file.failed(Call::SemOpen, &[0, 0, 0, 0], ENOENT, "/lock");
        },
    );
    expect("pid 5000100 (x --fast) has it from shm_open", |file| {
        made(file);
        file.failed(Call::ShmOpen, &[0, 0o302, 0o600], EEXIST, "/x");
    });
    expect("", |file| {
        file.failed(Call::ShmOpen, &[0, 2, 0], ENOENT, "/never");
    });
}

#[test]
fn ids_keys_and_addresses() {
    let made = |file: &mut TraceFile| {
        file.call(Call::Shmget, &[0xf00f, 4096, 0o3600], 7);
    };
    expect(
        "0xf00f is the key of shmid 7; the call takes the id",
        |file| {
            made(file);
            file.failed(Call::Shmctl, &[0xf00f, 0, 0], EINVAL, "");
        },
    );
    expect("removed before by pid 5000100", |file| {
        made(file);
        file.call(Call::Shmctl, &[7, 0, 0], 0);
        file.failed(Call::Shmat, &[7, 0, 0], EINVAL, "");
    });
    expect("64 bytes inside the attachment of shmid 7", |file| {
        made(file);
        file.call(Call::Shmat, &[7, 0, 0, 4096], AT as i64);
        file.failed(Call::Shmdt, &[AT + 64], EINVAL, "");
    });
    expect(
        "the segment has 4 KiB, less than the 8 KiB asked for",
        |file| {
            made(file);
            file.failed(Call::Shmget, &[0xf00f, 8192, 0], EINVAL, "");
        },
    );
}
