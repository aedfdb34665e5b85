//! Proofs over the wire: what an auditor gets from the host is checked with the log's key, stands alone afterwards, and
//! shows a log that was put back or written anew.

use std::fs;

use grid_sdk::{
    Auditor, Error, VerifyingKey,
    auditor::{Proof, Which},
};

use crate::common::{Host, Setup, serve, soon, text};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

async fn auditor(host: &Host, tenant: &str, role: &str) -> Auditor {
    let token = host.token(&format!("{role}-of-{tenant}"), tenant, &[role]);
    soon("an auditor connects", Auditor::builder().endpoint(host.endpoint()).token(token).connect()).await.unwrap()
}

/// The key as an auditor gets it.
fn key(host: &Host) -> VerifyingKey {
    fs::read_to_string(host.folder().join("data/audit/log.vkey")).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_proved_to_those_who_may_see_it_and_to_whom_they_show_it() {
    let mut host = Host::strict().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let answer = caller.call("add", SUM).await;
    let key = key(&host);
    let acme = auditor(&host, "acme", "auditor").await;
    let concluded = host.records("concluded").remove(0);
    let index = concluded["index"].as_u64().unwrap();

    // What is durable and not published yet is waited for.
    let proof = soon("a proof", acme.prove(Which::Invocation(answer.invocation_id.clone()), &key)).await;
    let proof = proof.unwrap().unwrap();
    assert_eq!(proof.index, index);
    let entry: serde_json::Value = serde_json::from_str(proof.entry.as_deref().unwrap()).unwrap();
    assert_eq!((text(&entry, "kind"), text(&entry, "invocation")), ("concluded", answer.invocation_id.as_str()));
    let same = acme.prove(Which::Index(index), &key).await.unwrap().unwrap();
    assert_eq!((same.leaf, &same.entry), (proof.leaf, &proof.entry));

    // Nobody else may see it, and a key of somebody else proves nothing.
    let globex = auditor(&host, "globex", "auditor").await;
    assert_eq!(globex.prove(Which::Index(index), &key).await.unwrap(), None);
    let beyond = acme.prove(Which::Index(1_000_000), &key).await;
    assert!(matches!(beyond, Ok(None) | Err(Error::Refused(_))), "{beyond:?}");
    let other = Host::strict().await;
    let stranger = self::key(&other);
    let unbelieved = acme.prove(Which::Index(index), &stranger).await;
    assert!(matches!(unbelieved, Err(Error::BadAnswer(_))), "{unbelieved:?}");

    // It is the file that the command makes and checks, with no host.
    fs::write(host.folder().join("proof.json"), serde_json::to_string(&proof).unwrap()).unwrap();
    assert_eq!(host.stop().await, Some(0));
    let checked = host.grid(&["audit", "verify-proof", "proof.json", "--key", "data/audit/log.vkey"]);
    assert!(checked.code == 0 && checked.out.contains(&answer.invocation_id), "{checked:?}");
    let made = host.grid(&["audit", "prove", "--invocation", &answer.invocation_id]);
    let made: Proof = serde_json::from_str(&made.out).unwrap();
    assert_eq!((made.index, &made.entry), (proof.index, &proof.entry));
    made.verify(&key).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_kept_a_checkpoint_sees_that_the_log_only_grew_or_did_not() {
    let mut host = Setup::strict().set("audit.publish=20ms").start().await;
    let runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    caller.still_served().await;
    let key = key(&host);
    let acme = auditor(&host, "acme", "auditor").await;
    let (monday, before) = soon("a checkpoint", acme.checkpoint(&key)).await.unwrap();
    for _ in 0..20 {
        caller.still_served().await;
    }
    let (extension, after) = soon("a proof", acme.consistency(&monday, &key, &key)).await.unwrap();
    assert!(after.size > before.size);
    extension.verify(&key, &key).unwrap();
    fs::write(host.folder().join("grown.json"), serde_json::to_string(&extension).unwrap()).unwrap();
    let checked = host.grid(&["audit", "consistency", "grown.json", "--key", "data/audit/log.vkey"]);
    assert_eq!(checked.code, 0, "{checked:?}");

    // The host's owner begins the log anew, with the same key, and lets it grow longer than it was.
    drop(runtime);
    assert_eq!(host.stop().await, Some(0));
    fs::remove_dir_all(host.folder().join("data/audit")).unwrap();
    host.start().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    for _ in 0..40 {
        caller.still_served().await;
    }
    let acme = auditor(&host, "acme", "auditor").await;
    let refused = soon("an answer", acme.consistency(&monday, &key, &key)).await;
    let Err(Error::BadAnswer(why)) = refused else { panic!("another history was believed: {refused:?}") };
    assert!(why.to_string().contains("does not hold"), "{why}");
}
