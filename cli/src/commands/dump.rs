//! `partage dump`: look into a segment or an object.

use crate::contents::{Access, Contents};
use crate::failure::{Failure, Outcome, USAGE};
use crate::namespace::Choice;
use crate::progress::in_pieces;
use crate::target::Target;
use partage_report::parse_size;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Write the contents of a segment or an object to standard output
///
/// Nothing is attached, and nobody's nattch changes. Members may write meanwhile: what is shown
/// need not be of one moment.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// Offsets, hexadecimal bytes and characters; repeated lines are shown as `*`
    #[arg(long)]
    hex: bool,

    /// Begin here (K, M, G and T multiply)
    #[arg(long, value_name = "BYTES", value_parser = size, default_value = "0")]
    offset: u64,

    /// At most so many bytes
    #[arg(long, value_name = "BYTES", value_parser = size)]
    length: Option<u64>,

    /// An id, a key as 0x..., or the name of a POSIX object
    #[arg(value_name = "ID|KEY|NAME", value_hint = clap::ValueHint::Other)]
    target: Target,
}

const EXAMPLES: &str = "\
Examples:
  partage dump --hex 32768 | less
  partage dump --hex --length 64 0x0052e2c1
  partage dump /psm_4f2a >saved";

pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "a number of bytes, with K, M, G or T if need be".to_owned())
}

/// Writes the bytes.
pub(crate) fn run(args: Args) -> Outcome {
    if !args.hex && io::stdout().is_terminal() {
        return Err(Failure::new("raw bytes would confuse the terminal")
            .advise("use --hex, or send the output to a file")
            .with_status(USAGE));
    }
    let snapshot = args.namespace.snapshot()?;
    let contents = Contents::open(&args.target.find(&snapshot)?, Access::Read)?;
    let rest = contents.size().saturating_sub(args.offset);
    let length = args.length.unwrap_or(rest).min(rest);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut hex = HexDump::new(args.offset);
    let written = in_pieces(length, |piece, done| {
        contents.read_at(piece, args.offset + done)?;
        if args.hex {
            hex.write(piece, &mut out)
        } else {
            out.write_all(piece)
        }
    });
    let finished = written
        .and_then(|()| {
            if args.hex {
                hex.finish(&mut out)
            } else {
                Ok(())
            }
        })
        .and_then(|()| out.flush());
    match finished {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io(
            format_args!("cannot dump {}", args.target),
            why,
        )),
        _ => Ok(0),
    }
}

const LINE: usize = 16;

/// The form of `hexdump -C`.
struct HexDump {
    offset: u64,
    last: Option<Vec<u8>>,
    repeating: bool,
}

impl HexDump {
    fn new(offset: u64) -> Self {
        Self {
            offset,
            last: None,
            repeating: false,
        }
    }

    /// Writes a piece; only the last one may end in the middle of a line.
    fn write(&mut self, piece: &[u8], out: &mut impl Write) -> io::Result<()> {
        for line in piece.chunks(LINE) {
            if self.last.as_deref() == Some(line) {
                if !self.repeating {
                    writeln!(out, "*")?;
                }
                self.repeating = true;
            } else {
                self.repeating = false;
                writeln!(out, "{:08x}  {}", self.offset, hex_line(line))?;
                self.last = Some(line.to_vec());
            }
            self.offset += line.len() as u64;
        }
        Ok(())
    }

    fn finish(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{:08x}", self.offset)
    }
}

fn hex_line(line: &[u8]) -> String {
    let mut digits = String::new();
    for (number, byte) in line.iter().enumerate() {
        let gap = if number == LINE / 2 { " " } else { "" };
        digits += &format!("{gap}{byte:02x} ");
    }
    let characters = line.iter().map(|byte| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    });
    format!("{digits:<49} |{}|", characters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_form_as_hexdump() {
        let mut out = Vec::new();
        let mut dump = HexDump::new(0);
        let bytes = [
            b"0123456789abcdef".to_vec(),
            vec![0; 48],
            b"end\xff".to_vec(),
        ]
        .concat();
        dump.write(&bytes, &mut out).unwrap();
        dump.finish(&mut out).unwrap();
        let wanted = "\
00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|
00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000040  65 6e 64 ff                                       |end.|
00000044
";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
