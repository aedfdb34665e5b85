//! Evidence that a grant is being ended by one of those who tried: the conclusion is theirs to write.

use std::sync::Arc;

use grid_core::{
    Code, Stage,
    event::{Event, Kind, Outcome, Signal},
};

use crate::{Claim, Grant, claim::Told, held::millis, slot::Settled, table::Inner};

/// How a grant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its holder said how the run went.
    Reported,
    /// It was given back, or its session ended.
    Cancelled,
    /// Its time passed.
    Unreported,
    /// The rights that it rested on were made void.
    Revoked,
}

impl End {
    /// What is wrong with a report that comes after it.
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Reported => Signal::Reused,
            Self::Cancelled => Signal::Cancelled,
            Self::Unreported => Signal::Expired,
            Self::Revoked => Signal::Revoked,
        }
    }
}

/// The right to end one grant, held while the conclusion is written. Only this crate makes one, one at a time for a
/// grant; dropped without [`Ending::settle`] it leaves the grant open.
#[derive(Debug)]
pub struct Ending {
    table: Arc<Inner>,
    grant: Arc<Grant>,
    end: End,
    claim: Option<Box<Claim>>,
    detail: Option<String>,
    settled: bool,
}

impl Ending {
    pub(crate) fn new(table: &Arc<Inner>, grant: &Arc<Grant>, end: End) -> Self {
        let (table, grant) = (Arc::clone(table), Arc::clone(grant));
        Self { table, grant, end, claim: None, detail: None, settled: false }
    }

    pub(crate) fn claimed(mut self, claim: Claim) -> Self {
        self.claim = Some(Box::new(claim));
        self
    }

    pub(crate) fn because(mut self, detail: &str) -> Self {
        self.detail = (!detail.is_empty()).then(|| detail.chars().take(256).collect());
        self
    }

    /// How it ends.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// The outcome that the record will have.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.end {
            End::Reported => self.claim.as_ref().map_or(Outcome::Failed, |claim| claim.told.outcome),
            End::Cancelled => Outcome::Failed,
            End::Unreported => Outcome::Unreported,
            End::Revoked => Outcome::Revoked,
        }
    }

    /// What it ends.
    #[must_use]
    pub fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    /// The conclusion, which must be in the log before anybody hears of it.
    #[must_use]
    pub fn conclusion(&self, at_ms: u64) -> Event {
        let event = Event {
            outcome: Some(self.outcome()),
            detail: self.detail.clone(),
            ..self.grant.event(Kind::Concluded, at_ms)
        };
        match (&self.claim, self.end) {
            (Some(claim), _) => Event {
                claimed: true,
                code: (claim.told.outcome == Outcome::Failed).then_some(Code::LocalExecutionFailed),
                result_digest: Some(claim.told.result),
                result_bytes: Some(claim.bytes),
                result_shape: claim.shape.clone(),
                duration_us: Some(millis(claim.took).saturating_mul(1000)),
                ..event
            },
            (None, End::Cancelled) => Event { code: Some(Code::Cancelled), stage: Some(Stage::Local), ..event },
            (None, _) => event,
        }
    }

    /// The conclusion is in the log: the grant is over.
    pub fn settle(mut self) {
        self.settled = true;
        let settled = Settled { end: self.end, told: self.told() };
        self.table.settle(self.grant.invocation, Some(settled));
    }

    pub(crate) fn told(&self) -> Option<Told> {
        self.claim.as_ref().map(|claim| claim.told)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.settled {
            self.table.settle(self.grant.invocation, None);
        }
    }
}
