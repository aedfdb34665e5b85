//! What a swap has to know before it changes anything: who would have the calls, and who still expects some.

use std::sync::Arc;

use grid_approve::Contract;
use grid_core::provider::Serving;

use crate::{
    book::What,
    order::{Ask, Order},
    rank::{Choices, Ranks},
    roster::Roster,
    table::Table,
};

impl Roster {
    /// Who would have the calls of a tool, as [`Roster::active`] says, if `ranks` were in force; a selected one that is not
    /// there too.
    ///
    /// With `anew` without what an operator selected for every call.
    #[must_use]
    pub fn foresee(&self, ranks: &Ranks, tool: &str, contract: Option<&Contract>, anew: bool) -> Option<Arc<str>> {
        let shared = &self.0;
        let guard = shared.guard();
        let ask =
            Ask { tool, contract, tenant: None, session: None, wish: None, bound: None, avoid: &[], admits: &**guard };
        let none = Choices::default();
        let written = ranks.choices.get(tool).unwrap_or(&none);
        let choices = match shared.book().choices.get(tool) {
            Some(chosen) if anew => written.under(&Choices { host: None, ..chosen.clone() }),
            Some(chosen) => written.under(chosen),
            None => written.clone(),
        };
        let selected = choices.host.as_ref().map(|selection| Arc::clone(&selection.provider));
        let first = shared.tools.read(tool, |entry| {
            let mut candidates = entry.table.load().candidates.clone();
            for candidate in &mut candidates {
                let facts = ranks.facts(&candidate.provider.name).unwrap_or(&shared.plain);
                candidate.facts = Arc::clone(facts);
            }
            let table = Table::new(candidates, choices);
            Order::new(&table, &entry.state, &ask).choose().ok().map(|(first, _)| Arc::clone(&first.provider.name))
        });
        first.flatten().or(selected)
    }

    /// For whom a provider is chosen by name, beside what is chosen for every call: it has calls of the tool to expect.
    #[must_use]
    pub fn chosen_for(&self, tool: &str, provider: &str) -> Option<String> {
        let whom = |choices: &Choices| {
            let mut tenants = choices.tenants.iter().filter(|(_, one)| *one.provider == *provider);
            let tenant = tenants.next().map(|(tenant, _)| format!("it is selected for the tenant `{tenant}`"));
            let session = || choices.sessions.values().any(|one| *one.provider == *provider);
            tenant.or_else(|| session().then(|| "it is selected for a session".to_owned()))
        };
        self.0.tools.read(tool, |entry| whom(&entry.table.load().choices)).flatten()
    }

    /// Calls of a tool that a provider has in flight; those of runtimes that have gone are not among them.
    #[must_use]
    pub fn in_flight_of(&self, tool: &str, provider: &str) -> u32 {
        let count = |table: &Table| table.of(provider).map_or(0, |(_, one)| one.in_flight());
        self.0.tools.read(tool, |entry| count(&entry.table.load())).unwrap_or(0)
    }

    /// What takes no calls because operators want it so, with their words.
    #[must_use]
    pub fn closed(&self) -> Vec<(What, Serving, String)> {
        let book = self.0.book();
        book.serving.iter().map(|(what, (serving, note))| (what.clone(), *serving, note.clone())).collect()
    }
}
