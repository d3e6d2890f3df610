//! Call sites as functions, files and lines: callers by unwinding, names from the programs' own debugging information.
//!
//! ```text
//! unwind    return addresses from a copied stack          code, separate    a file's tables, and where else they lie
//! script    an interpreter's own words                    jit               maps of code made at run time
//! frame     the place in words                            system            whose code is of interest
//! ```

mod code;
mod frame;
mod jit;
mod script;
mod separate;
mod system;
mod unwind;

pub use frame::Frame;
pub use system::{DIRECTORIES, System};

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, Stack};
use crate::model::{Applied, Model, Module, Process, Site};
use crate::stream::Start;
use code::Code;
use unwind::Step;

/// The places of one address.
type Places = Arc<[Frame]>;

/// A stack of a process, with so many of its modules known.
type StackKey = (usize, u64, usize);

/// The files, each read once.
#[derive(Default)]
struct Codes(HashMap<Box<[u8]>, Option<Code>>);

impl Codes {
    fn get(&mut self, file: &[u8]) -> Option<&Code> {
        if !self.0.contains_key(file) {
            self.0.insert(file.into(), Code::open(file));
        }
        self.0.get(file)?.as_ref()
    }
}

/// Reads each file once, unwinds each stack once.
#[derive(Default)]
pub struct Symbols {
    codes: Codes,
    frames: HashMap<(Box<[u8]>, u64, bool), Places>,
    unwound: HashMap<StackKey, Arc<[u64]>>,
    jit: jit::Maps,
    system: System,
}

impl Symbols {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing read yet; which modules are the system's.
    #[must_use]
    pub fn with_system(system: System) -> Self {
        Symbols {
            system,
            ..Self::default()
        }
    }

    /// The places of a call, innermost first: those in a script before those in machine code.
    pub fn site(&mut self, model: &Model, site: &Site) -> Vec<Frame> {
        let Some(process) = model.process(site.process) else {
            return self.frames(&[], 0, &site.callers);
        };
        let known = process.modules.get(..site.modules);
        let modules = known.unwrap_or(&process.modules);
        let stack = site.stack.and_then(|ticket| {
            let key = (site.process, ticket, modules.len());
            Some((key, process.stacks.get(&ticket)?))
        });
        self.places(process, modules, stack, &site.callers)
    }

    /// The same without what is the system's, and only the nearest of the rest: what a person has to look at.
    pub fn nearest(&mut self, model: &Model, site: &Site) -> Vec<Frame> {
        let frames = self.site(model, site);
        self.system.nearest(frames)
    }

    /// What [`Symbols::nearest`] would leave of these places.
    pub fn nearest_of(&self, frames: Vec<Frame>) -> Vec<Frame> {
        self.system.nearest(frames)
    }

    /// The places of an event that was just applied.
    pub fn event(&mut self, model: &Model, applied: &Applied, event: &Event) -> Vec<Frame> {
        let Some((index, process)) = applied
            .process
            .and_then(|index| Some((index, model.process(index)?)))
        else {
            return self.frames(&[], event.pid, &event.callers);
        };
        let stack = event.stack.and_then(|ticket| {
            let key = (index, ticket, process.modules.len());
            Some((key, process.stacks.get(&ticket)?))
        });
        self.places(process, &process.modules, stack, &event.callers)
    }

    fn places(
        &mut self,
        process: &Process,
        modules: &[Module],
        stack: Option<(StackKey, &Stack)>,
        callers: &[u64],
    ) -> Vec<Frame> {
        let pid = process.start.pid;
        let Some((key, stack)) = stack else {
            return self.frames(modules, pid, callers);
        };
        let mut frames = stack.script.as_deref().map_or(Vec::new(), script::frames);
        let unwound = match self.unwound.get(&key) {
            Some(known) => Arc::clone(known),
            None => {
                let unwound: Arc<[u64]> = self.unwind(&process.start, modules, stack).into();
                self.unwound.insert(key, Arc::clone(&unwound));
                unwound
            }
        };
        // The recorder may have followed frame pointers where there are no tables.
        let longest = if unwound.len() < callers.len() {
            callers
        } else {
            &unwound
        };
        let mut native = self.frames(modules, pid, longest);
        if let Some(told) = frames.first().and_then(|frame| frame.interpreter.clone()) {
            // What the interpreter has told need not be told by a map, too.
            native.retain(|frame| frame.interpreter.as_ref() != Some(&told));
        }
        frames.extend(native);
        frames
    }

