//! What calls with a name do to the model: POSIX objects come to a name, to another, to a second one, and lose it.

use super::arguments::{O_CLOEXEC, O_CREAT, O_EXCL, O_TRUNC, text};
use super::naming::name_of_path;
use super::object::{Kind, ObjectId, Origin};
use super::{Model, Scene};

const O_TMPFILE: i32 = 0o20_000_000;
const MFD_CLOEXEC: i32 = 1;
const RENAME_EXCHANGE: i32 = 2;

impl Model {
    /// The scene's call opens an object by its name.
    pub(super) fn open_name(
        &mut self,
        scene: &mut Scene<'_>,
        name: String,
        flags: i32,
        close_on_exec: bool,
    ) {
        let known = self.named(&name);
        if scene.event.failed() {
            scene.applied.object = known;
            return;
        }
        let nameless = flags & O_TMPFILE != 0;
        let creates = flags & O_CREAT != 0;
        let surely = nameless || creates && flags & O_EXCL != 0;
        let known = known
            .filter(|id| !surely && self.may_be(*id, scene))
            .or_else(|| self.of_file(scene).filter(|_| !surely));
        let id = known.unwrap_or_else(|| {
            let origin = match (surely, creates) {
                (true, _) => Origin::Created,
                (false, true) => Origin::CreatedOrFound,
                (false, false) => Origin::Found,
            };
            self.bring(scene, Kind::Named(name), origin)
        });
        if surely || flags & O_TRUNC != 0 {
            self.resize(id, 0);
        }
        if nameless {
            // Nobody else can open it, and nobody has to remove it.
            self.remove(scene, id);
        }
        self.identify(scene, id);
        scene.applied.object = Some(id);
        let fd = scene.event.result as i32;
        self.open_fd(scene, fd, id, close_on_exec || flags & O_CLOEXEC != 0);
    }

    /// Whether the file that the scene's call has opened can be this object.
    fn may_be(&self, id: ObjectId, scene: &Scene<'_>) -> bool {
        let known = self.object(id).and_then(|object| object.inode);
        let file = scene.event.file.map(|file| (file.device, file.inode));
        known.is_none() || file.is_none() || known == file
    }

    /// The object that the scene's call has opened, by its inode.
    fn of_file(&self, scene: &Scene<'_>) -> Option<ObjectId> {
        let file = scene.event.file?;
        let id = *self.inodes.get(&(file.device, file.inode))?;
        let object = self.object(id)?;
        (object.gone.is_none() && !object.is_removed()).then_some(id)
    }

    /// Keeps what the scene's call has told of the object that it opened: its inode, and its size.
    pub(super) fn identify(&mut self, scene: &Scene<'_>, id: ObjectId) {
        let Some(file) = scene.event.file else { return };
        let inode = (file.device, file.inode);
        self.inodes.insert(inode, id);
        if let Some(object) = self.objects.get_mut(id) {
            object.inode = Some(inode);
        }
        self.resize(id, file.size);
    }

    pub(super) fn unlink_name(&mut self, scene: &mut Scene<'_>, name: &str) {
        scene.applied.object = self.named(name);
        if scene.event.failed() {
            return;
        }
        let id = match scene.applied.object {
            Some(id) => id,
            None => self.bring(scene, Kind::Named(name.to_owned()), Origin::Found),
        };
        scene.applied.object = Some(id);
        self.remove(scene, id);
    }

    pub(super) fn memfd_create(&mut self, scene: &mut Scene<'_>) {
        if scene.event.failed() {
            return;
        }
        let id = self.bring(scene, Kind::Memfd(text(scene)), Origin::Created);
        self.resize(id, 0);
        self.identify(scene, id);
        scene.applied.object = Some(id);
        let close_on_exec = scene.event.int(1) & MFD_CLOEXEC != 0;
        self.open_fd(scene, scene.event.result as i32, id, close_on_exec);
    }

    /// An object comes to another name; what had that is removed, or gets the old one.
    pub(super) fn rename(&mut self, scene: &mut Scene<'_>) {
        let (old, new) = both_names(scene);
        scene.applied.object = self.named(&old);
        if scene.event.failed() {
            return;
        }
        let replaced = self.named(&new);
        let id = match scene.applied.object {
            Some(id) => id,
            None if self.rename_inside(&old, &new) => return,
            None => self.bring(scene, Kind::Named(old.clone()), Origin::Found),
        };
        scene.applied.object = Some(id);
        self.names.remove(&old);
        if let Some(other) = replaced.filter(|other| *other != id) {
            if scene.event.int(2) & RENAME_EXCHANGE != 0 {
                self.call_it(other, &old);
            } else {
                self.remove(scene, other);
            }
        }
        self.call_it(id, &new);
    }

    /// Renames what lies in a directory; whether there is anything.
    fn rename_inside(&mut self, old: &str, new: &str) -> bool {
        let inside = |name: &String| {
            let rest = name.strip_prefix(old)?;
            rest.starts_with('/').then(|| format!("{new}{rest}"))
        };
        let moved: Vec<(String, String)> = self
            .names
            .keys()
            .filter_map(|name| Some((name.clone(), inside(name)?)))
            .collect();
        for (from, to) in &moved {
            if let Some(id) = self.names.remove(from) {
                self.call_it(id, to);
            }
        }
        !moved.is_empty()
    }

    fn call_it(&mut self, id: ObjectId, name: &str) {
        self.names.insert(name.to_owned(), id);
        if let Some(object) = self.objects.get_mut(id) {
            object.kind = Kind::Named(name.to_owned());
        }
    }

    /// An object comes to a second name, which has to be removed as well; one without a name comes to its first.
    pub(super) fn link(&mut self, scene: &mut Scene<'_>) {
        let (old, new) = both_names(scene);
        if scene.event.failed() {
            scene.applied.object = self.named(&new);
            return;
        }
        if let Some(id) = self.of_nameless(scene) {
            if let Some(object) = self.objects.get_mut(id) {
                object.removed = None;
            }
            self.call_it(id, &new);
            scene.applied.object = Some(id);
            return;
        }
        let size = self.named(&old).and_then(|id| self.object(id)?.size);
        let id = self.bring(scene, Kind::Named(new), Origin::Created);
        if let Some(size) = size {
            self.resize(id, size);
        }
        self.identify(scene, id);
        scene.applied.object = Some(id);
    }

    /// The object without a name that the scene's call gives one.
    fn of_nameless(&self, scene: &Scene<'_>) -> Option<ObjectId> {
        let file = scene.event.file?;
        let id = *self.inodes.get(&(file.device, file.inode))?;
        let object = self.object(id)?;
        let nameless = matches!(&object.kind, Kind::Named(name) if name.ends_with(" (deleted)"));
        (nameless && object.gone.is_none()).then_some(id)
    }
}

/// The two names that the scene's call was given.
fn both_names(scene: &Scene<'_>) -> (String, String) {
    let of = |path: &Option<Box<[u8]>>| name_of_path(path.as_deref().unwrap_or(&[]));
    (of(&scene.event.name), of(&scene.event.second_name))
}
