//! `partage rm`: remove segments and objects.

mod args;
mod item;
mod select;

use crate::confirm;
use crate::failure::{FAILED, Outcome};
use crate::output::{self, format};
pub(crate) use args::Args;
use item::Item;

/// Removes what was named; goes on after a failure and reports each.
pub(crate) fn run(args: Args) -> Outcome {
    let snapshot = args.namespace.snapshot()?;
    let chosen = select::choose(&args, &snapshot, args.namespace.acting()?.as_raw());
    let mut status = 0;
    for failure in &chosen.failures {
        status = failure.report();
    }
    // In bulk, what is in use is no failure: it was not meant.
    output::print(&chosen.told())?;
    if args.dry_run {
        let lines = chosen.items.iter();
        let lines = lines.map(|item| format!("would remove {}\n", item.describe()));
        output::print(&lines.collect::<String>())?;
        return Ok(status);
    }
    let bulk = chosen.in_bulk;
    if bulk && !chosen.items.is_empty() && !args.yes && !confirm::ask(&question(&chosen.items))? {
        return Ok(FAILED);
    }
    args.namespace.become_user()?;
    // A directory that nobody named is found again by the library itself.
    let named = args.namespace.dir.is_some() || args.namespace.user.is_some();
    let directory = snapshot.directory.as_deref().filter(|_| named);
    for item in &chosen.items {
        match item.remove(&args.namespace, directory, bulk && !args.force) {
            Ok(()) => output::print(&format!("removed {}\n", item.describe()))?,
            Err(failure) => status = failure.report(),
        }
    }
    Ok(status)
}

fn question(items: &[Item]) -> String {
    let bytes = items.iter().map(Item::size).fold(0, u64::saturating_add);
    let things = format::count(items.len(), "thing");
    format!("remove {things} of {} together?", format::size(bytes))
}
