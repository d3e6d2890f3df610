//! `partage top`: the machine's shared memory, live.

mod columns;
mod json;
mod rows;
mod screen;
mod view;

use crate::failure::Outcome;
use crate::output;
use crate::output::table::Table;
use rows::{Look, Watch};
use std::io::IsTerminal;
use std::time::Duration;
use view::{HEADINGS, Order, View, cells, summary};

/// Watch the machine's shared memory: what is large, what grows, who holds it
///
/// Segments of every namespace that is open to you and of the kernel, POSIX objects, and memory
/// without a name: unlinked objects, memfds, shared anonymous memory. GROWTH is since top was
/// started. In a pipe, it prints plain tables, one unless `-n` says otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Seconds between two looks
    #[arg(short, long, value_name = "SECONDS", default_value = "2", value_parser = clap::value_parser!(u32).range(1..))]
    delay: u32,

    /// End after so many looks
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    iterations: Option<u32>,

    /// Plain tables, on a terminal too
    #[arg(short, long)]
    batch: bool,

    /// What comes first
    #[arg(long, value_enum, default_value_t = Order::Size)]
    sort: Order,

    /// Only what nobody holds
    #[arg(long)]
    orphans: bool,

    /// For programs: one line of JSON for each look, on a terminal too
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage top
  partage top --sort growth -d 5
  partage top -n 1 | head
  partage top --json | jq '.things[] | select(.orphan)'

Keys: M by memory, G by growth, N by name, R the other way round, o orphans only,
arrows and page keys to move, space to look now, h for help, q to quit.";

/// On a terminal the live view, elsewhere tables.
pub(crate) fn run(args: Args) -> Outcome {
    let view = View {
        order: args.sort,
        reverse: false,
        orphans: args.orphans,
    };
    let delay = Duration::from_secs(args.delay.into());
    let mut watch = Watch::default();
    let live = !args.batch && !args.json;
    if live && std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return screen::run(&mut watch, view, delay, args.iterations);
    }
    let looks = args.iterations.unwrap_or(1);
    for number in 0..looks {
        if number > 0 {
            std::thread::sleep(delay);
        }
        let look = watch.look();
        match args.json {
            true => json::print(&view.apply(&look.rows), &look)?,
            false if number > 0 => output::print(&format!("\n{}", plain(&look, view)))?,
            false => output::print(&plain(&look, view))?,
        }
    }
    Ok(0)
}

fn plain(look: &Look, view: View) -> String {
    let headings = HEADINGS.map(|(heading, align)| (heading, align));
    let mut table = Table::new(headings.to_vec());
    for row in view.apply(&look.rows) {
        table.push(cells(row).to_vec());
    }
    format!("{}\n{}", summary(look), table.render())
}
