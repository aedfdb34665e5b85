//! Several authorizers as one: all of them have to permit. The first that does not has decided.

use std::sync::Arc;

use grid_core::{
    event::Sha256,
    port::{Authorizer, Pending, Question, Reads, Undecided, Verdict, Written},
    principal::Principal,
};

/// Asks one after the other, in this order. Permits where there is at least one and all permit; asks a person where one
/// wants it and no other denies; an error of any denies.
#[derive(Debug)]
pub struct Chain(Vec<Arc<dyn Authorizer>>);

impl Chain {
    /// Of these. An empty one denies all.
    #[must_use]
    pub fn new(links: Vec<Arc<dyn Authorizer>>) -> Self {
        Self(links)
    }
}

impl Authorizer for Chain {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        Box::pin(async move {
            let mut so_far: Option<Verdict> = None;
            for link in &self.0 {
                let next = link.decide(question).await?;
                if matches!(next, Verdict::Deny { .. }) {
                    return Ok(next);
                }
                so_far = Some(match so_far {
                    None => next,
                    Some(before) => both(before, next),
                });
            }
            so_far.ok_or_else(|| Undecided("nobody decides".to_owned()))
        })
    }

    fn reads(&self, tool: &str) -> Reads {
        let either = |one: Reads, other: Reads| Reads {
            args: one.args || other.args,
            moment: one.moment || other.moment,
            session: one.session || other.session,
            local: one.local || other.local,
        };
        self.0.iter().map(|link| link.reads(tool)).fold(Reads::default(), either)
    }

    /// That of the first that has one: the policy set. Who else decides is in the epoch.
    fn digest(&self) -> Option<Sha256> {
        self.0.iter().find_map(|link| link.digest())
    }

    fn written(&self, rule: &str) -> Option<Written> {
        self.0.iter().find_map(|link| link.written(rule))
    }

    /// Roles are given, not taken away: any link may know of one.
    fn holds(&self, principal: &Principal, role: &str) -> bool {
        principal.has_role(role) || self.0.iter().any(|link| link.holds(principal, role))
    }
}

/// Neither denies. Two that ask are two people's business, which nobody can settle: that denies.
fn both(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Allow { rule: one }, Verdict::Allow { rule: other }) => {
            Verdict::Allow { rule: format!("{one} {other}") }
        }
        (Verdict::Allow { .. }, asks @ Verdict::Ask { .. }) | (asks @ Verdict::Ask { .. }, Verdict::Allow { .. }) => {
            asks
        }
        (Verdict::Ask { rule: one, role, message }, Verdict::Ask { rule: other, role: same, .. }) if role == same => {
            Verdict::Ask { rule: format!("{one} {other}"), role, message }
        }
        (Verdict::Ask { rule: one, .. }, Verdict::Ask { rule: other, .. }) => Verdict::Deny {
            rule: format!("{one} {other}"),
            message: "two rules want consent of different people; ask an operator to make one of them".to_owned(),
        },
        (deny @ Verdict::Deny { .. }, _) | (_, deny @ Verdict::Deny { .. }) => deny,
    }
}
