//! A runtime that calls on behalf of somebody: they have to be permitted, and the runtime has to be. Two questions of
//! the same form, each decided as if it stood alone, and no third way to say yes.

use std::sync::Arc;

use grid_core::{Refusal, principal::Principal};

use crate::{Authorize, Decision, Needs, stage::Asked};

impl Authorize {
    /// The decision for whoever is asked for, and where a runtime asks also for the runtime.
    pub(crate) async fn decide_with(
        &self,
        asked: Asked<'_>,
        via: Option<&Arc<Principal>>,
    ) -> Result<Decision, Refusal> {
        let Some(via) = via else { return self.decide(asked).await };
        let Asked { session, contract, local, args, .. } = asked;
        let root = self.decide(asked).await?;
        let context = session.context_as(via);
        let own = Asked { stage: self, context: &context, session, contract, local, args };
        match self.decide(own).await {
            Ok(decision) => Ok(root.and(decision, via)),
            Err(refusal) => Err(denied(&refusal, via, contract.name())),
        }
    }
}

/// The runtime is told that it is its own rights that are missing; the record says which rule wanted them.
fn denied(refusal: &Refusal, via: &Principal, tool: &str) -> Refusal {
    let message = format!("`{}` may not have `{tool}` called, for nobody: {}", via.id, refusal.message());
    let rule = refusal.internal().unwrap_or_default();
    Refusal::new(refusal.code(), refusal.stage(), message).because(format!("runtime {}: {rule}", via.id))
}

impl Decision {
    /// Both permit. The older epoch counts: a call rests on what holds for both.
    fn and(self, other: Self, via: &Principal) -> Self {
        Self {
            rule: Arc::from(format!("{} + {}: {}", self.rule, via.id, other.rule)),
            epoch: self.epoch.min(other.epoch),
            age: self.age.max(other.age),
            policy: self.policy,
            needs: match (self.needs, other.needs) {
                (Some(one), Some(other)) if one != other => Some(Arc::new(Needs::both(&one, &other))),
                (one, other) => one.or(other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use grid_contract::Approval;
    use grid_testkit::principal;

    use super::*;

    fn decision(rule: &str, epoch: u64, age: Option<u64>, needs: Option<Needs>) -> Decision {
        let age = age.map(Duration::from_secs);
        Decision { rule: Arc::from(rule), epoch, age, policy: None, needs: needs.map(Arc::new) }
    }

    fn needs(role: &str, within: Option<u64>) -> Option<Needs> {
        Needs::of(Some(&Approval { role: role.to_owned(), within: within.map(Duration::from_secs) }), None)
    }

    #[test]
    fn two_permits_are_as_old_as_the_older_and_name_both_rules() {
        let calc = principal("calc", "demo", &[]);
        let both = decision("role a", 7, None, None).and(decision("role b", 6, Some(3), None), &calc);
        assert_eq!((&*both.rule, both.epoch, both.age), ("role a + calc: role b", 6, Some(Duration::from_secs(3))));
        assert_eq!(both.needs, None);
    }

    #[test]
    fn who_has_to_say_yes_for_one_has_to_for_both() {
        let calc = principal("calc", "demo", &[]);
        let ask = |one, other| decision("a", 1, None, one).and(decision("b", 1, None, other), &calc).needs;
        assert_eq!(ask(needs("boss", None), None).unwrap().roles(), ["boss"]);
        assert_eq!(ask(None, needs("boss", None)).unwrap().roles(), ["boss"]);
        assert_eq!(ask(needs("boss", None), needs("boss", None)).unwrap().roles(), ["boss"]);
        let two = ask(needs("boss", Some(9)), needs("guard", Some(5))).unwrap();
        assert_eq!(
            (two.roles(), two.within),
            (&["boss".to_owned(), "guard".to_owned()][..], Some(Duration::from_secs(5)))
        );
    }
}
