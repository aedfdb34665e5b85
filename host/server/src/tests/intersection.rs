//! AZ-6: nothing runs beyond what the root and the runtime that asks for it may both have. Random graphs of calls with
//! circles, with parents that are stolen, ended or made up, and random roles of roots and runtimes. 4,000 requests a run;
//! GRID_NESTED_CALLS says otherwise, and GRID_SOAK_SEED begins elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

use grid_contract::Strict;
use grid_core::{
    Code,
    envelope::{Credentials, Envelope},
    frame::{Announce, CallFrame, HostFrame, RuntimeFrame},
    id::InvocationId,
    port::RuntimeDoor as _,
};
use grid_testkit::Dice;

use super::desk::{Attached, Desk, ask, result, strict_with};
use crate::nested::DEPTH;

const TOOLS: usize = 12;
const RUNTIMES: usize = 4;
const ROOTS: usize = 5;
/// Requests that one host sees.
const ROUND: usize = 500;

type Roles = BTreeSet<usize>;

fn manifest() -> String {
    let contract = |tool: usize| {
        format!(
            r#"{{"name":"c{tool}","effect":"pure","required_roles":["use-{tool}"],"function_declarations":[
            {{"name":"t{tool}","description":"Does.","parameters":{{"type":"OBJECT","properties":{{}}}}}}]}}"#
        )
    };
    let contracts: Vec<_> = (0..TOOLS).map(contract).collect();
    format!(r#"{{"manifest_version":"1.0.0","contracts":[{}]}}"#, contracts.join(","))
}

fn roles(dice: &mut Dice) -> Roles {
    // Some may nearly all, some half: deep graphs and many denials.
    let odds = [10, 19, 20][dice.below(3)];
    (0..TOOLS).filter(|_| dice.below(20) < odds).collect()
}

fn names(roles: &Roles) -> Vec<String> {
    roles.iter().map(|tool| format!("use-{tool}")).collect()
}

/// What was asked for, as whoever asked knows it.
#[derive(Debug, Clone)]
struct Wish {
    tool: usize,
    /// The tools above it, the root's first.
    above: Vec<usize>,
    root: usize,
    /// Absent for the root's own call.
    asked_by: Option<usize>,
    /// Its parent was in the hands of whoever asked, when it asked.
    honest: bool,
}

impl Wish {
    fn may_run(&self, world: &World) -> bool {
        let permitted = |roles: &Roles| roles.contains(&self.tool);
        self.honest
            && permitted(&world.roots[self.root])
            && self.asked_by.is_none_or(|runtime| permitted(&world.runtimes[runtime]))
            && !self.above.contains(&self.tool)
            && self.above.len() < DEPTH
    }
}

/// A call in a runtime's hands.
#[derive(Debug, Clone)]
struct InHand {
    frame: CallFrame,
    wish: Wish,
}

#[derive(Debug, Default)]
struct Tally {
    ran: usize,
    refused: BTreeMap<&'static str, usize>,
    deepest: usize,
}

struct World {
    desk: Desk<Strict>,
    roots: Vec<Roles>,
    callers: Vec<(Credentials, String)>,
    runtimes: Vec<Roles>,
    lines: Vec<Attached<Strict>>,
    hands: Vec<Vec<InHand>>,
    ended: Vec<Vec<InHand>>,
    wishes: Vec<Wish>,
}

