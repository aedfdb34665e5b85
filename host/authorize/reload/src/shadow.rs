//! The candidate's side of decisions: what a set of policies would decide that does not decide yet. Nothing of it reaches
//! a caller.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use grid_authorize::{Observed, Said, Shadow};
use grid_core::{
    event::{Event, Kind},
    port::{Authorizer, Undecided},
};

use crate::Home;

/// Decisions that may wait for the candidate.
const QUEUE: usize = 1024;
/// Differences that are recorded in a second; all are counted.
const RECORDED: u32 = 10;
/// A candidate that takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the candidate, where the configuration names one, until the host stops.
pub async fn shadowing<H: Home>(home: Arc<H>) {
    if !home.policies().has_candidate() {
        return;
    }
    let (shadow, mut queue, skipped) = Shadow::queue(QUEUE);
    home.authorize().shadowed_by(shadow);
    let mut rate = Rate::default();
    loop {
        let observed = tokio::select! {
            observed = queue.recv() => observed,
            () = home.stopping().cancelled() => return,
        };
        let Some(observed) = observed else { return };
        home.skipped(skipped.swap(0, Ordering::Relaxed));
        let Some(candidate) = home.policies().candidate() else { continue };
        let said = differs(&*candidate, &observed).await;
        home.compared(said.is_some());
        let Some(said) = said else { continue };
        if rate.has_room(home.elapsed()) {
            home.note(difference(&*home, &*candidate, &observed, said)).await;
        }
    }
}

/// What the candidate says, where that is something else.
async fn differs(candidate: &dyn Authorizer, observed: &Observed) -> Option<Said> {
    let question = observed.question();
    let answer = tokio::time::timeout(PATIENCE, candidate.decide(question)).await;
    let said = Said::of(&answer.unwrap_or_else(|_| Err(Undecided("timeout".to_owned()))));
    (said.verdict != observed.said.verdict).then_some(said)
}

fn difference<H: Home>(home: &H, candidate: &dyn Authorizer, observed: &Observed, said: Said) -> Event {
    let live = &observed.said;
    Event {
        principal: Some(Arc::clone(&observed.context.principal)),
        session: Some(observed.session.id()),
        tool: Some(Arc::clone(observed.contract.name())),
        contract: Some(*observed.contract.digest().as_bytes()),
        epoch: Some(observed.epoch),
        policy: candidate.digest(),
        verdict: Some(said.verdict),
        rule: Some(said.rule),
        detail: Some(format!("what decides says {} by {}", live.verdict, live.rule)),
        ..home.event(Kind::PolicyDiffered)
    }
}

/// So many a second.
#[derive(Debug, Default)]
struct Rate {
    since: Duration,
    taken: u32,
}

impl Rate {
    fn has_room(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, taken: 0 };
        }
        self.taken = self.taken.saturating_add(1);
        self.taken <= RECORDED
    }
}
