//! A place in a program, in words.

use crate::words::printable;

/// A place in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// The return address; 0 of a place in a script.
    pub address: u64,
    /// The module's file, if the address lies in one.
    pub module: Option<String>,
    /// Offset of the address in that file.
    pub offset: Option<u64>,
    /// The function, demangled.
    pub function: Option<String>,
    /// The source file and line.
    pub line: Option<(String, u32)>,
    /// Whether the compiler put this function into the one that follows: both have one address.
    pub inlined: bool,
    /// Whether the module's file is another one than that which ran.
    pub changed: bool,
    /// The interpreter whose place this is, if it is one in a script.
    pub interpreter: Option<String>,
    /// Whether the module is the program itself, not a library.
    pub main: bool,
}

impl Frame {
    /// The place in words: `main at leak.c:12`, `main in prog+0x1139`, `prog+0x1139`, `0x401139`.
    #[must_use]
    pub fn label(&self) -> String {
        let module = self.module.as_deref().map(|path| {
            let file = crate::words::file_name(path);
            match self.offset {
                Some(offset) => format!("{file}+{offset:#x}"),
                None => file.to_owned(),
            }
        });
        let mut text = match (&self.function, &self.line, module) {
            (Some(function), Some((file, line)), _) => format!("{function} at {file}:{line}"),
            (None, Some((file, line)), _) => format!("{file}:{line}"),
            (Some(function), None, Some(module)) => format!("{function} in {module}"),
            (Some(function), None, None) => function.clone(),
            (None, None, Some(module)) => module,
            (None, None, None) => format!("{:#x}", self.address),
        };
        if self.inlined {
            text += " (inlined)";
        }
        if self.changed {
            text += " (the file changed since)";
        }
        printable(&text)
    }
}
