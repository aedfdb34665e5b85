//! The door for auditors: what each of them sees, and what is written down about it. The records that are read lie in
//! a log on disk; the one that the host writes is in memory, and says how many of those are durable.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc, time::Duration};

use grid_audit::{Durability, Ledger, Options};
use grid_contract::Strict;
use grid_core::{
    Code, Refusal, Stage,
    clock::SystemClock,
    envelope::Credentials,
    event::{Event, Kind},
    id::{CorrelationId, InvocationId, PrincipalId, TenantId},
    port::AuditDoor as _,
    principal::{ClaimsDigest, Principal, Proof},
    reading::{Extend, Filter, Follow, Get, Inclusion, Page, Prove, Query, Row, Step, Which},
};
use grid_testkit::until;
use grid_tlog::{Checkpoint, Hash, Note, Signer, verify_inclusion};
use tokio::sync::mpsc::Receiver;

use super::desk::{Desk, strict, strict_over};
use crate::archive::Archive;

/// Records on disk: acme, globex and the host itself in turn.
const RECORDS: u64 = 300;
/// As many of them are durable when a test begins.
const DURABLE: u64 = 60;

struct Office {
    desk: Desk<Strict>,
    folder: tempfile::TempDir,
    invocations: Vec<InvocationId>,
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Arc::new(Signer::generate("test.example/log", grid_tlog::Kind::Note).unwrap());
        let options = Options { durability: Durability::Relaxed, ..Options::new(folder.path(), signer) };
        let runtime = tokio::runtime::Handle::current();
        let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &runtime).unwrap();
        let mut invocations = Vec::new();
        for number in 0..RECORDS {
            let invocation = InvocationId::mint();
            invocations.push(invocation);
            let event = Event::new(Kind::Refused, 1000 + number, CorrelationId::parse("w-1").unwrap());
            let principal = [Some("acme"), Some("globex"), None][number as usize % 3].map(principal);
            ledger.note(Event { principal, invocation: Some(invocation), ..event }).await;
        }
        ledger.close().await.unwrap();
        let options = grid_audit_index::Options::new(folder.path());
        let desk = strict_over(Archive::open(options, 4 << 20, SystemClock::shared()).unwrap());
        let office = Self { desk, folder, invocations };
        office.grow(DURABLE).await;
        office
    }

    /// Makes more records durable.
    async fn grow(&self, by: u64) {
        for _ in 0..by {
            let event = Event::new(Kind::HostStarted, 1, CorrelationId::parse("w-2").unwrap());
            self.desk.log.ledger.record(event).await.unwrap();
        }
    }

    fn reader(&self, tenant: &str) -> Credentials {
        self.desk.token("rita", tenant, &["auditor"])
    }

    fn operator(&self) -> Credentials {
        self.desk.token("oscar", "acme", &["audit-operator"])
    }

    async fn query(&self, who: &Credentials, filter: Filter) -> Result<Page, Refusal> {
        self.desk.door.query(who.clone(), Query { filter, limit: Some(1000), ..Query::default() }).await
    }

    async fn get(&self, who: &Credentials, which: Which) -> Page {
        let get = Get { which: Some(which), correlation_id: String::new() };
        self.desk.door.get(who.clone(), get).await.unwrap()
    }

    async fn follow(&self, who: &Credentials, from: u64) -> Receiver<Step> {
        let follow = Follow { from: Some(from), ..Follow::default() };
        self.desk.door.follow(who.clone(), follow).await.unwrap()
    }
}

fn principal(tenant: &str) -> Arc<Principal> {
    Arc::new(Principal {
        id: PrincipalId::parse("alice").unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        roles: BTreeSet::new(),
        claims: BTreeMap::new(),
        proof: Proof::Token,
        digest: ClaimsDigest([0; 32]),
        credential: None,
        runtime: None,
        issued_at_ms: None,
        expires_at_ms: None,
    })
}

fn indices(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.index).collect()
}

fn every_third(from: u64, to: u64) -> Vec<u64> {
    (from..to).step_by(3).collect()
}

async fn next(steps: &mut Receiver<Step>) -> Option<Step> {
    tokio::time::timeout(Duration::from_secs(60), steps.recv()).await.expect("a step comes")
}

async fn row(steps: &mut Receiver<Step>) -> Row {
    match next(steps).await {
        Some(Step::Row(row)) => row,
        other => panic!("expected a record, got {other:?}"),
    }
}

