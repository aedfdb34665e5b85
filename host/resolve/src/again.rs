//! A call that has a runtime and needs another one: that one failed, or is asked beside it.

use std::sync::Arc;

use grid_core::{clock::Clock, id::ConnectionId};

use crate::{
    Roster,
    evidence::{Place, RoutedCall},
};

/// Moves the call to the best runtime that has room and is none of `avoid`; false where there is none, and the call stays
/// where it is.
#[must_use]
pub fn again(roster: &Roster, clock: &Arc<dyn Clock>, call: &mut RoutedCall, avoid: &[ConnectionId]) -> bool {
    match another(roster, clock, call, avoid) {
        Some(place) => {
            call.move_to(place);
            true
        }
        None => false,
    }
}

/// A place for the call at the best runtime that is none of `avoid`.
pub(crate) fn another(
    roster: &Roster,
    clock: &Arc<dyn Clock>,
    call: &RoutedCall,
    avoid: &[ConnectionId],
) -> Option<Place> {
    let (contract, session) = (call.contract(), call.session());
    loop {
        let runtime = roster.choose(contract, session, avoid)?;
        // Where somebody took its last place meanwhile, it has no room any more and another one is chosen.
        if runtime.card().load.enter(runtime.card().limit) {
            return Some(Place::new(Arc::clone(&runtime), Arc::clone(clock)));
        }
    }
}
