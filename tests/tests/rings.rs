//! No file imports, by whatever way, a file that imports it: each can be read, and changed, after what it stands on.
//! Re-exports are followed to the file that has the item.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module in its crate, the crate's root being the empty one.
type Module = Vec<String>;

/// What a path leads to: a module, and the name of an item in it.
type Target = (Module, Option<String>);

struct Crate {
    /// Each file's text, without comments and tests.
    modules: BTreeMap<Module, String>,
    /// Where a name in a module comes from that is not defined there.
    re_exports: BTreeMap<(Module, String), Target>,
}

impl Crate {
    /// The crate at `root`.
    fn read(repository: &Path, root: &str) -> Crate {
        let mut read = Crate {
            modules: BTreeMap::new(),
            re_exports: BTreeMap::new(),
        };
        let root = repository.join(root);
        let mut files = Vec::new();
        sources(&root, &mut files);
        assert!(!files.is_empty(), "{} has moved", root.display());
        for file in files {
            read.modules.insert(module_of(&root, &file), code_of(&file));
        }
        for (module, text) in &read.modules {
            for (path, is_public) in imports(text) {
                if let Some(target) = read.resolve(module, &path).filter(|_| is_public) {
                    let name = path.last().unwrap().clone();
                    read.re_exports.insert((module.clone(), name), target);
                }
            }
        }
        read
    }

    /// `None` for what is another crate's, or no module's.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Target> {
        let mut rest = path;
        let mut at = from.clone();
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            name => {
                at.push(name.to_owned());
                self.modules.get(&at)?;
                rest = &rest[1..];
            }
        }
        while let Some(name) = rest.first() {
            at.push(name.clone());
            if !self.modules.contains_key(&at) {
                at.pop();
                break;
            }
            rest = &rest[1..];
        }
        Some((at, rest.first().cloned()))
    }

    /// The file that has the item.
    fn origin(&self, mut target: Target) -> Module {
        while let (module, Some(name)) = &target
            && let Some(next) = self.re_exports.get(&(module.clone(), name.clone()))
            && *next != target
        {
            target = next.clone();
        }
        target.0
    }

    fn depends_on(&self, module: &Module) -> BTreeSet<Module> {
        let text = &self.modules[module];
        let imported = imports(text)
            .into_iter()
            .filter(|(_, is_public)| !is_public)
            .map(|(path, _)| path);
        let mut found: BTreeSet<Module> = imported
            .chain(paths(text))
            .filter_map(|path| self.resolve(module, &path))
            .map(|target| self.origin(target))
            .collect();
        found.remove(module);
        found
    }

    /// Modules that stay when those are taken away that import nothing which stays, and those that nothing imports.
    fn rings(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut left: BTreeMap<Module, BTreeSet<Module>> = self
            .modules
            .keys()
            .map(|module| (module.clone(), self.depends_on(module)))
            .collect();
        loop {
            let there: BTreeSet<Module> = left.keys().cloned().collect();
            let imported: BTreeSet<Module> = left.values().flatten().cloned().collect();
            left.retain(|module, needs| {
                needs.retain(|need| there.contains(need));
                !needs.is_empty() && imported.contains(module)
            });
            if left.len() == there.len() {
                return left;
            }
        }
    }
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        entries.for_each(|entry| sources(&entry.unwrap().path(), found));
    } else if path.extension().is_some_and(|suffix| suffix == "rs") {
        found.push(path.to_owned());
    }
}

fn module_of(root: &Path, file: &Path) -> Module {
    let name = file.strip_prefix(root).unwrap().with_extension("");
    let mut module: Module = name
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if matches!(module.last().unwrap().as_str(), "mod" | "lib" | "main") {
        module.pop();
    }
    module
}

fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    // With its attributes, which stand on the lines before.
    let tests = text
        .find("\nmod tests {")
        .map_or(text.len(), |at| text[..at].rfind("\n\n").unwrap_or(at));
    let code = &text[..tests];
    code.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where the statements that begin with `use` or `mod` are: from the keyword to the semicolon, each with whether it is one
/// for others.
fn statements<'a>(text: &'a str, keyword: &str) -> Vec<(usize, &'a str, bool)> {
    let starts = text.match_indices(keyword).filter_map(|(at, _)| {
        let line = text[..at].rsplit('\n').next().unwrap().trim_start();
        let is_public = line.starts_with("pub");
        let tree = text[at + keyword.len()..].split(';').next().unwrap();
        (line.is_empty() || is_public).then_some((at, tree, is_public))
    });
    starts.collect()
}

