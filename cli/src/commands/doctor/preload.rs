//! Whether the library is found and gets into programs.

use super::finding::Finding;
use crate::failure::{Failure, reason};
use crate::launch::{Environment, Library, Program};
use crate::name::{quoted, shown};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

pub(super) fn look(program: Option<&Path>) -> Vec<Finding> {
    let library = match Library::find() {
        Ok(library) => library,
        Err(failure) => return vec![not_found(failure)],
    };
    let mut findings = vec![reaches_programs(&library)];
    if let Some(program) = program {
        findings.push(reaches(program, &library));
    }
    findings
}

/// Starts a program that shows what it has mapped.
fn reaches_programs(library: &Library) -> Finding {
    let path = shown(&library.path);
    let mut environment = Environment::inherited();
    if let Err(failure) = environment.preload(library) {
        return unlistable(failure, &library.path);
    }
    let mut cat = Command::new("cat");
    cat.arg("/proc/self/maps")
        .env_clear()
        .envs(environment.variables());
    let maps = match cat.output() {
        Ok(output) => output.stdout,
        Err(why) => return no_trial(&why),
    };
    let name = library.path.as_os_str().as_bytes();
    if maps
        .split(|byte| *byte == b'\n')
        .any(|line| line.ends_with(name))
    {
        return Finding::good(format!("the preload reaches programs: {path}"));
    }
    not_loaded(&library.path)
}

fn reaches(program: &Path, library: &Library) -> Finding {
    let checked = Program::find(&[program.as_os_str().to_owned()])
        .and_then(|found| found.check_reach(library, false));
    match checked {
        Ok(()) => Finding::good(format!("the preload would reach {}", shown(program))),
        Err(failure) => out_of_reach(failure, program),
    }
}

/// Named wrongly, or not built.
pub(super) fn not_found(failure: Failure) -> Finding {
    let is_named = std::env::var_os("PARTAGE_LIB").is_some();
    Finding::failed(
        failure,
        if is_named {
            "unset PARTAGE_LIB"
        } else {
            "make"
        },
    )
}

/// The dynamic linker's list takes no path with blanks: a link has another.
pub(super) fn unlistable(failure: Failure, library: &Path) -> Finding {
    let link = "\"$HOME/.local/lib/libpartage.so\"";
    let command = format!(
        "mkdir -p ~/.local/lib && ln -sf {} {link} && export PARTAGE_LIB={link}",
        quoted(library)
    );
    Finding::failed(failure, command)
}

pub(super) fn no_trial(why: &std::io::Error) -> Finding {
    Finding::note(
        format!("cannot try the preload: cat: {}", reason(why)),
        "is PATH set? It has at least",
        "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    )
}

pub(super) fn not_loaded(library: &Path) -> Finding {
    Finding::problem(
        format!("{} does not get into programs", shown(library)),
        "is it built for this system? The dynamic linker says what it does not like",
        format!("LD_PRELOAD={} true", quoted(library)),
    )
}

/// A program that is not there, or that nothing can be preloaded into.
pub(super) fn out_of_reach(failure: Failure, program: &Path) -> Finding {
    let is_there = Program::find(&[program.as_os_str().to_owned()]).is_ok();
    let program = quoted(program);
    Finding::failed(
        failure,
        match is_there {
            true => format!("partage run --force -- {program}"),
            false => format!("ls -l {program}"),
        },
    )
}
