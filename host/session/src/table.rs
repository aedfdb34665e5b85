//! All sessions of the host: opening, entering, ending, sweeping.

use std::{
    collections::BTreeMap,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    id::{PrincipalId, SessionId, TenantId},
    principal::{Principal, SecurityClaim},
};
use grid_identity::Caller;

use crate::{
    Session,
    evidence::{SessionCall, SessionRequest},
    session::Parts,
};

/// How long an ended session is still known as ended, so that a late caller learns why.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Limits of all sessions.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Where the caller asks for none.
    pub ttl: Duration,
    /// At most.
    pub max_ttl: Duration,
    /// Open at once for one principal.
    pub per_principal: usize,
    /// How long a call_id keeps its outcome.
    pub idempotency_window: Duration,
}

/// What a caller asks of a new session.
#[derive(Debug, Default)]
pub struct Opening {
    /// A label.
    pub label: String,
    /// Opaque.
    pub metadata: BTreeMap<String, String>,
    /// The host's own where absent.
    pub ttl: Option<Duration>,
    /// Already compared with what was proved.
    pub claim: Option<Arc<SecurityClaim>>,
    /// The client understands enhanced errors.
    pub enhanced: bool,
    /// Features that it has.
    pub features: Vec<&'static str>,
}

/// A session that ended.
#[derive(Debug)]
pub struct End {
    /// Which.
    pub session: Arc<Session>,
    /// Calls that were asked to stop.
    pub cancelled: usize,
}

#[derive(Debug)]
enum Seat {
    Open(Arc<Session>),
    Expired { session: Arc<Session>, at: Duration },
}

type Owner = (TenantId, PrincipalId);

/// Every session of the host.
#[derive(Debug)]
pub struct Sessions {
    limits: Limits,
    clock: SharedClock,
    seats: DashMap<SessionId, Seat>,
    per_owner: DashMap<Owner, usize>,
    open: AtomicUsize,
}

