//! What the probe does with its log. A step is a word of the command line, its parts divided by colons:
//!
//! | step | what |
//! |---|---|
//! | `wait` | says `waiting` and goes on after a line on standard input |
//! | `calls:WORKERS:EACH:BYTES` | so many at once admit and conclude so many calls each; 0 is without end |
//! | `open:COUNT:BYTES` | admits calls, all at once, and leaves them open |
//! | `end:BYTES` | concludes all of those, all at once |
//! | `refused:WORKERS:TIMES:BYTES` | as `calls`, until each worker was refused so often |
//! | `taken` | asks for a call every 10 ms until it is admitted, and concludes it |
//!
//! `BYTES` is what a record is longer than it has to be. What it says: `admitted INDEX INVOCATION SIZE ROOT`, where
//! size and root are those of the signed tree that the acknowledgement proves the record to be in, `concluded` with the
//! same, `refused WHAT MICROSECONDS WHY`, `taken MILLISECONDS`.

use std::{str::FromStr, time::Duration};

use grid_audit::{Ledger, Stored, Unavailable};
use grid_core::{clock::SharedClock, id::InvocationId};
use tokio::task::JoinSet;

use crate::{
    log,
    say::{hear, say},
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Wait,
    Calls { workers: usize, each: usize, bytes: usize },
    Open { count: usize, bytes: usize },
    End { bytes: usize },
    Refused { workers: usize, times: usize, bytes: usize },
    Taken,
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, numbers) = text.split_once(':').unwrap_or((text, ""));
        let numbers: Result<Vec<usize>, _> =
            numbers.split(':').filter(|number| !number.is_empty()).map(str::parse).collect();
        let numbers = numbers.map_err(|error| format!("`{text}`: {error}"))?;
        match (name, numbers.as_slice()) {
            ("wait", &[]) => Ok(Self::Wait),
            ("calls", &[workers, each, bytes]) => Ok(Self::Calls { workers, each, bytes }),
            ("open", &[count, bytes]) => Ok(Self::Open { count, bytes }),
            ("end", &[bytes]) => Ok(Self::End { bytes }),
            ("refused", &[workers, times, bytes]) => Ok(Self::Refused { workers, times, bytes }),
            ("taken", &[]) => Ok(Self::Taken),
            _ => Err(format!("`{text}` is no step; steps.rs lists them")),
        }
    }
}

#[derive(Debug, Clone)]
struct Hand {
    ledger: Ledger,
    clock: SharedClock,
}

/// The steps and what they leave open.
#[derive(Debug)]
pub(crate) struct Steps {
    hand: Hand,
    steps: Vec<Step>,
    open: Vec<InvocationId>,
}

impl Steps {
    pub(crate) fn new(ledger: Ledger, clock: SharedClock, steps: Vec<Step>) -> Self {
        Self { hand: Hand { ledger, clock }, steps, open: Vec::new() }
    }

    pub(crate) async fn run(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Wait => wait().await,
                Step::Calls { workers, each, bytes } => self.calls(workers, each, bytes).await,
                Step::Open { count, bytes } => self.leave_open(count, bytes).await,
                Step::End { bytes } => self.end(bytes).await,
                Step::Refused { workers, times, bytes } => self.until_refused(workers, times, bytes).await,
                Step::Taken => self.hand.until_taken().await,
            }
        }
    }

    async fn calls(&self, workers: usize, each: usize, bytes: usize) {
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let hand = self.hand.clone();
            tasks.spawn(async move {
                let mut done = 0;
                while each == 0 || done < each {
                    hand.call(bytes).await;
                    done += 1;
                }
            });
        }
        tasks.join_all().await;
    }

    async fn leave_open(&mut self, count: usize, bytes: usize) {
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let hand = self.hand.clone();
            tasks.spawn(async move { hand.admit(bytes).await });
        }
        self.open.extend(tasks.join_all().await.into_iter().flatten());
    }

    async fn end(&mut self, bytes: usize) {
        let mut tasks = JoinSet::new();
        for invocation in std::mem::take(&mut self.open) {
            let hand = self.hand.clone();
            tasks.spawn(async move { hand.conclude(invocation, bytes).await });
        }
        tasks.join_all().await;
    }

    async fn until_refused(&self, workers: usize, times: usize, bytes: usize) {
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let hand = self.hand.clone();
            tasks.spawn(async move {
                let mut refused = 0;
                while refused < times {
                    refused += usize::from(!hand.call(bytes).await);
                }
            });
        }
        tasks.join_all().await;
    }
}

impl Hand {
    /// One call; false where it was not admitted.
    async fn call(&self, bytes: usize) -> bool {
        let Some(invocation) = self.admit(bytes).await else {
            return false;
        };
        self.conclude(invocation, bytes).await;
        true
    }

    async fn admit(&self, bytes: usize) -> Option<InvocationId> {
        let began = self.clock.elapsed();
        match self.ledger.admit(log::admission(&self.clock, bytes)).await {
            Ok(receipt) => {
                acknowledged("admitted", receipt.stored(), receipt.invocation());
                Some(receipt.invocation())
            }
            Err(why) => {
                self.refused("admission", began, &why).await;
                None
            }
        }
    }

    async fn conclude(&self, invocation: InvocationId, bytes: usize) {
        let began = self.clock.elapsed();
        match self.ledger.conclude(log::conclusion(&self.clock, invocation, bytes)).await {
            Ok(stored) => acknowledged("concluded", stored.as_ref(), invocation),
            Err(why) => self.refused("conclusion", began, &why).await,
        }
    }

    /// After a lasting failure there is nothing to do for anybody; the process ends.
    async fn refused(&self, what: &str, began: Duration, why: &Unavailable) {
        let took = (self.clock.elapsed() - began).as_micros();
        if why.is_lasting() {
            return std::future::pending().await;
        }
        say(&format!("refused {what} {took} {why}"));
    }

    async fn until_taken(&self) {
        let began = self.clock.elapsed();
        let invocation = loop {
            if let Ok(receipt) = self.ledger.admit(log::admission(&self.clock, 0)).await {
                acknowledged("admitted", receipt.stored(), receipt.invocation());
                break receipt.invocation();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        say(&format!("taken {}", (self.clock.elapsed() - began).as_millis()));
        self.conclude(invocation, 0).await;
    }
}

/// Asks a log that has failed for one of everything.
pub(crate) async fn insist(ledger: &Ledger, clock: &SharedClock) {
    if let Ok(receipt) = ledger.admit(log::admission(clock, 0)).await {
        acknowledged("admitted", receipt.stored(), receipt.invocation());
    }
    let invocation = InvocationId::mint();
    if let Ok(stored) = ledger.conclude(log::conclusion(clock, invocation, 0)).await {
        acknowledged("concluded", stored.as_ref(), invocation);
    }
    if let Ok(stored) = ledger.record(log::refusal(clock)).await {
        acknowledged("recorded", stored.as_ref(), invocation);
    }
}

async fn wait() {
    say("waiting");
    // The thread may be left behind in its read when the process ends.
    let _ = tokio::task::spawn_blocking(hear).await;
}

/// In full durability every acknowledgement has its proof. One that does not hold is said in words that no test knows.
fn acknowledged(kind: &str, stored: Option<&Stored>, invocation: InvocationId) {
    let proved = stored.and_then(|stored| Some((stored.index(), log::verify(&stored.proof())?)));
    match proved {
        Some((index, tree)) => say(&format!("{kind} {index} {invocation} {} {}", tree.size, tree.root)),
        None => say(&format!("unproved {kind} {invocation}")),
    }
}
