//! Following a recording while it is written.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::recording::Recording;
use crate::stream::{Item, Start, ending};

/// How long a call's record may take from its end until it is complete, before later calls are shown.
const SETTLE: Duration = Duration::from_millis(40);
/// How long a slot that is being written is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Puts the events of growing files in order.
#[derive(Debug, Default)]
pub struct Live {
    started: HashSet<usize>,
    ended: HashSet<usize>,
    /// What is not shown yet, by end and arrival.
    waiting: BTreeMap<(u64, u64), (Instant, Item)>,
    arrivals: u64,
    /// The order of a file goes before the order of time.
    floors: BTreeMap<usize, u64>,
    stuck: BTreeMap<usize, Instant>,
    /// Records that a ring overwrote before they could be shown.
    overtaken: u64,
}

impl Live {
    /// Takes what is new in the recording, and returns what is old enough to be shown; with `all`, everything.
    pub fn step(&mut self, recording: &mut Recording, all: bool) -> Vec<Item> {
        let Some(clock) = recording.clock() else {
            return Vec::new();
        };
        self.overtaken = 0;
        for index in 0..recording.images().len() {
            self.start(recording, index);
            let pass = all || self.is_stuck(index);
            let Some(image) = recording.images_mut().get_mut(index) else {
                continue;
            };
            let mut fresh = Vec::new();
            let stopped = image.take(pass, |record| fresh.push(Event::new(index, record, &clock)));
            self.overtaken += image.overtaken();
            if !stopped || !fresh.is_empty() {
                self.stuck.remove(&index);
            }
            if stopped {
                self.stuck.entry(index).or_insert_with(Instant::now);
            }
            for event in fresh {
                let key = event.end_ticks;
                self.wait(index, key, Item::Event(Box::new(event)));
            }
            self.end(recording, index);
        }
        self.release(all)
    }

    /// Records that a ring overwrote before they could be shown.
    #[must_use]
    pub fn overtaken(&self) -> u64 {
        self.overtaken
    }

    fn start(&mut self, recording: &Recording, index: usize) {
        let Some(clock) = recording.clock() else {
            return;
        };
        if self.started.contains(&index) {
            return;
        }
        if let Some(image) = recording.images().get(index)
            && let Some(start) = Start::of(index, image, &clock)
            && let Some(header) = image.header()
        {
            self.started.insert(index);
            self.wait(index, header.started.ticks, Item::Start(start));
        }
    }

    /// An image that is over, with all its records taken, ends behind its last event.
    fn end(&mut self, recording: &Recording, index: usize) {
        use crate::stream::Ending;
        let Some(image) = recording.images().get(index) else {
            return;
        };
        if !self.started.contains(&index) || self.ended.contains(&index) || image.is_running() {
            return;
        }
        let how = ending(image);
        if how != Ending::Running && image.is_taken() {
            self.ended.insert(index);
            let time = image.clock().map_or(0, |clock| {
                clock.monotonic_ns(self.floors.get(&index).copied().unwrap_or(0))
            });
            self.wait(index, 0, Item::End(index, time, how));
        }
    }

    fn wait(&mut self, index: usize, key: u64, item: Item) {
        let floor = self.floors.entry(index).or_insert(0);
        *floor = key.max(*floor);
        self.arrivals += 1;
        let entry = (Instant::now(), item);
        self.waiting.insert((*floor, self.arrivals), entry);
    }

    fn is_stuck(&self, index: usize) -> bool {
        let since = self.stuck.get(&index);
        since.is_some_and(|since| since.elapsed() > PATIENCE)
    }

    /// Everything up to the last item that has waited long enough.
    fn release(&mut self, all: bool) -> Vec<Item> {
        let old = |(arrived, _): &(Instant, Item)| all || arrived.elapsed() >= SETTLE;
        let last = self.waiting.iter().filter(|(_, entry)| old(entry));
        let Some(Reverse(last)) = last.map(|(key, _)| Reverse(*key)).min() else {
            return Vec::new();
        };
        let later = self.waiting.split_off(&(last.0, last.1 + 1));
        let ready = std::mem::replace(&mut self.waiting, later);
        ready.into_values().map(|(_, item)| item).collect()
    }
}
