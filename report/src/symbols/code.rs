//! One file's code: where its segments lie, its functions, its debugging information, its unwinding tables.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::Loader;
use addr2line::gimli::{BaseAddresses, DebugFrame, EhFrame, LittleEndian, UnwindSection};
use framehop::{ExplicitModuleSectionInfo, Module as Unwindable};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::separate;
use crate::model::Module;

/// Bytes of a section, shared with the unwinder.
pub(super) type Bytes = Arc<[u8]>;

/// A function's name and source place; of one that was put into another, the inner ones come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) function: Option<String>,
    pub(super) line: Option<(String, u32)>,
    pub(super) inlined: bool,
}

/// A mapped part of a file: offset, length, address as linked.
#[derive(Clone, Copy)]
struct Segment {
    offset: u64,
    len: u64,
    address: u64,
}

/// A symbol of the symbol table.
struct Symbol {
    start: u64,
    size: u64,
    name: String,
}

/// One file's code.
pub(super) struct Code {
    path: PathBuf,
    segments: Vec<Segment>,
    loaders: Vec<Loader>,
    /// By their starts.
    symbols: Vec<Symbol>,
    pub(super) build_id: Option<Box<[u8]>>,
    pub(super) is_program: bool,
    sections: Sections,
    /// Which places are, or are not, where handlers of signals return to: each is looked at once.
    signal_returns: RefCell<HashMap<u64, bool>>,
}

/// What the unwinder needs.
#[derive(Clone, Default)]
struct Sections {
    text: Option<Range<u64>>,
    got: Option<Range<u64>>,
    eh_frame: Option<(Range<u64>, Bytes)>,
    eh_frame_hdr: Option<(Range<u64>, Bytes)>,
    debug_frame: Option<Bytes>,
}

impl Code {
    /// Opens a file's code and its separate debugging information; None if it is not there any more, or none.
    pub(super) fn open(file: &[u8]) -> Option<Self> {
        let (path, bytes) = read(file)?;
        let path = path.as_path();
        let file = ElfFile64::<Endianness>::parse(bytes.as_slice()).ok()?;
        let separate = separate::debug_file(path, &file);
        let mut code = Code {
            path: path.to_path_buf(),
            segments: segments(&file, &bytes)?,
            loaders: Vec::new(),
            symbols: symbols(&file),
            build_id: file.build_id().ok().flatten().map(Box::from),
            is_program: is_program(&file),
            sections: Sections::of(&file),
            signal_returns: RefCell::default(),
        };
        code.loaders.extend(load(path, &file));
        if let Some(separate) = separate {
            code.add_separate(&separate);
        }
        code.symbols.sort_by_key(|symbol| symbol.start);
        Some(code)
    }

    fn add_separate(&mut self, path: &Path) {
        let Ok(bytes) = std::fs::read(path) else {
            return;
        };
        let Ok(file) = ElfFile64::<Endianness>::parse(bytes.as_slice()) else {
            return;
        };
        self.symbols.extend(symbols(&file));
        self.loaders.extend(load(path, &file));
        if self.sections.debug_frame.is_none() {
            self.sections.debug_frame = Sections::of(&file).debug_frame;
        }
    }

    /// The address as linked of an offset in the file.
    pub(super) fn linked(&self, offset: u64) -> Option<u64> {
        let holds =
            |segment: &&Segment| offset >= segment.offset && offset - segment.offset < segment.len;
        let segment = self.segments.iter().find(holds)?;
        Some((offset - segment.offset).saturating_add(segment.address))
    }

    /// What is at an address as linked, innermost first; never empty.
    pub(super) fn name(&self, linked: u64) -> Vec<Named> {
        let mut found = Vec::new();
        for loader in &self.loaders {
            found = by_debugging_information(loader, linked);
            if found.iter().any(|named| named.line.is_some()) {
                break;
            }
        }
        if found.is_empty() {
            found.push(Named::default());
        }
        // The outermost is the function that the symbol table knows.
        if let Some(outermost) = found.last_mut().filter(|named| named.function.is_none()) {
            outermost.function = self.symbol(linked);
        }
        found
    }

