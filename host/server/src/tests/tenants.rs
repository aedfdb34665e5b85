//! Two tenants do not interfere: what one of them sees is the same with and without the other, whatever the other does
//! (AZ-5). Principals, call_ids and arguments of both are the same, so that only the tenant tells them apart.

use std::time::Duration;

use grid_core::{
    consent::{Decide, Say},
    envelope::OpenSession,
    local::{Authorized, Batch, GiveBack, Report},
    outcome::ToolAnswer,
    port::{ApprovalDoor as _, AuditDoor as _, FrontDoor as _, LocalDoor as _},
    reading::{Filter, Get, Page, Query, Which},
};
use grid_testkit::{Dice, until};

use super::{
    desk::{ask, success},
    tenants_world::{Asked, Held, Kind, World, told},
};

const TOOLS: [&str; 5] = ["sum", "pay", "acmes", "globexes", "none"];

/// One operation: whose it is (2: time goes on for everybody), and what it draws its choices from.
#[derive(Debug, Clone, Copy)]
struct Op {
    side: usize,
    seed: u64,
}

fn history(dice: &mut Dice) -> Vec<Op> {
    let side = |dice: &mut Dice| [0, 0, 0, 1, 1, 1, 1, 2][dice.below(8)];
    (0..40).map(|_| Op { side: side(dice), seed: dice.roll() }).collect()
}

/// What the first tenant sees of a history: its answers, and then the records of it.
async fn seen(ops: &[Op], with_others: bool, kept: bool) -> (Vec<String>, Vec<String>) {
    let mut world = World::new(kept);
    for op in ops.iter().filter(|op| with_others || op.side != 1) {
        let mut dice = Dice::seeded(op.seed);
        if op.side == 2 {
            world.wait([1, 20, 61, 3000][dice.below(4)]).await;
            continue;
        }
        let answer = world.step(op.side, &mut dice).await;
        let answer = world.sides[op.side].named(&answer);
        world.sides[op.side].seen.push(answer);
    }
    world.end().await
}

impl World {
    async fn wait(&mut self, seconds: u64) {
        self.desk.clock.advance(Duration::from_secs(seconds));
        self.desk.host().settle_grants().await;
        self.desk.host().settle_approvals().await;
    }

    async fn step(&mut self, side: usize, dice: &mut Dice) -> String {
        let act = dice.below(24);
        match act {
            0 | 1 => self.opens(side).await,
            2 => self.closes(side, dice).await,
            3 | 4 => self.lists(side, dice).await,
            5..=7 => self.calls(side, dice).await,
            8 => self.ends(side).await,
            9 => self.cancels(side, dice).await,
            10..=12 => self.authorizes(side, dice).await,
            13 | 14 => self.reports(side, dice).await,
            15 => self.gives_back(side, dice).await,
            16 => self.reviews(side).await,
            17 => self.decides(side, dice).await,
            18 => self.queries(side, dice).await,
            19 => self.authorizes_many(side, dice).await,
            20 => self.watches(side, dice).await,
            21 | 22 => self.leafs(side, dice).await,
            _ => self.gets(side, dice).await,
        }
    }

    async fn opens(&mut self, side: usize) -> String {
        let request = OpenSession {
            level: 2,
            label: "mine".to_owned(),
            correlation_id: "w-open".to_owned(),
            ..OpenSession::default()
        };
        let opened = self.desk.door.open_session(self.sides[side].agent.clone(), request).await;
        if let Ok(opened) = &opened {
            self.sides[side].sessions.push(opened.session_id.clone());
        }
        told(opened)
    }

    async fn closes(&mut self, side: usize, dice: &mut Dice) -> String {
        let (session, force) = (self.pick(side, Kind::Session, dice), dice.coin());
        let closed = self.desk.close(&self.sides[side].agent.clone(), &session, force).await;
        let mut answer = told(closed.clone());
        if closed.is_ok() {
            answer += &self.awaited(side, |running| running.session == session).await;
        }
        answer
    }

