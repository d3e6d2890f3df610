//! The results in words: tables in Markdown.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use partage_bench::case::Table;
use partage_bench::count::Calls;

use crate::measure::{Column, Row};
use crate::programs::Contest;

const BEGIN: &str = "<!-- results: begin -->\n";
const END: &str = "<!-- results: end -->\n";

/// All results.
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) contests: Vec<Contest>,
}

impl Row {
    fn kernel(&self) -> Option<&Column> {
        self.columns.first()
    }

    /// The column's least time in units of the kernel's.
    pub(crate) fn ratio(&self, column: usize) -> Option<f64> {
        Some(self.columns.get(column)?.each.min() / self.kernel()?.each.min())
    }

    /// The ratio of each batch to the kernel's beside it: median, and the quartiles around it.
    fn spread(&self, column: usize) -> Option<String> {
        let ratios = self
            .columns
            .get(column)?
            .each
            .ratios_to(&self.kernel()?.each);
        Some(format!(
            "{:.2} ({:.2} to {:.2})",
            ratios.median(),
            ratios.quantile(0.25),
            ratios.quantile(0.75)
        ))
    }
}

impl Report {
    /// The results in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n", self.machine);
        for table in Table::ALL {
            let rows: Vec<&Row> = self
                .rows
                .iter()
                .filter(|row| row.case.table == table)
                .collect();
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n### {}\n", table.title());
            text.push_str(if table == Table::Contention {
                CONTENTION_HEAD
            } else {
                HEAD
            });
            for row in rows {
                text.push_str(&if table == Table::Contention {
                    contention_line(row)
                } else {
                    line(row)
                });
            }
        }
        if !self.contests.is_empty() {
            text.push_str("\n### Programs\n\n");
            text.push_str(PROGRAMS_HEAD);
            for contest in &self.contests {
                text.push_str(&contest.line());
            }
        }
        text
    }

    /// Puts the results between the marks that a page has for them.
    pub(crate) fn write_into(&self, page: &Path) -> io::Result<()> {
        let text = fs::read_to_string(page)?;
        let around = text
            .split_once(BEGIN)
            .and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
        let (head, tail) = around.ok_or_else(|| {
            io::Error::other(format!("{} has no place for results", page.display()))
        })?;
        fs::write(
            page,
            format!("{head}{BEGIN}\n{}\n{END}{tail}", self.markdown()),
        )
    }
}

const HEAD: &str = "\
| | kernel | partage | by hand | handed out | partage / kernel | median (quartiles) | aim | system calls |
|---|--:|--:|--:|--:|--:|--:|--:|---|
";

fn line(row: &Row) -> String {
    let time = |column: usize| {
        row.columns
            .get(column)
            .map_or(String::new(), |column| nanoseconds(column.each.min()))
    };
    let by_hand = |column: usize| {
        row.ratio(column).map_or(String::new(), |ratio| {
            format!("{} ({ratio:.2})", time(column))
        })
    };
    let ratio = row.ratio(1).unwrap_or(f64::NAN);
    let spread = row.spread(1).unwrap_or_default();
    let aim = row
        .case
        .target
        .map_or(String::new(), |aim| format!("{aim}"));
    let calls = |column: usize| {
        row.columns
            .get(column)
            .and_then(|column| column.calls.as_ref())
    };
    format!(
        "| {} | {} | {} | {} | {} | **{ratio:.2}** | {spread} | {aim} | {} |\n",
        row.case.name,
        time(0),
        time(1),
        by_hand(2),
        by_hand(3),
        system_calls(calls(0), calls(1))
    )
}

/// "3, not 2; 4 masks": how many, beside the kernel's, and changes of the signal mask.
fn system_calls(kernel: Option<&Calls>, ours: Option<&Calls>) -> String {
    let Some((kernel, ours)) = kernel.zip(ours) else {
        return String::new();
    };
    let masks = if ours.masks() > 0 {
        format!(" + {} masks", ours.masks())
    } else {
        String::new()
    };
    format!(
        "{}{masks} : {}",
        ours.others(),
        kernel.others() + kernel.masks()
    )
}

const CONTENTION_HEAD: &str = "\
| | kernel, pairs/s | partage, pairs/s | partage / kernel, pairs | kernel, longest | partage, longest |
|---|--:|--:|--:|--:|--:|
";

fn contention_line(row: &Row) -> String {
    let [kernel, ours, ..] = row.columns.as_slice() else {
        return String::new();
    };
    let rate = |column: &Column| format!("{:.0}", 1e9 / column.each.median());
    let longest = |column: &Column| {
        format!(
            "{} ({})",
            nanoseconds(column.longest.median()),
            nanoseconds(column.longest.max())
        )
    };
    format!(
        "| {} | {} | {} | **{:.2}** | {} | {} |\n",
        row.case.name,
        rate(kernel),
        rate(ours),
        kernel.each.median() / ours.each.median(),
        longest(kernel),
        longest(ours)
    )
}

const PROGRAMS_HEAD: &str = "\
| | kernel, per second | partage, per second | partage / kernel | median (quartiles) |
|---|--:|--:|--:|--:|
";

/// Three figures and a unit.
pub(crate) fn nanoseconds(ns: f64) -> String {
    let (number, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = if number < 10.0 {
        2
    } else {
        usize::from(number < 100.0)
    };
    format!("{number:.digits$} {unit}")
}
