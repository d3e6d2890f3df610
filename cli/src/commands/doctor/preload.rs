//! Whether the library is found and gets into programs.

use super::finding::Finding;
use crate::launch::{Environment, Library, Program};
use crate::name::shown;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

pub(super) fn look(program: Option<&Path>) -> Vec<Finding> {
    let library = match Library::find() {
        Ok(library) => library,
        Err(failure) => return vec![Finding::from(failure)],
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
        return Finding::from(failure);
    }
    let mut cat = Command::new("cat");
    cat.arg("/proc/self/maps")
        .env_clear()
        .envs(environment.variables());
    let cannot_run = |why| {
        Finding::note(
            format!("cannot try the preload: cat: {why}"),
            "is PATH set?",
        )
    };
    let maps = match cat.output() {
        Ok(output) => output.stdout,
        Err(why) => return cannot_run(why),
    };
    let name = library.path.as_os_str().as_bytes();
    if maps
        .split(|byte| *byte == b'\n')
        .any(|line| line.ends_with(name))
    {
        return Finding::good(format!("the preload reaches programs: {path}"));
    }
    Finding::problem(
        format!("{path} does not get into programs"),
        "`LD_PRELOAD=... true` shows the dynamic linker's complaint; is it built for this system?",
    )
}

fn reaches(program: &Path, library: &Library) -> Finding {
    let checked = Program::find(&[program.as_os_str().to_owned()])
        .and_then(|found| found.check_reach(library, false));
    match checked {
        Ok(()) => Finding::good(format!("the preload would reach {}", shown(program))),
        Err(failure) => Finding::from(failure),
    }
}

impl From<crate::failure::Failure> for Finding {
    fn from(failure: crate::failure::Failure) -> Self {
        let (what, advice) = failure.into_parts();
        Self::new(super::finding::Verdict::Problem, what, advice)
    }
}