    async fn lists(&mut self, side: usize, dice: &mut Dice) -> String {
        let session = self.pick(side, Kind::Session, dice);
        let agent = self.sides[side].agent.clone();
        told(self.desk.door.list_tools(agent, session, "w-list".to_owned()).await)
    }

    /// A call goes on beside the others of its tenant until something ends it.
    async fn calls(&mut self, side: usize, dice: &mut Dice) -> String {
        let (session, end) = (self.pick(side, Kind::Session, dice), dice.coin());
        // What waits for a person would hold the history up; callers that run it themselves ask instead.
        let tool = TOOLS[[0, 0, 2, 3, 4][dice.below(5)]];
        let call_id = format!("c{}", dice.below(5));
        if self.sides[side].running.iter().any(|running| running.session == session && running.call_id == call_id) {
            return self.ends(side).await;
        }
        let call = ask(&session, &call_id, tool, args(tool, dice));
        let runtime = self.sides[side].runtime.clone();
        let before = runtime.calls().len();
        let handle = self.desk.begin(&self.sides[side].agent.clone(), call);
        until("the call has ended or is with its runtime", || handle.is_finished() || runtime.calls().len() > before)
            .await;
        if runtime.calls().len() == before {
            return told(handle.await.unwrap());
        }
        self.sides[side].running.push(super::tenants_world::Running { session, call_id, handle });
        if end { self.ends(side).await } else { "begun".to_owned() }
    }

    async fn ends(&mut self, side: usize) -> String {
        if !self.sides[side].runtime.end(success("7")) {
            return "none runs".to_owned();
        }
        let running = self.sides[side].running.remove(0);
        told(running.handle.await.unwrap())
    }

    async fn cancels(&mut self, side: usize, dice: &mut Dice) -> String {
        let (session, call_id) = (self.pick(side, Kind::Session, dice), format!("c{}", dice.below(5)));
        let cancelled = self.desk.cancel(&self.sides[side].agent.clone(), &session, &call_id).await;
        let mut answer = told(cancelled.clone());
        if let Ok(true) = cancelled {
            answer += &self.awaited(side, |running| running.session == session && running.call_id == call_id).await;
        }
        answer
    }

    async fn authorizes(&mut self, side: usize, dice: &mut Dice) -> String {
        let (session, tool) = (self.pick(side, Kind::Session, dice), TOOLS[[0, 1, 1, 2, 3, 4][dice.below(6)]]);
        let call = ask(&session, &format!("g{}", dice.below(5)), tool, args(tool, dice));
        match self.desk.door.authorize(self.sides[side].agent.clone(), call.clone()).await {
            Ok(Authorized::Granted(granted)) => {
                let (invocation, leaf) = (granted.invocation_id.to_string(), granted.receipt.leaf.to_vec());
                let told = format!("granted {invocation} {:?} {:?}", granted.ttl, granted.args);
                self.sides[side].grants.push(Held { session, invocation, leaf, call });
                told
            }
            Ok(Authorized::Waiting(waits)) => {
                format!("waits {} {} {:?}", waits.approval, waits.expires_at_ms, waits.retry_after)
            }
            Err(refusal) => told::<()>(Err(refusal)),
        }
    }

    async fn reports(&mut self, side: usize, dice: &mut Dice) -> String {
        let held = self.grant(side, dice);
        let args = grid_adm::json::parse(&held.call.args).unwrap();
        let report = Report {
            correlation_id: "w-report".to_owned(),
            session_id: held.session,
            invocation_id: held.invocation,
            grant: held.leaf,
            args_digest: grid_adm::digest(&args).as_bytes().to_vec(),
            call_id: held.call.call_id,
            name: held.call.name,
            answer: Ok(ToolAnswer::Success("7".to_owned())),
            took: Duration::ZERO,
            ended_at_ms: 0,
        };
        told(self.desk.door.log_result(self.sides[side].agent.clone(), report).await)
    }

