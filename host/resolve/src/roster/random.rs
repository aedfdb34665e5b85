//! Random providers, held against a ranking that is written from the rules and not from the code.

use std::collections::BTreeMap;

use grid_core::{
    id::TenantId,
    provider::{Rule, Serving},
};
use grid_testkit::{Dice, FakeRuntime};

use super::tests::{busy, contract, pick, scene};
use super::*;
use crate::{Facts, Hooks, View, rank::Choices};

const PROVIDERS: [&str; 5] = ["calc", "redis", "mem", "calcx", "old"];
const TOOLS: [&str; 6] = ["sum", "diff", "bound", "both", "either", "none"];

/// A provider as the reference knows it.
#[derive(Debug, Clone, Default)]
struct Known {
    name: &'static str,
    facts: Facts,
    seen: usize,
    serving: Serving,
    runtimes: Vec<Copy>,
}

/// A runtime: which session alone, which tenant, whether it leaves.
type Copy = (Option<SessionId>, &'static str, bool);

impl Known {
    fn able(&self, tool: &str, session: &Session) -> bool {
        let tenant = &session.principal().tenant;
        let can = |word: &str| self.facts.capabilities.iter().any(|own| **own == *word);
        let fit = match tool {
            "bound" => self.name == "calc",
            "both" => can("lru") && can("ttl"),
            "either" => can("lru") || can("ttl"),
            _ => true,
        };
        let listed = self.facts.fulfils.as_ref().is_none_or(|tools| tools.iter().any(|name| **name == *tool));
        let theirs = self.facts.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant));
        let takes = |(only, of, leaves): &Copy| {
            !leaves && only.is_none_or(|only| only == session.id()) && (*of == "*" || *of == tenant.as_str())
        };
        fit && listed && theirs && self.serving == Serving::Serving && self.runtimes.iter().any(takes)
    }
}

/// The ranking: a selection, from the narrowest, then priority, stack level and whoever was seen last.
fn reference<'a>(
    known: &'a [Known],
    tool: &str,
    session: &Session,
    selections: &[Option<(&str, bool)>; 4],
) -> Option<(&'a str, Option<usize>)> {
    let mut able: Vec<&Known> = known.iter().filter(|one| one.able(tool, session)).collect();
    for (level, selection) in selections.iter().enumerate() {
        let Some((name, fallback)) = selection else { continue };
        match able.iter().find(|one| one.name == *name) {
            Some(one) => return Some((one.name, Some(level))),
            None if *fallback => {}
            None => return None,
        }
    }
    able.sort_by_key(|one| (one.facts.priority, one.facts.stack_level, one.seen));
    able.pop().map(|one| (one.name, None))
}

struct Round {
    roster: Roster,
    known: Vec<Known>,
    choices: Choices,
}

fn facts(dice: &mut Dice) -> Facts {
    let boxed = |words: Vec<&str>| words.into_iter().map(Box::from).collect();
    let number = |dice: &mut Dice| [-1, 0, 0, 1][dice.below(4)];
    let tenants = |dice: &mut Dice| {
        dice.some(&["demo", "other"]).into_iter().map(|name| TenantId::parse(name).unwrap()).collect()
    };
    Facts {
        priority: number(dice),
        stack_level: number(dice),
        capabilities: boxed(dice.some(&["lru", "ttl"])),
        fulfils: (dice.below(8) == 0).then(|| boxed(dice.some(&TOOLS))),
        tenants: (dice.below(8) == 0).then(|| tenants(dice)),
        listed: true,
    }
}

