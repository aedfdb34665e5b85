//! The order of a tool's providers for one call. It is made in one place: whoever chooses takes its head, and whoever
//! explains reads all of it.

use std::time::Duration;

use grid_approve::Contract;
use grid_core::{
    id::{ConnectionId, SessionId, TenantId},
    provider::{Reason, Rule, Serving},
};

use crate::{
    rank::Selection,
    table::{Admits, Candidate, Gone, Scope, Seat, State, Table},
};

/// For which call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) tool: &'a str,
    /// Absent for a tool that is in no manifest and was registered for no session that is asked about.
    pub(crate) contract: Option<&'a Contract>,
    /// Absent for the host's own view, which knows no tenant.
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) session: Option<SessionId>,
    /// The call's own choice.
    pub(crate) wish: Option<&'a str>,
    /// The runtime that has the state of the session.
    pub(crate) bound: Option<ConnectionId>,
    /// Runtimes that had the call before.
    pub(crate) avoid: &'a [ConnectionId],
    pub(crate) admits: &'a dyn Admits,
}

/// Why a provider cannot serve a call; of several reasons, that of the runtime that came furthest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Why<'a> {
    /// It has no runtime here.
    Gone(Option<&'a Gone>),
    /// The file does not let it fulfil the tool.
    Unlisted,
    /// The contract names its providers.
    Unnamed,
    /// It is for other tenants.
    OtherTenant,
    /// It lacks this capability, or every one of those that would do.
    Lacks(&'a str),
    Paused,
    Draining,
    /// Its runtimes serve other sessions.
    OtherSession,
    /// Its runtimes had the call before.
    Tried,
    /// Its runtimes asked for no new calls.
    Leaving,
    /// Breakers stand open.
    Breaker(Duration),
}

impl Why<'_> {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Paused => Reason::Paused,
            Self::Draining | Self::Leaving => Reason::Draining,
            Self::Breaker(_) => Reason::BreakerOpen,
            _ => Reason::ProviderUnavailable,
        }
    }

    /// How far a runtime came.
    fn depth(&self) -> u8 {
        match self {
            Self::Gone(_) => 0,
            Self::OtherSession => 1,
            Self::OtherTenant => 2,
            Self::Leaving => 3,
            Self::Tried => 4,
            _ => 5,
        }
    }
}

/// Whether a provider can have the call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// It can.
    Able,
    /// It could, but a rule of the tool gives the call to nobody.
    Barred,
    /// It cannot.
    Unable(Why<'a>),
}

/// What comes before ranks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Head<'a> {
    /// This one, by that rule.
    Named(usize, Rule),
    /// The selection names somebody who cannot serve.
    Barred(Rule, &'a str, Why<'a>),
    /// Operators let the tool take no calls.
    Closed(Serving),
    /// Ranks decide.
    Ranked,
}

/// Nobody is chosen.
#[derive(Debug)]
pub(crate) enum Nobody<'a> {
    Closed(Serving),
    Barred(Rule, &'a str, Why<'a>),
    /// Nobody can serve; the reason of the one that would go first among those that are there.
    Unable(Option<Why<'a>>),
}

/// The order, one candidate after the other: whoever is named, then those who can serve by rank, then those who cannot.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    table: &'a Table,
    ask: &'a Ask<'a>,
    pub(crate) head: Head<'a>,
    part: Part,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Named,
    Able,
    Unable,
}

impl<'a> Order<'a> {
    pub(crate) fn new(table: &'a Table, state: &State, ask: &'a Ask<'a>) -> Self {
        Self { table, ask, head: head(table, state, ask), part: Part::Named, at: 0 }
    }

