//! Which object a key, id, name or inode means.

use super::object::{Deed, Kind, Object, ObjectId, Origin};
use super::{Model, Scene};

impl Model {
    /// A new object, brought by the scene's call.
    pub(super) fn bring(&mut self, scene: &mut Scene<'_>, kind: Kind, origin: Origin) -> ObjectId {
        let first = self.deed(scene);
        let ipc = match kind {
            Kind::Segment { .. } => self.ipc_of(scene),
            _ => 0,
        };
        let id = self.objects.push(Object {
            kind: kind.clone(),
            ipc,
            size: None,
            origin,
            first,
            removed: None,
            removed_elsewhere: false,
            gone: None,
            inode: None,
            holders: 0,
            holds: Vec::new(),
            failures: 0,
            errors: Vec::new(),
        });
        match kind {
            Kind::Segment { shmid, .. } => drop(self.segments.insert((ipc, shmid), id)),
            Kind::Named(name) => drop(self.names.insert(name, id)),
            Kind::Memfd(_) | Kind::Anonymous | Kind::Unknown(_) => {}
        }
        scene.applied.created = origin != Origin::Found;
        id
    }

    pub(super) fn deed(&self, scene: &Scene<'_>) -> Deed {
        Deed {
            process: scene.process,
            time: scene.time(),
            site: self.site(scene),
        }
    }

    /// An object's size is this from now on.
    pub(super) fn resize(&mut self, id: ObjectId, size: u64) {
        if let Some(object) = self.objects.get_mut(id) {
            self.existing.remove(object.size.unwrap_or(0));
            self.existing.add(size);
            object.size = Some(size);
        }
    }

    /// An object's size turns out to be this, unless it was known.
    pub(super) fn learn_size(&mut self, id: ObjectId, size: u64) {
        let unknown = self
            .objects
            .get(id)
            .is_some_and(|object| object.size.is_none());
        if unknown && size != 0 {
            self.resize(id, size);
        }
    }

    /// The IPC namespace of the scene's process.
    fn ipc_of(&self, scene: &Scene<'_>) -> u64 {
        let process = self.processes.get(scene.process);
        process.map_or(0, |process| process.ipc)
    }

    /// The segment that has this id now.
    pub(super) fn segment(&self, scene: &Scene<'_>, shmid: i32) -> Option<ObjectId> {
        let id = *self.segments.get(&(self.ipc_of(scene), shmid))?;
        self.objects.get(id)?.gone.is_none().then_some(id)
    }

    /// The segment that has this key now.
    pub(super) fn segment_of_key(&self, scene: &Scene<'_>, wanted: i32) -> Option<ObjectId> {
        let ipc = self.ipc_of(scene);
        let has_key = |id: &&ObjectId| {
            self.objects.get(**id).is_some_and(|object| {
                let same =
                    matches!(object.kind, Kind::Segment { key: Some(key), .. } if key == wanted);
                same && wanted != 0 && object.ipc == ipc && !object.is_removed()
            })
        };
        self.segments.values().find(has_key).copied()
    }

    /// The segment of this id, which may have been there before.
    pub(super) fn segment_or_found(&mut self, scene: &mut Scene<'_>, shmid: i32) -> ObjectId {
        match self.segment(scene, shmid) {
            Some(id) => id,
            None => self.bring(scene, Kind::Segment { shmid, key: None }, Origin::Found),
        }
    }

    /// The object that has this name now.
    pub(super) fn named(&self, name: &str) -> Option<ObjectId> {
        self.names.get(name).copied()
    }

    /// The scene's call has removed an object.
    pub(super) fn remove(&mut self, scene: &Scene<'_>, id: ObjectId) {
        let deed = self.deed(scene);
        if let Some(object) = self.objects.get_mut(id) {
            object.removed.get_or_insert(deed);
            if let Kind::Named(name) = &object.kind
                && self.names.get(name) == Some(&id)
            {
                self.names.remove(name);
            }
        }
        self.settle(id, scene.time());
    }

    /// What a descriptor that no call made stands for, by its link and inode.
    pub(super) fn of_link(
        &mut self,
        scene: &mut Scene<'_>,
        link: &str,
        inode: (u64, u64),
        size: u64,
    ) -> ObjectId {
        let id = match self.inodes.get(&inode).copied() {
            Some(id) if self.is_still_there(id, link) => id,
            _ => {
                let kind = kind_of_link(link);
                self.same_name(&kind)
                    .unwrap_or_else(|| self.bring(scene, kind, Origin::Found))
            }
        };
        self.inodes.insert(inode, id);
        if let Some(object) = self.objects.get_mut(id) {
            object.inode = Some(inode);
        }
        if inode == (0, 0) {
            // It could not be looked at.
            self.learn_size(id, size);
        } else {
            self.resize(id, size);
        }
        id
    }

    /// Whether the object of an inode can be the one that a descriptor's link names. One that nobody held any more was
    /// perhaps on its way over a socket: a file without a name keeps its inode number for itself.
    fn is_still_there(&mut self, id: ObjectId, link: &str) -> bool {
        let Some(object) = self.objects.get_mut(id) else {
            return false;
        };
        if object.gone.is_none() {
            return true;
        }
        let nameless = link.starts_with("/memfd:") || link.ends_with(" (deleted)");
        if !nameless || object.kind != kind_of_link(link) {
            return false;
        }
        object.gone = None;
        let size = object.size.unwrap_or(0);
        self.existing.add(size);
        true
    }

    /// The only object of this name whose inode is not known yet.
    fn same_name(&self, kind: &Kind) -> Option<ObjectId> {
        let same = |(_, object): &(usize, &Object)| {
            object.kind == *kind && object.inode.is_none() && object.gone.is_none()
        };
        let mut candidates = self.objects.numbered().filter(same);
        let (id, _) = candidates.next()?;
        candidates.next().is_none().then_some(id)
    }
}

/// The name under which a path is a POSIX object's: `/dev/shm/x` and `…/posix/x` are `/x`.
pub(super) fn name_of_path(path: &[u8]) -> String {
    let path = crate::words::text(path);
    let inside = path.strip_prefix("/dev/shm/").or_else(|| {
        let (_, inside) = path.rsplit_once("/posix/")?;
        Some(inside)
    });
    canonical(inside.unwrap_or(&path))
}

/// An object's name with one leading slash.
pub(super) fn canonical(name: &str) -> String {
    format!("/{}", name.trim_start_matches('/'))
}

fn kind_of_link(link: &str) -> Kind {
    let link = link.strip_suffix(" (deleted)").unwrap_or(link);
    match link.strip_prefix("/memfd:") {
        Some(name) => Kind::Memfd(name.to_owned()),
        None => Kind::Named(name_of_path(link.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_paths() {
        assert_eq!(name_of_path(b"/dev/shm/x"), "/x");
        assert_eq!(name_of_path(b"/dev/shm/sub/x"), "/sub/x");
        assert_eq!(name_of_path(b"/srv/ns/posix/x"), "/x");
        assert_eq!(canonical("//x"), "/x");
        assert_eq!(kind_of_link("/memfd:m (deleted)"), Kind::Memfd("m".into()));
    }
}
