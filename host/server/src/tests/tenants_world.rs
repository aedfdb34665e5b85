//! Two tenants of one host, what each of them has got, and ids of the other to try.

use std::{collections::HashMap, fmt::Debug, sync::Arc};

use grid_audit::{Ledger, Options};
use grid_contract::Strict;
use grid_core::{
    Refusal,
    clock::SystemClock,
    envelope::{Credentials, Envelope},
    event::Sha256,
    id::{ApprovalId, InvocationId, SessionId},
    outcome::CallAnswer,
    port::AuditDoor as _,
    reading::Query,
};
use grid_testkit::{Dice, FakeRuntime, until};
use grid_tlog::{Kind as Signed, Signer};
use tokio::task::JoinHandle;

use super::desk::{Desk, ask, strict_with, success};
use crate::archive::Archive;

/// `sum` and `pay` are for both tenants, `pay` with a person's consent; the other two for one tenant each.
pub(super) const TWO: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"calc","effect":"pure","required_roles":["caller"],"function_declarations":[
        {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}]},
    {"name":"bank","effect":"write","required_roles":["caller"],"approval":{"role":"approver","within":"60s"},
     "function_declarations":[
        {"name":"pay","description":"Pays.","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}]},
    {"name":"one","effect":"read","required_roles":["caller"],"tenants":["acme"],"function_declarations":[
        {"name":"acmes","description":"Reads.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"two","effect":"read","required_roles":["caller"],"tenants":["globex"],"function_declarations":[
        {"name":"globexes","description":"Reads.","parameters":{"type":"OBJECT","properties":{}}}]}]}"#;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Session,
    Invocation,
}

/// A grant, as its holder knows it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) session: String,
    pub(super) invocation: String,
    pub(super) leaf: Vec<u8>,
    pub(super) call: Envelope,
}

/// A call that waits, as those know it who decide.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) contract: Sha256,
    pub(super) args: Sha256,
}

/// A call that is with its runtime.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) session: String,
    pub(super) call_id: String,
    pub(super) handle: JoinHandle<Result<CallAnswer, Refusal>>,
}

/// One tenant.
pub(super) struct Side {
    pub(super) agent: Credentials,
    pub(super) boss: Credentials,
    pub(super) rita: Credentials,
    pub(super) runtime: Arc<FakeRuntime>,
    pub(super) sessions: Vec<String>,
    pub(super) grants: Vec<Held>,
    pub(super) approvals: Vec<Asked>,
    pub(super) running: Vec<Running>,
    pub(super) seen: Vec<String>,
    names: HashMap<String, String>,
}

impl Side {
    /// With each minted id as the number of its first appearance; one that was not its own is `x`.
    pub(super) fn named(&mut self, text: &str) -> String {
        let names = &mut self.names;
        renamed(text, |id| {
            let next = format!("{}{}", &id[..2], names.values().filter(|name| *name != "x").count());
            names.entry(id.to_owned()).or_insert(next).clone()
        })
    }

    /// The same for records, whose order is not always that of the answers.
    pub(super) fn recorded(&self, line: &str) -> String {
        renamed(line, |id| self.names.get(id).cloned().unwrap_or_else(|| "?".to_owned()))
    }

    fn strange<T: ToString>(&mut self, id: T) -> String {
        self.names.insert(id.to_string(), "x".to_owned());
        id.to_string()
    }
}

/// With every minted id replaced.
fn renamed(text: &str, mut name: impl FnMut(&str) -> String) -> String {
    let is_id = |at: usize| {
        let id = text.get(at..at + 34)?;
        let (prefix, hex) = id.split_at(2);
        let minted = ["s-", "i-", "a-", "c-"].contains(&prefix) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        minted.then_some(id)
    };
    let (mut out, mut at) = (String::new(), 0);
    while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match is_id(at) {
            Some(id) => {
                out += &name(id);
                at += 34;
            }
            None => {
                out.push(next);
                at += next.len_utf8();
            }
        }
    }
    out
}

/// An answer with all of it that leaves the host.
pub(super) fn told<T: Debug>(answer: Result<T, Refusal>) -> String {
    match answer {
        Ok(answer) => format!("Ok {answer:?}"),
        Err(refusal) => format!(
            "{:?} {:?} {} {:?} {} {:?}",
            refusal.code(),
            refusal.stage(),
            refusal.message(),
            refusal.details(),
            refusal.retry_after_ms(),
            refusal.context(),
        ),
    }
}

/// A host with both of them.
pub(super) struct World {
    pub(super) desk: Desk<Strict>,
    pub(super) sides: [Side; 2],
    folder: Option<tempfile::TempDir>,
}

