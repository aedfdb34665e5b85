//! The order of a swap. Nothing here knows of runtimes, processes or files.

use std::{sync::Arc, time::Duration};

use grid_core::{
    Refusal,
    provider::{SwapStep, Swapped},
};
use tokio::time::{Instant, timeout};

use crate::{
    Limits, Turn,
    hook::Hook,
    port::{Providers, Sick, Wish},
};

const ACTIVATE: &str = "activate";
const HEALTH: &str = "health";
const BEFORE: &str = "before_hook";
const FLIP: &str = "flip";
const AFTER: &str = "after_hook";
const COMMIT: &str = "commit";
const DRAIN: &str = "drain";
const CLEANUP: &str = "cleanup";

/// A step that failed, and why.
struct Failed(&'static str, String);

/// A swap under way.
struct Swap<'a, P> {
    providers: &'a P,
    wish: &'a Wish,
    limits: &'a Limits,
    turn: &'a Turn,
    report: Swapped,
    before: Option<Arc<str>>,
    flipped: bool,
}

/// Does what is wished for, and tells what came of it as soon as that is certain: committed and kept, or taken back.
/// It goes on until who serves no more has cleaned up; what it waits for then are calls, which have limits of their own.
pub async fn run<P: Providers>(
    providers: &P,
    wish: &Wish,
    limits: &Limits,
    turn: Turn,
    tell: impl FnOnce(Result<Swapped, Refusal>) + Send,
) {
    let begun = Instant::now();
    let before = providers.serving(&wish.tool);
    let serving = before.as_deref().unwrap_or_default().to_owned();
    let report = Swapped { before: serving.clone(), serving, ..Swapped::default() };
    let mut swap = Swap { providers, wish, limits, turn: &turn, report, before, flipped: false };
    if wish.dry_run {
        swap.look().await;
        return tell(Ok(swap.told()));
    }
    let ended = match swap.forward().await {
        Ok(()) => swap.commit(begun).await,
        Err(failed) => {
            swap.back(failed);
            Ok(())
        }
    };
    if let Err(refusal) = ended {
        let leaving = swap.new_one();
        tell(Err(refusal));
        return swap.clear(leaving, None).await;
    }
    let leaving = if swap.report.outcome == "committed" {
        swap.old_one()
    } else {
        providers.rolled_back(wish, &swap.report).await;
        swap.new_one()
    };
    swap.clear(leaving, Some(Box::new(tell))).await;
}

type Tell<'a> = Box<dyn FnOnce(Result<Swapped, Refusal>) + Send + 'a>;

