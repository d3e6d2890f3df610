//! rename, link and their kin: an object comes to another name, or to a second one.

use core::ffi::c_int;

use partage_trace_format::Call;
use partage_trace_format::payload::tag;
use partage_trace_format::structs::{FILE_SIZE, File};

use super::paths::{HERE, shared_path};
use super::{Args, forward, int};
use crate::frames::Site;
use crate::next::Symbol;
use crate::places::{self, Path};
use crate::recorder::{self, Outcome};

/// A path and the directory where it begins.
type Place = (c_int, usize);

pub(crate) fn rename(symbol: Symbol, args: Args, site: Site) -> usize {
    let [old, new, ..] = args;
    let shown = [old, new, 0, 0, 0, 0];
    moved(
        Call::Rename,
        symbol,
        args,
        site,
        shown,
        [(HERE, old), (HERE, new)],
    )
}

/// renameat and renameat2; the former has no flags.
pub(crate) fn renameat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [old_directory, old, new_directory, new, flags, _] = args;
    let flags = match symbol {
        Symbol::renameat2 | Symbol::by_renameat2 => flags as u32 as usize,
        _ => 0,
    };
    let places = [(int(old_directory), old), (int(new_directory), new)];
    let shown = [old, new, flags, 0, 0, 0];
    moved(Call::Rename, symbol, args, site, shown, places)
}

pub(crate) fn link(symbol: Symbol, args: Args, site: Site) -> usize {
    let [old, new, ..] = args;
    let shown = [old, new, 0, 0, 0, 0];
    moved(
        Call::Link,
        symbol,
        args,
        site,
        shown,
        [(HERE, old), (HERE, new)],
    )
}

pub(crate) fn linkat(symbol: Symbol, args: Args, site: Site) -> usize {
    let [old_directory, old, new_directory, new, ..] = args;
    let places = [(int(old_directory), old), (int(new_directory), new)];
    let shown = [old, new, 0, 0, 0, 0];
    moved(Call::Link, symbol, args, site, shown, places)
}

fn moved(
    call: Call,
    symbol: Symbol,
    args: Args,
    site: Site,
    shown: Args,
    [(old_directory, old), (new_directory, new)]: [Place; 2],
) -> usize {
    let begun = recorder::begin(site);
    let result = forward(symbol, args);
    let Some(begun) = begun else { return result };
    let outcome = Outcome::int(result);
    // Both are of one file system; what is linked may have no name, only a descriptor.
    let Some(to) = shared_path(new_directory, new, &outcome) else {
        return result;
    };
    let from = shared_path(old_directory, old, &outcome).unwrap_or(Path::new());
    let file = to.as_c_str().filter(|_| outcome.succeeded());
    let file = file.and_then(places::file_at).map(File::to_bytes);
    let pieces = [
        (tag::NAME, from.as_bytes()),
        (tag::SECOND_NAME, to.as_bytes()),
        (
            tag::FILE,
            file.as_ref().map_or(&[], <[u8; FILE_SIZE]>::as_slice),
        ),
    ];
    let known = if file.is_some() { 3 } else { 2 };
    let pieces = pieces.get(..known).unwrap_or(&[]);
    recorder::finish_with(begun, call, outcome, shown, pieces);
    result
}
