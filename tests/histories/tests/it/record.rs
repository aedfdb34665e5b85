//! What everybody notes of what they did, by the key of the object that they did it to.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Mutex, MutexGuard},
};

use crate::check::{Event, Spec, Stamp, fits, smallest, told};

/// All that was done to the objects of one kind.
#[derive(Debug)]
pub struct Log<S: Spec>(Mutex<BTreeMap<String, Vec<Event<S>>>>);

impl<S: Spec> Default for Log<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: Spec> Log<S> {
    pub fn add(&self, key: &str, event: Event<S>) {
        self.lock().entry(key.to_owned()).or_default().push(event);
    }

    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Event<S>>>> {
        self.0.lock().unwrap()
    }

    /// Adds to each object what was done to several at once, from its beginning to its last event.
    pub fn add_to_all(&self, made: impl Fn(&str) -> Vec<Event<S>>) {
        for (key, events) in self.lock().iter_mut() {
            let first = events.iter().map(|event| event.invoked).min();
            let last = events.iter().filter(|event| event.ret.is_some()).map(|event| event.returned).max();
            let within = |event: &Event<S>| {
                let ends = |stamp: Stamp| last.is_some_and(|last| event.invoked <= last) && first <= Some(stamp);
                ends(event.returned)
            };
            events.extend(made(key).into_iter().filter(within));
        }
    }

    /// The smallest part of each object's history that could not have been.
    pub fn anomalies(&self) -> Vec<String> {
        let of = |(key, events): (&String, &Vec<Event<S>>)| {
            (!fits(events)).then(|| {
                let small = smallest(events);
                let name = std::any::type_name::<S>().rsplit("::").next().unwrap_or_default();
                format!("{name} {key}, {} of {} events:\n{}", small.len(), events.len(), told(&small))
            })
        };
        self.lock().iter().filter_map(of).collect()
    }
}
