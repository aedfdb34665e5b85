//! AZ-3: what a message says of its sender changes nothing, or is refused and written down. Every request is sent twice,
//! with a forged context and without one; answers and records are compared.

use std::collections::{BTreeMap, BTreeSet};

use grid_audit::Record;
use grid_contract::Strict;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope, OpenSession},
    local::{BATCH, Batch},
    port::{FrontDoor as _, LocalDoor as _},
    principal::SecurityClaim,
};
use grid_testkit::Dice;
use tokio::task::JoinSet;

use super::desk::{Desk, SUM, ask, strict};

/// Cases of a run, and of those on one host.
const CASES: usize = 100_000;
const A_HOST: usize = 500;

/// Principals and tenants that somebody may claim; the first two of each are true.
const PRINCIPALS: [&str; 12] =
    ["", "agent", "root", "Agent", "agent ", " agent", "agent\0", "*", "developer", "other", "ägent", "grid_admin"];
const TENANTS: [&str; 10] = ["", "demo", "*", "other", "Demo", "demo ", "demo,other", "dev", "demo\n", "d\u{435}mo"];
const CLAIMS: [(&str, &str); 6] = [
    ("role", "grid_admin"),
    ("roles", "vault caller operator"),
    ("tenant", "other"),
    ("sub", "root"),
    ("proof", "certificate"),
    ("epoch", "0"),
];
const WAYS: [&str; 4] = ["open", "call", "authorize", "authorize_all"];

struct Case {
    id: String,
    way: &'static str,
    who: usize,
    tool: &'static str,
    claim: SecurityClaim,
    is_true: bool,
}

