//! Whose code is of interest: not that of the system's libraries, which only do what they were told.

use super::{Frame, jit};

/// Directories whose libraries are the system's.
pub const DIRECTORIES: [&str; 5] = [
    "/lib/",
    "/lib64/",
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/libexec/",
];

/// Directories of sources that compilers put into programs: C++'s headers, the libraries of Rust and Go.
const SOURCES: [&str; 6] = [
    "/usr/include/",
    "/usr/lib/gcc/",
    "/rustc/",
    "/usr/lib/go",
    "/usr/share/go",
    "/usr/local/go/src/",
];

/// Most places that are shown of a call by default.
const NEAREST: usize = 4;

/// Which modules, and which scripts, are the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    prefixes: Vec<String>,
    /// Whether to show all places all the same.
    all: bool,
}

impl Default for System {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl System {
    /// What lies below these paths; by default below [`DIRECTORIES`].
    #[must_use]
    pub fn of(prefixes: &[String]) -> Self {
        let prefixes = match prefixes {
            [] => DIRECTORIES.map(str::to_owned).to_vec(),
            given => given.to_vec(),
        };
        System {
            prefixes,
            all: false,
        }
    }

    /// Everything is of interest.
    #[must_use]
    pub fn with_all(self, all: bool) -> Self {
        System { all, ..self }
    }

    /// Whether this is not where a person has to look: a library or a script of the system, or what the compiler took from
    /// one. A program is of interest wherever it lies.
    #[must_use]
    pub fn holds(&self, frame: &Frame) -> bool {
        if frame.interpreter.is_some() {
            let file = frame.line.as_ref().map_or("", |(file, _)| file.as_str());
            let built_in = file.starts_with("<frozen")
                || file.starts_with("node:")
                || frame.function.as_deref().is_some_and(|method| {
                    frame.interpreter.as_deref() == Some("java") && jit::is_of_the_jdk(method)
                });
            return built_in || is_of_interpreter(file) || self.is_below(file);
        }
        let source = frame.line.as_ref().map_or("", |(file, _)| file.as_str());
        if SOURCES.iter().any(|sources| source.starts_with(sources)) {
            return true;
        }
        match &frame.module {
            Some(path) if path.starts_with('[') => true,
            Some(path) => !frame.main && self.is_below(path),
            None => false,
        }
    }

    fn is_below(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| path.starts_with(prefix))
    }

    /// The nearest places that are of interest: of a script if there is one, else of machine code. If none is, what there
    /// is of a script, or the innermost.
    pub(super) fn nearest(&self, frames: Vec<Frame>) -> Vec<Frame> {
        if self.all {
            return frames;
        }
        let of_script = |frame: &&Frame| frame.interpreter.is_some();
        let mut nearest: Vec<Frame> = frames.iter().filter(of_script).cloned().collect();
        let own = |frame: &Frame| !self.holds(frame);
        if nearest.is_empty() {
            nearest = frames.iter().filter(|frame| own(frame)).cloned().collect();
        } else if nearest.iter().any(own) {
            nearest.retain(own);
        }
        // The C library within a statically linked program has no lines, and many functions inside one another.
        let with_line = nearest.iter().position(|frame| frame.line.is_some());
        if let Some(depth) = with_line.filter(|depth| *depth >= NEAREST) {
            nearest.drain(..depth);
        }
        nearest.truncate(NEAREST);
        // What comes before main is no place of the program's.
        let main = nearest
            .iter()
            .position(|frame| frame.function.as_deref() == Some("main"));
        if let Some(main) = main {
            nearest.truncate(main + 1);
        }
        if nearest.is_empty() {
            nearest = frames.into_iter().take(1).collect();
        }
        nearest
    }
}

