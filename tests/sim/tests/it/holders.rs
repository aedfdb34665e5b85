//! Callers who run a call themselves, under a grant: they report in time, late, twice, differently, or give it back.

use std::time::Duration;

use grid_adm::Digest;
use grid_core::{
    envelope::{Credentials, Envelope},
    id::InvocationId,
    local::{Authorized, GiveBack, Granted, Report},
    outcome::ToolAnswer,
};
use grid_testkit::Dice;
use tokio::time::sleep;

use crate::{
    life::Doors,
    script::{Use, between},
    world::World,
};

/// A permission that a caller had.
#[derive(Debug, Clone)]
pub struct Held {
    pub life: usize,
    pub invocation: InvocationId,
    /// Frames of the log that were durable when it came.
    pub synced: usize,
    /// When it is over at the latest.
    pub until: Duration,
}

/// The host took a report.
#[derive(Debug, Clone)]
pub struct Taken {
    pub life: usize,
    pub invocation: InvocationId,
    pub asked: Duration,
    pub synced: usize,
    pub content: String,
    /// With other arguments than were granted.
    pub forged: bool,
}

#[derive(Debug, Default)]
pub struct Grants {
    pub held: Vec<Held>,
    pub taken: Vec<Taken>,
    /// The host said that they are over without a report.
    pub given_back: Vec<(InvocationId, usize)>,
}

/// Asks for a grant, and makes something of it.
pub async fn hold(world: World, door: impl Doors, who: Credentials, envelope: Envelope, mut dice: Dice) {
    let granted = match door.authorize(who.clone(), envelope.clone()).await {
        Ok(Authorized::Granted(granted)) => *granted,
        Ok(Authorized::Waiting(_)) => return world.fault(format!("{} waits for a person", envelope.call_id)),
        Err(refusal) => return world.tell(&format!("{}: no grant, {}", envelope.call_id, refusal.code().as_str())),
    };
    let (life, invocation, until) = (world.life(), granted.invocation_id, world.now() + granted.ttl);
    let held = Held { life, invocation, synced: world.disk.synced(), until };
    world.memory().grants.held.push(held);
    let what = Use::next(&mut dice);
    world.tell(&format!("{}: granted as {invocation}, {what:?}", envelope.call_id));
    let holder = Holder { world, door, who, envelope, granted };
    sleep(between(&mut dice, 0, 14_000)).await;
    let said = |number: usize| format!(r#"{{"run":{number}}}"#);
    let (one, other) = (said(holder.world.number()), said(holder.world.number()));
    let later = between(&mut dice, 0, 3000);
    let meanwhile = async |content: &str, forged| {
        sleep(later).await;
        holder.report(content, forged).await;
    };
    match what {
        Use::Report => holder.report(&one, false).await,
        Use::Twice => both(holder.report(&one, false), meanwhile(&one, false)).await,
        Use::Differs => both(holder.report(&one, false), meanwhile(&other, false)).await,
        Use::Forges => both(holder.report(&one, true), meanwhile(&other, false)).await,
        Use::GivesBack => both(holder.give_back(), meanwhile(&one, false)).await,
        Use::Forgets => {}
    }
}

async fn both(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let ((), ()) = tokio::join!(one, other);
}

struct Holder<D> {
    world: World,
    door: D,
    who: Credentials,
    envelope: Envelope,
    granted: Granted,
}

impl<D: Doors> Holder<D> {
    async fn report(&self, content: &str, forged: bool) {
        let world = &self.world;
        let (invocation, asked) = (self.granted.invocation_id, world.now());
        let args = if forged { r#"{"n":-1}"# } else { &*self.envelope.args };
        let report = Report {
            correlation_id: String::new(),
            session_id: self.envelope.session_id.clone(),
            invocation_id: invocation.to_string(),
            grant: self.granted.receipt.leaf.to_vec(),
            args_digest: Digest::of_bytes(args.as_bytes()).as_bytes().to_vec(),
            call_id: self.envelope.call_id.clone(),
            name: self.envelope.name.clone(),
            answer: Ok(ToolAnswer::Success(content.to_owned())),
            took: Duration::ZERO,
            ended_at_ms: 0,
        };
        let said = match self.door.log_result(self.who.clone(), report).await {
            Ok(_) => {
                let (life, synced, content) = (world.life(), world.disk.synced(), content.to_owned());
                world.memory().grants.taken.push(Taken { life, invocation, asked, synced, content, forged });
                "taken"
            }
            Err(refusal) => refusal.code().as_str(),
        };
        world.tell(&format!("{}: report {said}", self.envelope.call_id));
    }

    async fn give_back(&self) {
        let world = &self.world;
        let invocation = self.granted.invocation_id;
        let request = GiveBack {
            correlation_id: String::new(),
            session_id: self.envelope.session_id.clone(),
            invocation_id: invocation.to_string(),
            grant: self.granted.receipt.leaf.to_vec(),
            reason: "not needed".to_owned(),
        };
        let said = match self.door.cancel_grant(self.who.clone(), request).await {
            Ok(done) if done.cancelled => {
                let synced = world.disk.synced();
                world.memory().grants.given_back.push((invocation, synced));
                "given back"
            }
            Ok(_) => "over",
            Err(refusal) => refusal.code().as_str(),
        };
        world.tell(&format!("{}: {said}", self.envelope.call_id));
    }
}