async fn end(steps: &mut Receiver<Step>) -> (Refusal, u64) {
    loop {
        match next(steps).await {
            Some(Step::Row(_)) => {}
            Some(Step::End { refusal, next }) => return (refusal, next),
            None => panic!("the stream ended without a word"),
        }
    }
}

#[tokio::test]
async fn nobody_reads_without_the_role_and_every_refusal_is_on_record() {
    let office = Office::open().await;
    let door = &office.desk.door;
    for roles in [&[][..], &["caller"], &["operator"], &["auditors"], &["*"]] {
        let who = office.desk.token("mallory", "acme", roles);
        let get = Get { which: Some(Which::Index(0)), correlation_id: String::new() };
        for refusal in [
            door.query(who.clone(), Query::default()).await.unwrap_err(),
            door.get(who.clone(), get).await.unwrap_err(),
            door.follow(who.clone(), Follow::default()).await.unwrap_err(),
        ] {
            assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Authorize));
        }
    }
    assert_eq!(office.desk.log.of("refused").len(), 15);
    assert!(office.desk.log.of("refused").iter().all(|record| record.principal() == Some("mallory")));
    let stranger = Credentials { bearer: None, loopback: true, ..Credentials::default() };
    assert_eq!(office.query(&stranger, Filter::default()).await.unwrap_err().code(), Code::InvalidCredentials);
    assert!(office.desk.log.of("audit_read").is_empty());
}