fn round(dice: &mut Dice, tool: &'static str, sessions: &[Arc<Session>]) -> Round {
    let roster = Roster::default();
    let mut ranks = Ranks { hooks: BTreeMap::<Arc<str>, Hooks>::new().into_iter().collect(), ..Ranks::default() };
    let mut known: Vec<Known> = Vec::new();
    for at in 0..dice.below(12) {
        let name = PROVIDERS[dice.below(PROVIDERS.len())];
        let place = known.iter().position(|one| one.name == name).unwrap_or_else(|| {
            let own = if dice.coin() { facts(dice) } else { Facts::default() };
            if own.listed {
                ranks.facts.insert(Arc::from(name), Arc::new(own.clone()));
            }
            let serving = [Serving::Paused, Serving::Draining, Serving::Serving][dice.below(12).min(2)];
            roster.set_state(&What::Provider(Arc::from(name)), serving, "");
            known.push(Known { name, facts: own, seen: known.len(), serving, runtimes: Vec::new() });
            known.len() - 1
        });
        let only = (dice.below(6) == 0).then(|| sessions[dice.below(sessions.len())].id());
        let (tenant, leaves) = (["demo", "other", "*"][dice.below(6).min(2)], dice.below(8) == 0);
        let fake = FakeRuntime::new(&format!("{name}/{at}"), tenant, 3);
        busy(&fake, u32::try_from(dice.below(3)).unwrap());
        if leaves {
            fake.card().load.drain();
        }
        let runtime: Arc<dyn Runtime> = fake;
        roster.seat(&Arc::from(tool), &runtime, only.map_or(Scope::Every, Scope::Only));
        known[place].runtimes.push((only, tenant, leaves));
    }
    let mut choices = Choices::default();
    let mut whose = vec![Whose::Host, Whose::Tenant(TenantId::parse("demo").unwrap())];
    whose.extend(sessions.iter().map(|session| Whose::Session(session.id())));
    for whose in whose {
        if dice.below(6) == 0 {
            let provider = Arc::from(PROVIDERS[dice.below(PROVIDERS.len())]);
            let selection = Selection { provider, fallback: dice.coin(), note: Arc::from("") };
            // Half of those of tenants and host are the file's.
            match &whose {
                Whose::Host | Whose::Tenant(_) if dice.coin() => {
                    let written = ranks.choices.entry(Arc::from(tool)).or_default();
                    written.set(whose.clone(), Some(selection.clone()));
                }
                _ => drop(roster.select(&Arc::from(tool), whose.clone(), Some(selection.clone()))),
            }
            choices.set(whose, Some(selection));
        }
    }
    roster.replace(ranks);
    Round { roster, known, choices }
}

#[test]
fn ten_thousand_random_sets_are_ranked_as_the_rules_say_and_explained_as_they_are_ranked() {
    let scene = scene();
    let sessions = [
        scene.session("agent", "demo", &[]),
        scene.session("agent", "demo", &[]),
        scene.session("agent", "other", &[]),
    ];
    let mut dice = Dice::seeded(6);
    let mut tally: BTreeMap<&str, u32> = BTreeMap::new();
    for at in 0..10_000 {
        let tool = TOOLS[dice.below(TOOLS.len())];
        let Round { roster, known, choices } = round(&mut dice, tool, &sessions);
        let contract = contract(&scene, tool);
        let session = &sessions[dice.below(sessions.len())];
        let wish = (dice.below(6) == 0).then(|| PROVIDERS[dice.below(PROVIDERS.len())]);
        let tenant = &session.principal().tenant;
        let of = |whose: &Whose| choices.get(whose).map(|one| (&*one.provider, one.fallback));
        let selections = [
            wish.map(|name| (name, false)),
            of(&Whose::Session(session.id())),
            of(&Whose::Tenant(tenant.clone())),
            of(&Whose::Host),
        ];
        let expected = reference(&known, tool, session, &selections);
        let picked = pick(&roster, &contract, session, wish);
        let context = || format!("round {at}, {tool}, {selections:?}, {known:#?}");
        assert_eq!(picked.as_ref().map(|one| one.0.as_str()), expected.map(|one| one.0), "{}", context());
        if let (Some((_, _, rule)), Some((_, level))) = (&picked, expected) {
            let levels = [Rule::SelectionCall, Rule::SelectionSession, Rule::SelectionTenant, Rule::SelectionHost];
            match level {
                Some(level) => assert_eq!(*rule, levels[level], "{}", context()),
                None => assert!(!levels.contains(rule), "{}", context()),
            }
            *tally.entry(rule.as_str()).or_default() += 1;
        } else {
            *tally.entry("nobody").or_default() += 1;
        }
        let view = View { contract: Some(&contract), tenant: Some(tenant), session: Some(session.id()), wish };
        let told = roster.explain(tool, &view);
        let (provider, by) = picked.map_or((String::new(), None), |(name, _, rule)| (name, Some(rule.as_str())));
        assert_eq!(told.chosen, provider, "{}", context());
        assert!(by.is_none_or(|by| told.decided_by == by), "{} is {by:?}: {}", told.decided_by, context());
        assert!(told.candidates.iter().all(|row| row.reason.is_empty() == (row.provider == provider)), "{told:#?}");
        assert_eq!(told.candidates.len(), known.len(), "everybody is there once");
    }
    for rule in ["nobody", "selection:call", "selection:session", "selection:tenant", "selection:host", "priority"] {
        assert!(tally.get(rule).is_some_and(|times| *times > 100), "too few to show anything: {tally:?}");
    }
    for rule in ["stack_level", "registration_order", "only_candidate"] {
        assert!(tally.get(rule).is_some_and(|times| *times > 100), "too few to show anything: {tally:?}");
    }
}
