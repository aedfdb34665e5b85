//! Rights end while others ask, keep and begin.

use std::collections::HashMap;

use shuttle::{future::block_on, thread};

use crate::{
    snapshot::{Ask, Epochs, Keep, Snapshot, answer},
    sync::{Arc, AtomicU64, Mutex, Ordering, yield_now},
};

const SCHEDULES: usize = 25_000;

/// What is kept, under the key and the epoch.
#[derive(Default)]
struct Kept(Mutex<HashMap<(u8, u64), u64>>);

impl Keep<(u8, u64), u64> for Kept {
    fn get(&self, key: &(u8, u64)) -> Option<u64> {
        self.0.lock().unwrap().get(key).copied()
    }

    fn put(&self, key: (u8, u64), answer: u64) {
        self.0.lock().unwrap().insert(key, answer);
    }
}

/// What holds of rights now: the answer is how often they were changed before.
#[derive(Default)]
struct World {
    rights: AtomicU64,
    /// The last change whose invalidation has returned, and the epoch that it gave.
    returned: AtomicU64,
    epoch: AtomicU64,
}

struct Question<'a>(&'a World);

impl<D: Sync + Send> Ask<D> for Question<'_> {
    type Key = (u8, u64);
    type Answer = u64;

    fn key(&self, now: &Snapshot<D>) -> Option<(u8, u64)> {
        Some((0, now.epoch))
    }

    async fn make(&self, _: &Arc<Snapshot<D>>) -> (u64, bool) {
        let answer = self.0.rights.load(Ordering::SeqCst);
        // Here an invalidation comes between the answer and its being kept.
        yield_now();
        (answer, true)
    }
}

fn end_rights(world: &World, epochs: &Epochs<u64>, times: u64) {
    for _ in 0..times {
        let now = world.rights.fetch_add(1, Ordering::SeqCst) + 1;
        let epoch = epochs.replace(0, |set| *set);
        world.epoch.fetch_max(epoch, Ordering::SeqCst);
        world.returned.fetch_max(now, Ordering::SeqCst);
    }
}

fn scene() -> Arc<(World, Epochs<u64>, Kept)> {
    Arc::new((World::default(), Epochs::new(0), Kept::default()))
}

#[test]
fn no_permit_is_older_than_an_invalidation_that_returned() {
    shuttle::check_random(
        || {
            let shared = scene();
            let askers: Vec<_> = (0..2)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let (world, epochs, kept) = &*shared;
                        for _ in 0..2 {
                            let (least, from) =
                                (world.returned.load(Ordering::SeqCst), world.epoch.load(Ordering::SeqCst));
                            let Some(given) = block_on(answer(epochs, kept, &Question(world))) else { continue };
                            assert!(given.answer >= least, "rights {}, ended before {least}", given.answer);
                            assert!(given.kept || given.answer <= world.rights.load(Ordering::SeqCst));
                            assert!(given.epoch >= from, "epoch {}, {from} had begun", given.epoch);
                        }
                    })
                })
                .collect();
            end_rights(&shared.0, &shared.1, 2);
            for asker in askers {
                asker.join().unwrap();
            }
        },
        SCHEDULES,
    );
}

#[test]
fn two_who_end_rights_at_once_give_two_epochs() {
    shuttle::check_random(
        || {
            let shared = scene();
            let other = Arc::clone(&shared);
            let second = thread::spawn(move || end_rights(&other.0, &other.1, 2));
            end_rights(&shared.0, &shared.1, 2);
            second.join().unwrap();
            assert_eq!(shared.1.epoch(), 5);
            assert!(shared.1.is_current(5) && !shared.1.is_current(4));
        },
        SCHEDULES,
    );
}

#[test]
fn nothing_begins_on_a_permit_that_an_invalidation_made_void_before_it_returned() {
    shuttle::check_random(
        || {
            let shared = scene();
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let (world, epochs, kept) = &*shared;
                        let Some(given) = block_on(answer(epochs, kept, &Question(world))) else { return };
                        // The admission is written here; rights may end meanwhile.
                        yield_now();
                        if let Some(_beginning) = epochs.begin(given.epoch) {
                            // Handing the call over takes a while. No invalidation of its epoch returns in it.
                            for _ in 0..2 {
                                let returned = world.returned.load(Ordering::SeqCst);
                                assert!(given.answer >= returned, "began on rights that ended before {returned}");
                                yield_now();
                            }
                        }
                    })
                })
                .collect();
            end_rights(&shared.0, &shared.1, 2);
            for caller in callers {
                caller.join().unwrap();
            }
        },
        SCHEDULES,
    );
}

#[test]
fn whoever_sees_an_epoch_finds_what_decides_in_it() {
    shuttle::check_random(
        || {
            let epochs = Arc::new(Epochs::new(1_u64));
            let reader = Arc::clone(&epochs);
            let reading = thread::spawn(move || {
                for _ in 0..3 {
                    let least = reader.epoch();
                    let (epoch, set) = reader.look(|now| (now.epoch, now.deciding));
                    assert_eq!(epoch, set, "the snapshot is not of one piece");
                    assert!(epoch >= least, "epoch {least} is told, {epoch} decides");
                }
            });
            for _ in 0..3 {
                epochs.replace(0, |set| set + 1);
            }
            reading.join().unwrap();
        },
        SCHEDULES,
    );
}
