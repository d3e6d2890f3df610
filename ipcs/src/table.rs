//! The kernel's table of System V segments, `/proc/sysvipc/shm`, with the segments of this process's namespace in it.

use partage_core::inspect::{self, Namespace, Segment, Stamps, State};

#[cfg(target_pointer_width = "64")]
const HEADING: &[u8] = b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n";
#[cfg(not(target_pointer_width = "64"))]
const HEADING: &[u8] = b"       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime        rss       swap\n";

/// A size takes as many columns as the largest needs.
const SIZE: usize = if cfg!(target_pointer_width = "64") {
    21
} else {
    10
};

/// Calls `write` with the heading and each line. A namespace that nobody has made yet has no segments.
pub(crate) fn each_line(mut write: impl FnMut(&[u8])) {
    write(HEADING);
    let named = inspect::settings().directory;
    let opened = match named {
        Some(directory) => Namespace::open(directory),
        None => inspect::with_default_directory(Namespace::open).and_then(|opened| opened),
    };
    let Ok(namespace) = opened else { return };
    namespace.each_slot(|_, segment| {
        if matches!(segment.state, State::Live | State::Removed) {
            let mut line = Line::new();
            line.fill(
                segment,
                &namespace.stamps(segment),
                namespace.resident_bytes(segment),
            );
            write(line.bytes());
        }
    });
}

/// Longer than any line can be.
const LONGEST: usize = 384;

struct Line {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Line {
    fn new() -> Line {
        Line {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    /// In the order and with the widths of the kernel's `seq_printf`.
    fn fill(&mut self, segment: &Segment, stamps: &Stamps, resident: u64) {
        self.signed(segment.key.into(), 10);
        self.blanks(1);
        self.signed(i64::from(segment.shmid as i32), 10);
        self.blanks(2);
        self.number(segment.mode.into(), 4, 8);
        self.blanks(1);
        self.number(segment.size, SIZE, 10);
        self.blanks(1);
        self.signed(segment.cpid.into(), 5);
        self.blanks(1);
        self.signed(stamps.lpid.into(), 5);
        self.blanks(2);
        self.number(segment.nattch.into(), 5, 10);
        for id in [segment.uid, segment.gid, segment.cuid, segment.cgid] {
            self.blanks(1);
            self.number(id.into(), 5, 10);
        }
        for time in [stamps.atime, stamps.dtime, segment.ctime] {
            self.blanks(1);
            self.number(time as u64, 10, 10);
        }
        for bytes in [resident, 0] {
            self.blanks(1);
            self.number(bytes, SIZE, 10);
        }
        self.push(b'\n');
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn blanks(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b' ');
        }
    }

    fn signed(&mut self, number: i64, width: usize) {
        self.digits(number.unsigned_abs(), width, 10, number < 0);
    }

    fn number(&mut self, number: u64, width: usize, base: u64) {
        self.digits(number, width, base, false);
    }

    /// To the right of a field that is as wide as it has to be.
    fn digits(&mut self, mut number: u64, width: usize, base: u64, negative: bool) {
        let mut digits = [b'0'; 24];
        let mut count = 0;
        for place in &mut digits {
            *place = b'0' + (number % base) as u8;
            number /= base;
            count += 1;
            if number == 0 {
                break;
            }
        }
        self.blanks(width.saturating_sub(count + usize::from(negative)));
        if negative {
            self.push(b'-');
        }
        for digit in digits.iter().take(count).rev() {
            self.push(*digit);
        }
    }
}
