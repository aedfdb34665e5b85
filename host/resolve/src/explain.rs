//! Who would be chosen and why each other not, from the order by which calls are chosen for.

use std::{collections::BTreeSet, sync::Arc};

use grid_approve::Contract;
use grid_core::{
    id::{SessionId, TenantId},
    provider::{self, Choice, ProviderRow, Rule, Serving},
};

use crate::{
    order::{Ask, Head, Nobody, Order, Standing, Why, before},
    roster::{Roster, Shared},
    table::{Admits, Candidate, Entry, Scope},
};

/// From where it is looked.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// The contract of the tool, where there is one.
    pub contract: Option<&'a Contract>,
    /// Of a call; absent for the host's own view.
    pub tenant: Option<&'a TenantId>,
    /// Of a call.
    pub session: Option<SessionId>,
    /// Named in the call.
    pub wish: Option<&'a str>,
}

impl Roster {
    /// The whole order for a call of `tool`, best first.
    #[must_use]
    pub fn explain(&self, tool: &str, view: &View<'_>) -> Choice {
        let shared = &self.0;
        let told = shared.tools.read(tool, |entry| shared.explained(entry, view));
        told.unwrap_or_else(|| Choice {
            tool: tool.to_owned(),
            decided_by: "nobody serves it, and nobody has since it is known".to_owned(),
            ..Choice::default()
        })
    }

    /// The provider that has the calls of a tool whose tenants and sessions choose no other; `None` where nobody has.
    #[must_use]
    pub fn active(&self, tool: &str, contract: Option<&Contract>) -> Option<Arc<str>> {
        let shared = &self.0;
        let guard = shared.guard();
        let ask =
            Ask { tool, contract, tenant: None, session: None, wish: None, bound: None, avoid: &[], admits: &**guard };
        let head = |entry: &Arc<Entry>| {
            let table = entry.table.load();
            Order::new(&table, &entry.state, &ask).choose().ok().map(|(first, _)| Arc::clone(&first.provider.name))
        };
        shared.tools.read(tool, head).flatten()
    }

    /// The tools that somebody serves, served or was selected for.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<str>> {
        self.0.tools.all().iter().map(|entry| Arc::clone(&entry.name)).collect()
    }

    /// Tools where nothing but the order in which providers were first seen decides between the first two, with those: of
    /// those that are attached, known from before, or named by the file.
    #[must_use]
    pub fn ties(&self) -> Vec<(Arc<str>, Vec<Arc<str>>)> {
        let ranks = self.ranks();
        let mut ties = Vec::new();
        for entry in self.0.tools.all() {
            let table = entry.table.load();
            let mut known: Vec<(i32, i32, Arc<str>)> = table
                .candidates
                .iter()
                .filter(|one| one.facts.fulfils(&entry.name))
                .map(|one| (one.facts.priority, one.facts.stack_level, Arc::clone(&one.provider.name)))
                .collect();
            let named: BTreeSet<Arc<str>> = known.iter().map(|(_, _, name)| Arc::clone(name)).collect();
            known.extend(ranks.facts.iter().filter(|(name, _)| !named.contains(*name)).filter_map(|(name, facts)| {
                let fulfils = facts.fulfils.is_some() && facts.fulfils(&entry.name);
                fulfils.then(|| (facts.priority, facts.stack_level, Arc::clone(name)))
            }));
            let Some(best) = known.iter().map(|(priority, level, _)| (*priority, *level)).max() else { continue };
            let mut tied: Vec<Arc<str>> =
                known.into_iter().filter(|(priority, level, _)| (*priority, *level) == best).map(|one| one.2).collect();
            if tied.len() > 1 && table.choices.host.is_none() {
                tied.sort_unstable();
                ties.push((Arc::clone(&entry.name), tied));
            }
        }
        ties
    }
}

impl Shared {
    fn explained(&self, entry: &Entry, view: &View<'_>) -> Choice {
        let (table, guard) = (entry.table.load(), self.guard());
        let bound = view
            .session
            .zip(view.contract)
            .filter(|(_, contract)| contract.conduct().stateful)
            .and_then(|(session, contract)| self.bound(session, contract.group()));
        let ask = Ask {
            tool: &entry.name,
            contract: view.contract,
            tenant: view.tenant,
            session: view.session,
            wish: view.wish,
            bound,
            avoid: &[],
            admits: &**guard,
        };
        let decided = Order::new(&table, &entry.state, &ask).choose();
        let (chosen, decided_by) = match &decided {
            Ok((first, rule)) => (first.provider.name.to_string(), rule.as_str().to_owned()),
            Err(nobody) => (String::new(), why_nobody(nobody)),
        };
        let order = Order::new(&table, &entry.state, &ask);
        let (head, mut first) = (order.head, None);
        let mut candidates = Vec::new();
        for (candidate, standing) in order {
            let (seen, reason) = match standing {
                Standing::Able if first.is_none() => {
                    first = Some(candidate);
                    (provider::View::Active, String::new())
                }
                Standing::Able => (provider::View::Shadowed, shadow(head, first, candidate)),
                Standing::Barred => (provider::View::Shadowed, barred(head)),
                Standing::Unable(why) => (provider::View::Ineligible, told(&why)),
            };
            candidates.push(self.row(entry, candidate, (seen, reason), &**guard));
        }
        Choice { tool: entry.name.to_string(), candidates, chosen, decided_by }
    }