impl World {
    /// `kept`: the log is on disk and has an index.
    pub(super) fn new(kept: bool) -> Self {
        let mut desk = strict_with(TWO);
        let folder = kept.then(|| tempfile::tempdir().unwrap());
        if let Some(folder) = &folder {
            let signer = Arc::new(Signer::generate("test.example/log", Signed::Note).unwrap());
            // Every record is durable when its answer comes: a page ends with what is.
            let options = Options::new(folder.path(), signer);
            let runtime = tokio::runtime::Handle::current();
            let host = Arc::get_mut(&mut desk.door.0).unwrap();
            (host.ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &runtime).unwrap();
            let options = grid_audit_index::Options::new(folder.path());
            host.archive = Archive::open(options, 4 << 20, SystemClock::shared()).unwrap();
        }
        let side = |tenant: &str| Side {
            agent: desk.token("agent", tenant, &["caller"]),
            boss: desk.token("boss", tenant, &["approver"]),
            rita: desk.token("rita", tenant, &["auditor"]),
            runtime: desk.seated_for("calc", tenant, &["sum", "acmes", "globexes"]),
            sessions: Vec::new(),
            grants: Vec::new(),
            approvals: Vec::new(),
            running: Vec::new(),
            seen: Vec::new(),
            names: HashMap::new(),
        };
        let sides = [side("acme"), side("globex")];
        Self { desk, sides, folder }
    }

    /// Its own, one of the other tenant, one that nobody has, none, or no id at all. Where the other has none it is one
    /// that nobody has, so that the choices of a tenant are the same beside nobody.
    pub(super) fn pick(&mut self, side: usize, kind: Kind, dice: &mut Dice) -> String {
        let (way, place) = (dice.below(8), dice.below(1000));
        let of = |side: &Side| match kind {
            Kind::Session => one(&side.sessions, place).cloned(),
            Kind::Invocation => one(&side.grants, place).map(|held| held.invocation.clone()),
        };
        let found = match way {
            0..=3 => of(&self.sides[side]),
            4 | 5 => of(&self.sides[1 - side]).map(|id| self.sides[side].strange(id)),
            6 => None,
            _ => return ["", "s-", "../x", "*"][place % 4].to_owned(),
        };
        found.unwrap_or_else(|| match kind {
            Kind::Session => self.sides[side].strange(SessionId::mint()),
            Kind::Invocation => self.sides[side].strange(InvocationId::mint()),
        })
    }

    /// The same for grants; also one of the other under a session of its own.
    pub(super) fn grant(&mut self, side: usize, dice: &mut Dice) -> Held {
        let (way, place) = (dice.below(8), dice.below(1000));
        let own = one(&self.sides[side].sessions, place).cloned();
        if let (0..=3, Some(held)) = (way, one(&self.sides[side].grants, place)) {
            return held.clone();
        }
        let nobodys = || Held {
            session: SessionId::mint().to_string(),
            invocation: InvocationId::mint().to_string(),
            leaf: vec![7; 32],
            call: ask("", "g0", "sum", r#"{"a":1}"#),
        };
        let mut held = match way {
            0..=6 => one(&self.sides[1 - side].grants, place).cloned().unwrap_or_else(nobodys),
            _ => nobodys(),
        };
        // What a call is named is its sender's word, and recorded as that.
        held.call = nobodys().call;
        self.sides[side].strange(&held.invocation);
        match own.filter(|_| way == 6) {
            Some(own) => held.session = own,
            None => held.session = self.sides[side].strange(&held.session),
        }
        held
    }

    /// The same for approvals.
    pub(super) fn approval(&mut self, side: usize, dice: &mut Dice) -> Asked {
        let (way, place) = (dice.below(8), dice.below(1000));
        if let (0..=3, Some(asked)) = (way, one(&self.sides[side].approvals, place)) {
            return asked.clone();
        }
        let nobodys = || Asked { id: ApprovalId::mint().to_string(), contract: [1; 32], args: [1; 32] };
        let theirs = one(&self.sides[1 - side].approvals, place).filter(|_| way < 7).cloned();
        let asked = theirs.unwrap_or_else(nobodys);
        self.sides[side].strange(&asked.id);
        asked
    }

    /// The ends of calls that were stopped.
    pub(super) async fn awaited(&mut self, side: usize, which: impl Fn(&Running) -> bool) -> String {
        let running = std::mem::take(&mut self.sides[side].running);
        let (stopped, rest): (Vec<_>, Vec<_>) = running.into_iter().partition(which);
        self.sides[side].running = rest;
        let mut ends = String::new();
        for running in stopped {
            ends += &told(running.handle.await.unwrap());
        }
        ends
    }

    /// Ends what still runs; then what the first tenant has seen, and what is on record of it.
    pub(super) async fn end(mut self) -> (Vec<String>, Vec<String>) {
        for side in 0..2 {
            while self.sides[side].runtime.end(success("7")) {}
            let last = self.awaited(side, |_| true).await;
            let last = self.sides[side].named(&last);
            self.sides[side].seen.push(last);
        }
        let side = &self.sides[0];
        let mut lines = match self.folder {
            Some(_) => {
                let query = Query { limit: Some(1000), ..Query::default() };
                let page = self.desk.door.query(side.rita.clone(), query).await.unwrap();
                page.rows.into_iter().map(|row| row.line).collect()
            }
            None => {
                let all = self.desk.log.records();
                let of = all.iter().filter(|record| record.tenant() == Some("acme"));
                of.map(|record| record.line().to_owned()).collect::<Vec<_>>()
            }
        };
        for line in &mut lines {
            *line = side.recorded(line);
        }
        lines.sort_unstable();
        let host = Arc::clone(self.desk.host());
        until("what was begun has ended", || host.tasks.is_empty()).await;
        (self.sides[0].seen.clone(), lines)
    }
}

fn one<T>(of: &[T], place: usize) -> Option<&T> {
    of.get(place.checked_rem(of.len())?)
}
