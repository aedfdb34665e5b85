//! All approvals: asked for, decided once by somebody else with the role, used once by the call that they are for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    consent::{Say, WaitingCall},
    event::Sha256,
    id::ApprovalId,
    principal::Principal,
};

use crate::{
    Approved, Asked, Asking, Checked, End, Ending, Judged, Needs, Request,
    asked::Key,
    table::{Slot, State, Table},
};

/// How calls wait.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Where neither contract nor policy says.
    pub timeout: Duration,
    /// Of one principal at once.
    pub per_principal: usize,
    /// Of one tenant at once.
    pub per_tenant: usize,
    /// At once.
    pub total: usize,
    /// Longer arguments are not kept for those who decide, in bytes.
    pub kept_args: usize,
}

/// The approvals of a host. Cheap to clone; all clones are one table. An approval is for one tenant, principal, session,
/// call, contract, digest of arguments and policy epoch, until a time by the monotonic clock.
#[derive(Debug, Clone)]
pub struct Approvals(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    settings: Settings,
    clock: SharedClock,
    table: Mutex<Table>,
}

/// What a person decides, by what they saw.
#[derive(Debug)]
struct Seen {
    approval: ApprovalId,
    contract: Sha256,
    args: Sha256,
}

impl Approvals {
    /// Nobody waits.
    #[must_use]
    pub fn new(settings: Settings, clock: SharedClock) -> Self {
        Self(Arc::new(Inner { settings, clock, table: Mutex::default() }))
    }

    /// Asks for a person about `judged`, or says how that stands where the same call was asked about before. It waits as long as its need says, at most until the caller's deadline, the end of its
    /// session and the end of what proved it.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED where too many wait; TIMEOUT where the deadline has passed; MALFORMED_REQUEST where nobody has to
    /// be asked.
    pub fn ask<T: Checked>(&self, judged: &Judged<T>) -> Result<Asking, Refusal> {
        let inner = &self.0;
        let Some(need) = judged.needs() else {
            let message = "nobody has to be asked about this call";
            return Err(Refusal::new(Code::MalformedRequest, Stage::Approve, message));
        };
        let key = Key::of(judged);
        let mut table = inner.lock();
        let now = inner.clock.elapsed();
        table.forget_old(now);
        if let Some(slot) = table.of(&key).filter(|slot| !slot.state.is_forgotten()) {
            return Ok(inner.standing(slot, judged, now));
        }
        let asked = Arc::new(inner.asked(judged, Arc::clone(need), key, now)?);
        let args = judged.call().args().filter(|args| args.len() <= inner.settings.kept_args).map(str::to_owned);
        table.enter(&inner.settings, Arc::clone(&asked), args)?;
        drop(table);
        Ok(Asking::New(Request { inner: Arc::clone(inner), asked, opened: false }))
    }

    /// The calls that wait and that this principal may decide, oldest first. `holds`: whether they hold a role.
    pub fn waiting(&self, who: &Principal, holds: impl Fn(&str) -> bool) -> Vec<WaitingCall> {
        let inner = &self.0;
        let table = inner.lock();
        let now = inner.clock.elapsed();
        let open = |slot: &&Slot| {
            matches!(slot.state, State::Waiting)
                && slot.asked.expires > now
                && slot.asked.epoch >= table.floor
                && slot.asked.may_be_decided_by(who, &holds)
        };
        let mut calls: Vec<_> =
            table.slots.values().filter(open).map(|slot| slot.asked.shown(slot.args.clone(), now)).collect();
        calls.sort_unstable_by_key(|call| (call.requested_at_ms, call.approval));
        calls
    }

    /// A person decides. `contract` and `args` are the digests of what they saw.
    ///
    /// # Errors
    /// PERMISSION_DENIED where there is no such call for them to decide, the call is their own, or it is over;
    /// MALFORMED_REQUEST where they saw something else.
    pub fn decide(
        &self,
        who: &Arc<Principal>,
        holds: impl Fn(&str) -> bool,
        approval: ApprovalId,
        saw: (Sha256, Sha256),
        (say, reason): (Say, String),
    ) -> Result<Ending, Refusal> {
        let inner = &self.0;
        let seen = Seen { approval, contract: saw.0, args: saw.1 };
        let mut table = inner.lock();
        let (now, floor) = (inner.clock.elapsed(), table.floor);
        let slot = table.slots.get_mut(&approval).ok_or_else(|| nothing(approval, "no such approval"))?;
        seen.may_decide(slot, who, holds)?;
        if !matches!(slot.state, State::Waiting) || slot.asked.expires <= now || slot.asked.epoch < floor {
            let message = format!("`{approval}` is decided or over; `grid approvals list` shows what still waits");
            return Err(Refusal::new(Code::PermissionDenied, Stage::Approve, message));
        }
        let by = Arc::clone(who);
        let end = match say {
            Say::Approve => End::Allowed { by, reason },
            Say::Deny => End::Denied { by, reason },
        };
        Ok(inner.begin(slot, end))
    }