#[tokio::test]
async fn a_reader_sees_its_own_tenant_and_an_operator_sees_all() {
    let office = Office::open().await;
    let all = Filter::default;
    for (tenant, first) in [("acme", 0), ("globex", 1)] {
        let page = office.query(&office.reader(tenant), all()).await.unwrap();
        let end = DURABLE + if first == 0 { 0 } else { 1 };
        assert_eq!(indices(&page.rows), every_third(first, end), "{tenant}, and nothing that is not durable");
        for row in &page.rows {
            assert!(row.line.contains(&format!(r#""tenant":"{tenant}""#)));
            assert_eq!(row.leaf_hash, *Hash::leaf(row.line.as_bytes()).as_bytes());
        }
    }
    // Each reading made one record more durable.
    let page = office.query(&office.operator(), all()).await.unwrap();
    assert_eq!(indices(&page.rows), (0..DURABLE + 2).collect::<Vec<_>>());
    let globex = Filter { tenant: Some("globex".into()), ..all() };
    let page = office.query(&office.operator(), globex).await.unwrap();
    assert_eq!(page.rows.len(), 21);
    let any = office.query(&office.desk.token("rita", "*", &["auditor"]), all()).await.unwrap();
    assert_eq!(any.rows, [], "a tenant of that name is one like any other");
    let both = office.desk.token("rita", "acme", &["auditor", "audit-operator"]);
    assert!(office.query(&both, all()).await.unwrap().rows.len() > 60);
}

#[tokio::test]
async fn what_is_foreign_and_what_is_not_there_look_alike() {
    let office = Office::open().await;
    let acme = office.reader("acme");
    let nothing = Page::default();
    // Foreign, of the host itself, not durable yet, not there.
    for index in [1, 2, 4, RECORDS - 3, RECORDS, u64::MAX - 1, u64::MAX] {
        assert_eq!(office.get(&acme, Which::Index(index)).await, nothing, "{index}");
    }
    let unknown = InvocationId::mint().to_string();
    let foreign = [1, 2].map(|index| office.invocations[index].to_string());
    for invocation in foreign.into_iter().chain([unknown, "nonsense".to_owned(), String::new()]) {
        assert_eq!(office.get(&acme, Which::Invocation(invocation)).await, nothing);
    }
    for tenant in ["globex", "nobody"] {
        let filter = Filter { tenant: Some(tenant.into()), ..Filter::default() };
        assert_eq!(office.query(&acme, filter).await.unwrap(), nothing);
    }
    assert_eq!(indices(&office.get(&acme, Which::Index(3)).await.rows), [3]);
    let own = Which::Invocation(office.invocations[3].to_string());
    assert_eq!(indices(&office.get(&acme, own).await.rows), [3]);
    assert_eq!(indices(&office.get(&office.operator(), Which::Index(2)).await.rows), [2]);
}

#[tokio::test]
async fn a_page_leads_to_the_next_for_its_reader_and_query_alone() {
    let office = Office::open().await;
    let (acme, globex) = (office.reader("acme"), office.reader("globex"));
    let door = &office.desk.door;
    for newest_first in [false, true] {
        let ask = |page_token: String| Query { newest_first, limit: Some(6), page_token, ..Query::default() };
        let mut token = String::new();
        let mut seen = Vec::new();
        loop {
            let page = door.query(acme.clone(), ask(token)).await.unwrap();
            seen.extend(indices(&page.rows));
            let Some(next) = page.next else { break };
            let foreign = door.query(globex.clone(), ask(next.clone())).await.unwrap_err();
            assert_eq!((foreign.code(), foreign.stage()), (Code::MalformedRequest, Stage::Transport));
            let made_up = door.query(globex.clone(), ask("AQID".into())).await.unwrap_err();
            assert_eq!(made_up.message(), foreign.message());
            let other = Query { newest_first: !newest_first, ..ask(next.clone()) };
            assert!(door.query(acme.clone(), other).await.is_err());
            token = next;
        }
        let mut there = seen.clone();
        there.sort_unstable();
        there.dedup();
        assert_eq!(there.len(), seen.len());
        assert_eq!(&there[..20], every_third(0, DURABLE), "and perhaps what came meanwhile");
        assert!(if newest_first { seen.is_sorted_by(|a, b| a > b) } else { seen.is_sorted() });
    }
}

#[tokio::test]
async fn every_reading_is_on_record_by_the_names_of_its_filters() {
    let office = Office::open().await;
    let filter = Filter {
        principal: Some("canary-1".into()),
        tool: Some("canary-2".into()),
        from_ms: Some(77_777),
        ..Filter::default()
    };
    office.query(&office.reader("acme"), filter.clone()).await.unwrap();
    office.get(&office.operator(), Which::Invocation("canary-3".into())).await;
    let follow = Follow { filter, ..Follow::default() };
    office.desk.door.follow(office.reader("globex"), follow).await.unwrap();
    let read = office.desk.log.of("audit_read");
    let said: Vec<_> = read
        .iter()
        .map(|record| {
            let filters = record.fields().get("filters").unwrap().to_string();
            (record.text("read").unwrap(), record.principal().unwrap(), record.rule().unwrap(), filters)
        })
        .collect();
    let names = r#"["principal","tool","from_ms"]"#.to_owned();
    let expected = [
        ("query", "rita", "auditor", names.clone()),
        ("get", "oscar", "audit-operator", r#"["invocation"]"#.to_owned()),
        ("follow", "rita", "auditor", names),
    ];
    assert_eq!(said, expected);
    let bytes = office.desk.log.disk.bytes();
    for canary in ["canary-1", "canary-2", "canary-3", "77777"] {
        assert!(!bytes.windows(canary.len()).any(|part| part == canary.as_bytes()), "{canary} is in the log");
    }
}

#[tokio::test]
async fn nothing_is_read_that_cannot_be_recorded() {
    let office = Office::open().await;
    office.desk.log.disk.set_full(true);
    let refusal = office.query(&office.operator(), Filter::default()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::AuditUnavailable, Stage::Audit));
    let refusal = office.desk.door.follow(office.operator(), Follow::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    office.desk.log.disk.set_full(false);
    assert!(office.query(&office.operator(), Filter::default()).await.is_ok());
}

#[tokio::test]
async fn a_message_that_names_no_record_is_refused() {
    let office = Office::open().await;
    let get = Get { which: None, correlation_id: "w-get".into() };
    let refusal = office.desk.door.get(office.operator(), get).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest);
    assert_eq!(refusal.context().correlation_id.as_ref().unwrap().as_str(), "w-get");
}

#[tokio::test]
async fn a_host_without_an_index_says_so_and_no_more() {
    let desk = strict();
    let who = desk.token("oscar", "acme", &["audit-operator"]);
    let refusal = desk.door.query(who, Query::default()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::ServiceUnavailable, Stage::Audit));
    assert!(refusal.internal().unwrap().contains("keeps none") && !refusal.message().contains("keeps none"));
}

#[tokio::test]
async fn a_follower_gets_what_is_there_and_what_comes_once_each_and_in_order() {
    let office = Office::open().await;
    let (mut acme, mut all) =
        (office.follow(&office.reader("acme"), 0).await, office.follow(&office.operator(), 10).await);
    let mut seen = (Vec::new(), Vec::new());
    for _ in 0..4 {
        office.grow(40).await;
        let durable = office.desk.log.ledger.status().records;
        while seen.0.last().is_none_or(|last| last + 3 < durable) {
            seen.0.push(row(&mut acme).await.index);
        }
        while seen.1.last().is_none_or(|last| last + 1 < durable) {
            seen.1.push(row(&mut all).await.index);
        }
    }
    let durable = office.desk.log.ledger.status().records;
    assert_eq!(seen.0, every_third(0, durable));
    assert_eq!(seen.1, (10..durable).collect::<Vec<_>>());
    assert_eq!(office.desk.log.of("audit_read").len(), 2, "one record each, however long it lasts");
}

#[tokio::test]
async fn a_follower_that_names_no_place_begins_at_the_end() {
    let office = Office::open().await;
    let mut steps = office.desk.door.follow(office.operator(), Follow::default()).await.unwrap();
    office.grow(1).await;
    assert_eq!(row(&mut steps).await.index, DURABLE, "its own record is the first that came");
}

#[tokio::test]
async fn a_stopping_host_ends_its_followers_and_says_where() {
    let office = Office::open().await;
    let mut steps = office.follow(&office.reader("acme"), 0).await;
    assert_eq!(row(&mut steps).await.index, 0);
    // One that does not read holds nobody up.
    let _idle = office.follow(&office.operator(), 0).await;
    office.desk.host().stopping.cancel();
    let (refusal, next) = end(&mut steps).await;
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    assert!(next > 0 && next <= DURABLE + 2, "{next}");
    assert!(super::auditors::next(&mut steps).await.is_none());
    let tasks = &office.desk.host().tasks;
    tasks.close();
    tokio::time::timeout(Duration::from_secs(60), tasks.wait()).await.expect("all tasks end");
    let refusal = office.query(&office.operator(), Filter::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable, "and nothing more is begun");
}

#[tokio::test]
async fn a_follower_ends_with_its_proof() {
    let office = Office::open().await;
    let mut steps = office.follow(&office.reader("acme"), 0).await;
    row(&mut steps).await;
    office.desk.clock.advance(Duration::from_secs(1_000_001));
    let (refusal, next) = end(&mut steps).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::InvalidCredentials, Stage::Identity));
    assert!(next >= DURABLE, "what was durable came first");
}