fn case(dice: &mut Dice, number: usize) -> Case {
    // Half of what is claimed is true, so that both halves are seen often.
    let mut pick = |of: &[&'static str]| if dice.coin() { of[dice.below(2)] } else { of[dice.below(of.len())] };
    let (principal, tenant) = (pick(&PRINCIPALS), pick(&TENANTS));
    let claims = CLAIMS.iter().filter(|_| dice.coin()).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let claim = SecurityClaim { principal: principal.to_owned(), tenant: tenant.to_owned(), claims: claims.collect() };
    Case {
        id: format!("{number}"),
        way: WAYS[dice.below(WAYS.len())],
        who: dice.below(3),
        tool: ["sum", "open", "shut", "look", "none"][dice.below(5)],
        is_true: PRINCIPALS[..2].contains(&principal) && TENANTS[..2].contains(&tenant),
        claim,
    }
}

type Answer = Result<String, (Code, Stage, String)>;

fn told<T>(answer: Result<T, Refusal>, good: &str) -> Answer {
    answer.map(|_| good.to_owned()).map_err(|refusal| (refusal.code(), refusal.stage(), refusal.message().to_owned()))
}

/// Sends one request, `id` being its correlation id and that of whatever follows from it.
async fn send(
    desk: &Desk<Strict>,
    who: &(Credentials, String),
    case: &Case,
    id: &str,
    claim: Option<SecurityClaim>,
) -> Answer {
    let (credentials, session) = who;
    let args = if case.tool == "sum" { SUM } else { "{}" };
    let correlation_id = format!("w-{id}");
    let call = |session: &str| Envelope { claim: claim.clone(), ..ask(session, id, case.tool, args) };
    match case.way {
        "open" => {
            let request = OpenSession { correlation_id, claim: claim.clone(), level: 2, ..OpenSession::default() };
            let opened = match desk.door.open_session(credentials.clone(), request).await {
                Ok(opened) => opened,
                Err(refusal) => return told::<()>(Err(refusal), ""),
            };
            // What was claimed then has no influence on what follows.
            let later = Envelope { claim: None, ..call(&opened.session_id) };
            let answer = told(desk.call(credentials, later).await, "called");
            desk.close(credentials, &opened.session_id, true).await.unwrap();
            answer
        }
        "call" => told(desk.call(credentials, call(session)).await, "called"),
        "authorize" => told(desk.door.authorize(credentials.clone(), call(session)).await, "granted"),
        _ => {
            let items = vec![Ok(Envelope { claim: None, ..call(session) })];
            let batch = Batch { correlation_id, session_id: session.clone(), claim: claim.clone(), items };
            match desk.door.authorize_all(credentials.clone(), batch).await {
                Ok(mut all) => told(all.items.pop().unwrap(), "granted"),
                Err(refusal) => told::<()>(Err(refusal), ""),
            }
        }
    }
}

/// A record without what names this one request, and without the age of a decision, which a session that brought claims
/// does not share with others.
fn plain(record: &Record) -> String {
    const OF_ONE: [&str; 7] =
        ["correlation", "call_id", "session", "invocation", "cache_age_ms", "args_digest", "args_shape"];
    let fields: BTreeMap<_, _> = record.fields().iter().filter(|(name, _)| !OF_ONE.contains(&name.as_str())).collect();
    format!("{} {fields:?}", record.kind())
}

async fn host_of(seed: u64) -> (usize, usize, BTreeSet<String>) {
    let desk = strict();
    let mut people = Vec::new();
    for roles in [&["caller"][..], &["caller", "vault"], &[]] {
        let who = desk.token("agent", "demo", roles);
        let request = OpenSession { level: 2, features: vec![BATCH.to_owned()], ..OpenSession::default() };
        let session = desk.door.open_session(who.clone(), request).await.unwrap().session_id;
        people.push((who, session));
    }
    let mut dice = Dice::seeded(seed);
    let cases: Vec<Case> = (0..A_HOST).map(|number| case(&mut dice, number)).collect();
    let mut answers = Vec::new();
    for case in &cases {
        let who = &people[case.who];
        let without = send(&desk, who, case, &format!("{}-without", case.id), None).await;
        let with = send(&desk, who, case, &format!("{}-with", case.id), Some(case.claim.clone())).await;
        answers.push((without, with));
    }
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in desk.log.records() {
        let correlation = record.correlation().unwrap_or_default().to_owned();
        records.entry(correlation).or_default().push(plain(&record));
    }
    let none = Vec::new();
    let of = |case: &Case, which: &str| records.get(&format!("w-{}-{which}", case.id)).unwrap_or(&none);
    let (mut agreed, mut refused, mut outcomes) = (0, 0, BTreeSet::new());
    for (case, (without, with)) in cases.iter().zip(&answers) {
        let what = || format!("seed {seed}, case {}: {} of {} claiming {:?}", case.id, case.way, case.tool, case.claim);
        if case.is_true {
            agreed += 1;
            assert_eq!(with, without, "{}", what());
            assert_eq!(of(case, "with"), of(case, "without"), "{}", what());
            outcomes.insert(format!("{} {without:?}", case.way));
        } else {
            refused += 1;
            let (code, stage, _) = with.as_ref().expect_err(&what());
            assert_eq!((*code, *stage), (Code::PermissionDenied, Stage::Identity), "{}", what());
            let written = of(case, "with");
            let fits = |record: &String| {
                record.starts_with("refused ") && record.contains("PERMISSION_DENIED") && record.contains("\"agent\"")
            };
            assert!(written.len() == 1 && written.iter().all(fits), "{}: {written:?}", what());
        }
    }
    (agreed, refused, outcomes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_says_of_its_sender_changes_nothing() {
    let (mut agreed, mut refused, mut outcomes) = (0, 0, BTreeSet::new());
    let hosts: Vec<_> = (0..CASES / A_HOST).collect();
    for pair in hosts.chunks(2) {
        let running: JoinSet<_> = pair.iter().map(|seed| host_of(*seed as u64)).collect();
        for (more, less, seen) in running.join_all().await {
            (agreed, refused) = (agreed + more, refused + less);
            outcomes.extend(seen);
        }
    }
    assert!(agreed > CASES / 5 && refused > CASES / 5, "{agreed} true, {refused} forged");
    // Grants, refusals for want of a role, of a runtime, of a tool, each by each way that can end so.
    assert!(outcomes.len() >= 12, "{outcomes:#?}");
}
