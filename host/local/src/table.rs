//! All open grants, and for a while those that ended. Sharded: two grants meet at a lock by chance only, and no lock is
//! held while anything is written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use grid_approve::{Approved, DigestedCall};
use grid_audit::{Receipt, Record};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::Sha256,
    id::{InvocationId, SessionId},
    principal::Principal,
};
use grid_session::Ticket;
use grid_tlog::Hash;
use grid_validate::Local;
use tokio::sync::oneshot;

use crate::{
    Claim, End, Ending, Grant, Held, Issued, Rejected,
    grant::Times,
    places::Places,
    slot::{Hold, Settled, Slot, State, close},
};

/// No configuration makes a grant live longer.
const TTL_CAP: Duration = Duration::from_secs(300);
/// How long a grant that ended is still known, so that whoever reports again learns what became of it.
const REMEMBERED: Duration = Duration::from_secs(600);
/// At most so many of those.
const MOST_REMEMBERED: usize = 65_536;
/// How grants are given.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long one is good; cut to 300 s.
    pub ttl: Duration,
    /// Open at once for one principal.
    pub outstanding: usize,
    /// Open at once.
    pub total: usize,
}

/// The grants of a host. Cheap to clone; all clones are one table.
#[derive(Debug, Clone)]
pub struct Grants(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    settings: Settings,
    clock: SharedClock,
    slots: DashMap<InvocationId, Slot>,
    places: Arc<Places>,
    remembered: AtomicUsize,
    /// Grants of earlier epochs are void.
    floor: AtomicU64,
    /// Grants of earlier epochs are opened no more.
    epoch: AtomicU64,
}

/// What became of a report that fits its grant.
#[derive(Debug)]
pub enum Redeemed {
    /// It ends the grant.
    First(Ending),
    /// The same was reported, and is being written: the end of that, or nothing where it could not be written.
    Joined(oneshot::Receiver<End>),
    /// The same was reported before.
    Again,
}

/// What became of giving a grant back.
#[derive(Debug)]
pub enum GivenUp {
    /// It ends the grant.
    First(Ending),
    /// Somebody ends it just now.
    Joined(oneshot::Receiver<End>),
    /// It was over.
    Over(End),
}

