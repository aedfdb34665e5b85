//! What stands before the path: a transport asks it with the head of a request, before a body is read or anything is
//! parsed, so that a host with too much to do spends little on what it will not do.

use std::{fmt::Debug, sync::Arc, time::Duration};

/// Which line a request stands in, known from its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Operators, health, consent, and whatever ends work. Never turned away for load.
    Control,
    /// What says how work ended. Never turned away for load.
    Outcome,
    /// Everything that begins work.
    Work,
}

impl Lane {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Control, Self::Outcome, Self::Work];

    /// As metrics write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Outcome => "outcome",
            Self::Work => "work",
        }
    }
}

/// There is more work than the host can do just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shed {
    /// When it makes sense to ask again.
    pub retry_after: Duration,
}

/// Stands before the path: a transport asks it with the head of a request, before a body is read or anything parsed.
pub trait Gate: Debug + Send + Sync + 'static {
    /// Lets a request in. `who` stands for whoever sent it, so that one of them cannot take all the room.
    ///
    /// # Errors
    /// [`Shed`], in [`Lane::Work`] alone.
    fn enter(&self, lane: Lane, who: u64) -> Result<(), Shed>;

    /// The host works on it again, having waited for somebody else; nobody is asked.
    fn again(&self, lane: Lane, who: u64);

    /// The host does not work on it any more, or not for now.
    fn leave(&self, lane: Lane, who: u64);
}

/// A request's place inside the gate; given back when the last of its clones is dropped.
#[derive(Debug, Clone)]
pub struct Pass(Arc<Entered>);

#[derive(Debug)]
struct Entered {
    gate: Arc<dyn Gate>,
    lane: Lane,
    who: u64,
}

impl Pass {
    /// Asks `gate` for a place.
    ///
    /// # Errors
    /// [`Shed`], in [`Lane::Work`] alone.
    pub fn ask(gate: &Arc<dyn Gate>, lane: Lane, who: u64) -> Result<Self, Shed> {
        gate.enter(lane, who)?;
        Ok(Self(Arc::new(Entered { gate: Arc::clone(gate), lane, who })))
    }

    /// Stands back while somebody else works, a runtime or a person: what they take is no load of the host's.
    #[must_use]
    pub fn stand_back(&self) -> StoodBack {
        self.0.gate.leave(self.0.lane, self.0.who);
        StoodBack(Arc::clone(&self.0))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.gate.leave(self.lane, self.who);
    }
}

/// A request that waits for somebody else; dropping it brings the request back.
#[derive(Debug)]
pub struct StoodBack(Arc<Entered>);

impl Drop for StoodBack {
    fn drop(&mut self) {
        self.0.gate.again(self.0.lane, self.0.who);
    }
}
