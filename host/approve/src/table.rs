//! The calls that wait and, for a while, those that no longer do. Under one lock: people decide, so it is seldom taken.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    id::{ApprovalId, PrincipalId, TenantId},
};
use tokio::sync::watch;

use crate::{Asked, End, Settings, asked::Key};

/// How long it is known how a wait ended, so that the same call, sent again, hears it too.
const REMEMBERED: Duration = Duration::from_secs(600);
/// At most so many of those.
const MOST_REMEMBERED: usize = 4096;
/// When somebody may ask again who has too many.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) slots: HashMap<ApprovalId, Slot>,
    calls: HashMap<Key, ApprovalId>,
    tenants: HashMap<TenantId, usize>,
    principals: HashMap<(TenantId, PrincipalId), usize>,
    held: usize,
    over: VecDeque<(Duration, ApprovalId)>,
    /// What was asked under an earlier epoch is void.
    pub(crate) floor: u64,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) asked: Arc<Asked>,
    /// For those who decide; gone as soon as nobody has to any more.
    pub(crate) args: Option<String>,
    pub(crate) state: State,
    pub(crate) told: watch::Sender<Option<End>>,
}

/// From one to the next, and only onwards; from `Ending` back to `Waiting` where the end could not be written.
#[derive(Debug)]
pub(crate) enum State {
    /// Its record is being written.
    Asking,
    /// Somebody may decide.
    Waiting,
    /// Somebody did, and that is being written.
    Ending,
    /// Somebody said yes, and the call has not gone on yet.
    Allowed,
    /// It has.
    Used,
    /// It never will.
    Refused(End),
}

impl State {
    /// The same call is asked about anew: it went on and is made again, or it left before anybody decided.
    pub(crate) fn is_forgotten(&self) -> bool {
        matches!(self, Self::Used | Self::Refused(End::Cancelled | End::Stopped))
    }
}

impl Table {
    /// Takes a place for it, or says which limit is reached.
    pub(crate) fn enter(
        &mut self,
        settings: &Settings,
        asked: Arc<Asked>,
        args: Option<String>,
    ) -> Result<(), Refusal> {
        let full = |message: String| {
            Err(Refusal::new(Code::ResourceExhausted, Stage::Approve, message).retry_after(LOOK_AGAIN))
        };
        let tenant = &asked.key.tenant;
        let owner = (tenant.clone(), asked.key.principal.clone());
        let count = |held: Option<&usize>| held.copied().unwrap_or(0);
        if count(self.principals.get(&owner)) >= settings.per_principal {
            return full(format!(
                "`{}` has {} calls that wait for a person, which is the limit; call again when some are decided",
                owner.1, settings.per_principal
            ));
        }
        if count(self.tenants.get(tenant)) >= settings.per_tenant {
            return full(format!(
                "{} calls of this tenant wait for a person, which is the limit; call again when some are decided",
                settings.per_tenant
            ));
        }
        if self.held >= settings.total {
            return full("as many calls wait for a person as may; call again when some are decided".to_owned());
        }
        self.held += 1;
        *self.tenants.entry(tenant.clone()).or_insert(0) += 1;
        *self.principals.entry(owner).or_insert(0) += 1;
        self.calls.insert(asked.key.clone(), asked.approval);
        let (approval, told) = (asked.approval, watch::Sender::default());
        self.slots.insert(approval, Slot { asked, args, state: State::Asking, told });
        Ok(())
    }

    /// That of the same call.
    pub(crate) fn of(&self, key: &Key) -> Option<&Slot> {
        self.slots.get(self.calls.get(key)?)
    }

    /// It no longer holds a place; how it ended is known for a while.
    pub(crate) fn close(&mut self, approval: ApprovalId, state: State, now: Duration) {
        let Some(slot) = self.slots.get_mut(&approval) else { return };
        slot.state = state;
        slot.args = None;
        let asked = Arc::clone(&slot.asked);
        self.release(&asked);
        self.over.push_back((now, approval));
        self.forget_old(now);
    }

    /// It was used by a call that did not begin, and holds a place again.
    pub(crate) fn reopen(&mut self, approval: ApprovalId) {
        let Some(slot) = self.slots.get_mut(&approval) else { return };
        slot.state = State::Allowed;
        let asked = Arc::clone(&slot.asked);
        self.over.retain(|(_, over)| *over != approval);
        self.held += 1;
        *self.tenants.entry(asked.key.tenant.clone()).or_insert(0) += 1;
        *self.principals.entry((asked.key.tenant.clone(), asked.key.principal.clone())).or_insert(0) += 1;
        // Unless it was asked about anew meanwhile.
        self.calls.entry(asked.key.clone()).or_insert(approval);
    }

    /// As if it had never been.
    pub(crate) fn withdraw(&mut self, approval: ApprovalId) {
        if let Some(slot) = self.forget(approval) {
            self.release(&slot.asked);
        }
    }

    pub(crate) fn forget_old(&mut self, now: Duration) {
        let old = |at: &Duration| now.saturating_sub(*at) >= REMEMBERED;
        while self.over.len() > MOST_REMEMBERED || self.over.front().is_some_and(|(at, _)| old(at)) {
            let Some((_, approval)) = self.over.pop_front() else { return };
            self.forget(approval);
        }
    }

    fn forget(&mut self, approval: ApprovalId) -> Option<Slot> {
        let slot = self.slots.remove(&approval)?;
        // The same call may have been asked about anew.
        if self.calls.get(&slot.asked.key) == Some(&approval) {
            self.calls.remove(&slot.asked.key);
        }
        Some(slot)
    }

    fn release(&mut self, asked: &Asked) {
        self.held = self.held.saturating_sub(1);
        less(&mut self.tenants, &asked.key.tenant);
        less(&mut self.principals, &(asked.key.tenant.clone(), asked.key.principal.clone()));
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