impl Grants {
    /// No grant is open.
    #[must_use]
    pub fn new(settings: Settings, clock: SharedClock) -> Self {
        let places = Arc::new(Places::new(settings.total, settings.outstanding));
        let settings = Settings { ttl: settings.ttl.min(TTL_CAP), ..settings };
        let (remembered, floor, epoch) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { settings, clock, slots: DashMap::new(), places, remembered, floor, epoch }))
    }

    /// The stage: a place for a grant, with the ticket of its call_id.
    ///
    /// # Errors
    /// FEATURE_UNAVAILABLE, RATE_LIMIT_EXCEEDED, RESOURCE_EXHAUSTED; TIMEOUT where the caller's own deadline has passed.
    pub fn hold(&self, call: Approved<DigestedCall>, ticket: Ticket) -> Result<Held, Refusal> {
        let (call, consent) = call.into_parts();
        let Inner { settings, clock, places, .. } = &*self.0;
        let contracted = call.call().call();
        let (contract, session_call) = (contracted.contract(), contracted.call());
        if contract.local() == Local::Never {
            let name = contract.name();
            let message =
                format!("the contract of `{name}` lets nobody run it themselves; send the call with CallTool");
            return Err(Refusal::new(Code::FeatureUnavailable, Stage::Local, message));
        }
        let given_at_ms = clock.unix_ms();
        if session_call.request().deadline_unix_ms.is_some_and(|deadline| deadline <= given_at_ms) {
            let message = "the deadline of the request has passed before it was decided; ask with more time";
            return Err(Refusal::new(Code::Timeout, Stage::Local, message));
        }
        let place = places.take(&session_call.context().principal)?;
        ticket.give();
        let since = clock.elapsed();
        let ttl = settings.ttl.min(session_call.session().time_left(since));
        let times = Times { since, age: Duration::ZERO, expires: since.saturating_add(ttl), given_at_ms };
        Ok(Held { call, consent, ticket, place, invocation: InvocationId::mint(), times, record: Vec::new() })
    }

    /// Opens a grant whose admission is in the log.
    ///
    /// # Errors
    /// AUDIT_UNAVAILABLE where the evidence is of something else; PERMISSION_DENIED and CANCELLED where rights or session
    /// ended meanwhile. In these two the grant is among those that [`Grants::due`] gives, to be concluded.
    pub fn open(&self, mut held: Held, receipt: &Receipt) -> Result<Issued, Refusal> {
        let proof = receipt.stored().map(grid_audit::Stored::proof);
        let proof =
            proof.filter(|proof| receipt.invocation() == held.invocation && proof.leaf == Hash::leaf(&held.record));
        let Some(proof) = proof else {
            let message = "the permission could not be proved, so it was not given; ask an operator";
            let refusal = Refusal::new(Code::AuditUnavailable, Stage::Local, message);
            return Err(refusal.because("the receipt is not that of the admission"));
        };
        let grant = Arc::new(held.grant(*proof.leaf.as_bytes()));
        let args = held.call.take_args();
        let hold = Hold { place: held.place, ticket: Some(held.ticket) };
        let inner = &*self.0;
        let slot = Slot { grant: Arc::clone(&grant), state: State::Open(hold), bound: None };
        // Under the lock of its shard: what makes grants void goes through the shards after it has said so.
        let mut entered = inner.slots.entry(grant.invocation).insert(slot);
        // What was decided before an invalidation is decided anew before it is given, whomever that was about.
        entered.bound = (grant.epoch < inner.epoch.load(Ordering::SeqCst)).then_some(End::Revoked);
        let now = inner.clock.elapsed();
        let ended = inner.ended(&entered, now);
        drop(entered);
        match ended {
            None => {
                let ttl = grant.times.expires.saturating_sub(now);
                Ok(Issued { grant, record: held.record, proof, args, ttl })
            }
            Some(end) => Err(overtaken(end)),
        }
    }

    /// Takes up a grant that an earlier process gave, from its admission's record. One of an earlier epoch, and one
    /// whose time has passed, is due at once. `None` where the record is no local admission.
    pub fn restore(&self, record: &Record) -> Option<InvocationId> {
        let inner = &*self.0;
        let (now, now_ms) = (inner.clock.elapsed(), inner.clock.unix_ms());
        let grant = Grant::of(record, now, now_ms, TTL_CAP)?;
        let hold = Hold { place: inner.places.again(&grant.principal), ticket: None };
        let invocation = grant.invocation;
        inner.slots.insert(invocation, Slot { grant: Arc::new(grant), state: State::Open(hold), bound: None });
        Some(invocation)
    }

    /// Grants of epochs before `epoch` are void from now on. They are due; one that is just being opened either sees
    /// the epoch or is seen by [`Grants::due`] afterwards, because both lock its shard.
    pub fn revoke_before(&self, epoch: u64) {
        self.0.epoch.fetch_max(epoch, Ordering::SeqCst);
        self.0.floor.fetch_max(epoch, Ordering::SeqCst);
    }

    /// Of the grants that are open and were decided before `epoch`, those that `fits` names are void from now on; how
    /// many. None that was decided before it is opened any more, because a grant that is just being opened either sees
    /// the epoch or is seen here.
    pub fn revoke_where(&self, epoch: u64, fits: impl Fn(&Grant) -> bool) -> usize {
        self.0.epoch.fetch_max(epoch, Ordering::SeqCst);
        let now = self.0.clock.elapsed();
        let mut ended = 0;
        for mut slot in self.0.slots.iter_mut() {
            let open = self.0.ended(&slot, now).is_none() && slot.grant.epoch < epoch;
            if open && fits(&slot.grant) {
                slot.bound = Some(End::Revoked);
                ended += 1;
            }
        }
        ended
    }

    /// The open grants that were decided before `epoch`, to be decided anew.
    #[must_use]
    pub fn open_before(&self, epoch: u64) -> Vec<Arc<Grant>> {
        let now = self.0.clock.elapsed();
        let open = |slot: &Slot| matches!(slot.state, State::Open(_)) && self.0.ended(slot, now).is_none();
        let slots = self.0.slots.iter().filter(|slot| open(slot) && slot.grant.epoch < epoch);
        in_order(slots.map(|slot| Arc::clone(&slot.grant)).collect())
    }

    /// Takes a report, once.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn redeem(&self, caller: &Principal, claim: Claim) -> Result<Redeemed, Rejected> {
        let inner = &self.0;
        let Some(mut slot) = claim.invocation.and_then(|invocation| inner.slots.get_mut(&invocation)) else {
            return Err(Rejected::unknown().claiming(claim));
        };
        if let Err(rejected) = slot.grant.owned_by(caller, claim.session, claim.told.grant) {
            return Err(rejected.claiming(claim));
        }
        let now = inner.clock.elapsed();
        let ended = inner.ended(&slot, now);
        match &mut slot.state {
            State::Over { settled: Settled { told: Some(told), .. }, .. } if *told == claim.told => {
                return Ok(Redeemed::Again);
            }
            State::Ending { told: Some(told), waiting, .. } if *told == claim.told => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                return Ok(Redeemed::Joined(receiver));
            }
            _ => {}
        }
        let contradicts = || slot.grant.contradicts(&claim, now, inner.clock.unix_ms());
        if let Some(signal) = ended.map(End::signal).or_else(contradicts) {
            slot.bound = ended;
            return Err(Rejected::of(&slot.grant, signal).claiming(claim));
        }
        slot.begin(End::Reported, Some(claim.told));
        Ok(Redeemed::First(Ending::new(inner, &slot.grant, End::Reported).claimed(claim)))
    }

    /// Gives a grant back unused.
    ///
    /// # Errors
    /// [`Rejected`] where it is not the caller's.
    pub fn give_up(
        &self,
        caller: &Principal,
        session: Option<SessionId>,
        invocation: Option<InvocationId>,
        leaf: Option<Sha256>,
        reason: &str,
    ) -> Result<GivenUp, Rejected> {
        let inner = &self.0;
        let Some(mut slot) = invocation.and_then(|invocation| inner.slots.get_mut(&invocation)) else {
            return Err(Rejected::unknown());
        };
        slot.grant.owned_by(caller, session, leaf)?;
        let ended = inner.ended(&slot, inner.clock.elapsed());
        match &mut slot.state {
            State::Over { settled, .. } => Ok(GivenUp::Over(settled.end)),
            State::Ending { waiting, .. } => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Ok(GivenUp::Joined(receiver))
            }
            State::Open(_) | State::Moving => {
                let end = ended.unwrap_or(End::Cancelled);
                slot.begin(end, None);
                Ok(GivenUp::First(Ending::new(inner, &slot.grant, end).because(reason)))
            }
        }
    }

    /// The grants that have to be concluded, in the order in which they were given: those whose time has passed, whose
    /// rights or whose session ended.
    /// Forgets those that ended long ago.
    #[must_use]
    pub fn due(&self) -> Vec<Ending> {
        let inner = &self.0;
        let now = inner.clock.elapsed();
        let (mut due, mut old) = (Vec::new(), Vec::new());
        for slot in &inner.slots {
            match &slot.state {
                State::Open(_) if inner.ended(&slot, now).is_some() => due.push(Arc::clone(&slot.grant)),
                State::Over { at, .. } if now.saturating_sub(*at) >= REMEMBERED => old.push(*slot.key()),
                _ => {}
            }
        }
        for invocation in old {
            inner.forget(invocation);
        }
        let begin = |grant: Arc<Grant>| {
            let mut slot = inner.slots.get_mut(&grant.invocation)?;
            let end = inner.ended(&slot, now).filter(|_| matches!(slot.state, State::Open(_)))?;
            slot.begin(end, None);
            Some(Ending::new(inner, &slot.grant, end))
        };
        in_order(due).into_iter().filter_map(begin).collect()
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.places.taken()
    }
}