impl<P: Providers> Swap<'_, P> {
    /// What would be done, and whether the provider is there and well.
    async fn look(&mut self) {
        self.report.outcome = "planned";
        let (providers, wish) = (self.providers, self.wish);
        let limit = self.limits.health;
        let there = self.step(ACTIVATE, limit, async { providers.activate(wish, true).await }).await;
        let well = match there {
            Ok(()) => self.step(HEALTH, limit, async { words(providers.health(wish).await) }).await,
            failed => failed,
        };
        if let Err(Failed(step, reason)) = well {
            (self.report.failed_step, self.report.reason) = (step, reason);
        }
    }

    /// Up to the after hooks. The old one is alive and can be bound again.
    async fn forward(&mut self) -> Result<(), Failed> {
        let (providers, wish, limits) = (self.providers, self.wish, *self.limits);
        let hooks = providers.hooks(&wish.tool);
        self.step(ACTIVATE, limits.activate, async { providers.activate(wish, false).await }).await?;
        self.health().await?;
        for hook in &hooks.before {
            self.hook(BEFORE, hook).await?;
        }
        self.turn.at(FLIP);
        providers.flip(&wish.tool, Some(&wish.provider));
        self.flipped = true;
        self.report.serving = wish.provider.to_string();
        self.note(FLIP, Duration::ZERO, true, format!("calls that come go to `{}`", wish.provider));
        for hook in &hooks.after {
            self.hook(AFTER, hook).await?;
        }
        Ok(())
    }

    /// One that is not well is taken where that is wished for; one that is not there is not.
    async fn health(&mut self) -> Result<(), Failed> {
        let (providers, wish, limit) = (self.providers, self.wish, self.limits.health);
        self.turn.at(HEALTH);
        let begun = Instant::now();
        let health = timeout(limit, providers.health(wish)).await;
        let health = health.unwrap_or_else(|_| Err(Sick::Unwell(late(limit))));
        let degraded = wish.force && matches!(health, Err(Sick::Unwell(_)));
        let why = health.as_ref().map_or_else(|sick| sick.why().to_owned(), |()| String::new());
        self.note(HEALTH, begun.elapsed(), health.is_ok(), why.clone());
        self.report.degraded = degraded;
        if health.is_ok() || degraded { Ok(()) } else { Err(Failed(HEALTH, why)) }
    }

    async fn hook(&mut self, name: &'static str, hook: &Hook) -> Result<(), Failed> {
        let (providers, limit) = (self.providers, self.limits.hook);
        // The program has its own limit, at which it is killed; this one is for whoever does not see to that.
        self.step(name, limit.saturating_mul(2), async { providers.hook(hook, limit).await }).await
    }

    /// Kept over restarts from here on.
    async fn commit(&mut self, begun: Instant) -> Result<(), Refusal> {
        self.turn.at(COMMIT);
        self.turn.took(begun.elapsed());
        self.report.outcome = "committed";
        if let Err(refusal) = self.providers.committed(self.wish, &self.told()).await {
            self.flip_back();
            return Err(refusal);
        }
        Ok(())
    }

    fn back(&mut self, Failed(step, reason): Failed) {
        self.flip_back();
        self.report.outcome = "rolled_back";
        self.report.degraded = false;
        (self.report.failed_step, self.report.reason) = (step, reason);
    }

    fn flip_back(&mut self) {
        if self.flipped {
            self.flipped = false;
            self.providers.flip(&self.wish.tool, self.before.as_ref());
        }
        self.report.serving = self.report.before.clone();
    }

    /// Who serves no more since the swap is committed; nobody where it is the same one.
    fn old_one(&self) -> Option<Arc<str>> {
        self.before.clone().filter(|before| *before != self.wish.provider)
    }

    /// Who was to serve and does not.
    fn new_one(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.wish.provider)).filter(|provider| self.before.as_ref() != Some(provider))
    }

    /// Waits for the calls of who leaves, and has it clean up once. The answer does not wait longer than its limit.
    async fn clear(mut self, leaving: Option<Arc<str>>, mut tell: Option<Tell<'_>>) {
        let Some(leaving) = leaving else {
            return self.tell(&mut tell);
        };
        let (providers, wish, limits) = (self.providers, self.wish, *self.limits);
        if let Some(why) = providers.kept_for(&wish.tool, &leaving) {
            self.note(DRAIN, Duration::ZERO, true, format!("`{leaving}` stays as it is: {why}"));
            return self.tell(&mut tell);
        }
        self.turn.at(DRAIN);
        let begun = Instant::now();
        let drained = providers.drained(&wish.tool, &leaving);
        tokio::pin!(drained);
        if timeout(limits.drain, &mut drained).await.is_err() {
            let left = providers.in_flight(&wish.tool, &leaving);
            let detail = format!("{left} calls are still in flight at `{leaving}`; it cleans up when they have ended");
            self.note(DRAIN, begun.elapsed(), true, detail);
            self.tell(&mut tell);
            drained.await;
        } else {
            self.note(DRAIN, begun.elapsed(), true, String::new());
        }
        self.turn.at(CLEANUP);
        let cleaned = self.step(CLEANUP, limits.cleanup, providers.cleanup(&wish.tool, &leaving)).await;
        if let Err(Failed(_, why)) = cleaned {
            tracing::warn!(tool = %wish.tool, provider = %leaving, "who served before did not clean up: {why}");
        }
        self.tell(&mut tell);
    }

    fn tell(&self, tell: &mut Option<Tell<'_>>) {
        if let Some(tell) = tell.take() {
            tell(Ok(self.told()));
        }
    }

    async fn step(
        &mut self,
        name: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<(), String>>,
    ) -> Result<(), Failed> {
        self.turn.at(name);
        let begun = Instant::now();
        let done = timeout(limit, work).await.unwrap_or_else(|_| Err(late(limit)));
        let why = done.as_ref().err().cloned().unwrap_or_default();
        self.note(name, begun.elapsed(), done.is_ok(), why);
        done.map_err(|why| Failed(name, why))
    }

    fn note(&mut self, step: &'static str, took: Duration, ok: bool, detail: String) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.report.steps.push(SwapStep { step, took_ms, ok, detail });
    }

    fn told(&self) -> Swapped {
        let took = self.turn.durations();
        Swapped { p50_ms: took.p50_ms, p95_ms: took.p95_ms, p99_ms: took.p99_ms, ..self.report.clone() }
    }
}

fn words(health: Result<(), Sick>) -> Result<(), String> {
    health.map_err(|sick| sick.why().to_owned())
}

fn late(limit: Duration) -> String {
    format!("it took longer than {} ms", limit.as_millis())
}
