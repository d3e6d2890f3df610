//! A slot is read whole, whatever the order of memory accesses.

use loom::sync::Arc;
use loom::thread;
use partage_model::Slot;

#[test]
fn a_reader_never_sees_a_mixture() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let slot = Arc::new(Slot::new());
        let writer = slot.clone();
        let thread = thread::spawn(move || {
            // The third write is to the copy that the first one was to.
            (1..=3).for_each(|number| writer.write(number));
        });
        if let Some((shmid, size)) = slot.read() {
            assert_eq!(u64::from(shmid), size);
        }
        thread.join().unwrap();
        assert_eq!(slot.read(), Some((3, 3)));
    });
}
