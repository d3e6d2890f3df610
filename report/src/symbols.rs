//! Addresses as functions, files and lines, from the programs' own debugging information.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object};

use crate::event::Event;
use crate::model::{Applied, Model, Module, Site};
use crate::words::printable;

/// A place in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The return address.
    pub address: u64,
    /// The module's file, if the address lies in one.
    pub module: Option<String>,
    /// Offset of the address in that file.
    pub offset: Option<u64>,
    /// The function, demangled.
    pub function: Option<String>,
    /// The source file and line.
    pub line: Option<(String, u32)>,
}

impl Frame {
    /// The place in words: `main at leak.c:12`, `main in prog+0x1139`, `prog+0x1139`, `0x401139`.
    #[must_use]
    pub fn label(&self) -> String {
        let module = self.module.as_deref().map(|path| {
            let file = path.rsplit('/').next().unwrap_or(path);
            match self.offset {
                Some(offset) => format!("{file}+{offset:#x}"),
                None => file.to_owned(),
            }
        });
        let text = match (&self.function, &self.line, module) {
            (Some(function), Some((file, line)), _) => format!("{function} at {file}:{line}"),
            (None, Some((file, line)), _) => format!("{file}:{line}"),
            (Some(function), None, Some(module)) => format!("{function} in {module}"),
            (Some(function), None, None) => function.clone(),
            (None, None, Some(module)) => module,
            (None, None, None) => format!("{:#x}", self.address),
        };
        printable(&text)
    }
}

/// One file's code: where its segments lie, and what is known of it.
struct Code {
    /// Offset in the file, length, address as linked.
    segments: Vec<(u64, u64, u64)>,
    loaders: Vec<Loader>,
}

/// Reads each file once.
#[derive(Default)]
pub struct Symbols {
    codes: HashMap<String, Option<Code>>,
    frames: HashMap<(String, u64), Frame>,
}

impl Symbols {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The places of a call, innermost first.
    pub fn site(&mut self, model: &Model, site: &Site) -> Vec<Frame> {
        let modules = model.process(site.process).map_or(&[][..], |process| {
            let known = process.modules.as_slice();
            known.get(..site.modules).unwrap_or(known)
        });
        self.frames(modules, &site.callers)
    }

    /// The places of an event that was just applied.
    pub fn event(&mut self, model: &Model, applied: &Applied, event: &Event) -> Vec<Frame> {
        let process = applied.process.and_then(|index| model.process(index));
        let modules = process.map_or(&[][..], |process| process.modules.as_slice());
        self.frames(modules, &event.callers)
    }

    fn frames(&mut self, modules: &[Module], callers: &[u64]) -> Vec<Frame> {
        let place = |address: &u64| self.frame(modules, *address);
        callers.iter().map(place).collect()
    }

    fn frame(&mut self, modules: &[Module], address: u64) -> Frame {
        // The latest mapping holds: another may have been there before.
        let module = modules
            .iter()
            .rev()
            .find(|module| module.start <= address && address < module.end);
        let Some(module) = module else {
            return Frame {
                address,
                ..Frame::default()
            };
        };
        let offset = (address - module.start).saturating_add(module.offset);
        let key = (module.path.clone(), offset);
        if let Some(known) = self.frames.get(&key) {
            return Frame {
                address,
                ..known.clone()
            };
        }
        let frame = self.look_up(&module.path, offset, address);
        self.frames.insert(key, frame.clone());
        frame
    }

    fn look_up(&mut self, path: &str, offset: u64, address: u64) -> Frame {
        let mut frame = Frame {
            address,
            module: Some(path.to_owned()),
            offset: Some(offset),
            ..Frame::default()
        };
        let code = self
            .codes
            .entry(path.to_owned())
            .or_insert_with(|| open(path));
        let Some(code) = code else { return frame };
        let segment = code
            .segments
            .iter()
            .find(|(start, len, _)| offset >= *start && offset - start < *len);
        let Some((start, _, linked)) = segment else {
            return frame;
        };
        // The call lies before the address that it returns to.
        let linked = (offset - start).saturating_add(*linked).saturating_sub(1);
        for loader in &code.loaders {
            fill(&mut frame, loader, linked);
            if frame.line.is_some() {
                break;
            }
        }
        frame
    }
}

/// Takes over what a loader knows of an address.
fn fill(frame: &mut Frame, loader: &Loader, linked: u64) {
    if let Ok(mut inlined) = loader.find_frames(linked)
        && let Ok(Some(innermost)) = inlined.next()
    {
        if let Some(name) = innermost.function {
            frame.function = name.demangle().ok().map(|name| name.into_owned());
        }
        if let Some(location) = innermost.location {
            frame.line = location
                .file
                .zip(location.line)
                .map(|(file, line)| (file.to_owned(), line));
        }
    }
    if frame.function.is_none()
        && let Some(name) = loader.find_symbol(linked)
    {
        frame.function = Some(addr2line::demangle_auto(name.into(), None).into_owned());
    }
}

/// Opens a file's code and its separate debugging information; None if it is not there any more, or none.
fn open(path: &str) -> Option<Code> {
    let bytes = std::fs::read(path).ok()?;
    let file = ElfFile64::<Endianness>::parse(bytes.as_slice()).ok()?;
    let endian = file.endian();
    let headers = file
        .elf_header()
        .program_headers(endian, bytes.as_slice())
        .ok()?;
    let segments = headers
        .iter()
        .filter(|header| header.p_type(endian) == object::elf::PT_LOAD)
        .map(|header| {
            (
                header.p_offset(endian),
                header.p_filesz(endian),
                header.p_vaddr(endian),
            )
        })
        .collect();
    let separate = file.build_id().ok().flatten().and_then(debug_file);
    let mut loaders = Vec::new();
    for path in [Some(PathBuf::from(path)), separate].into_iter().flatten() {
        loaders.extend(Loader::new(path).ok());
    }
    Some(Code { segments, loaders })
}

/// Where distributions put the debugging information of a build.
fn debug_file(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/usr/lib/debug/.build-id/{first:02x}/{rest}.debug");
    Path::new(&path).exists().then(|| PathBuf::from(path))
}