    async fn gives_back(&mut self, side: usize, dice: &mut Dice) -> String {
        let held = self.grant(side, dice);
        let request = GiveBack {
            correlation_id: "w-back".to_owned(),
            session_id: held.session,
            invocation_id: held.invocation,
            grant: held.leaf,
            reason: "not used".to_owned(),
        };
        told(self.desk.door.cancel_grant(self.sides[side].agent.clone(), request).await)
    }

    async fn reviews(&mut self, side: usize) -> String {
        let waiting = self.desk.door.waiting(self.sides[side].boss.clone(), "w-review".to_owned()).await.unwrap();
        for call in &waiting.calls {
            let asked = Asked { id: call.approval.to_string(), contract: call.contract, args: call.args_digest };
            if !self.sides[side].approvals.iter().any(|known| known.id == asked.id) {
                self.sides[side].approvals.push(asked);
            }
        }
        // Those that began at the same moment come in the order of their ids, which are random.
        let mut calls: Vec<_> = waiting.calls.iter().map(|call| self.sides[side].named(&format!("{call:?}"))).collect();
        calls.sort_unstable();
        calls.join("\n")
    }

    async fn decides(&mut self, side: usize, dice: &mut Dice) -> String {
        let asked = self.approval(side, dice);
        let decide = Decide {
            approval_id: asked.id,
            say: Some(if dice.below(3) == 0 { Say::Deny } else { Say::Approve }),
            contract_digest: format!("sha256:{}", grid_adm::Digest::from_bytes(asked.contract)),
            args_digest: format!("sha256:{}", grid_adm::Digest::from_bytes(asked.args)),
            reason: "it is due".to_owned(),
            correlation_id: "w-decide".to_owned(),
        };
        told(self.desk.door.decide(self.sides[side].boss.clone(), decide).await)
    }

    async fn queries(&mut self, side: usize, dice: &mut Dice) -> String {
        let mut filter = Filter::default();
        match dice.below(6) {
            0 => filter.session = Some(self.pick(side, Kind::Session, dice)),
            1 => filter.invocation = Some(self.pick(side, Kind::Invocation, dice)),
            2 => filter.tenant = Some(["acme", "globex", "*", ""][dice.below(4)].to_owned()),
            3 => filter.principal = Some("agent".to_owned()),
            4 => filter.correlation = Some("w-open".to_owned()),
            _ => {}
        }
        let query = Query { filter, limit: Some(1000), correlation_id: "w-query".to_owned(), ..Query::default() };
        let page = self.desk.door.query(self.sides[side].rita.clone(), query).await;
        self.paged(side, page)
    }

    async fn gets(&mut self, side: usize, dice: &mut Dice) -> String {
        let invocation = self.pick(side, Kind::Invocation, dice);
        let get = Get { which: Some(Which::Invocation(invocation)), correlation_id: "w-get".to_owned() };
        let page = self.desk.door.get(self.sides[side].rita.clone(), get).await;
        self.paged(side, page)
    }

    /// Some of what it asks for at once may be denied; what is granted is its own like any other grant.
    async fn authorizes_many(&mut self, side: usize, dice: &mut Dice) -> String {
        let session = self.pick(side, Kind::Session, dice);
        let mut calls = Vec::new();
        for number in 0..=dice.below(3) {
            let tool = TOOLS[[0, 0, 2, 3, 4][dice.below(5)]];
            calls.push(ask(&session, &format!("b{number}-{}", dice.below(5)), tool, args(tool, dice)));
        }
        let items = calls.iter().cloned().map(Ok).collect();
        let batch = Batch { correlation_id: "w-batch".to_owned(), session_id: session.clone(), claim: None, items };
        let mut lines = Vec::new();
        match self.desk.door.authorize_all(self.sides[side].agent.clone(), batch).await {
            Ok(all) => {
                for (item, call) in all.items.into_iter().zip(calls) {
                    lines.push(match item {
                        Ok(Authorized::Granted(granted)) => {
                            let (invocation, leaf) = (granted.invocation_id.to_string(), granted.receipt.leaf.to_vec());
                            let told = format!("granted {invocation} {:?} {:?}", granted.ttl, granted.args);
                            self.sides[side].grants.push(Held { session: session.clone(), invocation, leaf, call });
                            told
                        }
                        Ok(Authorized::Waiting(waits)) => format!("waits {} {}", waits.approval, waits.expires_at_ms),
                        Err(refusal) => told::<()>(Err(refusal)),
                    });
                }
            }
            Err(refusal) => lines.push(told::<()>(Err(refusal))),
        }
        lines.join("\n")
    }

