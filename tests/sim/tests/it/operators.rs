//! Operators: they end rights at any moment, put providers in each other's place, and let tools rest.

use std::time::Duration;

use grid_core::{
    envelope::Credentials,
    provider::{Action, SetServing, Swap},
    revocation::Invalidate,
};
use tokio::time::sleep;

use crate::{
    callers,
    life::{Doors, TOOLS, token},
    script::{Change, Order, between, dice},
    world::{Revoked, World},
};

/// A swap that was answered.
#[derive(Debug, Clone)]
pub struct Swapped {
    pub life: usize,
    pub tool: &'static str,
    pub serving: String,
    /// When its operator knew.
    pub from: Duration,
    /// When another one began; none did where it is absent.
    pub until: Option<Duration>,
}

/// A tool or a provider took no calls.
#[derive(Debug, Clone)]
pub struct Rest {
    pub life: usize,
    /// Nothing of the other one.
    pub tool: String,
    pub provider: String,
    pub from: Duration,
    /// When it was asked to go on; it never was where it is absent.
    pub until: Option<Duration>,
    /// Calls that it still had.
    pub in_flight: u32,
}

#[derive(Debug, Default)]
pub struct Changes {
    pub swapped: Vec<Swapped>,
    pub rests: Vec<Rest>,
}

fn operator() -> Credentials {
    token("operator", "demo", &["grid_admin"])
}

/// Rights end now and then.
pub async fn revoke(world: World, door: impl Doors) {
    let mut dice = dice(world.seed, 2 + 1000 * world.life() as u64);
    let who = operator();
    for at in 0..dice.below(9) {
        sleep(between(&mut dice, 10, 6000)).await;
        if dice.below(4) > 0 {
            // Rights end while somebody's record is being written, or there is none for a while.
            let placed = world.placed.notified();
            tokio::select! {
                biased;
                () = placed => sleep(between(&mut dice, 0, 10)).await,
                () = sleep(Duration::from_secs(5)) => {}
            }
        }
        let mut order = Order::next(&mut dice);
        if world.is_fair() {
            order = Order::Everything;
        }
        let mut request = Invalidate::everything("tried");
        match order {
            Order::Everything => {}
            Order::Principal => (request.tenant, request.principal) = ("demo".into(), callers::NAMES[0].0.into()),
            Order::Tool => request.tool = TOOLS[dice.below(TOOLS.len())].to_owned(),
            Order::Proofs => {
                (request.tenant, request.principal) = ("demo".into(), callers::NAMES[0].0.into());
                request.revoke_proofs = true;
            }
            Order::Twice => request.event_id = format!("event-{}-{at}", world.life()),
        }
        request.cancel_running = matches!(order, Order::Principal | Order::Tool);
        world.tell(&format!("operator: {order:?}"));
        for _ in 0..=usize::from(order == Order::Twice) {
            let asked = world.unix_ms();
            let ended = match door.invalidate(who.clone(), request.clone()).await {
                Ok(ended) => ended,
                // Rights ended all the same, and nobody knows under which epoch.
                Err(refusal) => {
                    world.tell(&format!("operator: {}", refusal.code().as_str()));
                    continue;
                }
            };
            let unproved = (order == Order::Proofs).then_some(callers::NAMES[0].0);
            let (life, at) = (world.life(), world.now());
            world.memory().revoked.push(Revoked { life, asked, at, epoch: ended.epoch, unproved });
            world.tell(&format!("operator: epoch {}, {} cancelled", ended.epoch, ended.cancelled_calls));
        }
    }
}

/// Who serves what changes now and then.
pub async fn rearrange(world: World, door: impl Doors) {
    let mut dice = dice(world.seed, 3 + 1000 * world.life() as u64);
    for _ in 0..dice.below(5) {
        sleep(between(&mut dice, 500, 8000)).await;
        let tool = TOOLS[dice.below(TOOLS.len())];
        let provider = ["calc", "mail"][dice.below(2)];
        let change = if world.is_fair() { Change::Swap } else { Change::next(&mut dice) };
        let force = dice.coin();
        world.tell(&format!("operator: {change:?} {tool} {provider}"));
        match change {
            Change::Swap => swap(&world, &door, tool, provider, force).await,
            Change::Pause | Change::Drain => {
                let action = if change == Change::Drain { Action::Drain } else { Action::Pause };
                let (tool, provider) = if dice.coin() { (tool, "") } else { ("", provider) };
                let request = SetServing {
                    action: Some(action),
                    tool: tool.to_owned(),
                    provider: provider.to_owned(),
                    wait_ms: dice.roll() % 8000,
                    ..SetServing::default()
                };
                rest(&world, &door, request, between(&mut dice, 0, 6000)).await;
            }
        }
    }
}

async fn swap(world: &World, door: &impl Doors, tool: &'static str, provider: &str, force: bool) {
    let (life, asked) = (world.life(), world.now());
    {
        let mut memory = world.memory();
        let swaps = memory.changes.swapped.iter_mut();
        swaps.filter(|one| one.life == life && one.tool == tool).for_each(|one| one.until = one.until.or(Some(asked)));
    }
    let request = Swap { tool: tool.to_owned(), provider: provider.to_owned(), force, ..Swap::default() };
    match door.swap(operator(), request).await {
        Ok(swapped) => {
            world.tell(&format!("operator: {} serves {tool}, {}", swapped.serving, swapped.outcome));
            if swapped.outcome == "committed" {
                let (serving, from) = (swapped.serving, world.now());
                world.memory().changes.swapped.push(Swapped { life, tool, serving, from, until: None });
            }
        }
        Err(refusal) => world.tell(&format!("operator: no swap, {}", refusal.code().as_str())),
    }
}

async fn rest(world: &World, door: &impl Doors, request: SetServing, lasts: Duration) {
    let (life, tool, provider) = (world.life(), request.tool.clone(), request.provider.clone());
    match door.set_serving(operator(), request.clone()).await {
        Ok(set) => {
            let (from, in_flight) = (world.now(), set.in_flight);
            world.tell(&format!("operator: {tool}{provider} rests with {in_flight} calls"));
            world.memory().changes.rests.push(Rest { life, tool, provider, from, until: None, in_flight });
        }
        Err(refusal) => return world.tell(&format!("operator: no rest, {}", refusal.code().as_str())),
    }
    sleep(lasts).await;
    if let Some(rest) = world.memory().changes.rests.last_mut() {
        rest.until = Some(world.now());
    }
    let resumed =
        door.set_serving(operator(), SetServing { action: Some(Action::Resume), wait_ms: 0, ..request }).await;
    world.tell(&format!("operator: it goes on, {}", resumed.is_ok()));
}
