//! The names of calls of one session: the callers' own, and those of each execution that makes some.

use grid_core::id::InvocationId;

use super::{All, Inner, Slot};

impl All {
    pub(super) fn space(&mut self, parent: Option<InvocationId>) -> Option<&mut Inner> {
        match parent {
            None => Some(&mut self.own),
            Some(parent) => self.under.get_mut(&parent),
        }
    }

    /// Forgets the names of an execution that has ended, and all of whose calls have.
    pub(super) fn tidy(&mut self, parent: Option<InvocationId>) {
        if let Some(parent) = parent
            && self.under.get(&parent).is_some_and(|space| space.over && space.in_flight == 0)
        {
            self.under.remove(&parent);
        }
    }

    /// By their names: what happens to several of them happens in the same order each time.
    pub(super) fn in_order(&self) -> Vec<&Slot> {
        let own = self.own.slots.iter().map(|(call_id, slot)| (None, call_id, slot));
        let under = self
            .under
            .iter()
            .flat_map(|(parent, space)| space.slots.iter().map(move |(call_id, slot)| (Some(*parent), call_id, slot)));
        let mut slots: Vec<_> = own.chain(under).collect();
        slots.sort_unstable_by_key(|(parent, call_id, _)| (*parent, *call_id));
        slots.into_iter().map(|(.., slot)| slot).collect()
    }

    pub(super) fn in_flight(&self) -> usize {
        std::iter::once(&self.own).chain(self.under.values()).map(|space| space.in_flight).sum()
    }
}
