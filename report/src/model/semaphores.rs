//! What calls on named semaphores do to the model: objects of the file system of POSIX objects, one page each.

use super::arguments::{O_CREAT, O_EXCL, object_of, pages, text};
use super::naming::canonical;
use super::object::{HoldKind, Kind, Origin};
use super::process::Piece;
use super::{Model, Scene};

/// Bytes of a semaphore on 64-bit Linux, `sizeof (sem_t)`.
const SIZE: u64 = 32;

/// The object's name: the C library keeps `/name` as `sem.name`.
pub(super) fn object_name(name: &str) -> String {
    canonical(&format!("sem.{}", name.trim_start_matches('/')))
}

impl Model {
    pub(super) fn sem_open(&mut self, scene: &mut Scene<'_>) {
        let name = object_name(&text(scene));
        let known = self.named(&name);
        if scene.event.failed() {
            scene.applied.object = known;
            return;
        }
        let flags = scene.event.int(1);
        let origin = match (flags & O_CREAT != 0, flags & O_EXCL != 0) {
            (true, true) => Origin::Created,
            (true, false) => Origin::CreatedOrFound,
            (false, _) => Origin::Found,
        };
        let known = known.filter(|_| origin != Origin::Created);
        let id = known.unwrap_or_else(|| self.bring(scene, Kind::Named(name), origin));
        self.learn_size(id, SIZE);
        scene.applied.object = Some(id);
        let start = scene.event.result as u64;
        // A process that opens it again gets the same address, and has to close it as often.
        let Some(holdings) = self.holdings(scene.process) else {
            return;
        };
        let opened = holdings.semaphores.entry(start).or_insert(0);
        *opened += 1;
        if *opened == 1 {
            let hold = self.begin(scene, id, HoldKind::Mapping(start));
            let end = start.saturating_add(pages(SIZE));
            self.add_memory(scene.process, Piece { start, end, hold });
        }
    }

    pub(super) fn sem_close(&mut self, scene: &mut Scene<'_>) {
        let start = scene.event.arg(0);
        let piece = self
            .memory(scene.process)
            .and_then(|memory| memory.at(start));
        let Some(piece) = piece else { return };
        scene.applied.object = object_of(self, piece.hold);
        let Some(holdings) = self
            .holdings(scene.process)
            .filter(|_| !scene.event.failed())
        else {
            return;
        };
        if let Some(opened) = holdings.semaphores.get_mut(&start) {
            *opened = opened.saturating_sub(1);
            if *opened > 0 {
                return;
            }
            holdings.semaphores.remove(&start);
        }
        let pieces = holdings.memory.cut_hold(piece.hold);
        self.lose(scene, &pieces);
    }

    pub(super) fn sem_unlink(&mut self, scene: &mut Scene<'_>) {
        let name = object_name(&text(scene));
        self.unlink_name(scene, &name);
    }
}