    /// Whoever has the call, and by which rule.
    pub(crate) fn choose(mut self) -> Result<(&'a Candidate, Rule), Nobody<'a>> {
        match self.next() {
            Some((first, Standing::Able)) => {
                let rule = match self.head {
                    Head::Named(_, rule) => rule,
                    _ => self.rule(first),
                };
                Ok((first, rule))
            }
            _ => Err(self.nobody()),
        }
    }

    /// What put `first` before the next one that could have the call.
    fn rule(&mut self, first: &Candidate) -> Rule {
        match self.next() {
            Some((second, Standing::Able)) => before(first, second),
            _ => Rule::OnlyCandidate,
        }
    }

    pub(crate) fn nobody(&self) -> Nobody<'a> {
        match self.head {
            Head::Closed(serving) => Nobody::Closed(serving),
            Head::Barred(rule, provider, why) => Nobody::Barred(rule, provider, why),
            Head::Named(..) | Head::Ranked => {
                let whys = self.table.candidates.iter().filter_map(|candidate| why_not(candidate, self.ask));
                let deepest = whys.fold(None, |deepest: Option<Why<'a>>, why| match deepest {
                    Some(deepest) if deepest.depth() >= why.depth() => Some(deepest),
                    _ => Some(why),
                });
                Nobody::Unable(deepest)
            }
        }
    }
}

/// By which rule one goes before the other.
pub(crate) fn before(first: &Candidate, second: &Candidate) -> Rule {
    match (first.facts.priority == second.facts.priority, first.facts.stack_level == second.facts.stack_level) {
        (false, _) => Rule::Priority,
        (true, false) => Rule::StackLevel,
        (true, true) => Rule::RegistrationOrder,
    }
}

impl<'a> Iterator for Order<'a> {
    type Item = (&'a Candidate, Standing<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let named = match self.head {
            Head::Named(at, _) => Some(at),
            _ => None,
        };
        if self.part == Part::Named {
            self.part = Part::Able;
            if let Some(candidate) = named.and_then(|at| self.table.candidates.get(at)) {
                return Some((candidate, Standing::Able));
            }
        }
        loop {
            let Some(candidate) = self.table.candidates.get(self.at) else {
                match self.part {
                    Part::Unable => return None,
                    Part::Named | Part::Able => (self.part, self.at) = (Part::Unable, 0),
                }
                continue;
            };
            let at = self.at;
            self.at += 1;
            if named == Some(at) {
                continue;
            }
            match (why_not(candidate, self.ask), self.part) {
                (None, Part::Able | Part::Named) => return Some((candidate, self.able())),
                (Some(why), Part::Unable) => return Some((candidate, Standing::Unable(why))),
                _ => {}
            }
        }
    }
}

impl<'a> Order<'a> {
    fn able(&self) -> Standing<'a> {
        match self.head {
            Head::Barred(..) | Head::Closed(_) => Standing::Barred,
            Head::Named(..) | Head::Ranked => Standing::Able,
        }
    }
}

/// Selections from the narrowest, then the runtime that has the session's state.
fn head<'a>(table: &'a Table, state: &State, ask: &Ask<'a>) -> Head<'a> {
    match state.serving() {
        Serving::Serving => {}
        closed => return Head::Closed(closed),
    }
    let choices = &table.choices;
    let named = |rule, provider: &'a str, fallback| match able(table, provider, ask) {
        Ok(at) => Some(Head::Named(at, rule)),
        Err(_) if fallback => None,
        Err(why) => Some(Head::Barred(rule, provider, why)),
    };
    let selected = |rule, selection: Option<&'a Selection>| {
        selection.and_then(|selection| named(rule, &selection.provider, selection.fallback))
    };
    let of_session = || ask.session.and_then(|id| choices.sessions.get(&id));
    let of_tenant = || ask.tenant.and_then(|tenant| choices.tenants.get(tenant));
    ask.wish
        .and_then(|wish| named(Rule::SelectionCall, wish, false))
        .or_else(|| selected(Rule::SelectionSession, of_session()))
        .or_else(|| selected(Rule::SelectionTenant, of_tenant()))
        .or_else(|| selected(Rule::SelectionHost, choices.host.as_ref()))
        .or_else(|| ask.bound.and_then(|bound| affine(table, bound, ask)))
        .unwrap_or(Head::Ranked)
}

fn able<'a>(table: &'a Table, provider: &str, ask: &Ask<'a>) -> Result<usize, Why<'a>> {
    let (at, candidate) = table.of(provider).ok_or(Why::Gone(None))?;
    why_not(candidate, ask).map_or(Ok(at), Err)
}

