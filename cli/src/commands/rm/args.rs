//! What is said to `partage rm`.

use crate::age;
use crate::namespace::Choice;

/// Remove segments and POSIX objects
///
/// What somebody is attached to, or has open or locked, stays, unless `--force` is given: then a
/// segment loses its key at once and goes with its last detach, and an object loses its name;
/// those who have the memory keep it.
///
/// Removal in bulk, by `--orphans`, `--all` or a pattern, means what is yours, says what stays
/// and why, and asks; without a terminal to ask on it wants `--yes`. `--orphans` means the objects
/// of /dev/shm too, except named semaphores of programs that are not known; `--all` means only those of a named namespace.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["targets", "all", "orphans"]))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) namespace: Choice,

    /// Everything of yours in the namespace
    #[arg(long, conflicts_with_all = ["orphans", "targets"])]
    pub(super) all: bool,

    /// Everything of yours that nobody has attached, mapped, open or locked
    #[arg(long, conflicts_with = "targets")]
    pub(super) orphans: bool,

    /// In bulk: only what was not attached, changed or written for so long (30m, 2h, 3d)
    #[arg(long, value_name = "AGE", value_parser = age::parse)]
    pub(super) older_than: Option<i64>,

    /// In bulk: System V segments only
    #[arg(long, conflicts_with = "posix")]
    pub(super) sysv: bool,

    /// In bulk: POSIX objects only
    #[arg(long)]
    pub(super) posix: bool,

    /// In bulk: what is of other users, too
    #[arg(long)]
    pub(super) all_users: bool,

    /// Even what somebody is attached to
    #[arg(short, long)]
    pub(super) force: bool,

    /// Say what would go, and do nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,

    /// For programs: what went and what stays, as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Ids, keys as 0x..., names of POSIX objects, or patterns of names such as '/psm_*'
    #[arg(value_name = "ID|KEY|NAME|PATTERN", value_parser = checked, value_hint = clap::ValueHint::Other)]
    pub(super) targets: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  partage rm 32768 0x0052e2c1 /psm_4f2a
  partage rm --orphans --dry-run
  partage rm '/fastrtps_*' --older-than 1h
  partage rm --orphans --posix --yes
  partage rm --orphans --dry-run --json | jq '.removed.objects[].name'
  partage rm --all --force --yes --dir \"$PARTAGE_DIR\"

Exit status: 0 when all that was meant went, 1 when not. What stays in bulk was not meant.";

/// A word that can be an id, a key, a name or a pattern.
fn checked(word: &str) -> Result<String, String> {
    word.parse::<crate::target::Target>()?;
    Ok(word.to_owned())
}