impl World {
    async fn new(dice: &mut Dice) -> Self {
        let desk = strict_with(&manifest()).ruled(|rules| {
            (rules.max_in_flight, rules.frame_queue) = (1000, 4000);
        });
        let (mut roots, mut callers) = (Vec::new(), Vec::new());
        for root in 0..ROOTS {
            let roles = roles(dice);
            let names = names(&roles);
            let who =
                desk.token(&format!("root-{root}"), "demo", &names.iter().map(String::as_str).collect::<Vec<_>>());
            let session = desk.session(&who).await;
            roots.push(roles);
            callers.push((who, session));
        }
        let (mut runtimes, mut lines) = (Vec::new(), Vec::new());
        for runtime in 0..RUNTIMES {
            let roles = roles(dice);
            let names = names(&roles);
            let all: Vec<&str> = ["runtime"].into_iter().chain(names.iter().map(String::as_str)).collect();
            let id = format!("rt-{runtime}");
            let who = desk.token(&id, "demo", &all);
            let features = vec!["nested-calls".to_owned()];
            let announce = Announce { runtime_id: id, level: 2, features, ..Announce::default() };
            let (port, frames) = desk.door.attach(who, announce).await.unwrap();
            let mut line = Attached { port, frames };
            line.next().await;
            let serves: Vec<String> = (0..TOOLS)
                .filter(|tool| tool % RUNTIMES == runtime || dice.coin())
                .map(|tool| format!("t{tool}"))
                .collect();
            line.fulfil(&serves.iter().map(String::as_str).collect::<Vec<_>>()).await;
            runtimes.push(roles);
            lines.push(line);
        }
        let empty = || (0..RUNTIMES).map(|_| Vec::new()).collect::<Vec<Vec<InHand>>>();
        let (hands, ended) = (empty(), empty());
        Self { desk, roots, callers, runtimes, lines, hands, ended, wishes: Vec::new() }
    }

    fn wish(&mut self, wish: Wish) -> String {
        self.wishes.push(wish);
        (self.wishes.len() - 1).to_string()
    }

    fn begin(&mut self, dice: &mut Dice) {
        let (root, tool) = (dice.below(ROOTS), dice.below(TOOLS));
        let call_id = self.wish(Wish { tool, above: Vec::new(), root, asked_by: None, honest: true });
        let (who, session) = self.callers[root].clone();
        drop(self.desk.begin(&who, ask(&session, &call_id, &format!("t{tool}"), "{}")));
    }

    /// A call for a parent in hand, or for one that is not: another's, one that has ended, one that never was.
    async fn ask(&mut self, dice: &mut Dice, runtime: usize) {
        let other = (runtime + 1 + dice.below(RUNTIMES - 1)) % RUNTIMES;
        let last = |hand: &[InHand]| hand.last().cloned();
        let any = |hand: &[InHand], dice: &mut Dice| hand.get(dice.below(hand.len())).cloned();
        let (parent, honest) = match dice.below(10) {
            0 => (any(&self.hands[other], dice), false),
            1 => (any(&self.ended[runtime], dice), false),
            2 => (any(&self.ended[other], dice), false),
            // The deepest, so that the graphs get deep.
            3..=6 => (last(&self.hands[runtime]), true),
            _ => (any(&self.hands[runtime], dice), true),
        };
        let Some(InHand { frame, wish }) = parent else { return };
        let made_up = !honest && dice.below(4) == 0;
        let parent = if made_up { InvocationId::mint() } else { frame.invocation_id };
        let tool = dice.below(TOOLS);
        let above: Vec<usize> = wish.above.iter().copied().chain([wish.tool]).collect();
        let call_id = self.wish(Wish { tool, above, root: wish.root, asked_by: Some(runtime), honest });
        let envelope = Envelope {
            parent_invocation_id: parent.to_string(),
            call_id,
            name: format!("t{tool}"),
            args: "{}".to_owned(),
            // What a runtime says of these is not believed.
            session_id: self.callers[dice.below(ROOTS)].1.clone(),
            correlation_id: "w-forged".to_owned(),
            ..Envelope::default()
        };
        self.lines[runtime].receive(RuntimeFrame::Call(Box::new(envelope))).await;
    }

    async fn end(&mut self, dice: &mut Dice, runtime: usize) {
        let hand = &mut self.hands[runtime];
        if hand.is_empty() {
            return;
        }
        let ended = hand.remove(dice.below(hand.len()));
        self.lines[runtime].receive(RuntimeFrame::Result(result(&ended.frame, "1"))).await;
        self.ended[runtime].push(ended);
    }