    fn unwind(&mut self, start: &Start, modules: &[Module], stack: &Stack) -> Vec<u64> {
        let mut known: Vec<&Module> = Vec::new();
        for module in modules.iter().rev() {
            // What was mapped later took the place of what was there before.
            let meets = |other: &&Module| module.start < other.end && other.start < module.end;
            if !known.iter().any(meets) {
                known.push(module);
            }
        }
        let of = |module: &&Module| self.codes.get(&module.file)?.unwindable(module);
        let unwindable = known.iter().filter_map(of).collect();
        // The C library within a program may have functions without tables.
        let (outside, codes) = (start.outside, &mut self.codes);
        let in_file = |address: u64| {
            let holds = |module: &&&Module| (module.start..module.end).contains(&address);
            let module = known.iter().find(holds)?;
            Some((
                *module,
                (address - module.start).saturating_add(module.offset),
            ))
        };
        let mut of_file = |address: u64, ask: fn(&Code, u64) -> Option<bool>| {
            let (module, offset) = in_file(address)?;
            ask(codes.get(&module.file)?, offset)
        };
        unwind::callers(start.arch, unwindable, stack, |last, mut words| {
            let of_signal = |code: &Code, offset| Some(code.returns_from_signal(offset));
            if of_file(last, of_signal) == Some(true) {
                return Some(Step::Interrupted);
            }
            let by_tables = |code: &Code, offset: u64| {
                Some(code.has_table(code.linked(offset.saturating_sub(1))?))
            };
            if !outside || of_file(last, by_tables) != Some(false) {
                return None;
            }
            let returns = |code: &Code, offset| Some(code.follows_call(offset));
            let (at, next) = Iterator::find(&mut words, |(_, word)| {
                of_file(*word, returns) == Some(true)
            })?;
            Some(Step::Over(at, next))
        })
    }

    fn frames(&mut self, modules: &[Module], pid: u32, callers: &[u64]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for address in callers {
            self.frame(modules, pid, *address, &mut frames);
        }
        frames
    }

    fn frame(&mut self, modules: &[Module], pid: u32, address: u64, frames: &mut Vec<Frame>) {
        // The latest mapping holds: another may have been there before.
        let module = modules
            .iter()
            .rev()
            .find(|module| module.start <= address && address < module.end);
        let Some(module) = module else {
            let made = self.jit.name(pid, address);
            frames.push(Frame {
                address,
                ..made.map_or_else(Frame::default, |name| jit::frame(&name))
            });
            return;
        };
        let offset = (address - module.start).saturating_add(module.offset);
        let code = self.codes.get(&module.file);
        let changed = code.is_some_and(|code| differs(code, module));
        let key = (module.file.clone(), offset, changed);
        let places = match self.frames.get(&key) {
            Some(known) => Arc::clone(known),
            None => {
                let found: Places = look_up(code, &module.path, offset, changed).into();
                self.frames.insert(key, Arc::clone(&found));
                found
            }
        };
        frames.extend(places.iter().map(|place| Frame {
            address,
            ..place.clone()
        }));
    }
}

/// Whether the file is another one than that which was mapped.
fn differs(code: &Code, module: &Module) -> bool {
    let ids = module.build_id.as_ref().zip(code.build_id.as_ref());
    ids.is_some_and(|(ran, there)| ran != there)
}

fn look_up(code: Option<&Code>, path: &str, offset: u64, changed: bool) -> Vec<Frame> {
    let bare = Frame {
        module: Some(path.to_owned()),
        offset: Some(offset),
        changed,
        main: code.is_some_and(|code| code.is_program),
        ..Frame::default()
    };
    // The call lies before the address that it returns to.
    let linked = code.filter(|_| !changed).and_then(|code| {
        let linked = code.linked(offset.saturating_sub(1))?;
        Some((code, linked))
    });
    let Some((code, linked)) = linked else {
        return vec![bare];
    };
    let named = code.name(linked).into_iter();
    let frame = |named: code::Named| Frame {
        function: named.function,
        line: named.line,
        inlined: named.inlined,
        ..bare.clone()
    };
    named.map(frame).collect()
}