impl Inner {
    /// How a grant has ended or must end, whether or not that is written yet; nothing where it is good.
    fn ended(&self, slot: &Slot, now: Duration) -> Option<End> {
        match &slot.state {
            State::Over { settled, .. } => Some(settled.end),
            State::Ending { end, .. } => Some(*end),
            State::Open(_) if slot.bound.is_some() => slot.bound,
            State::Open(_) if slot.grant.epoch < self.floor.load(Ordering::SeqCst) => Some(End::Revoked),
            State::Open(Hold { ticket: Some(ticket), .. }) if ticket.cancelled().is_cancelled() => Some(End::Cancelled),
            State::Open(_) if now >= slot.grant.times.expires => Some(End::Unreported),
            State::Open(_) | State::Moving => None,
        }
    }

    /// The end of an [`Ending`]: over, or open again.
    pub(crate) fn settle(&self, invocation: InvocationId, settled: Option<Settled>) {
        let Some(mut slot) = self.slots.get_mut(&invocation) else { return };
        let State::Ending { hold, waiting, .. } = std::mem::replace(&mut slot.state, State::Moving) else { return };
        let Some(settled) = settled else {
            slot.state = State::Open(hold);
            return;
        };
        let at = self.clock.elapsed();
        let remember = self.remembered.fetch_add(1, Ordering::Relaxed) < MOST_REMEMBERED;
        slot.state = State::Over { settled, at };
        let grant = Arc::clone(&slot.grant);
        drop(slot);
        if !remember {
            self.forget(invocation);
        }
        drop(hold.place);
        if let Some(ticket) = hold.ticket {
            close(ticket, &grant, settled, at);
        }
        for waiter in waiting {
            // Whoever reported the same may have gone.
            let _ = waiter.send(settled.end);
        }
    }

    fn forget(&self, invocation: InvocationId) {
        let gone = self.slots.remove_if(&invocation, |_, slot| matches!(slot.state, State::Over { .. }));
        if gone.is_some() {
            self.remembered.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// As they were given, so that the order of their ends is no accident of their ids.
fn in_order(mut grants: Vec<Arc<Grant>>) -> Vec<Arc<Grant>> {
    grants.sort_by(|one, other| one.order().cmp(&other.order()));
    grants
}

fn overtaken(end: End) -> Refusal {
    let (code, message) = match end {
        End::Revoked => (Code::PermissionDenied, "rights were made void while the call was decided; ask again"),
        End::Cancelled => (Code::Cancelled, "the call was cancelled while it was decided; nothing may run"),
        End::Unreported | End::Reported => {
            (Code::Timeout, "the time of the grant was over before it could be given; ask again")
        }
    };
    Refusal::new(code, Stage::Local, message).with("sent", "false")
}
