//! Runs the cases: for each, a worker for every way, and a batch of each in turn.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use partage_bench::case::{Case, Operation};
use partage_bench::count::{self, Calls};
use partage_bench::surroundings::Surroundings;
use partage_bench::way::Way;

use crate::stats::Series;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Batches of each way.
    pub(crate) batches: u32,
    /// How long a batch should take.
    pub(crate) batch: Duration,
    /// When a case takes longer than this, it has fewer batches, but at least three.
    pub(crate) patience: Duration,
}

impl Effort {
    /// Processes that start and end around it are to be a small part of a round.
    fn batch_of(self, case: &Case) -> Duration {
        match case.operation {
            Operation::Contend(..) => self.batch * 20,
            _ => self.batch,
        }
    }
}

/// What was measured of one way.
#[derive(Clone, Default, Debug)]
pub(crate) struct Column {
    /// Each batch's ns per iteration.
    pub(crate) each: Series,
    /// Each batch's longest iteration, in ns, where it was looked at.
    pub(crate) longest: Series,
    /// System calls of one iteration, where they were counted.
    pub(crate) calls: Option<Calls>,
}

/// A measured case: a column for each way, in the order of [`Way::ALL`].
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) columns: Vec<Column>,
}

/// Measures a case every way.
pub(crate) fn measure(case: &Case, surroundings: &Surroundings, effort: Effort) -> io::Result<Row> {
    let ways = Way::ALL.iter().filter(|&&way| case.has(way));
    let mut workers = Vec::new();
    for &way in ways.clone() {
        let mut worker = Worker::start(case, surroundings, way)?;
        worker.find_pace(effort.batch_of(case))?;
        workers.push((worker, Column::default()));
    }
    let start = Instant::now();
    for batch in 0..effort.batches {
        if batch >= 3 && start.elapsed() > effort.patience {
            break;
        }
        for (worker, column) in &mut workers {
            let (each, longest) = worker.batch()?;
            column.each.0.push(each);
            column.longest.0.push(longest);
        }
    }
    let mut columns = Vec::new();
    for ((worker, mut column), &way) in workers.into_iter().zip(ways) {
        worker.end()?;
        if is_countable(case) {
            column.calls = Some(count::count(&mut surroundings.worker(case, way, "traced"))?);
        }
        columns.push(column);
    }
    Ok(Row {
        case: case.clone(),
        columns,
    })
}

/// Calls of a crowd that goes about its business are not counted, and memory needs none.
fn is_countable(case: &Case) -> bool {
    let is_large = case.setting.members + case.setting.segments > 200;
    let is_call = !matches!(
        case.operation,
        Operation::Contend(..)
            | Operation::FirstTouch(_)
            | Operation::Sequential(_)
            | Operation::Random(_)
            | Operation::Start
    );
    is_call && !is_large
}

struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    times: u32,
}

impl Worker {
    fn start(case: &Case, surroundings: &Surroundings, way: Way) -> io::Result<Worker> {
        let mut command = surroundings.worker(case, way, "work");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (orders, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Worker {
            child,
            orders: Some(orders),
            answers: BufReader::new(answers),
            times: 1,
        })
    }

    /// Makes batches about as long as asked for.
    fn find_pace(&mut self, batch: Duration) -> io::Result<()> {
        const MOST: f64 = 1e6;
        let wanted = batch.as_nanos() as f64;
        while f64::from(self.times) < MOST {
            let (each, _) = self.batch()?;
            let taken = each * f64::from(self.times);
            if taken >= wanted / 2.0 {
                break;
            }
            let more = (wanted / each).min(f64::from(self.times) * 10.0);
            self.times = (more.min(MOST) as u32).max(self.times + 1);
        }
        Ok(())
    }

    /// One batch: ns per iteration, and the longest.
    fn batch(&mut self) -> io::Result<(f64, f64)> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(orders, "{}", self.times)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let numbers = line.trim().split_once(' ');
        let numbers = numbers.and_then(|(all, longest)| {
            Some((all.parse::<f64>().ok()?, longest.parse::<f64>().ok()?))
        });
        let (all, longest) = numbers.ok_or_else(|| io::Error::other("a worker failed"))?;
        Ok((all / f64::from(self.times), longest))
    }

    fn end(mut self) -> io::Result<()> {
        self.orders = None;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("a worker ended with {status}")))
        }
    }
}

impl Drop for Worker {
    /// One that has ended already stays as it is.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