    fn row(
        &self,
        entry: &Entry,
        candidate: &Candidate,
        (view, reason): (provider::View, String),
        guard: &dyn Admits,
    ) -> ProviderRow {
        let facts = &candidate.facts;
        let mut runtimes: Vec<String> = candidate.seats.iter().map(|seat| seat.card().id.to_string()).collect();
        runtimes.sort_unstable();
        runtimes.dedup();
        let every = candidate.seats.iter().any(|seat| seat.scope == Scope::Every);
        let only = candidate.seats.iter().find_map(|seat| match seat.scope {
            Scope::Only(session) => Some(session.to_string()),
            Scope::Every => None,
        });
        let own = candidate.provider.state.serving();
        let (serving, note) = match (own, entry.state.serving()) {
            (Serving::Serving, of_tool) if of_tool != Serving::Serving => (of_tool, entry.state.note()),
            _ => (own, candidate.provider.state.note()),
        };
        ProviderRow {
            tool: entry.name.to_string(),
            provider: candidate.provider.name.to_string(),
            priority: facts.priority,
            stack_level: facts.stack_level,
            sequence: candidate.sequence,
            capabilities: facts.capabilities.iter().map(ToString::to_string).collect(),
            view,
            reason,
            serving,
            runtimes,
            in_flight: candidate.in_flight(),
            source: if facts.listed { "file" } else { "default" },
            breaker: guard.state(&entry.name, &candidate.provider.name),
            session_id: only.filter(|_| !every).unwrap_or_default(),
            gone_at_ms: candidate.gone.as_ref().map_or(0, |gone| gone.at_ms),
            note,
        }
    }
}

/// Why a provider that could have the call has it not.
fn shadow(head: Head<'_>, first: Option<&Candidate>, own: &Candidate) -> String {
    let Some(first) = first else { return String::new() };
    let name = &first.provider.name;
    match head {
        Head::Named(_, Rule::Affinity) => format!("a runtime of `{name}` has the state of the session"),
        Head::Named(_, rule) => format!("`{name}` is selected {}", scope(rule)),
        _ => match before(first, own) {
            Rule::Priority => {
                format!("`{name}` has priority {}, this one {}", first.facts.priority, own.facts.priority)
            }
            Rule::StackLevel => {
                format!("`{name}` has stack level {}, this one {}", first.facts.stack_level, own.facts.stack_level)
            }
            _ => format!("`{name}` was first seen later: {}, this one {}", first.sequence, own.sequence),
        },
    }
}

/// Why nobody of those that could has it.
fn barred(head: Head<'_>) -> String {
    match head {
        Head::Barred(rule, provider, why) => {
            format!("`{provider}` is selected {} and cannot serve: {}", scope(rule), told(&why))
        }
        Head::Closed(serving) => format!("the tool is {}", serving.as_str()),
        Head::Named(..) | Head::Ranked => String::new(),
    }
}

fn scope(rule: Rule) -> &'static str {
    match rule {
        Rule::SelectionCall => "by the call",
        Rule::SelectionSession => "for the session",
        Rule::SelectionTenant => "for the tenant",
        _ => "for the host",
    }
}

fn why_nobody(nobody: &Nobody<'_>) -> String {
    match nobody {
        Nobody::Closed(serving) => format!("nobody: the tool is {}", serving.as_str()),
        Nobody::Barred(rule, provider, why) => {
            format!("nobody: {} names `{provider}`, which cannot serve: {}", rule.as_str(), told(why))
        }
        Nobody::Unable(_) => "nobody: no provider can serve it".to_owned(),
    }
}

/// For operators.
fn told(why: &Why<'_>) -> String {
    match why {
        Why::Gone(None) => "it is not there".to_owned(),
        Why::Gone(Some(gone)) => format!("it is not there: {}", gone.cause),
        Why::Unlisted => "the file of providers does not let it fulfil this tool".to_owned(),
        Why::Unnamed => "the contract names its providers, and this is none of them".to_owned(),
        Why::OtherTenant => "it does not serve this tenant".to_owned(),
        Why::OtherSession => "its runtimes serve other sessions alone".to_owned(),
        Why::Lacks(word) => format!("the contract needs the capability `{word}`"),
        Why::Paused => "an operator paused it".to_owned(),
        Why::Draining => "an operator drains it".to_owned(),
        Why::Leaving => "its runtimes asked for no new calls".to_owned(),
        Why::Tried => "its runtimes had the call before".to_owned(),
        Why::Breaker(wait) => format!("its breaker is open, for {} ms more", wait.as_millis()),
    }
}