/// Imported paths, each with whether it is imported for others.
fn imports(text: &str) -> Vec<(Vec<String>, bool)> {
    let mut found = Vec::new();
    for (_, tree, is_public) in statements(text, "use ") {
        expand(&[], tree, &mut |path| found.push((path, is_public)));
    }
    found
}

/// Calls `visit` with each path of a tree such as `a::{b, c::{self, d as e}}`.
fn expand(before: &[String], tree: &str, visit: &mut impl FnMut(Vec<String>)) {
    let names = |path: &str| {
        let parts = path.split("::").map(str::trim);
        let parts = parts.filter(|part| !part.is_empty() && *part != "self");
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let Some((start, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap();
        visit([before, &names_keeping_first_self(path, before, &names)].concat());
        return;
    };
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let before = [before, &names(start)].concat();
    let (mut depth, mut from) = (0, 0);
    for (at, byte) in inner.bytes().enumerate().chain([(inner.len(), b',')]) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                if !inner[from..at].trim().is_empty() {
                    expand(&before, inner[from..at].trim(), visit);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// `self` counts where a path begins with it; behind others it stands for them.
fn names_keeping_first_self(
    path: &str,
    before: &[String],
    names: &impl Fn(&str) -> Vec<String>,
) -> Vec<String> {
    let mut found = names(path);
    if before.is_empty() && path.trim().starts_with("self::") {
        found.insert(0, "self".to_owned());
    }
    found
}

/// Paths in the code beside imports: `super::name`, `module::name`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut code = text.to_owned();
    for (at, tree, _) in statements(text, "use ") {
        let end = at + "use ".len() + tree.len();
        code.replace_range(at..end, &" ".repeat(end - at));
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c| !is_part(c))
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(|word| {
            let parts = word.split("::").filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        })
        .filter(|path: &Vec<String>| path.len() > 1)
        .collect()
}

/// The directories of the crates' sources.
const CRATES: [&str; 15] = [
    "core/src",
    "abi/src",
    "capture/src",
    "preload/src",
    "ipcs/src",
    "android-shmem/src",
    "trace-format/src",
    "trace/src",
    "tests/src",
    "cli/src",
    "report/src",
    "reliability/src",
    "benches/src",
    "benches/src/bin/partage-bench",
    "benches/src/bin/bench-trace",
];

#[test]
fn no_file_is_imported_by_what_it_imports() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = String::new();
    for name in CRATES {
        for (module, needs) in Crate::read(root, name).rings() {
            let needs: Vec<_> = needs.iter().map(|need| need.join("/")).collect();
            found += &format!(
                "\n{name}: {} imports {}",
                module.join("/"),
                needs.join(", ")
            );
        }
    }
    assert!(found.is_empty(), "rings of imports:{found}");
}

#[test]
fn a_ring_is_found() {
    let of = |files: &[(&str, &str)]| {
        let modules = files.iter().map(|(name, text)| {
            let module: Module = name
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            (module, (*text).to_owned())
        });
        let mut read = Crate {
            modules: modules.collect(),
            re_exports: BTreeMap::new(),
        };
        let target = (
            vec!["a".to_owned(), "inner".to_owned()],
            Some("Thing".to_owned()),
        );
        read.re_exports
            .insert((vec!["a".to_owned()], "Thing".to_owned()), target);
        read.rings().len()
    };
    let straight = [
        ("", "mod a;\nmod b;"),
        ("a", "pub use inner::Thing;"),
        ("a/inner", ""),
        ("b", "use crate::a::Thing;"),
    ];
    assert_eq!(of(&straight), 0);
    let through_re_export = [
        ("", ""),
        ("a", ""),
        ("a/inner", "use crate::b::{self, Other};"),
        ("b", "use crate::a::{Thing};"),
    ];
    assert_eq!(of(&through_re_export), 2);
    let by_path = [
        ("", ""),
        ("a", "fn f() { crate::b::g() }"),
        ("a/inner", ""),
        ("b", "fn g() { super::a::f() }"),
    ];
    assert_eq!(of(&by_path), 2);
}
