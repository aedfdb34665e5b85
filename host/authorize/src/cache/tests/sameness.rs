//! AZ-8: a cached decision is the one that the authorizer would make.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use grid_core::{
    port::{Pending, Undecided},
    principal::SecurityClaim,
};
use grid_testkit::Dice;

use super::common::{SETTINGS, context, contract, stage};
use crate::cache::*;

/// Reads all that a policy can see, and answers differently for any difference in it.
#[derive(Debug)]
struct Fickle;

impl Authorizer for Fickle {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let mut hash = DefaultHasher::new();
        let who = &question.context.principal;
        (who.id.as_str(), who.tenant.as_str(), &who.roles, &who.claims, who.proof.as_str()).hash(&mut hash);
        if let Some(claim) = &question.context.claim {
            (&claim.principal, &claim.tenant, &claim.claims).hash(&mut hash);
        }
        (question.tool, question.required_roles, question.effect, question.tags, question.dynamic).hash(&mut hash);
        let rule = hash.finish().to_string();
        let verdict = match hash.finish() % 3 {
            0 => Verdict::Deny { rule, message: "no".to_owned() },
            _ => Verdict::Allow { rule },
        };
        Box::pin(async move { Ok(verdict) })
    }
}

#[tokio::test]
async fn cached_and_uncached_decisions_are_the_same_over_random_questions() {
    const QUESTIONS: usize = 100_000;
    let mut dice = Dice::seeded(7);
    let roles = ["a", "b", "c"];
    let mut contexts: Vec<SecurityContext> = Vec::new();
    for name in ["one", "two"] {
        for tenant in ["demo", "other"] {
            for _ in 0..4 {
                contexts.push(context(name, tenant, &dice.some(&roles)));
            }
        }
    }
    for at in 0..4 {
        let claims = BTreeMap::from([("desk".to_owned(), at.to_string())]);
        let claim = SecurityClaim { claims, ..SecurityClaim::default() };
        let claiming = SecurityContext { claim: Some(Arc::new(claim)), ..contexts[0].clone() };
        contexts.push(claiming);
    }
    let mut contracts = Vec::new();
    for effect in ["pure", "read", "write"] {
        for tags in ["[]", r#"["t"]"#] {
            for required in ["[]", r#"["*"]"#, r#"["a"]"#, r#"["a","b"]"#] {
                let fields = format!(r#""effect":"{effect}","tags":{tags},"required_roles":{required},"#);
                contracts.push(contract("sum", &fields));
                contracts.push(contract("diff", &fields));
            }
        }
    }
    let few = Settings { entries: 300, ..SETTINGS };
    let cached = stage(Arc::new(Fickle), few);
    let uncached = stage(Arc::new(Fickle), Settings { cache: false, ..SETTINGS });
    let mut outcomes = BTreeSet::new();
    for _ in 0..QUESTIONS {
        match dice.below(1000) {
            0 => drop(cached.authorize.invalidate()),
            1 => cached.clock.advance(Duration::from_secs(dice.roll() % 70)),
            _ => {}
        }
        let context = &contexts[dice.below(contexts.len())];
        let contract = &contracts[dice.below(contracts.len())];
        let session = SessionId::mint();
        let one = cached.authorize.decide(context, session, contract).await;
        let two = uncached.authorize.decide(context, session, contract).await;
        let said = |decided: &Result<Decision, Refusal>| match decided {
            Ok(decision) => (true, decision.rule.to_string()),
            Err(refusal) => (false, refusal.internal().unwrap_or_default().to_owned()),
        };
        assert_eq!(said(&one), said(&two), "{context:?} {contract:?}");
        outcomes.insert(said(&one));
    }
    let (hits, misses) = cached.authorize.hits_and_misses();
    assert!(hits > 1000 && misses > 1000, "{hits} hits, {misses} misses: too one-sided to show anything");
    assert!(outcomes.len() > 300, "only {} different answers", outcomes.len());
}
