//! Which rows `partage ls` shows, and in which order.

use crate::failure::{Failure, USAGE};
use crate::model::{Nameless, Object, Segment, Snapshot};
use crate::output::{format, notes};
use clap::ValueEnum;
use nix::unistd::User;
use partage_report::parse_size;

/// Which rows, and in which order
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// System V segments only
    #[arg(long, conflicts_with = "posix")]
    sysv: bool,

    /// POSIX objects only
    #[arg(long)]
    posix: bool,

    /// Only what USER (name or number) owns
    #[arg(long, value_name = "USER")]
    owner: Option<String>,

    /// Only what process PID is attached to
    #[arg(long, value_name = "PID")]
    pid: Option<i32>,

    /// Only what is at least so large (K, M, G and T multiply)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    min_size: Option<u64>,

    /// Only what was not attached, changed or written for so long (30m, 2h, 3d)
    #[arg(long, value_name = "AGE", value_parser = crate::age::parse)]
    older_than: Option<i64>,

    /// Only what nobody has attached, mapped, open or locked
    #[arg(long)]
    orphans: bool,

    /// Only segments that were removed and wait for their last detach
    #[arg(long)]
    removed: bool,

    /// Order of the rows
    #[arg(long, value_enum, default_value_t = Order::Id)]
    sort: Order,

    /// The other way round
    #[arg(short, long)]
    reverse: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// By slot, as the kernel lists its segments; objects by name
    Id,
    Key,
    Owner,
    Size,
    Resident,
    Nattch,
    /// Youngest first
    Age,
}

/// Slots are the low bits of an id.
const SLOT: i32 = partage_core::inspect::MAX_SEGMENTS as i32 - 1;

impl Selection {
    /// Whether segments are out of the question.
    pub(crate) fn is_of_objects(&self) -> bool {
        self.posix
    }

    /// Leaves in `snapshot` what was asked for, in the order asked for; what the rows cannot say.
    pub(crate) fn apply(&self, snapshot: &mut Snapshot) -> Result<Vec<String>, Failure> {
        self.choose(snapshot)?;
        let told = match self.orphans {
            // What may be an orphan is no row, and is not passed over in silence.
            true => notes::of_unknown(snapshot).into_iter().collect(),
            false => notes::of(snapshot),
        };
        if self.orphans {
            snapshot.segments.retain(Segment::is_orphan);
            snapshot.objects.retain(Object::is_orphan);
            snapshot.nameless.retain(Nameless::is_orphan);
        }
        self.order(snapshot);
        Ok(told)
    }

    fn choose(&self, snapshot: &mut Snapshot) -> Result<(), Failure> {
        let owner = self.owner.as_deref().map(uid_of).transpose()?;
        let least = self.min_size.unwrap_or(0);
        let fits = |uid: u32, size: u64, pids: &[crate::model::Attachment]| {
            owner.is_none_or(|owner| owner == uid)
                && size >= least
                && self
                    .pid
                    .is_none_or(|pid| pids.iter().any(|attachment| attachment.pid == Some(pid)))
        };
        let latest = self.older_than.map(|age| format::now().saturating_sub(age));
        let is_old = |moment: i64| latest.is_none_or(|latest| moment <= latest);
        snapshot.segments.retain(|segment| {
            !self.posix
                && is_old(segment.ctime.max(segment.atime).max(segment.dtime))
                && fits(segment.owner.uid, segment.size, &segment.attached)
                && (!self.removed || segment.is_removed())
        });
        snapshot.objects.retain(|object| {
            !self.sysv
                && !self.removed
                && is_old(object.mtime)
                && fits(object.owner.uid, object.size, &object.attached)
        });
        snapshot.nameless.retain(|memory| {
            !self.sysv
                && !self.removed
                && latest.is_none()
                && owner.is_none()
                && memory.size >= least
                && self.pid.is_none_or(|pid| {
                    let mut holders = memory.attached.iter();
                    holders.any(|attachment| attachment.pid == Some(pid))
                })
        });
        Ok(())
    }

    fn order(&self, snapshot: &mut Snapshot) {
        let Snapshot {
            segments,
            objects,
            nameless,
            ..
        } = snapshot;
        segments.sort_by_key(|segment| segment.id & SLOT);
        let by_segment: Option<fn(&Segment) -> i128> = match self.sort {
            Order::Id | Order::Owner => None,
            Order::Key => Some(|segment| segment.key.into()),
            Order::Size => Some(|segment| segment.size.into()),
            Order::Resident => Some(|segment| segment.resident.unwrap_or(0).into()),
            Order::Nattch => Some(|segment| segment.nattch.into()),
            Order::Age => Some(|segment| -i128::from(segment.ctime)),
        };
        let by_object: Option<fn(&Object) -> i128> = match self.sort {
            Order::Id | Order::Key | Order::Owner => None,
            Order::Size => Some(|object| object.size.into()),
            Order::Resident => Some(|object| object.resident.into()),
            Order::Nattch => Some(|object| object.attached.len() as i128),
            Order::Age => Some(|object| -i128::from(object.mtime)),
        };
        if let Order::Owner = self.sort {
            segments.sort_by_cached_key(|segment| format::user(segment.owner.uid));
            objects.sort_by_cached_key(|object| format::user(object.owner.uid));
        }
        if let Some(by) = by_segment {
            segments.sort_by_key(by);
        }
        if let Some(by) = by_object {
            objects.sort_by_key(by);
        }
        match self.sort {
            Order::Size => nameless.sort_by_key(|memory| memory.size),
            Order::Resident => nameless.sort_by_key(|memory| memory.resident),
            Order::Nattch => nameless.sort_by_key(|memory| memory.attached.len()),
            Order::Id | Order::Key | Order::Owner | Order::Age => {}
        }
        if self.reverse {
            nameless.reverse();
            segments.reverse();
            objects.reverse();
        }
    }
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| {
        format!("`{text}` is no size: a number of bytes; K, M, G and T multiply by powers of 1024")
    })
}

fn uid_of(text: &str) -> Result<u32, Failure> {
    if let Ok(uid) = text.parse() {
        return Ok(uid);
    }
    let user = User::from_name(text).ok().flatten();
    user.map(|user| user.uid.as_raw()).ok_or_else(|| {
        Failure::new(format_args!("--owner: there is no user {text}")).with_status(USAGE)
    })
}