    /// The function of the symbol table that the address lies in.
    fn symbol(&self, linked: u64) -> Option<String> {
        /// Aliases and symbols inside others.
        const OVERLAPPING: usize = 16;
        let behind = self
            .symbols
            .partition_point(|symbol| symbol.start <= linked);
        let before = self.symbols.get(..behind)?.iter().rev().take(OVERLAPPING);
        let mut holding = before.filter(|symbol| linked - symbol.start < symbol.size);
        let name = holding.next()?.name.as_str();
        Some(addr2line::demangle_auto(name.into(), None).into_owned())
    }

    /// Whether an instruction before this offset in the file calls something, as before every return address of x86-64:
    /// by a distance, or by a register or a word in memory.
    pub(super) fn follows_call(&self, offset: u64) -> bool {
        const LONGEST: usize = 7;
        let mut bytes = [0; LONGEST];
        let read = std::fs::File::open(&self.path)
            .and_then(|file| file.read_exact_at(&mut bytes, offset.wrapping_sub(LONGEST as u64)));
        let [.., by_distance, _, _, _, _] = bytes;
        let indirect = |pair: &[u8]| matches!(pair, [0xff, operand] if operand & 0x38 == 0x10);
        read.is_ok() && (by_distance == 0xe8 || bytes.windows(2).any(indirect))
    }

    /// Whether what handlers of signals return to is at this offset in the file: on x86-64 the C library's call of
    /// rt_sigreturn(2), by its number 15, and Go's.
    pub(super) fn returns_from_signal(&self, offset: u64) -> bool {
        const SIGRETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05];
        let mut known = self.signal_returns.borrow_mut();
        *known.entry(offset).or_insert_with(|| {
            let mut bytes = [0; SIGRETURN.len()];
            let read = std::fs::File::open(&self.path)
                .and_then(|file| file.read_exact_at(&mut bytes, offset));
            read.is_ok() && bytes == SIGRETURN
        })
    }

    /// Whether the tables tell how to unwind at an address as linked.
    pub(super) fn has_table(&self, linked: u64) -> bool {
        let sections = &self.sections;
        let eh_frame = sections.eh_frame.as_ref().is_some_and(|(range, bytes)| {
            let text = sections.text.as_ref().map_or(0, |text| text.start);
            let bases = BaseAddresses::default().set_eh_frame(range.start);
            let frames = EhFrame::new(bytes, LittleEndian);
            let bases = bases.set_text(text);
            let found = frames.fde_for_address(&bases, linked, EhFrame::cie_from_offset);
            found.is_ok()
        });
        eh_frame
            || sections.debug_frame.as_ref().is_some_and(|bytes| {
                let frames = DebugFrame::new(bytes, LittleEndian);
                let bases = BaseAddresses::default();
                let found = frames.fde_for_address(&bases, linked, DebugFrame::cie_from_offset);
                found.is_ok()
            })
    }

    /// The module for the unwinder, mapped as `module` is.
    pub(super) fn unwindable(&self, module: &Module) -> Option<Unwindable<Bytes>> {
        let linked = self.linked(module.offset)?;
        let base = module.start.wrapping_sub(linked);
        let sections = self.sections.clone();
        let (eh_frame_svma, eh_frame) = sections.eh_frame.unzip();
        let (eh_frame_hdr_svma, eh_frame_hdr) = sections.eh_frame_hdr.unzip();
        let info = ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: sections.text,
            got_svma: sections.got,
            eh_frame_svma,
            eh_frame,
            eh_frame_hdr_svma,
            eh_frame_hdr,
            debug_frame: sections.debug_frame,
            ..ExplicitModuleSectionInfo::default()
        };
        let range = module.start..module.end;
        Some(Unwindable::new(module.path.clone(), range, base, info))
    }
}

