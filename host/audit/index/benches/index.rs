//! How fast the index takes records in, and how long a query takes: a log of 1,000,000 records (or as many as the
//! first argument says) of 20 callers, each with a session and calls of two records.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot be set up fails")]

use std::{
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use grid_audit::{Durability, Ledger, Options};
use grid_audit_index::{Index, Query, rebuild, scan};
use grid_core::{
    Code,
    clock::SystemClock,
    event::{Event, Kind, Outcome},
    id::{CallId, CorrelationId, InvocationId, PrincipalId, RuntimeId, SessionId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
    reading::Filter,
};
use grid_tlog::Signer;

const START_MS: u64 = 1_700_000_000_000;
/// Records that are looked for one by one.
const RARE: usize = 200;

fn main() {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (took, invocations) = timed(|| runtime.block_on(write(folder.path(), count)));
    println!("wrote      {count} records in {took:?}, {} MiB", size(&folder.path().join("wal")) >> 20);

    let (took, done) = timed(|| rebuild(folder.path(), |_| ()).unwrap());
    let rate = done as f64 / took.as_secs_f64();
    let bytes = size(&folder.path().join("index.redb"));
    println!("index      {rate:.0} records/s, {} MiB, {} bytes a record", bytes >> 20, bytes / done);
    println!("memory     {} MiB at most", peak() >> 10);
    let (took, index) = timed(|| Index::open(folder.path()).unwrap());
    println!("open       {took:?}, every page checked");

    let filter = |filter: Filter| Query { filter, ..Query::default() };
    let newest = |query: Query| Query { newest_first: true, ..query };
    let text = |text: &str| Some(text.to_owned());
    let alice = Filter { principal: text("caller-7"), ..Filter::default() };
    let rare: Vec<Query> = invocations
        .iter()
        .map(|id| Filter { invocation: Some(id.to_string()), ..Filter::default() })
        .map(filter)
        .collect();
    let nobody = Filter { principal: text("nobody"), ..Filter::default() };
    let end = START_MS + count / 2;
    let minute = Filter { from_ms: Some(end - 60_000), to_ms: Some(end - 59_000), ..alice.clone() };
    let never = Filter { tenant: text("acme"), principal: text("caller-1"), ..Filter::default() };
    let each = |name: &str, queries: &[Query]| {
        let mut took: Vec<Duration> = Vec::new();
        let mut found = 0;
        for query in queries.iter().cycle().take(RARE) {
            let (time, page) = timed(|| black_box(index.find(query, 2 << 20).unwrap()));
            took.push(time);
            found += page.records.len();
        }
        took.sort_unstable();
        let at = |part: usize| took[part * (took.len() - 1) / 100];
        println!("{name:<28} p50 {:>10.1?}  p99 {:>10.1?}  {:>5} records a page", at(50), at(99), found / RARE);
    };
    each("one execution", &rare);
    each("nobody", &[filter(nobody)]);
    each("a principal, oldest 100", &[filter(alice.clone())]);
    each("a principal, newest 100", &[newest(filter(alice.clone()))]);
    each("a principal in one second", &[filter(minute)]);
    each("two that never meet", &[filter(never)]);
    each("everything, newest 100", &[newest(Query::default())]);
    let reader = grid_audit::Reader::open(folder.path()).unwrap();
    let (took, _) = timed(|| scan(&reader, &newest(filter(alice)), 2 << 20).unwrap());
    println!("{:<28} {took:>14.1?}", "without the index");
}

async fn write(folder: &Path, count: u64) -> Vec<InvocationId> {
    let signer = Arc::new(Signer::generate("example.org/log", grid_tlog::Kind::Note).unwrap());
    let options = Options { durability: Durability::Relaxed, ..Options::new(folder, signer) };
    let handle = tokio::runtime::Handle::current();
    let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &handle).unwrap();
    let callers: Vec<(Arc<Principal>, SessionId)> =
        (0..20).map(|number| (principal(number), SessionId::mint())).collect();
    for (caller, session) in &callers {
        let correlation = CorrelationId::mint(START_MS);
        let event = Event::new(Kind::SessionOpened, START_MS, correlation);
        ledger.note(Event { principal: Some(Arc::clone(caller)), session: Some(*session), ..event }).await;
    }
    let mut kept = Vec::new();
    for number in 0..count.saturating_sub(callers.len() as u64) / 2 {
        let (caller, session) = &callers[number as usize * 7 % callers.len()];
        let invocation = InvocationId::mint();
        if number % (count / 2 / RARE as u64).max(1) == 0 {
            kept.push(invocation);
        }
        let at_ms = START_MS + number;
        let correlation = CorrelationId::parse(&format!("host-{}-{number:08x}", at_ms / 1000)).unwrap();
        let admitted = Event {
            principal: Some(Arc::clone(caller)),
            session: Some(*session),
            invocation: Some(invocation),
            call_id: Some(CallId::parse(&format!("call-{number}")).unwrap()),
            tool: Some(format!("tool-{}", number % 12).into()),
            contract: Some([7; 32]),
            effect: Some("read"),
            args_digest: Some([9; 32]),
            args_shape: Some("{a:integer,b:integer}".to_owned()),
            rule: Some("roles: caller".into()),
            epoch: Some(1),
            deadline_ms: Some(at_ms + 30_000),
            runtime: Some(RuntimeId::parse("calc").unwrap()),
            ..Event::new(Kind::Admitted, at_ms, correlation)
        };
        let failed = number % 50 == 0;
        let concluded = Event {
            kind: Kind::Concluded,
            outcome: Some(if failed { Outcome::Failed } else { Outcome::Success }),
            code: failed.then_some(Code::Timeout),
            duration_us: Some(730),
            result_digest: Some([3; 32]),
            result_bytes: Some(120),
            ..admitted.clone()
        };
        ledger.note(admitted).await;
        ledger.note(concluded).await;
    }
    ledger.close().await.unwrap();
    kept
}

fn principal(number: usize) -> Arc<Principal> {
    Arc::new(Principal {
        id: PrincipalId::parse(&format!("caller-{number}")).unwrap(),
        tenant: TenantId::parse(["acme", "globex", "initech"][number % 3]).unwrap(),
        roles: std::collections::BTreeSet::new(),
        claims: std::collections::BTreeMap::new(),
        proof: Proof::Token,
        digest: ClaimsDigest([0; 32]),
        credential: None,
        runtime: None,
        issued_at_ms: None,
        expires_at_ms: None,
    })
}

#[expect(clippy::disallowed_methods, reason = "a bench measures with the machine's own clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Bytes that a file, or all files of a folder, take.
fn size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    match path.is_dir() {
        true => entries.map(|entry| size(&entry.path())).sum(),
        false => path.metadata().map_or(0, |data| data.len()),
    }
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
