//! Logs of random records, and a plain look at every one of them.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use grid_audit::{Durability, Ledger, Options, Reader, Record};
use grid_audit_index::{Index, Query};
use grid_core::{
    Code,
    clock::SystemClock,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId, PrincipalId, SessionId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
    reading::Filter,
};
use grid_testkit::Dice;
use grid_tlog::Signer;

pub const TENANTS: [&str; 3] = ["acme", "globex", "*"];
pub const PRINCIPALS: [&str; 4] = ["alice", "bob", "Bob", "calc"];
pub const TOOLS: [&str; 4] = ["add", "mail.send", "\"quoted\"", "größe"];
pub const ROOM: usize = 4 << 20;
/// A key that nobody else has a use for.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// Small segments, so that the log is in tiles too.
pub fn options(folder: &Path) -> Options {
    let signer = Arc::new(Signer::parse(KEY).unwrap());
    Options { durability: Durability::Relaxed, segment_bytes: 64 << 10, ..Options::new(folder, signer) }
}

/// Makes events that are alike in some fields and not in others; time goes on and sometimes back.
#[derive(Debug)]
pub struct Maker {
    pub dice: Dice,
    at_ms: u64,
    sessions: Vec<SessionId>,
    invocation: InvocationId,
    workflow: u64,
}

impl Maker {
    pub fn seeded(seed: u64) -> Self {
        let sessions = (0..5).map(|_| SessionId::mint()).collect();
        let (dice, invocation) = (Dice::seeded(seed), InvocationId::mint());
        Self { dice, at_ms: 1_700_000_000_000, sessions, invocation, workflow: 0 }
    }

    pub fn event(&mut self) -> Event {
        self.at_ms += self.dice.below(5) as u64;
        if self.dice.below(200) == 0 {
            self.at_ms -= 1000;
        }
        self.workflow += u64::from(self.dice.coin());
        if self.dice.coin() {
            self.invocation = InvocationId::mint();
        }
        let kinds = [Kind::SessionOpened, Kind::Refused, Kind::Repeated, Kind::LateResult, Kind::HostStarted];
        let correlation = CorrelationId::parse(&format!("w-{}", self.workflow)).unwrap();
        let event = Event::new(kinds[self.dice.below(kinds.len())], self.at_ms, correlation);
        if event.kind == Kind::HostStarted {
            return event;
        }
        let outcomes = Outcome::ALL.map(Some);
        Event {
            principal: Some(self.principal()),
            session: self.dice.coin().then(|| self.sessions[self.dice.below(5)]),
            invocation: self.dice.coin().then_some(self.invocation),
            tool: self.dice.coin().then(|| TOOLS[self.dice.below(4)].into()),
            outcome: self.dice.coin().then(|| outcomes[self.dice.below(4)]).flatten(),
            code: self.dice.coin().then(|| Code::ALL[self.dice.below(3)]),
            ..event
        }
    }

    fn principal(&mut self) -> Arc<Principal> {
        Arc::new(Principal {
            id: PrincipalId::parse(PRINCIPALS[self.dice.below(4)]).unwrap(),
            tenant: TenantId::parse(TENANTS[self.dice.below(3)]).unwrap(),
            roles: BTreeSet::new(),
            claims: std::collections::BTreeMap::new(),
            proof: Proof::Token,
            digest: ClaimsDigest([0; 32]),
            credential: None,
            runtime: None,
            issued_at_ms: None,
            expires_at_ms: None,
        })
    }

    /// A filter that some record of `all` fits, or none does.
    pub fn filter(&mut self, all: &[Record]) -> Filter {
        let model = &all[self.dice.below(all.len())];
        let other = &all[self.dice.below(all.len())];
        let mut pick = |name: &str| match self.dice.below(6) {
            0 | 1 => model.text(name).map(str::to_owned),
            2 if self.dice.below(4) == 0 => other.text(name).map(str::to_owned),
            _ => None,
        };
        let mut filter = Filter {
            invocation: pick("invocation").filter(|_| model.index().is_multiple_of(3)),
            correlation: pick("correlation").filter(|_| model.index().is_multiple_of(3)),
            session: pick("session"),
            principal: pick("principal"),
            tenant: pick("tenant"),
            tool: pick("tool"),
            outcome: pick("outcome"),
            kind: pick("kind"),
            code: pick("code"),
            ..Filter::default()
        };
        if self.dice.below(3) == 0 {
            filter.from_ms = Some(model.at_ms() - self.dice.below(1_000) as u64);
        }
        if self.dice.below(3) == 0 {
            filter.to_ms = Some(model.at_ms() + self.dice.below(10_000) as u64);
        }
        filter
    }
}

/// Adds `count` records to the log in `folder`.
pub async fn write(folder: &Path, maker: &mut Maker, count: usize) {
    let runtime = tokio::runtime::Handle::current();
    let (ledger, _) = Ledger::open(options(folder), SystemClock::shared(), Arc::new(()), &runtime).unwrap();
    for _ in 0..count {
        ledger.note(maker.event()).await;
    }
    ledger.close().await.unwrap();
}

pub fn all(folder: &Path) -> Vec<Record> {
    Reader::open(folder).unwrap().records(0).collect::<Result<_, _>>().unwrap()
}

/// What a look at every record finds, field by field and without any code of the index.
pub fn naive(all: &[Record], query: &Query) -> Vec<Record> {
    let filter = &query.filter;
    let fits = |record: &&Record| {
        let field = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| record.fields().get(name) == Some(&wanted.as_str().into()))
        };
        field("invocation", &filter.invocation)
            && field("correlation", &filter.correlation)
            && field("session", &filter.session)
            && field("principal", &filter.principal)
            && field("tenant", &filter.tenant)
            && field("tool", &filter.tool)
            && field("outcome", &filter.outcome)
            && field("kind", &filter.kind)
            && field("code", &filter.code)
            && field("tenant", &query.tenant)
            && filter.from_ms.is_none_or(|from| record.at_ms() >= from)
            && filter.to_ms.is_none_or(|to| record.at_ms() < to)
            && record.index() >= query.from
            && record.index() < query.before
    };
    let mut found: Vec<Record> = all.iter().filter(fits).cloned().collect();
    if query.newest_first {
        found.reverse();
    }
    found
}

/// Every page of a query, one after the other.
pub fn paged(index: &Index, query: &Query, room: usize) -> Vec<Record> {
    let mut query = query.clone();
    let mut found = Vec::new();
    loop {
        let page = index.find(&query, room).unwrap();
        assert!(page.records.len() <= query.limit);
        assert!(page.next.is_none() || !page.records.is_empty(), "a page that leads on is not empty");
        found.extend(page.records);
        match page.next {
            Some(next) => query.page_token = next,
            None => return found,
        }
    }
}

/// Holds an index against a plain look, by some queries.
pub fn check(index: &Index, folder: &Path, maker: &mut Maker, queries: usize) {
    let all = all(folder);
    assert_eq!(index.indexed().unwrap(), all.len() as u64);
    for _ in 0..queries {
        let filter = maker.filter(&all);
        let query = Query { filter, newest_first: maker.dice.coin(), limit: 1000, ..Query::default() };
        assert_eq!(paged(index, &query, ROOM), naive(&all, &query), "{query:?}");
    }
}