/// Whether a script came with its interpreter, wherever that is installed.
fn is_of_interpreter(file: &str) -> bool {
    let python = file.split_once("/lib/python").is_some_and(|(_, rest)| {
        let mut parts = rest.split('/').skip(1);
        !parts.any(|part| part == "site-packages" || part == "dist-packages")
    });
    python || file.contains("/lib/ruby/") || file.contains("/share/perl/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(path: &str, function: &str, main: bool) -> Frame {
        Frame {
            module: Some(path.to_owned()),
            function: Some(function.to_owned()),
            main,
            ..Frame::default()
        }
    }

    fn script(file: &str, line: u32) -> Frame {
        Frame {
            line: Some((file.to_owned(), line)),
            interpreter: Some("python".to_owned()),
            ..Frame::default()
        }
    }

    #[test]
    fn libraries_of_the_system_are_passed_over() {
        let system = System::default();
        let library = native("/usr/lib/x86_64-linux-gnu/libfoo.so", "wrap", false);
        let make = native("/usr/lib/postgresql/15/bin/postgres", "make", true);
        let main = native("/usr/lib/postgresql/15/bin/postgres", "main", true);
        let loader = native("/lib/ld.so", "start", false);
        let start = native("/usr/lib/postgresql/15/bin/postgres", "_start", true);
        let all = [&library, &make, &main, &loader, &start].map(Frame::clone);
        let nearest = system.nearest(all.to_vec());
        assert_eq!(nearest, [make, main]);
        let shown = system.clone().with_all(true).nearest(all.to_vec());
        assert_eq!(shown, all);
        let alone = vec![library.clone()];
        assert_eq!(system.nearest(alone.clone()), alone);
        let own = System::of(&["/usr/lib/x86".to_owned()]);
        assert!(own.holds(&library) && !own.holds(&loader));
    }

    #[test]
    fn what_a_header_put_into_the_program_is_passed_over() {
        let at = |file: &str, function| Frame {
            line: Some((file.to_owned(), 7)),
            inlined: true,
            ..native("/srv/app", function, true)
        };
        let own = at("/srv/app.cc", "Pool::Pool()");
        let header = at("/usr/include/c++/12/bits/unique_ptr.h", "make_unique");
        let library = at("/rustc/9fc6b431/library/core/src/ops/function.rs", "call");
        let main = at("/srv/app.cc", "main");
        let all = [own.clone(), header.clone(), library, main.clone()];
        assert_eq!(System::default().nearest(all.to_vec()), [own, main]);
        // Where there is nothing else it is shown.
        assert_eq!(System::default().nearest(vec![header.clone()]), [header]);
    }

    #[test]
    fn many_functions_without_lines_give_way_to_the_first_with_one() {
        let inner = |function| native("/srv/app", function, true);
        let line = Some(("/srv/app.c".to_owned(), 9));
        let own = Frame {
            line,
            ..inner("make")
        };
        let few = vec![inner("open"), inner("shm_open"), own.clone()];
        assert_eq!(System::default().nearest(few.clone()), few);
        let between = ["open", "_IO_file_open", "_IO_file_fopen", "fopen"].map(inner);
        let many = [between.to_vec(), vec![own.clone()]].concat();
        assert_eq!(System::default().nearest(many), [own]);
        assert_eq!(System::default().nearest(between.to_vec()), between);
    }

    #[test]
    fn scripts_of_the_interpreter_are_passed_over() {
        let system = System::default();
        assert!(system.holds(&script("/opt/py/lib/python3.11/shared_memory.py", 1)));
        assert!(system.holds(&script("<frozen runpy>", 1)));
        let own = [
            "/opt/py/lib/python3.11/site-packages/mine/a.py",
            "<string>",
            "/home/me/python3/a.py",
        ];
        assert!(own.iter().all(|file| !system.holds(&script(file, 1))));
    }

    #[test]
    fn a_script_goes_before_its_interpreter() {
        let library = script("/usr/lib/python3.11/multiprocessing/shared_memory.py", 104);
        let own = script("leak.py", 3);
        let native = native("/usr/bin/python3.11", "shm_open", true);
        let frames = vec![library.clone(), own.clone(), native.clone()];
        assert_eq!(System::default().nearest(frames), [own]);
        let of_library = vec![library.clone(), native];
        assert_eq!(System::default().nearest(of_library), [library]);
    }
}