#[tokio::test]
async fn a_follower_that_goes_leaves_nothing_behind_and_its_place_to_others() {
    let office = Office::open().await;
    let mut all = Vec::new();
    let of = |tenant: &str| office.desk.token("oscar", tenant, &["audit-operator"]);
    for tenant in ["b", "c", "d", "acme"] {
        for _ in 0..16 {
            all.push(office.follow(&of(tenant), 0).await);
        }
        // A quarter of all is what one tenant may have.
        let refusal = office.desk.door.follow(of(tenant), Follow::default()).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::ResourceExhausted, Stage::Audit));
    }
    let refusal = office.desk.door.follow(of("e"), Follow::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted, "there are no more than that");
    let tasks = office.desk.host().tasks.len();
    drop(all.pop());
    until("its task has ended", || office.desk.host().tasks.len() < tasks).await;
    drop(office.follow(&office.operator(), 0).await);
    drop(all);
    until("all have ended", || office.desk.host().tasks.is_empty()).await;
    assert!(office.folder.path().join("index.redb").exists());
}

fn verified(proof: &Inclusion) -> bool {
    let checkpoint = Note::parse(proof.checkpoint.as_ref().unwrap()).unwrap();
    let checkpoint = Checkpoint::parse(checkpoint.text()).unwrap();
    let hashes: Vec<Hash> = proof.hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect();
    let leaf = Hash::from_bytes(proof.leaf_hash);
    assert_eq!(checkpoint.size, proof.tree_size);
    verify_inclusion(proof.index, proof.tree_size, leaf, &hashes, checkpoint.root).is_ok()
}