fn affine<'a>(table: &'a Table, bound: ConnectionId, ask: &Ask<'a>) -> Option<Head<'a>> {
    let holds = |candidate: &Candidate| {
        let mut seats = candidate.seats.iter().filter(|seat| seat.connection() == bound);
        seats.any(|seat| seat_why(seat, ask).is_none()) && why_not(candidate, ask).is_none()
    };
    table.candidates.iter().position(holds).map(|at| Head::Named(at, Rule::Affinity))
}

/// Why a provider cannot have the call; absent where it can, with or without room.
pub(crate) fn why_not<'a>(candidate: &'a Candidate, ask: &Ask<'a>) -> Option<Why<'a>> {
    if candidate.seats.is_empty() {
        return Some(Why::Gone(candidate.gone.as_ref()));
    }
    if let Some(why) = unfit(candidate, ask) {
        return Some(why);
    }
    match candidate.provider.state.serving() {
        Serving::Serving => {}
        Serving::Paused => return Some(Why::Paused),
        Serving::Draining => return Some(Why::Draining),
    }
    let mut furthest = Why::Gone(None);
    for seat in &candidate.seats {
        let why = seat_why(seat, ask)?;
        if why.depth() > furthest.depth() {
            furthest = why;
        }
    }
    Some(furthest)
}

/// What the file and the contract have against it.
fn unfit<'a>(candidate: &'a Candidate, ask: &Ask<'a>) -> Option<Why<'a>> {
    let facts = &candidate.facts;
    if !facts.fulfils(ask.tool) {
        return Some(Why::Unlisted);
    }
    if ask.tenant.is_some_and(|tenant| !facts.serves(tenant)) {
        return Some(Why::OtherTenant);
    }
    let contract = ask.contract?;
    if !contract.admits_provider(&candidate.provider.name) {
        return Some(Why::Unnamed);
    }
    let requires = &contract.conduct().requires;
    let mut words = requires.capabilities.iter().map(String::as_str);
    match requires.any {
        false => words.find(|word| !facts.can(word)).map(Why::Lacks),
        true if words.clone().any(|word| facts.can(word)) => None,
        // One of no words is no demand.
        true => words.next().map(Why::Lacks),
    }
}

/// Why a runtime cannot have the call, whether or not it has room.
fn seat_why<'a>(seat: &Seat, ask: &Ask<'a>) -> Option<Why<'a>> {
    let card = seat.card();
    let in_scope = match seat.scope {
        Scope::Every => ask.contract.is_none_or(|contract| !contract.is_dynamic()),
        Scope::Only(id) => ask.session == Some(id),
    };
    if !in_scope {
        return Some(Why::OtherSession);
    }
    if ask.tenant.is_some_and(|tenant| !card.serves(tenant)) {
        return Some(Why::OtherTenant);
    }
    if card.load.is_draining() {
        return Some(Why::Leaving);
    }
    if ask.avoid.contains(&card.connection) {
        return Some(Why::Tried);
    }
    ask.admits.admits(ask.tool, card).err().map(|barrier| Why::Breaker(barrier.retry_after))
}

/// Among a provider's runtimes: the one with the session's state, otherwise the one with fewest calls in flight, then the
/// one that was idle longest. Absent where all are full.
pub(crate) fn replica<'a>(candidate: &'a Candidate, ask: &Ask<'_>) -> Option<&'a std::sync::Arc<Seat>> {
    let seats = &candidate.seats;
    if let Some(bound) = ask.bound {
        let bound = seats.iter().find(|seat| seat.connection() == bound && seat_why(seat, ask).is_none());
        if let Some(seat) = bound {
            return seat.has_room().then_some(seat);
        }
    }
    let load = |seat: &&std::sync::Arc<Seat>| {
        let load = &seat.card().load;
        (load.in_flight(), load.idle_since())
    };
    seats.iter().filter(|seat| seat.has_room() && seat_why(seat, ask).is_none()).min_by_key(load)
}
