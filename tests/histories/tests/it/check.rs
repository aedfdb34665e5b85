//! Linearizability (Herlihy and Wing), found as Wing and Gong did, with Lowe's memory of where one has been. What one key is
//! about is checked by itself: a history is linearizable if those of its objects are.
//!
//! Not `stateright`'s tester: that remembers nothing, so a history that does not fit takes time without end, copies all that
//! is left of a history at each step, and knows one answer to each question, where time and crashes leave several.

use std::{collections::HashSet, fmt::Debug, hash::Hash, time::Duration};

/// When something happened by the host's clock, and its number among all that happened.
pub type Stamp = (Duration, u64);

pub const NEVER: Stamp = (Duration::MAX, u64::MAX);

/// What may be done to an object, one thing after the other. The object begins as the default of its state.
pub trait Spec: Debug + Clone + Copy + 'static {
    type State: Clone + Eq + Hash + Debug + Default;
    type Op: Clone + Debug;
    type Ret: Clone + Debug;

    /// The states that the operation may leave with that answer; none where it could not have had that. Without an answer:
    /// all that it may leave.
    fn step(state: &Self::State, op: &Self::Op, ret: Option<&Self::Ret>) -> Vec<Self::State>;

    /// It changes nothing, so that a history without it fits wherever this one does.
    fn only_reads(op: &Self::Op, ret: Option<&Self::Ret>) -> bool;
}

/// Something that was done.
#[derive(Debug, Clone)]
pub struct Event<S: Spec> {
    pub id: u64,
    pub who: String,
    pub op: S::Op,
    /// Absent where nobody heard it: it had its effect after it was asked for, or never.
    pub ret: Option<S::Ret>,
    pub invoked: Stamp,
    pub returned: Stamp,
    /// The event that it comes after, where both are halves of one.
    pub after: Option<u64>,
}

/// More places to be at than any sound history has shown.
const PLACES: usize = 2_000_000;

/// Whether one thing after the other could have been so.
pub fn fits<S: Spec>(events: &[Event<S>]) -> bool {
    let mut events: Vec<&Event<S>> = events.iter().collect();
    events.sort_by_key(|event| event.invoked);
    let at = |id: u64| events.iter().position(|event| event.id == id);
    let after: Vec<Option<usize>> = events.iter().map(|event| event.after.and_then(at)).collect();
    let words = events.len().div_ceil(64).max(1);
    let has = |done: &[u64], at: usize| done[at / 64] >> (at % 64) & 1 == 1;
    let is_over = |done: &[u64]| (0..events.len()).all(|at| events[at].ret.is_none() || has(done, at));

    let begin = (vec![0_u64; words].into_boxed_slice(), S::State::default());
    let mut seen = HashSet::from([begin.clone()]);
    let mut ahead = vec![begin];
    while let Some((done, state)) = ahead.pop() {
        if is_over(&done) {
            return true;
        }
        let mut next: Vec<usize> = Vec::new();
        let mut first = NEVER;
        for (at, event) in events.iter().enumerate().filter(|(at, _)| !has(&done, *at)) {
            if event.invoked > first {
                break;
            }
            first = first.min(event.returned);
            next.push(at);
        }
        next.retain(|at| events[*at].invoked <= first && after[*at].is_none_or(|before| has(&done, before)));
        // What was heard first is tried first, what nobody heard last.
        next.sort_by_key(|at| std::cmp::Reverse(events[*at].returned));
        for at in next {
            let mut done = done.clone();
            done[at / 64] |= 1 << (at % 64);
            for state in S::step(&state, &events[at].op, events[at].ret.as_ref()) {
                let place = (done.clone(), state);
                if seen.insert(place.clone()) {
                    ahead.push(place);
                }
            }
        }
        assert!(seen.len() < PLACES, "this takes too long; {} events of one key", events.len());
    }
    false
}

/// The shortest beginning that does not fit, without what only reads and is not needed for that.
pub fn smallest<S: Spec>(events: &[Event<S>]) -> Vec<Event<S>> {
    let mut ends: Vec<Stamp> = events.iter().map(|event| event.returned).collect();
    ends.sort();
    let until = |end: Stamp| -> Vec<Event<S>> {
        let begun = events.iter().filter(|event| event.invoked <= end).cloned();
        let cut = |event: Event<S>| match event.returned > end {
            true => Event { ret: None, returned: NEVER, ..event },
            false => event,
        };
        begun.map(cut).collect()
    };
    // A beginning of what fits does too.
    let least = ends.partition_point(|end| fits(&until(*end)));
    let mut small = until(*ends.get(least).unwrap_or(&NEVER));
    for id in small.iter().map(|event| event.id).collect::<Vec<_>>() {
        let without: Vec<_> = small.iter().filter(|event| event.id != id).cloned().collect();
        let event = small.iter().find(|event| event.id == id);
        if event.is_some_and(|event| S::only_reads(&event.op, event.ret.as_ref())) && !fits(&without) {
            small = without;
        }
    }
    small.sort_by_key(|event| event.invoked);
    small
}

/// A line an event.
pub fn told<S: Spec>(events: &[Event<S>]) -> String {
    let time = |stamp: Stamp| match stamp == NEVER {
        true => "never".to_owned(),
        false => format!("{:.4}", stamp.0.as_secs_f64()),
    };
    let line = |event: &Event<S>| {
        let (from, to) = (time(event.invoked), time(event.returned));
        let ret = event.ret.as_ref().map_or_else(|| "?".to_owned(), |ret| format!("{ret:?}"));
        format!("    {from:>9} .. {to:>9} {:<10} {:?} -> {ret}\n", event.who, event.op)
    };
    events.iter().map(line).collect()
}
