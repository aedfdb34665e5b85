//! What a ledger's callers do in one life: one after the other, or many at once while a sync takes its time.

use std::time::Duration;

use grid_audit::{Ledger, Unavailable};
use grid_core::{
    event::{Event, Kind},
    id::InvocationId,
};
use tokio::task::JoinSet;

use crate::{
    machine::{Machine, admission, check_replaced, conclusion, refusal, replace, store},
    random::Random,
    story::Story,
};

/// A ledger that serves.
#[derive(Debug)]
pub struct Life<'a> {
    pub machine: &'a Machine,
    pub ledger: Ledger,
    pub story: &'a mut Story,
    pub random: &'a mut Random,
    pub open: Vec<InvocationId>,
    pub style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Everything.
    Mixed,
    /// Only records that fill a segment soon: with nothing to conclude, the first one after opening often needs
    /// another segment than the one that opening cut.
    Plain,
    /// Many short ones at once: tiles become full, and segments go.
    Crowd,
}

impl Life<'_> {
    /// Until all is done or the ledger has failed.
    pub async fn live(&mut self, steps: u64) {
        check_replaced(&self.machine.disk, self.story);
        for _ in 0..steps {
            self.machine.clock.pass(Duration::from_millis(200));
            let trouble = self.ledger.status().publishing;
            assert!(trouble.is_none() || self.machine.disk.was_disturbed(), "not published: {trouble:?}");
            let goes_on = match self.random.below(12) {
                _ if self.style == Style::Plain => self.long_refusal().await,
                3.. if self.style == Style::Crowd => self.many().await,
                0..=2 if self.may_admit(0) => self.one(admission).await,
                3..=5 if !self.open.is_empty() => self.one_conclusion().await,
                0..=8 => self.one_refusal().await,
                9..=10 => self.many().await,
                _ => self.replace(),
            };
            self.machine.settle(&self.ledger);
            self.machine.look(self.story);
            if !goes_on {
                return;
            }
        }
    }

    /// A small segment keeps room for few outcomes.
    fn may_admit(&self, others: u64) -> bool {
        self.open.len() as u64 + others < self.machine.log.segment_bytes >> 14
    }

    async fn one(&mut self, make: impl Fn(&mut Random) -> Event) -> bool {
        let event = make(self.random);
        let told = store(self.ledger.clone(), event.clone()).await;
        self.hear(&event, told)
    }

    async fn one_conclusion(&mut self) -> bool {
        let at = self.random.below(self.open.len() as u64);
        let invocation = self.open.swap_remove(usize::try_from(at).unwrap());
        self.one(|_| conclusion(invocation)).await
    }

    /// Of any length, so that segments end anywhere; often of one that leaves little of them.
    async fn one_refusal(&mut self) -> bool {
        let length = match self.random.below(4) {
            0 => self.random.below(200),
            1 => self.random.below(self.longest()),
            _ => return self.long_refusal().await,
        };
        self.one(|random| refusal(length, random)).await
    }

    async fn long_refusal(&mut self) -> bool {
        let length = self.longest() - self.random.below(400);
        self.one(|random| refusal(length, random)).await
    }

    fn longest(&self) -> u64 {
        (self.machine.log.segment_bytes - 4096) / 4 - 700
    }

    /// While the sync of the first waits, the others gather and become one batch, or two.
    async fn many(&mut self) -> bool {
        let first = refusal(0, self.random);
        let (count, longest) = match self.style {
            Style::Crowd => (30 + self.random.below(60), 10),
            _ => (2 + self.random.below(6), 900),
        };
        // A conclusion gives its room back when it is durable.
        let mut taken = 0;
        let mut others = Vec::new();
        for _ in 0..count {
            others.push(match self.random.below(3) {
                0 if self.may_admit(taken) => {
                    taken += 1;
                    admission(self.random)
                }
                1 if !self.open.is_empty() => {
                    taken += 1;
                    conclusion(self.open.remove(0))
                }
                _ => refusal(self.random.below(longest), self.random),
            });
        }
        let disk = &self.machine.disk;
        disk.hold();
        let begun = tokio::spawn(store(self.ledger.clone(), first.clone()));
        while !begun.is_finished() && !disk.is_held() {
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
        let mut storing = JoinSet::new();
        for event in others {
            let ledger = self.ledger.clone();
            storing.spawn(async move { (event.clone(), store(ledger, event).await) });
        }
        let all = storing.len();
        while disk.is_held() && !disk.has_stopped() && self.ledger.status().queued < all {
            tokio::task::yield_now().await;
        }
        disk.release();
        let told = begun.await.unwrap();
        let mut goes_on = self.hear(&first, told);
        for (event, told) in storing.join_all().await {
            goes_on &= self.hear(&event, told);
        }
        goes_on
    }

    fn replace(&mut self) -> bool {
        let replaced = replace(&self.machine.disk, self.story);
        if replaced.is_ok() {
            check_replaced(&self.machine.disk, self.story);
        }
        assert!(replaced.is_ok() || self.machine.disk.was_disturbed());
        !self.machine.disk.has_stopped()
    }

    /// What a caller hears of its record; false where nothing will be stored any more.
    fn hear(&mut self, event: &Event, told: Result<u64, Unavailable>) -> bool {
        match told {
            Ok(index) => {
                self.story.acknowledge(index, event);
                self.open.extend(event.invocation.filter(|_| event.kind == Kind::Admitted));
                true
            }
            Err(refused) => {
                assert!(self.machine.disk.was_disturbed(), "refused without a reason: {refused}");
                !refused.is_lasting()
            }
        }
    }
}