    /// Ends a wait otherwise; nothing where somebody else has ended it, or does just now.
    #[must_use]
    pub fn end(&self, approval: ApprovalId, end: End) -> Option<Ending> {
        let inner = &self.0;
        let mut table = inner.lock();
        let slot = table.slots.get_mut(&approval).filter(|slot| matches!(slot.state, State::Waiting))?;
        Some(inner.begin(slot, end))
    }

    /// The waits that have to end: those whose time has passed, and those of an earlier epoch. Forgets what ended long
    /// ago, and approvals that nobody used in time.
    #[must_use]
    pub fn due(&self) -> Vec<Ending> {
        let inner = &self.0;
        let mut table = inner.lock();
        let (now, floor) = (inner.clock.elapsed(), table.floor);
        let end = |slot: &Slot| match &slot.state {
            State::Waiting | State::Allowed if slot.asked.epoch < floor => Some(End::Revoked),
            State::Waiting | State::Allowed if slot.asked.expires <= now => Some(End::Expired),
            _ => None,
        };
        let due: Vec<_> = table.slots.iter().filter_map(|(id, slot)| Some((*id, end(slot)?))).collect();
        let mut endings = Vec::new();
        for (approval, end) in due {
            match table.slots.get_mut(&approval) {
                Some(slot) if matches!(slot.state, State::Waiting) => endings.push(inner.begin(slot, end)),
                // It was decided, and that is on record; that it was not used needs no record.
                _ => table.close(approval, State::Refused(end), now),
            }
        }
        table.forget_old(now);
        endings
    }

    /// Ends every wait because the host stops; whoever has decided already stays decided.
    #[must_use]
    pub fn stop(&self) -> Vec<Ending> {
        let inner = &self.0;
        let mut table = inner.lock();
        let waiting = table.slots.values_mut().filter(|slot| matches!(slot.state, State::Waiting));
        waiting.map(|slot| inner.begin(slot, End::Stopped)).collect()
    }

    /// What was asked under an epoch before this one is void from now on, decided or not. Waits are among those that
    /// [`Approvals::due`] gives.
    pub fn void_before(&self, epoch: u64) {
        let mut table = self.0.lock();
        table.floor = table.floor.max(epoch);
    }

    /// Uses an approval up, once, for the call that it is for. `epoch` is the policy epoch now.
    ///
    /// # Errors
    /// PERMISSION_DENIED where it is none, is for something else, was used, or its time or its epoch is over; what ended
    /// the wait where nobody said yes.
    pub fn consume<T: Checked>(
        &self,
        approval: ApprovalId,
        judged: Judged<T>,
        epoch: u64,
    ) -> Result<Approved<T>, Refusal> {
        let inner = &self.0;
        let mut table = inner.lock();
        let now = inner.clock.elapsed();
        table.floor = table.floor.max(epoch);
        let floor = table.floor;
        let slot = table.slots.get(&approval).filter(|slot| slot.asked.is_of(&judged));
        let slot = slot.ok_or_else(|| nothing(approval, "it is for another call"))?;
        match &slot.state {
            State::Allowed if slot.asked.epoch < floor => {
                let refused = refused(&End::Revoked, &slot.asked);
                table.close(approval, State::Refused(End::Revoked), now);
                Err(refused)
            }
            State::Allowed if slot.asked.expires <= now => {
                let refused = refused(&End::Expired, &slot.asked);
                table.close(approval, State::Refused(End::Expired), now);
                Err(refused)
            }
            State::Allowed => {
                table.close(approval, State::Used, now);
                Ok(judged.approved_by(approval))
            }
            State::Refused(end) => Err(refused(end, &slot.asked)),
            State::Used => Err(used(approval)),
            State::Asking | State::Waiting | State::Ending => Err(nothing(approval, "it is not decided")),
        }
    }

    /// The call that used an approval did not begin: the same call may use it again, as long as its time lasts. Whether
    /// it may.
    #[must_use]
    pub fn give_back(&self, approval: ApprovalId) -> bool {
        let inner = &self.0;
        let mut table = inner.lock();
        let now = inner.clock.elapsed();
        let used = |slot: &&Slot| matches!(slot.state, State::Used) && slot.asked.expires > now;
        let kept = table.slots.get(&approval).filter(used).is_some();
        if kept {
            table.reopen(approval);
        }
        kept
    }

