//! Refusals of one principal. Whoever collects too many is refused at the door for a while, before a session is looked
//! up or a policy asked; and past the same number a second, refusals are counted instead of written down one by one, so
//! that no flood of them fills the disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    id::{PrincipalId, TenantId},
    principal::Principal,
};

use crate::rate::{Pace, Rate};

/// Refusals of a principal that were not written down one by one.
#[derive(Debug)]
pub struct Withheld {
    /// Whose they are.
    pub principal: Arc<Principal>,
    /// Since they were last asked for.
    pub count: u64,
}

#[derive(Debug)]
struct Account {
    principal: Arc<Principal>,
    /// What the path refused.
    earned: Rate,
    /// What is written down.
    written: Rate,
    withheld: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Refusals {
    pace: Option<Pace>,
    clock: SharedClock,
    most: usize,
    accounts: DashMap<(TenantId, PrincipalId), Arc<Account>>,
}

impl Refusals {
    pub(crate) fn new(pace: Option<Pace>, most: usize, clock: SharedClock) -> Self {
        Self { pace, clock, most, accounts: DashMap::new() }
    }

    /// Whether a principal may ask anything just now.
    pub(crate) fn may_ask(&self, principal: &Principal) -> Result<(), Refusal> {
        if self.pace.is_none() {
            return Ok(());
        }
        let key = (principal.tenant.clone(), principal.id.clone());
        let account = self.accounts.get(&key).map(|account| Arc::clone(&account));
        match account.map(|account| account.earned.ask()) {
            Some(Err(wait)) => {
                let message = "too many of your requests were refused in a short time; mend what they say, then go on";
                Err(Refusal::new(Code::RateLimitExceeded, Stage::Limits, message)
                    .because("limit `refusals`: rate")
                    .with("limit", "refusals")
                    .with("kind", "rate")
                    .with("sent", "false")
                    .retry_after(wait.max(Duration::from_millis(1))))
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Takes note of a refusal; whether it is to be written down by itself.
    pub(crate) fn note(&self, principal: &Arc<Principal>, refusal: &Refusal) -> bool {
        let Some(account) = self.account(principal) else { return true };
        // What a limit refused says nothing against its sender, who may be within another one.
        if refusal.stage() != Stage::Limits {
            // A rate that has nothing left is what `may_ask` looks for.
            let _ = account.earned.take();
        }
        let written = account.written.take().is_ok();
        if !written {
            account.withheld.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn account(&self, principal: &Arc<Principal>) -> Option<Arc<Account>> {
        let pace = self.pace?;
        let key = (principal.tenant.clone(), principal.id.clone());
        if let Some(account) = self.accounts.get(&key) {
            return Some(Arc::clone(&account));
        }
        // Strangers have no account, so this many principals were proved within a minute.
        if self.accounts.len() >= self.most {
            return None;
        }
        let account = Account {
            principal: Arc::clone(principal),
            earned: Rate::new(pace, &self.clock)?,
            written: Rate::new(pace, &self.clock)?,
            withheld: AtomicU64::new(0),
        };
        Some(Arc::clone(&self.accounts.entry(key).or_insert(Arc::new(account))))
    }

    /// What was not written down since this was asked before; forgets those who rest.
    pub(crate) fn withheld(&self) -> Vec<Withheld> {
        let mut all = Vec::new();
        self.accounts.retain(|_, account| {
            let count = account.withheld.swap(0, Ordering::Relaxed);
            if count > 0 {
                all.push(Withheld { principal: Arc::clone(&account.principal), count });
            }
            count > 0 || !(account.earned.is_rested() && account.written.is_rested())
        });
        all
    }
}
