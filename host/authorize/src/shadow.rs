//! A candidate's view: decisions as they were made, handed on so that somebody can ask another policy set the same. It
//! never holds a decision up: what does not fit into the queue is not asked.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use grid_contract::{Contract, Session};
use grid_core::{
    event::Sha256,
    port::{Question, Undecided, Verdict},
    principal::SecurityContext,
};
use tokio::sync::mpsc;

use crate::{
    Decision,
    decision::OWN,
    stage::{Asked, question},
};

/// How something decided, as far as two sets are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `allow`, `deny`, `ask` or `error`.
    pub verdict: &'static str,
    /// The rule that decided.
    pub rule: Arc<str>,
}

impl Said {
    /// What an authorizer answered.
    #[must_use]
    pub fn of(answer: &Result<Verdict, Undecided>) -> Self {
        let (verdict, rule) = match answer {
            Ok(Verdict::Allow { rule }) => ("allow", rule.as_str()),
            Ok(Verdict::Deny { rule, .. }) => ("deny", rule.as_str()),
            Ok(Verdict::Ask { rule, .. }) => ("ask", rule.as_str()),
            Err(Undecided(why)) => ("error", why.as_str()),
        };
        Self { verdict, rule: Arc::from(rule) }
    }

    /// Nothing came in time.
    #[must_use]
    pub fn nothing() -> Self {
        Self { verdict: "error", rule: Arc::from("timeout") }
    }
}

/// A decision that was made.
#[derive(Debug)]
pub struct Observed {
    /// Who asked.
    pub context: SecurityContext,
    /// In which session.
    pub session: Arc<Session>,
    /// For what.
    pub contract: Arc<Contract>,
    /// The epoch of the decision.
    pub epoch: u64,
    /// The set that decided.
    pub policy: Option<Sha256>,
    /// What it said.
    pub said: Said,
    args: Option<String>,
    local: bool,
    now_ms: u64,
}

impl Observed {
    /// What was asked.
    #[must_use]
    pub fn question(&self) -> Question<'_> {
        let args = self.args.as_deref();
        question(&self.context, &self.session, &self.contract, self.local, self.now_ms, args)
    }
}

/// Where decisions are shown.
#[derive(Debug)]
pub struct Shadow {
    queue: mpsc::Sender<Box<Observed>>,
    skipped: Arc<AtomicU64>,
}

impl Shadow {
    /// A queue of so many, and how many decisions did not fit into it so far.
    #[must_use]
    pub fn queue(places: usize) -> (Self, mpsc::Receiver<Box<Observed>>, Arc<AtomicU64>) {
        let (queue, receiver) = mpsc::channel(places);
        let skipped = Arc::new(AtomicU64::new(0));
        (Self { queue, skipped: Arc::clone(&skipped) }, receiver, skipped)
    }

    /// A decision that was not asked again for the arguments, since no rule of the live set reads them.
    pub(crate) fn judged(&self, asked: &Asked<'_>, decision: &Decision) {
        // What the contract asks of its own is no set's.
        let asks = decision.needs.as_ref().is_some_and(|needs| needs.rule != OWN);
        let verdict = if asks { "ask" } else { "allow" };
        self.show(asked, Said { verdict, rule: Arc::clone(&decision.rule) }, decision.epoch, decision.policy);
    }

    /// A decision that was made.
    pub(crate) fn made(&self, asked: &Asked<'_>, said: Said, epoch: u64, policy: Option<Sha256>) {
        self.show(asked, said, epoch, policy);
    }

    fn show(&self, asked: &Asked<'_>, said: Said, epoch: u64, policy: Option<Sha256>) {
        let Ok(place) = self.queue.try_reserve() else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        place.send(Box::new(Observed {
            context: asked.context.clone(),
            session: Arc::clone(asked.session),
            contract: Arc::clone(asked.contract),
            epoch,
            policy,
            said,
            args: asked.args.map(str::to_owned),
            local: asked.local,
            now_ms: asked.now_ms(),
        }));
    }
}