    /// Hears the epoch, which no tenant moves by what it does here, and leaves.
    async fn watches(&mut self, side: usize, dice: &mut Dice) -> String {
        let session = self.pick(side, Kind::Session, dice);
        let agent = self.sides[side].agent.clone();
        match self.desk.door.watch_grants(agent, session, "w-watch".to_owned()).await {
            Ok(mut steps) => format!("{:?}", steps.recv().await),
            Err(refusal) => told::<()>(Err(refusal)),
        }
    }

    /// Leafs through all that it may see, a few records at a time.
    async fn leafs(&mut self, side: usize, dice: &mut Dice) -> String {
        let (limit, newest_first) = (Some(1 + dice.below(7)), dice.coin());
        let (mut rows, mut page_token) = (Vec::new(), String::new());
        loop {
            let correlation_id = "w-leaf".to_owned();
            let filter = Filter { kind: Some("admitted".to_owned()), ..Filter::default() };
            let query = Query { filter, newest_first, limit, page_token, correlation_id };
            let page = match self.desk.door.query(self.sides[side].rita.clone(), query).await {
                Ok(page) => page,
                Err(refusal) => return told::<()>(Err(refusal)),
            };
            rows.extend(page.rows.iter().map(|row| self.sides[side].recorded(&row.line)));
            match page.next {
                Some(next) => page_token = next,
                None => return rows.join("\n"),
            }
        }
    }

    fn paged(&mut self, side: usize, page: Result<Page, grid_core::Refusal>) -> String {
        match page {
            // A record's place counts those of all tenants, and grants that end together end in any order.
            Ok(page) => {
                let mut lines: Vec<_> = page.rows.iter().map(|row| self.sides[side].recorded(&row.line)).collect();
                lines.sort_unstable();
                format!("{} {:?}", lines.join("\n"), page.next.is_some())
            }
            Err(refusal) => told::<()>(Err(refusal)),
        }
    }
}

fn args(tool: &str, dice: &mut Dice) -> &'static str {
    match tool {
        "sum" | "pay" => [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":"x"}"#][dice.below(3)],
        _ => "{}",
    }
}

/// Histories at random, as many as fit a debug build; GRID_TENANT_HISTORIES of them where that is set.
#[tokio::test]
async fn a_tenant_sees_the_same_with_and_without_another() {
    let set = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, count) = (set("GRID_SOAK_SEED").unwrap_or(5), set("GRID_TENANT_HISTORIES").unwrap_or(100));
    let mut dice = Dice::seeded(seed);
    let (mut answers, mut records) = (0, 0);
    for number in 0..count {
        let ops = history(&mut dice);
        // Now and then the log is on disk, where auditors can read it.
        let kept = number % 10 == 0;
        let (alone, beside) = (seen(&ops, false, kept).await, seen(&ops, true, kept).await);
        for (alone, beside) in alone.0.iter().zip(&beside.0).chain(alone.1.iter().zip(&beside.1)) {
            assert_eq!(alone, beside, "history {number} of seed {seed}");
        }
        assert_eq!((alone.0.len(), alone.1.len()), (beside.0.len(), beside.1.len()), "history {number} of seed {seed}");
        answers += alone.0.iter().filter(|answer| answer.starts_with("Ok") || answer.starts_with("granted")).count();
        records += alone.1.len();
    }
    assert!(answers as u64 > count && records as u64 > count, "{answers} answers and {records} records");
}
