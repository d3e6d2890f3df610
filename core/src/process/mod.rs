//! This process's own part: its membership, where its attachments lie, and what a fork does with them.
//!
//! Nothing here is locked, and nothing is held while other code runs: threads, signal handlers and fork handlers may
//! come in between at any instruction. An attachment's entry (`entry`) says what is being done to it, and by which
//! thread. So if a thread jumps out of a call or ends, a later call settles what it left (`settle`).
//! Tested by what each module names.

mod changes;
mod compare;
mod detach;
mod enter;
mod entry;
mod exit;
mod fork;
mod inherit;
mod kept;
mod leaving;
mod mapped;
mod member;
mod overlap;
mod own;
mod range;
mod registry;
mod remains;
mod settle;
mod share;
mod stamp;
mod table;
mod turn;

pub(crate) use changes::{Attached, Attaching, Creation};
pub(crate) use compare::{finish, look_after};
pub(crate) use detach::{detach, wait_for_others};
pub use enter::register as register_fork_handlers;
pub(crate) use entry::Mapping;
pub use exit::at_exit;
pub(crate) use kept::Wanted;
pub(crate) use member::{find_id, member, registry, repair, sweep, sweep_all};
pub(crate) use own::{Member, current_token, drop_kept, forbid_keeping, kept};
pub(crate) use range::Range;
pub(crate) use remains::Remains;
pub(crate) use settle::{settle, settle_thoroughly};
pub(crate) use table::{TABLE, frame};
