//! Real programs, over the kernel's segments and over partage's.

use std::io;
use std::process::Command;

use partage_bench::surroundings::Surroundings;
use partage_bench::way::Way;

use crate::stats::Series;

mod pgbench;
mod runs;

use runs::{RUNS, WAYS, run};

/// A program's operations per second, one way and the other, run by run.
pub(crate) struct Contest {
    name: &'static str,
    kernel: Series,
    partage: Series,
}

impl Contest {
    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let ratios = self.partage.ratios_to(&self.kernel);
        format!(
            "| {} | {:.0} | {:.0} | **{:.2}** | {:.2} ({:.2} to {:.2}) |\n",
            self.name,
            self.kernel.max(),
            self.partage.max(),
            self.partage.max() / self.kernel.max(),
            ratios.median(),
            ratios.quantile(0.25),
            ratios.quantile(0.75)
        )
    }
}

type Rate = fn(&Surroundings, &mut dyn FnMut(Way, f64)) -> io::Result<()>;

/// Runs all programs that are installed.
pub(crate) fn contests(surroundings: &Surroundings, only: &str) -> Vec<Contest> {
    let all: [(&str, Rate); 3] = [
        ("pgbench, select only", pgbench::select_only),
        ("pgbench, TPC-B", pgbench::tpc_b),
        ("stress-ng --shm-sysv", stress_ng),
    ];
    let mut contests = Vec::new();
    for (name, rate) in all.into_iter().filter(|(name, _)| name.contains(only)) {
        eprintln!("{name}");
        let mut contest = Contest {
            name,
            kernel: Series::default(),
            partage: Series::default(),
        };
        let ended = rate(surroundings, &mut |way, rate| match way {
            Way::Kernel => contest.kernel.0.push(rate),
            _ => contest.partage.0.push(rate),
        });
        match ended {
            Ok(()) => contests.push(contest),
            Err(error) => eprintln!("  left out: {error}"),
        }
    }
    contests
}

fn stress_ng(surroundings: &Surroundings, note: &mut dyn FnMut(Way, f64)) -> io::Result<()> {
    for _ in 0..RUNS {
        for way in WAYS {
            let mut command = Command::new("stress-ng");
            command.args(["--shm-sysv", "2", "--timeout", "2s", "--metrics-brief"]);
            let output = run(surroundings.set_way(&mut command, way, false))?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            // stressor, operations, real time, user time, system time, operations per second of real time, ...
            let line = text
                .lines()
                .find_map(|line| line.split_once("shm-sysv ").map(|(_, rest)| rest));
            let per_second = line.and_then(|rest| rest.split_whitespace().nth(4)?.parse().ok());
            note(
                way,
                per_second.ok_or_else(|| io::Error::other("stress-ng says no rate"))?,
            );
        }
    }
    Ok(())
}