    /// How many calls hold a place: they wait, or were approved and have not gone on.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().held()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked<T: Checked>(
        &self,
        judged: &Judged<T>,
        need: Arc<Needs>,
        key: Key,
        now: Duration,
    ) -> Result<Asked, Refusal> {
        let permitted = judged.call().permitted();
        let (contract, session_call) = (permitted.call().contract(), permitted.call().call());
        let principal = &session_call.context().principal;
        let now_ms = self.clock.unix_ms();
        let until = |end_ms: u64| Duration::from_millis(end_ms.saturating_sub(now_ms));
        let request = session_call.request();
        let within = [
            Some(need.within.unwrap_or(self.settings.timeout)),
            Some(session_call.session().time_left(now)),
            // That of a caller who asks again is for its question alone.
            request.deadline_unix_ms.filter(|_| !key.local).map(until),
            principal.expires_at_ms.map(until),
        ];
        let within = within.into_iter().flatten().min().unwrap_or_default();
        if within.is_zero() {
            let message =
                "the call needs a person's approval, and its deadline leaves no time for that; send it with more";
            return Err(Refusal::new(Code::Timeout, Stage::Approve, message).with("sent", "false"));
        }
        let args = judged.call().args();
        Ok(Asked {
            approval: ApprovalId::mint(),
            principal: Arc::clone(principal),
            via: session_call.via().cloned(),
            correlation: request.correlation.clone(),
            key,
            tool: Arc::clone(contract.name()),
            effect: contract.effect().as_str(),
            dynamic: contract.is_dynamic(),
            contract: *contract.digest().as_bytes(),
            epoch: judged.decision().epoch,
            policy: judged.decision().policy,
            need,
            args_bytes: args.map(|args| args.len() as u64),
            requested_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)),
            expires: now.saturating_add(within),
        })
    }

    fn standing<T: Checked>(&self, slot: &Slot, judged: &Judged<T>, now: Duration) -> Asking {
        let asked = &slot.asked;
        if !asked.is_of(judged) {
            // The contract or the epoch is another one than when it was asked.
            return Asking::Over(refused(&End::Revoked, asked));
        }
        match &slot.state {
            State::Waiting | State::Allowed if asked.expires <= now => Asking::Over(refused(&End::Expired, asked)),
            State::Asking | State::Waiting | State::Ending => Asking::Waiting(Arc::clone(asked)),
            State::Allowed => Asking::Allowed(asked.approval),
            State::Used => Asking::Over(used(asked.approval)),
            State::Refused(end) => Asking::Over(refused(end, asked)),
        }
    }

    fn begin(self: &Arc<Self>, slot: &mut Slot, end: End) -> Ending {
        slot.state = State::Ending;
        Ending { inner: Arc::clone(self), asked: Arc::clone(&slot.asked), end: Some(end) }
    }

    pub(crate) fn open(&self, approval: ApprovalId) -> Option<tokio::sync::watch::Receiver<Option<End>>> {
        let mut table = self.lock();
        let slot = table.slots.get_mut(&approval)?;
        slot.state = State::Waiting;
        Some(slot.told.subscribe())
    }

    pub(crate) fn withdraw(&self, approval: ApprovalId) {
        self.lock().withdraw(approval);
    }

    pub(crate) fn settle(&self, approval: ApprovalId, end: End) {
        let mut table = self.lock();
        let now = self.clock.elapsed();
        let Some(slot) = table.slots.get_mut(&approval) else { return };
        let told = slot.told.clone();
        match &end {
            End::Allowed { .. } => {
                slot.state = State::Allowed;
                slot.args = None;
            }
            _ => table.close(approval, State::Refused(end.clone()), now),
        }
        drop(table);
        told.send_replace(Some(end));
    }

    pub(crate) fn reopen(&self, approval: ApprovalId) {
        if let Some(slot) = self.lock().slots.get_mut(&approval) {
            slot.state = State::Waiting;
        }
    }
}

impl Seen {
    /// Whoever may not decide hears the same as of one that does not exist, but for the caller itself, who knows it.
    fn may_decide(&self, slot: &Slot, who: &Principal, holds: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        let asked = &slot.asked;
        if who.tenant != asked.key.tenant {
            // In the record, too: who reads those of one tenant learns nothing of another's approvals.
            return Err(nothing(self.approval, "no such approval"));
        }
        if matches!(slot.state, State::Asking) {
            return Err(nothing(self.approval, "its record is still being written"));
        }
        if asked.is_asked_by(who) {
            let message = format!("nobody approves a call of their own; ask somebody else with `{}`", asked.need.role);
            return Err(Refusal::new(Code::PermissionDenied, Stage::Approve, message));
        }
        if !asked.may_be_decided_by(who, holds) {
            return Err(nothing(self.approval, "for another role"));
        }
        if self.contract != asked.contract || self.args != asked.key.args {
            let message = "the digests are not those of the call that waits; list it again and look at it";
            return Err(Refusal::new(Code::MalformedRequest, Stage::Approve, message));
        }
        Ok(())
    }
}

fn refused(end: &End, asked: &Asked) -> Refusal {
    end.refusal(asked).unwrap_or_else(|| used(asked.approval))
}

fn used(approval: ApprovalId) -> Refusal {
    let message = format!("`{approval}` was used for this call before; call again under a new `call_id`");
    Refusal::new(Code::PermissionDenied, Stage::Approve, message).with("approval_id", approval.to_string())
}

fn nothing(approval: ApprovalId, why: &str) -> Refusal {
    let message =
        format!("no call that waits under `{approval}` is yours to decide; `grid approvals list` shows those");
    Refusal::new(Code::PermissionDenied, Stage::Approve, message).because(why)
}