impl Sessions {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits, clock: SharedClock) -> Self {
        Self { limits, clock, seats: DashMap::new(), per_owner: DashMap::new(), open: AtomicUsize::new(0) }
    }

    /// Makes a session for a proved principal. It is not entered before [`Sessions::publish`], so that its record can
    /// be durable first.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED where the principal has too many; MALFORMED_REQUEST for a time to live of zero, or
    /// where the principal belongs to no single tenant.
    pub fn prepare(&self, principal: &Arc<Principal>, opening: Opening) -> Result<Arc<Session>, Refusal> {
        let ttl = opening.ttl.unwrap_or(self.limits.ttl).min(self.limits.max_ttl);
        if ttl.is_zero() {
            let message = "the time to live must be at least one second; leave it out for the host's default";
            return Err(Refusal::new(Code::MalformedRequest, Stage::Session, message));
        }
        if principal.tenant.as_str() == Principal::ANY_TENANT {
            let message = "a session belongs to one tenant; use a token of that tenant";
            return Err(Refusal::new(Code::MalformedRequest, Stage::Session, message));
        }
        let mut held = self.per_owner.entry((principal.tenant.clone(), principal.id.clone())).or_insert(0);
        if *held >= self.limits.per_principal {
            let message = format!(
                "`{}` has {} sessions open, which is the limit; end those that are not needed",
                principal.id, *held
            );
            return Err(Refusal::new(Code::ResourceExhausted, Stage::Session, message));
        }
        *held += 1;
        drop(held);
        Ok(Arc::new(Session::new(Parts {
            principal: Arc::clone(principal),
            claim: opening.claim,
            label: opening.label,
            metadata: opening.metadata,
            enhanced: opening.enhanced,
            features: opening.features,
            created_at_ms: self.clock.unix_ms(),
            now: self.clock.elapsed(),
            ttl,
            window: self.limits.idempotency_window,
        })))
    }

    /// Lets calls enter a prepared session.
    pub fn publish(&self, session: &Arc<Session>) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.seats.insert(session.id(), Seat::Open(Arc::clone(session)));
    }

    /// Gives a prepared session up that was never published.
    pub fn discard(&self, session: &Session) {
        self.release(session);
    }

    /// The stage: finds the live session that `id` names and that belongs to the caller.
    ///
    /// # Errors
    /// INVALID_SESSION for an unknown or foreign one, SESSION_EXPIRED for one whose time is over.
    pub fn enter(&self, caller: Caller, id: &str, request: SessionRequest) -> Result<SessionCall, Refusal> {
        let session = self.find(&caller, id)?;
        let context = session.context_of(&caller);
        Ok(SessionCall { session, context, caller, request: Box::new(request) })
    }

    /// As [`Sessions::enter`], for requests that are no calls.
    ///
    /// # Errors
    /// As [`Sessions::enter`].
    pub fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Session>, Refusal> {
        let id = SessionId::from_str(id).map_err(|_| unknown("not an id"))?;
        let seat = self.seats.get(&id).ok_or_else(|| unknown("no such session"))?;
        let (session, expired) = match seat.value() {
            Seat::Open(session) => (session, session.is_expired(self.clock.elapsed())),
            Seat::Expired { session, .. } => (session, true),
        };
        if session.principal().tenant != caller.principal().tenant {
            // In the record, too: who reads those of one tenant learns nothing of another's sessions.
            return Err(unknown("no such session"));
        }
        if !session.belongs_to(caller.principal()) {
            return Err(unknown("belongs to another principal"));
        }
        if expired {
            let message = "the session has expired; open a new one and call again";
            return Err(Refusal::new(Code::SessionExpired, Stage::Session, message));
        }
        Ok(Arc::clone(session))
    }

    /// An open session by its id, whoever it belongs to. For runtimes and operators, never for callers.
    #[must_use]
    pub fn peek(&self, id: &SessionId) -> Option<Arc<Session>> {
        match self.seats.get(id)?.value() {
            Seat::Open(session) if !session.is_expired(self.clock.elapsed()) => Some(Arc::clone(session)),
            _ => None,
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As [`Sessions::enter`]; INVALID_SESSION with detail `state` = `busy` where calls are in flight and
    /// `force` is not given.
    pub fn close(&self, caller: &Caller, id: &str, force: bool) -> Result<End, Refusal> {
        let session = self.find(caller, id)?;
        let cancelled = session.calls.close(force).map_err(|busy| {
            let message = format!("{busy} calls are in flight; wait for them, or end the session with force");
            Refusal::new(Code::InvalidSession, Stage::Session, message).with("state", "busy")
        })?;
        // Of those who end it at once one does: to the others it is over, as it is to whoever comes later.
        let gone = self.seats.remove_if(&session.id(), |_, seat| matches!(seat, Seat::Open(_)));
        if gone.is_none() {
            return Err(self.find(caller, id).err().unwrap_or_else(|| unknown("no such session")));
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.release(&session);
        Ok(End { session, cancelled })
    }

    /// Ends every session whose time is over and forgets those that ended long ago.
    #[must_use]
    pub fn sweep(&self) -> Vec<End> {
        let now = self.clock.elapsed();
        let mut ended = Vec::new();
        let due = self.seats.iter().filter(|seat| seat.is_due(now)).map(|seat| Arc::clone(seat.value().session()));
        for id in in_order(due.collect()).iter().map(|session| session.id()) {
            let Entry::Occupied(mut entry) = self.seats.entry(id) else {
                continue;
            };
            let Seat::Open(session) = entry.get() else {
                entry.remove();
                continue;
            };
            let session = Arc::clone(session);
            entry.insert(Seat::Expired { session: Arc::clone(&session), at: now });
            self.open.fetch_sub(1, Ordering::Relaxed);
            self.release(&session);
            let cancelled = session.calls.close(true).unwrap_or(0);
            ended.push(End { session, cancelled });
        }
        ended
    }

    /// Sessions that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Every open session, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Session>> {
        let open = |seat: &Seat| match seat {
            Seat::Open(session) => Some(Arc::clone(session)),
            Seat::Expired { .. } => None,
        };
        in_order(self.seats.iter().filter_map(|seat| open(seat.value())).collect())
    }

    fn release(&self, session: &Session) {
        let owner = (session.principal().tenant.clone(), session.principal().id.clone());
        if let Entry::Occupied(mut held) = self.per_owner.entry(owner) {
            if *held.get() <= 1 {
                held.remove();
            } else {
                *held.get_mut() -= 1;
            }
        }
    }
}

impl Seat {
    fn session(&self) -> &Arc<Session> {
        match self {
            Self::Open(session) | Self::Expired { session, .. } => session,
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        match self {
            Self::Open(session) => session.is_expired(now),
            Self::Expired { at, .. } => now.saturating_sub(*at) >= REMEMBERED,
        }
    }
}

/// The oldest first, so that what happens to several happens in the same order each time; ids are random.
fn in_order(mut sessions: Vec<Arc<Session>>) -> Vec<Arc<Session>> {
    sessions.sort_by(|one, other| {
        let of = |session: &Session| (session.created_at_ms(), session.principal().tenant.clone());
        of(one).cmp(&of(other)).then_with(|| one.principal().id.cmp(&other.principal().id))
    });
    sessions
}

fn unknown(why: &str) -> Refusal {
    let message = "no such session; open one with CreateSession and use the id that it answers";
    Refusal::new(Code::InvalidSession, Stage::Session, message).because(why)
}

#[cfg(test)]
mod tests;
