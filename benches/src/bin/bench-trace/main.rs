//! What tracing costs, all in one go: ns per call without tracing, with the recorder, and with the tools that people use
//! today where they are installed. `benches/README.md` says what each line means.

mod lttng;
mod tools;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use partage_tests::artefacts;
use tools::{Program, Time};

/// Calls per round, and rounds, of tools that cost little and of those that stop the process at every call.
const QUICK: (u32, u32) = (5000, 60);
const SLOW: (u32, u32) = (300, 10);
/// Calls of a recording that grows, in one round.
const GROWING: (u32, u32) = (500_000, 1);
/// Children.
const FORKS: (u32, u32) = (20, 20);

struct Bench {
    program: Program,
    recorder: PathBuf,
    nothing: PathBuf,
    scratch: PathBuf,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some() {
        eprintln!(
            "usage: bench-trace\nPrints ns per call, untraced and traced. It takes about a minute."
        );
        return ExitCode::from(2);
    }
    match Bench::prepare().and_then(|bench| bench.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-trace: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Bench {
    /// Builds the recorder and the C programs.
    fn prepare() -> io::Result<Self> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("c");
        let scratch = std::env::temp_dir().join(format!("bench-trace-{}", std::process::id()));
        std::fs::create_dir_all(&scratch)?;
        let program = scratch.join("loop");
        let nothing = scratch.join("nothing.so");
        tools::must(
            Command::new("gcc")
                .arg("-O2")
                .arg("-o")
                .arg(&program)
                .arg(sources.join("loop.c")),
        )?;
        let shared = ["-O2", "-shared", "-fPIC", "-o"];
        tools::must(
            Command::new("gcc")
                .args(shared)
                .arg(&nothing)
                .arg(sources.join("nothing.c")),
        )?;
        let recorder = artefacts::recorder().map_err(io::Error::other)?;
        Ok(Bench {
            program: Program(program),
            recorder,
            nothing,
            scratch,
        })
    }

    fn run(&self) -> io::Result<()> {
        self.own_time()?;
        self.events()?;
        self.forks()?;
        self.untraced()
    }

    /// The recorder's variants: what the table calls them, and their options.
    fn variants() -> [(&'static str, Vec<(&'static str, &'static str)>); 3] {
        [
            (
                "recorder, counter",
                vec![("PARTAGE_TRACE_CLOCK", "counter")],
            ),
            (
                "recorder, counter, ring",
                vec![
                    ("PARTAGE_TRACE_CLOCK", "counter"),
                    ("PARTAGE_TRACE_RING", "1M"),
                ],
            ),
            (
                "recorder, CLOCK_MONOTONIC",
                vec![("PARTAGE_TRACE_CLOCK", "monotonic")],
            ),
        ]
    }

    /// One traced run of the program.
    fn recorded(
        &self,
        kind: &str,
        size: (u32, u32),
        options: &[(&str, &str)],
        preload: &str,
    ) -> io::Result<Time> {
        let traces = self.scratch.join("traces");
        let _ = std::fs::remove_dir_all(&traces);
        std::fs::create_dir_all(&traces)?;
        let mut command = self.program.command(kind, size);
        command
            .env("PARTAGE_TRACE", &traces)
            .envs(options.iter().copied())
            .env("LD_PRELOAD", preload);
        tools::time(&mut command)
    }

    /// Over calls that do nothing: what the recorder itself takes.
    fn own_time(&self) -> io::Result<()> {
        println!("added to a call that does nothing (fastest round)");
        let nothing = self.nothing.display().to_string();
        let preload = format!("{} {nothing}", self.recorder.display());
        for kind in ["event", "close", "mmap"] {
            let mut plain = self.program.command(kind, QUICK);
            let base = tools::time(plain.env("LD_PRELOAD", &nothing))?;
            for (name, options) in Self::variants() {
                let traced = self.recorded(kind, QUICK, &options, &preload)?;
                println!(
                    "  {kind:6} {name:28} {:8.1} ns",
                    traced.fastest - base.fastest
                );
            }
        }
        let growing = self.recorded("event", GROWING, &[], &preload)?;
        println!(
            "  event  {:28} {:8.1} ns, all {} calls, new memory included",
            "recorder, growing", growing.all, GROWING.0
        );
        Ok(())
    }

    /// Real calls, beside the other tools.
    fn events(&self) -> io::Result<()> {
        println!("a failing shmdt, traced (fastest round)");
        let base = tools::time(&mut self.program.command("event", QUICK))?.fastest;
        print_line("untraced", base, base);
        let preload = self.recorder.display().to_string();
        for (name, options) in Self::variants() {
            print_line(
                name,
                self.recorded("event", QUICK, &options, &preload)?.fastest,
                base,
            );
        }
        let log = self.scratch.join("log");
        for tool in tools::TOOLS {
            match tools::time(&mut self.program.under(tool, "event", SLOW, &log)) {
                Ok(time) => print_line(tool.name, time.fastest, base),
                Err(error) => println!("  {:28} {error}", tool.name),
            }
        }
        match lttng::time(&self.program, &self.scratch, QUICK) {
            Ok(time) => print_line("LTTng-UST, by hand", time.fastest, base),
            Err(error) => println!("  {:28} {error}", "LTTng-UST, by hand"),
        }
        println!("shmat and shmdt, traced: two records (fastest round)");
        let base = tools::time(&mut self.program.command("attach", QUICK))?.fastest;
        print_line("untraced", base, base);
        let traced = self.recorded("attach", QUICK, &[], &preload)?.fastest;
        print_line("recorder", traced, base);
        Ok(())
    }

    /// Children of one call each, of which every one has a file of its own, and children that make none.
    fn forks(&self) -> io::Result<()> {
        let preload = self.recorder.display().to_string();
        for (kind, what) in [
            ("fork", "fork, a failing shmdt, _exit"),
            ("empty", "fork, _exit"),
        ] {
            println!("{what}, waited for (fastest round)");
            let base = tools::time(&mut self.program.command(kind, FORKS))?.fastest;
            print_line("untraced", base, base);
            let traced = self.recorded(kind, FORKS, &[], &preload)?.fastest;
            print_line("recorder", traced, base);
        }
        Ok(())
    }

    /// Calls that leave no record.
    fn untraced(&self) -> io::Result<()> {
        println!("calls that are not about shared memory (fastest round)");
        let preload = self.recorder.display().to_string();
        for kind in ["close", "mmap"] {
            let base = tools::time(&mut self.program.command(kind, QUICK))?.fastest;
            print_line(&format!("{kind}, untraced"), base, base);
            print_line(
                &format!("{kind}, recorder"),
                self.recorded(kind, QUICK, &[], &preload)?.fastest,
                base,
            );
        }
        Ok(())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

fn print_line(name: &str, ns: f64, base: f64) {
    println!(
        "  {name:28} {ns:10.1} ns  {:+10.1} ns  x{:.2}",
        ns - base,
        ns / base
    );
}