impl Sections {
    fn of(file: &ElfFile64<'_>) -> Self {
        let range = |name: &str| {
            let section = file.section_by_name(name)?;
            Some(section.address()..section.address().saturating_add(section.size()))
        };
        let bytes = |name: &str| -> Option<Bytes> {
            let section = file.section_by_name(name)?;
            let data = section.uncompressed_data().ok()?;
            (!data.is_empty()).then(|| Arc::from(&*data))
        };
        Sections {
            text: range(".text"),
            got: range(".got"),
            eh_frame: range(".eh_frame").zip(bytes(".eh_frame")),
            eh_frame_hdr: range(".eh_frame_hdr").zip(bytes(".eh_frame_hdr")),
            debug_frame: bytes(".debug_frame"),
        }
    }
}

/// Reads a file that a list of mappings names. The name is taken as it stands first: what reads as a newline there may be four
/// characters of the name.
fn read(file: &[u8]) -> Option<(PathBuf, Vec<u8>)> {
    let literal = Path::new(OsStr::from_bytes(file)).to_path_buf();
    if let Ok(bytes) = std::fs::read(&literal) {
        return Some((literal, bytes));
    }
    let path = PathBuf::from(OsString::from_vec(with_newlines(file)));
    let bytes = std::fs::read(&path).ok()?;
    Some((path, bytes))
}

/// The name with the newlines that stand for `\012`.
fn with_newlines(file: &[u8]) -> Vec<u8> {
    const NEWLINE: &[u8] = b"\\012";
    let mut name = Vec::with_capacity(file.len());
    let mut rest = file;
    while let Some((first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(NEWLINE) {
            name.push(b'\n');
            rest = behind;
        } else {
            name.push(*first);
            rest = behind;
        }
    }
    name
}

fn load(path: &Path, file: &ElfFile64<'_>) -> Option<Loader> {
    Loader::new_with_sup(path, None::<PathBuf>.or(separate::shared_file(path, file))).ok()
}

fn segments(file: &ElfFile64<'_>, bytes: &[u8]) -> Option<Vec<Segment>> {
    let endian = file.endian();
    let headers = file.elf_header().program_headers(endian, bytes).ok()?;
    let loaded = headers
        .iter()
        .filter(|header| header.p_type(endian) == object::elf::PT_LOAD);
    let segment = |header: &object::elf::ProgramHeader64<Endianness>| Segment {
        offset: header.p_offset(endian),
        len: header.p_filesz(endian),
        address: header.p_vaddr(endian),
    };
    Some(loaded.map(segment).collect())
}

/// Whether the file is a program: it names its loader, or is linked to one address.
fn is_program(file: &ElfFile64<'_>) -> bool {
    file.section_by_name(".interp").is_some() && file.section_by_name(".gnu.version_d").is_none()
        || file.kind() == object::ObjectKind::Executable
}

/// The functions of both symbol tables that say how long they are.
fn symbols(file: &ElfFile64<'_>) -> Vec<Symbol> {
    let functions = file
        .symbols()
        .chain(file.dynamic_symbols())
        .filter(|symbol| {
            symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() != 0
        });
    let symbol = |symbol: object::read::elf::ElfSymbol64<'_, '_>| {
        Some(Symbol {
            start: symbol.address(),
            size: symbol.size(),
            name: symbol.name().ok()?.to_owned(),
        })
    };
    functions.filter_map(symbol).collect()
}

fn by_debugging_information(loader: &Loader, linked: u64) -> Vec<Named> {
    let mut found = Vec::new();
    let Ok(mut frames) = loader.find_frames(linked) else {
        return found;
    };
    while let Ok(Some(frame)) = frames.next() {
        let function = frame
            .function
            .and_then(|name| Some(name.demangle().ok()?.into_owned()));
        let line = frame.location.and_then(|location| {
            let (file, line) = location.file.zip(location.line)?;
            Some((file.to_owned(), line))
        });
        found.push(Named {
            function,
            line,
            inlined: true,
        });
    }
    if let Some(outermost) = found.last_mut() {
        outermost.inlined = false;
    }
    found
}