    /// Takes what has come, and holds it against what was asked for.
    fn hear(&mut self, tally: &mut Tally) {
        for runtime in 0..RUNTIMES {
            while let Ok(frame) = self.lines[runtime].frames.try_recv() {
                match frame {
                    HostFrame::Call(frame) => {
                        let wish = self.wishes[frame.call_id.as_str().parse::<usize>().unwrap()].clone();
                        assert!(wish.may_run(self), "beyond the intersection: {wish:?}");
                        assert_eq!(*frame.name, format!("t{}", wish.tool));
                        assert_eq!(frame.session_id.to_string(), self.callers[wish.root].1, "the root's session");
                        tally.ran += 1;
                        tally.deepest = tally.deepest.max(wish.above.len() + 1);
                        self.hands[runtime].push(InHand { frame: *frame, wish });
                    }
                    HostFrame::Cancel { invocation_id, .. } => {
                        let hand = &mut self.hands[runtime];
                        if let Some(at) = hand.iter().position(|held| held.frame.invocation_id == invocation_id) {
                            let ended = hand.remove(at);
                            self.ended[runtime].push(ended);
                        }
                    }
                    HostFrame::Answer { call_id, ended, .. } => {
                        let wish = &self.wishes[call_id.parse::<usize>().unwrap()];
                        if let Err(refusal) = *ended {
                            *tally.refused.entry(refusal.code().as_str()).or_default() += 1;
                            // What may run and does not was stopped with its parent.
                            assert!(!wish.may_run(self) || refusal.code() == Code::Cancelled, "{refusal:?} {wish:?}");
                        } else {
                            assert!(wish.may_run(self), "answered beyond the intersection: {wish:?}");
                        }
                    }
                    HostFrame::Error { .. } => {}
                    other => panic!("nobody asked for {other:?}"),
                }
            }
        }
    }

    async fn play(&mut self, dice: &mut Dice, requests: usize, tally: &mut Tally) {
        while self.wishes.len() < requests {
            self.hear(tally);
            let busy: usize = self.hands.iter().map(Vec::len).sum();
            let runtime = dice.below(RUNTIMES);
            match dice.below(10) {
                0 | 1 if busy < 40 => self.begin(dice),
                2 if busy > 10 => self.end(dice, runtime).await,
                _ if busy > 0 => self.ask(dice, runtime).await,
                _ => self.begin(dice),
            }
            tokio::task::yield_now().await;
            if dice.below(4) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        while !self.desk.host().tasks.is_empty() {
            self.hear(tally);
            for runtime in 0..RUNTIMES {
                self.end(dice, runtime).await;
            }
            tokio::task::yield_now().await;
        }
        self.hear(tally);
    }
}

#[tokio::test]
async fn nothing_runs_beyond_the_intersection() {
    let set = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = set("GRID_SOAK_SEED").unwrap_or(6);
    let requests = usize::try_from(set("GRID_NESTED_CALLS").unwrap_or(4_000)).unwrap();
    let mut tally = Tally::default();
    for round in 0..requests.div_ceil(ROUND) {
        let mut dice = Dice::seeded(seed.wrapping_add(round as u64));
        let mut world = World::new(&mut dice).await;
        world.play(&mut dice, ROUND, &mut tally).await;
        // The log says the same as the runtimes.
        let admitted = world.desk.log.of("admitted");
        for record in &admitted {
            let wish = &world.wishes[record.text("call_id").unwrap().parse::<usize>().unwrap()];
            assert!(wish.may_run(&world), "admitted beyond the intersection: {wish:?}");
            assert_eq!(record.principal(), Some(&*format!("root-{}", wish.root)));
            assert_eq!(record.text("parent").is_some(), wish.asked_by.is_some());
        }
        assert_eq!(admitted.len(), world.desk.log.of("concluded").len());
        assert!(world.desk.host().lineages.is_empty());
    }
    println!("seed {seed}, {requests} requests: {tally:?}");
    assert!(tally.ran * 10 > requests, "{tally:?}");
    assert!(tally.deepest >= 6, "{tally:?}");
    for code in ["PERMISSION_DENIED", "POLICY_VIOLATION", "PROTOCOL_VIOLATION", "CANCELLED"] {
        assert!(tally.refused.get(code).is_some_and(|count| *count > 10), "{code}: {tally:?}");
    }
}