#[tokio::test]
async fn a_record_is_proved_to_those_who_may_see_it() {
    let office = Office::open().await;
    let door = &office.desk.door;
    let ask = |which, tree_size| Prove { which: Some(which), tree_size, correlation_id: String::new() };
    for (who, index, seen) in [
        (office.reader("acme"), 3, true),
        (office.reader("acme"), 4, false),
        (office.reader("acme"), 5, false),
        (office.reader("acme"), DURABLE + 100, false),
        (office.reader("acme"), u64::MAX, false),
        (office.reader("globex"), 4, true),
        (office.operator(), 5, true),
    ] {
        let proof = door.inclusion(who.clone(), ask(Which::Index(index), None)).await.unwrap();
        assert_eq!(proof.is_some(), seen, "{index}");
        assert!(proof.is_none_or(|proof| proof.index == index && verified(&proof)), "{index}");
        let Some(invocation) = office.invocations.get(index as usize) else { continue };
        let by_id = ask(Which::Invocation(invocation.to_string()), None);
        assert_eq!(door.inclusion(who, by_id).await.unwrap().is_some(), seen, "{index}");
    }
    let of_old = door.inclusion(office.operator(), ask(Which::Index(3), Some(7))).await.unwrap().unwrap();
    assert_eq!((of_old.tree_size, of_old.hashes.len(), of_old.checkpoint), (7, 3, None));
    for size in [0, 3, 1_000_000] {
        let refusal = door.inclusion(office.operator(), ask(Which::Index(3), Some(size))).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::MalformedRequest, Stage::Transport), "{size}");
    }
    let read = office.desk.log.of("audit_read");
    assert!(read.iter().all(|record| record.text("read") == Some("inclusion_proof")));
    assert_eq!(read.len(), 17, "each that got an answer, and those whose tree was wrong");
    assert_eq!(read.last().unwrap().fields()["filters"], serde_json::json!(["index", "tree_size"]));
}

#[tokio::test]
async fn every_reader_gets_checkpoint_and_consistency_and_nobody_else() {
    let office = Office::open().await;
    office.grow(RECORDS - DURABLE).await;
    let door = &office.desk.door;
    let extend = |old_size, new_size| Extend { old_size, new_size, correlation_id: String::new() };
    for who in [office.reader("acme"), office.reader("nobody"), office.operator()] {
        let note = door.checkpoint(who.clone(), String::new()).await.unwrap();
        let newest = Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap();
        assert_eq!(newest.size, RECORDS);
        for (old, new) in [(0, None), (7, None), (RECORDS, None), (7, Some(50)), (50, Some(50))] {
            let proof = door.consistency(who.clone(), extend(old, new)).await.unwrap();
            assert_eq!((proof.old_size, proof.new_size), (old, new.unwrap_or(RECORDS)));
            assert_eq!(proof.checkpoint, new.is_none().then(|| note.clone()));
        }
        for (old, new) in [(8, Some(7)), (1, Some(1_000_000)), (1_000_000, None)] {
            let refusal = door.consistency(who.clone(), extend(old, new)).await.unwrap_err();
            assert_eq!(refusal.code(), Code::MalformedRequest, "{old} {new:?}");
        }
    }
    assert_eq!(office.desk.log.of("audit_read").len(), 3 * 8, "a checkpoint is public and leaves no record");
    let caller = office.desk.token("mallory", "acme", &["caller"]);
    let refused = [
        door.checkpoint(caller.clone(), String::new()).await.unwrap_err(),
        door.consistency(caller.clone(), extend(1, None)).await.unwrap_err(),
        door.inclusion(caller, Prove::default()).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|refusal| refusal.code() == Code::PermissionDenied));
}

#[tokio::test]
async fn proofs_are_given_while_nothing_can_be_recorded() {
    let office = Office::open().await;
    office.desk.log.disk.set_full(true);
    let door = &office.desk.door;
    let prove = Prove { which: Some(Which::Index(3)), ..Prove::default() };
    assert!(verified(&door.inclusion(office.reader("acme"), prove).await.unwrap().unwrap()));
    assert!(door.checkpoint(office.reader("acme"), String::new()).await.is_ok());
    assert!(door.consistency(office.reader("acme"), Extend { old_size: 3, ..Extend::default() }).await.is_ok());
}

#[tokio::test]
async fn a_log_whose_tiles_were_changed_proves_nothing() {
    let office = Office::open().await;
    let tile = office.folder.path().join("tile/0/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[32 * 9] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    let prove = Prove { which: Some(Which::Index(8)), ..Prove::default() };
    let refusal = office.desk.door.inclusion(office.operator(), prove).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::DataCorruption, Stage::Audit));
}
