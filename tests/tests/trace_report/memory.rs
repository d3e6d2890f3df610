//! What a long recording costs in memory: counted, byte by byte, for each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use partage_report::style::Style;
use partage_report::text::{Options, Timestamps, Writer};
use partage_report::{Filter, Model, Recording, json, perfetto, stream::Stream};
use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State};

use crate::scene;
use crate::support::Scratch;
use crate::writer::TraceFile;

/// The system's allocator, with the bytes that each thread has and had at most.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends has no count any more, and needs none.
    let now = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        now.get()
    });
    if let Ok(now) = now {
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing, since the cells are constants
// that need no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the same promises to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above; `place` came from `alloc`, and so from the system.
        unsafe { System.dealloc(place, layout) }
    }
}

/// The most bytes that this thread had during `what`, over those that it had before.
fn peak(what: impl FnOnce()) -> isize {
    let before = NOW.get();
    PEAK.set(before);
    what();
    PEAK.get() - before
}

/// A recording of so many rounds: an attachment of a segment that stays, a segment of its own, a call that fails, an
/// object.
fn recording(path: &Path, rounds: u64) -> Recording {
    let mut file = TraceFile::new(scene::SERVER, 1, Origin::Exec, 1_000, "/srv/bin/server");
    file.call(Call::Shmget, &[0, 4096, 0o600], 1);
    for round in 0..rounds {
        let id = 2 + round;
        file.call(Call::Shmat, &[1, 0, 0, 4096], 0x7f00_0000_0000);
        file.call(Call::Shmdt, &[0x7f00_0000_0000], 0);
        file.call(Call::Shmget, &[0, 4096, 0o600], id as i64);
        file.call(Call::Shmat, &[id, 0, 0, 4096], 0x7f00_0010_0000);
        file.call(Call::Shmctl, &[id, 0, 0], 0);
        file.failed(Call::Shmat, &[1, 1, 0, 0], 22, "");
        file.call(Call::Shmdt, &[0x7f00_0010_0000], 0);
        file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, &format!("/{round}"));
        file.named(Call::ShmUnlink, &[0], 0, &format!("/{round}"));
        file.call(Call::Close, &[3], 0);
    }
    let path = path.join(format!("{}-{rounds}.ptrace", scene::SERVER));
    std::fs::write(&path, file.bytes(State::Exited, 0)).unwrap();
    Recording::read(&path).unwrap()
}

fn text(recording: &Recording, each: &mut dyn FnMut(&str)) {
    let options = Options {
        timestamps: Timestamps::None,
        durations: false,
        callers: false,
        quiet: false,
        style: Style::PLAIN,
    };
    let mut writer = Writer::new(options, Filter::default());
    let mut model = Model::forgetful();
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        each(&writer.lines(&item, &applied, &model, &mut |_| Vec::new()));
    }
}

#[test]
fn a_long_recording_takes_no_more_than_a_short_one() {
    let scratch = Scratch::new();
    let (short, long) = (recording(&scratch.0, 1_200), recording(&scratch.0, 6_000));
    type Write = fn(&Recording, &mut dyn FnMut(&str));
    let forms: [(&str, Write); 3] = [
        ("text", text),
        ("json", |recording, each| {
            json::write(recording, &Filter::default(), each);
        }),
        ("perfetto", |recording, each| {
            perfetto::write(recording, &Filter::default(), each);
        }),
    ];
    for (name, write) in forms {
        let of = |recording: &Recording| {
            let mut written = 0;
            let peak = peak(|| write(recording, &mut |piece| written += piece.len()));
            (peak, written)
        };
        let ((few, some), (many, more)) = (of(&short), of(&long));
        assert!(more > 4 * some, "{name}: {some} and {more} bytes written");
        assert!(many < few + few / 8, "{name}: {few} bytes, and {many}");
    }
}
