//! `partage rm`: remove segments and objects.

mod args;
mod item;
mod report;
mod select;

use crate::confirm;
use crate::failure::Outcome;
use crate::output::{format, notes};
use crate::sources;
pub(crate) use args::Args;
use item::Item;
use report::Report;
use select::Why;

/// Removes what was named; goes on after a failure and reports each.
pub(crate) fn run(args: Args) -> Outcome {
    let snapshot = args.namespace.snapshot()?;
    let chosen = select::choose(&args, &snapshot, args.namespace.acting()?.as_raw());
    let mut report = Report::new(args.json, args.dry_run, snapshot.directory.as_deref());
    // In bulk, what is in use is no failure: it was not meant.
    let stays = chosen.told();
    for (item, failure) in chosen.refused {
        if let Some((item, why)) = item {
            report.kept(item, why);
        }
        report.failed(failure);
    }
    report.say(&stays)?;
    for (item, why) in chosen.skipped {
        report.kept(item, why);
    }
    let (items, bulk) = (chosen.items, chosen.in_bulk);
    if bulk && items.is_empty() {
        report.say("nothing to remove\n")?;
        let others = args.namespace.is_default() && args.namespace.user.is_none();
        let others = others.then(sources::others).unwrap_or_default();
        notes::print(&Vec::from_iter(notes::of_others_to_tidy(&others)));
    }
    if args.dry_run {
        for item in items {
            report.removed(item)?;
        }
        return report.end();
    }
    if bulk && !items.is_empty() && !args.yes && !confirm::ask(&question(&items))? {
        report.declined(&items);
        return report.end();
    }
    args.namespace.become_user()?;
    // A directory that nobody named is found again by the library itself.
    let named = args.namespace.dir.is_some() || args.namespace.user.is_some();
    let directory = snapshot.directory.as_deref().filter(|_| named);
    for item in items {
        match item.remove(&args.namespace, directory, bulk && !args.force) {
            Ok(()) => report.removed(item)?,
            Err(failure) => {
                report.kept(item, Why::Failed);
                report.failed(failure);
            }
        }
    }
    report.end()
}

fn question(items: &[Item]) -> String {
    let bytes = items.iter().map(Item::size).fold(0, u64::saturating_add);
    let things = format::count(items.len(), "thing");
    format!("remove {things} of {} together?", format::size(bytes))
}
