//! Explanations on standard error, where an errno says too little. Silent unless `PARTAGE_LOG` asks.
//! Tested by `reliability/tests/faults/environment` and `tests/tests/command`.

use crate::error::Errno;
use crate::options;
use crate::os::{files, process};
use crate::text::Text;

/// How much a line matters: `PARTAGE_LOG` names the least that is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(crate) enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// One line that is being put together. A single write(2) prints it, so that lines of several processes do not mix.
pub(crate) struct Line {
    text: Text<1536>,
}

impl Line {
    pub(crate) fn str(mut self, more: &str) -> Line {
        self.text.push_str(more);
        self
    }

    /// Bytes from outside: those that could confuse a terminal are shown as `?`.
    pub(crate) fn bytes(mut self, more: &[u8]) -> Line {
        for &byte in more {
            self.text
                .push(&[if byte.is_ascii_graphic() || byte == b' ' {
                    byte
                } else {
                    b'?'
                }]);
        }
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Line {
        self.text.push_decimal(number);
        self
    }

    pub(crate) fn signed(self, number: i64) -> Line {
        let line = self.str(if number < 0 { "-" } else { "" });
        line.number(number.unsigned_abs())
    }

    pub(crate) fn hex(self, number: u64) -> Line {
        let mut line = self.str("0x");
        line.text.push_hex(number);
        line
    }

    pub(crate) fn octal(mut self, mode: u32) -> Line {
        for shift in [9u32, 6, 3, 0] {
            self.text.push(&[b'0' + (mode >> shift & 7) as u8]);
        }
        self
    }

    pub(crate) fn errno(self, error: Errno) -> Line {
        self.str(error.name())
            .str(" (")
            .number(error.0.unsigned_abs().into())
            .str(")")
    }
}

/// Writes one line, if lines of this level are wanted. `fill` runs only then.
pub(crate) fn write(level: Level, fill: impl FnOnce(Line) -> Line) {
    if options::log_level() >= level as u32 {
        emit(level, fill);
    }
}

/// Says which variables have a value that means nothing.
#[inline]
pub(crate) fn say_wrong_variables() {
    if options::log_level() >= Level::Warn as u32 {
        options::each_wrong(|name, value| {
            write(Level::Warn, |line| {
                line.str(name)
                    .str("=")
                    .bytes(value)
                    .str(" means nothing: the default counts")
            });
        });
    }
}

/// Not inlined: a line takes more stack than all else in most calls.
#[cold]
#[inline(never)]
fn emit(level: Level, fill: impl FnOnce(Line) -> Line) {
    finish(fill(start(level)));
}

#[cold]
#[inline(never)]
fn start(level: Level) -> Line {
    let name = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    let line = Line { text: Text::new() }
        .str("partage[")
        .number(process::pid().unsigned_abs().into());
    line.str("]: ").str(name).str(": ")
}

#[cold]
#[inline(never)]
fn finish(mut line: Line) {
    // The buffer may be full. Then the end of the line is written from a buffer of its own.
    let fits = !line.text.is_cut() && !line.text.push_str("\n").is_cut();
    files::write(STDERR, line.text.bytes());
    if !fits {
        files::write(STDERR, b"...\n");
    }
}

const STDERR: i32 = 2;

/// An error with its explanation: logs it and returns it.
pub(crate) fn write_error(error: Errno, fill: impl FnOnce(Line) -> Line) -> Errno {
    write(Level::Error, |line| fill(line).str(": ").errno(error));
    error
}
