//! `partage-bench`: the kernel's System V shared memory, partage's, and shm_open(3) with mmap(2) by hand, one batch of
//! each after the other.

mod chart;
mod machine;
mod measure;
mod programs;
mod report;
mod stats;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use partage_bench::case;
use partage_bench::surroundings::Surroundings;
use partage_tests::sandbox::Sandbox;

use measure::Effort;
use report::Report;

/// Compare partage with the kernel's System V shared memory, and with shm_open and mmap by hand
#[derive(Parser, Debug)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Fewer batches, nothing large, and no programs
    #[arg(long)]
    quick: bool,
    /// Only cases and programs with this in their name
    #[arg(long, value_name = "WORDS", default_value = "")]
    only: String,
    /// The library [default: libpartage.so beside this program]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Put the results into this page, between its marks
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Draw a chart
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// What this program runs as to measure itself.
#[derive(Subcommand, Debug)]
enum Part {
    /// Run batches
    #[command(hide = true)]
    Work(worker::Order),
    /// Run once, for a tracer
    #[command(hide = true)]
    Traced(worker::Order),
    /// Time this process's first call
    #[command(hide = true)]
    FirstCall(worker::FirstCall),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        Some(Part::Work(order)) => worker::work(order),
        Some(Part::Traced(order)) => worker::be_traced(order),
        Some(Part::FirstCall(first)) => worker::first_call(first),
        None => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("partage-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let sandbox = Sandbox::enter();
    let program = std::env::current_exe()?;
    let beside = || {
        program
            .parent()
            .unwrap_or(Path::new("."))
            .join("libpartage.so")
    };
    let library = arguments.library.clone().unwrap_or_else(beside);
    let surroundings = Surroundings::new(program.clone(), library, sandbox.namespace_dir()?)?;
    let load = machine::load();
    let mut rows = Vec::new();
    for case in case::all(arguments.quick)
        .iter()
        .filter(|case| case.name.contains(&arguments.only))
    {
        eprintln!("{}", case.name);
        match measure::measure(case, &surroundings, effort(arguments.quick)) {
            Ok(row) => rows.push(row),
            Err(error) => eprintln!("  left out: {error}"),
        }
    }
    let contests = if arguments.quick {
        Vec::new()
    } else {
        programs::contests(&surroundings, &arguments.only)
    };
    let report = Report {
        machine: machine::describe(&load),
        rows,
        contests,
    };
    println!("{}", report.markdown());
    if let Some(chart) = &arguments.chart {
        std::fs::write(chart, chart::draw(&report.rows))?;
    }
    arguments
        .page
        .as_ref()
        .map_or(Ok(()), |page| report.write_into(page))
}

fn effort(quick: bool) -> Effort {
    if quick {
        Effort {
            batches: 12,
            batch: Duration::from_millis(1),
            patience: Duration::from_secs(1),
        }
    } else {
        Effort {
            batches: 30,
            batch: Duration::from_millis(2),
            patience: Duration::from_millis(1500),
        }
    }
}
