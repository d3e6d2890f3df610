//! Objects and holds by number, of which those that are over can be let go.

use std::collections::{BTreeMap, VecDeque};

/// Things by number, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Store<T> {
    things: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store {
            things: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Store<T> {
    /// Adds one; its number.
    pub(super) fn push(&mut self, thing: T) -> usize {
        let id = self.next;
        self.things.insert(id, thing);
        self.next += 1;
        id
    }

    pub(super) fn get_mut(&mut self, id: usize) -> Option<&mut T> {
        self.things.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: usize) -> Option<T> {
        self.things.remove(&id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.values_mut()
    }

    /// The one of this number, unless it was let go.
    #[must_use]
    pub fn get(&self, id: usize) -> Option<&T> {
        self.things.get(&id)
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.things.values()
    }

    /// Those that are kept, with their numbers.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> + Clone {
        self.things.iter().map(|(id, thing)| (*id, thing))
    }

    /// How many there ever were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.next
    }
}

/// So many of what is over are remembered: a later call may be about them, or fail because of them.
const RECENT: usize = 2048;
/// So many as long as a child has not begun that may have inherited them.
const WITH_FORKS: usize = 32 * RECENT;

/// What is over, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Over {
    pub(super) objects: VecDeque<usize>,
    pub(super) holds: VecDeque<usize>,
}

impl Over {
    /// One that is to be let go now, if there are too many.
    pub(super) fn surplus(of: &mut VecDeque<usize>, forks: bool) -> Option<usize> {
        let most = if forks { WITH_FORKS } else { RECENT };
        (of.len() > most).then(|| of.pop_front()).flatten()
    }
}
