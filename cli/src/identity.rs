//! Acting as another user: `--user NAME`, for root.

use crate::failure::{Failure, USAGE};
use nix::unistd::{
    Gid, Uid, User, getegid, geteuid, getgroups, initgroups, setegid, seteuid, setgroups,
    setresgid, setresuid,
};
use std::ffi::CString;
use std::path::PathBuf;

/// A user to act as.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) home: PathBuf,
    pub(crate) shell: PathBuf,
}

impl Person {
    /// The user of this name or number.
    pub(crate) fn find(text: &str) -> Result<Self, Failure> {
        let by_number = || {
            let uid = text.parse().ok()?;
            User::from_uid(Uid::from_raw(uid)).ok().flatten()
        };
        let user = User::from_name(text).ok().flatten().or_else(by_number);
        let user = user.ok_or_else(|| {
            Failure::new(format_args!("there is no user {text}")).with_status(USAGE)
        })?;
        let me = Uid::effective();
        if !me.is_root() && me != user.uid {
            return Err(Failure::new(format_args!("only root can act as {text}")));
        }
        Ok(Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            home: user.dir,
            shell: user.shell,
        })
    }

    /// Does something with this user's rights, and takes the caller's again.
    pub(crate) fn act<T>(&self, what: impl FnOnce() -> T) -> Result<T, Failure> {
        if Uid::effective() == self.uid {
            return Ok(what());
        }
        let cannot = |why| Failure::io(format_args!("cannot act as {}", self.name), why);
        let (uid, gid) = (geteuid(), getegid());
        let groups = getgroups().map_err(cannot)?;
        self.take_groups().map_err(cannot)?;
        setegid(self.gid)
            .and_then(|()| seteuid(self.uid))
            .map_err(cannot)?;
        let done = what();
        let back = seteuid(uid)
            .and_then(|()| setegid(gid))
            .and_then(|()| setgroups(&groups));
        back.map_err(|why| Failure::io("cannot be root again", why))?;
        Ok(done)
    }

    /// Becomes this user for good, with all that root gives him at his login.
    pub(crate) fn become_for_good(&self) -> Result<(), Failure> {
        if Uid::effective() == self.uid {
            return Ok(());
        }
        self.take_groups()
            .and_then(|()| setresgid(self.gid, self.gid, self.gid))
            .and_then(|()| setresuid(self.uid, self.uid, self.uid))
            .map_err(|why| Failure::io(format_args!("cannot become {}", self.name), why))
    }

    fn take_groups(&self) -> nix::Result<()> {
        let name = CString::new(self.name.as_str()).unwrap_or_default();
        initgroups(&name, self.gid)
    }

    /// What a login would set, for programs that look there for a place for their namespace. Where
    /// the caller has named a directory, that was meant for the caller.
    pub(crate) fn runtime_directory(&self) -> Option<PathBuf> {
        let path = PathBuf::from(format!("/run/user/{}", self.uid));
        path.is_dir().then_some(path)
    }
}
