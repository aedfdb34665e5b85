//! Grants are checked without the host: what was changed in one, or is for something else, permits nothing.

use std::time::Duration;

use grid_adm::Digest;
use grid_proto::v1;
use grid_sdk::{Approval, AuthorizeOptions, VerifyingKey};
use grid_sdk_local::{Expected, NotGranted, Permit, Trust};
use grid_tlog::{Hash, Kind, Signer};
use tokio::time::Instant;

use crate::host::{ORIGIN, PRINCIPAL, TENANT, contract};
use crate::scene::{Scene, connect, soon};

struct Fixture {
    scene: Scene,
    approval: Approval,
}

impl Fixture {
    async fn new() -> Self {
        let scene = Scene::new().await;
        for at in 0..37 {
            scene.host.state().log(format!("entry {at}").as_bytes());
        }
        let session = connect(&scene.host).await.open_session(grid_sdk::SessionOptions::default()).await.unwrap();
        let args = serde_json::json!({"a": 1, "b": 2});
        let approval = soon(session.authorize("add", args, AuthorizeOptions::default())).await.unwrap();
        Self { scene, approval }
    }

    fn trust(&self) -> Trust {
        Trust::log(vec![self.scene.key()], PRINCIPAL, TENANT)
    }

    fn check(&self, approval: Approval) -> Result<Permit, NotGranted> {
        check(approval, &self.trust())
    }

    /// The approval with a record that the log's own key stands for.
    fn signed(&self, change: impl Fn(&mut serde_json::Value)) -> Approval {
        let mut record = serde_json::from_slice(&self.approval.grant.record).unwrap();
        change(&mut record);
        let mut approval = self.approval.clone();
        approval.grant.record = record.to_string().into_bytes();
        let receipt = self.scene.host.state().log(&approval.grant.record);
        let receipt = receipt_of(&receipt);
        approval.grant.receipt = receipt;
        approval
    }
}

fn receipt_of(wire: &v1::AuditReceipt) -> grid_sdk::Receipt {
    let inclusion = wire.inclusion.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
    grid_sdk::Receipt::new(wire.index, Hash::from_slice(&wire.leaf_hash).unwrap(), inclusion, wire.checkpoint.clone())
}

fn check(approval: Approval, trust: &Trust) -> Result<Permit, NotGranted> {
    Permit::check(approval, trust, Expected { contract: &contract("add"), asked_at: Instant::now() })
}

#[tokio::test]
async fn a_grant_permits_its_call_for_as_long_as_it_says() {
    let fixture = Fixture::new().await;
    let permit = fixture.check(fixture.approval.clone()).unwrap();
    let left = permit.left(1).unwrap();
    assert!(left > Duration::from_secs(50) && left < Duration::from_secs(60), "{left:?}");
    assert_eq!(permit.left(2).unwrap_err(), NotGranted::Void);
    let late = Expected { contract: &contract("add"), asked_at: Instant::now() - Duration::from_secs(61) };
    let permit = Permit::check(fixture.approval.clone(), &fixture.trust(), late).unwrap();
    assert_eq!(permit.left(1).unwrap_err(), NotGranted::Expired);
}

#[tokio::test]
async fn no_field_of_a_grant_may_be_anothers_even_where_the_log_has_it_so() {
    let fixture = Fixture::new().await;
    assert!(fixture.check(fixture.signed(|_| ())).is_ok());
    let other = Digest::of_bytes(b"other");
    for (field, value) in [
        ("kind", serde_json::json!("concluded")),
        ("local", serde_json::json!(false)),
        ("principal", serde_json::json!("somebody")),
        ("tenant", serde_json::json!("elsewhere")),
        ("session", serde_json::json!("s-1")),
        ("tool", serde_json::json!("count")),
        ("contract", serde_json::json!(format!("sha256:{other}"))),
        ("args_digest", serde_json::json!(format!("sha256:{other}"))),
        ("call_id", serde_json::json!("another")),
        ("invocation", serde_json::json!("i-1")),
        ("correlation", serde_json::json!("client-1-00000000")),
        ("epoch", serde_json::json!(-1)),
        ("expires_ms", serde_json::json!(1)),
        ("expires_ms", serde_json::json!(u64::from(u32::MAX) << 16)),
        ("at_ms", serde_json::json!(u64::from(u32::MAX) << 16)),
    ] {
        let approval = fixture.signed(|record| record[field] = value.clone());
        assert!(fixture.check(approval).is_err(), "{field} {value}");
        let approval = fixture.signed(|record| drop(record.as_object_mut().unwrap().remove(field)));
        assert!(fixture.check(approval).is_err(), "without {field}");
    }
    // Yesterday's grant, however often it is shown.
    let day = 86_400_000;
    let old = fixture.signed(|record| {
        for field in ["at_ms", "expires_ms"] {
            record[field] = (record[field].as_u64().unwrap() - day).into();
        }
    });
    assert_eq!(fixture.check(old).unwrap_err(), NotGranted::Expired);
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn flip(&mut self, bytes: &mut Vec<u8>) {
        let at = self.roll(bytes.len());
        match self.roll(4) {
            0 => bytes[at] ^= 1 << self.roll(8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, b'0'),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

fn mutate(approval: &Approval, dice: &mut Dice, other: &Approval) -> Approval {
    let mut changed = approval.clone();
    let receipt = &mut changed.grant.receipt;
    match dice.roll(9) {
        0 => dice.flip(&mut changed.grant.record),
        1 => {
            // The hash is made to fit, so that only the proof stands against it.
            dice.flip(&mut changed.grant.record);
            changed.grant.receipt.leaf = Hash::leaf(&changed.grant.record);
        }
        2 => {
            let mut leaf = receipt.leaf.as_bytes().to_vec();
            leaf[dice.roll(32)] ^= 1 << dice.roll(8);
            receipt.leaf = Hash::from_slice(&leaf).unwrap();
        }
        3 => receipt.index ^= 1 << dice.roll(64),
        4 => {
            let at = dice.roll(receipt.inclusion.len());
            let mut hash = receipt.inclusion[at].as_bytes().to_vec();
            hash[dice.roll(32)] ^= 1 << dice.roll(8);
            receipt.inclusion[at] = Hash::from_slice(&hash).unwrap();
        }
        5 => {
            let at = dice.roll(receipt.inclusion.len());
            receipt.inclusion.remove(at);
        }
        6 => {
            let mut note = receipt.checkpoint.clone().into_bytes();
            dice.flip(&mut note);
            receipt.checkpoint = String::from_utf8_lossy(&note).into_owned();
        }
        7 => changed.grant.record.clone_from(&other.grant.record),
        _ => changed.grant = other.grant.clone(),
    }
    changed
}

#[tokio::test]
async fn of_ten_thousand_mutated_grants_none_is_accepted() {
    let fixture = Fixture::new().await;
    let other = fixture.signed(|record| record["invocation"] = "i-another".into());
    let mut dice = Dice(7);
    let (mut tried, mut accepted) = (0, 0);
    while tried < 10_000 {
        let changed = mutate(&fixture.approval, &mut dice, &other);
        if changed == fixture.approval {
            continue;
        }
        tried += 1;
        if fixture.check(changed.clone()).is_ok() {
            accepted += 1;
            eprintln!("accepted: {changed:?}");
        }
    }
    assert_eq!(accepted, 0, "of {tried}");
}

#[tokio::test]
async fn a_log_of_another_key_proves_nothing_and_an_earlier_key_still_does() {
    let fixture = Fixture::new().await;
    let stranger = |origin| Signer::generate(origin, Kind::Note).unwrap().verifying_key().clone();
    let with = |keys: Vec<VerifyingKey>| Trust::log(keys, PRINCIPAL, TENANT);
    for key in [stranger(ORIGIN), stranger("another/log")] {
        let unproved = check(fixture.approval.clone(), &with(vec![key])).unwrap_err();
        assert!(matches!(unproved, NotGranted::Unproved(_)), "{unproved}");
    }
    assert!(check(fixture.approval.clone(), &with(vec![stranger(ORIGIN), fixture.scene.key()])).is_ok());
    // A forger with a log of its own, under the same name.
    let genuine = {
        let mut state = fixture.scene.host.state();
        std::mem::replace(&mut state.signer, Signer::generate(ORIGIN, Kind::Note).unwrap())
    };
    let forged = fixture.signed(|_| ());
    let trust = with(vec![genuine.verifying_key().clone()]);
    assert!(check(forged, &trust).is_err());
}

#[tokio::test]
async fn a_believed_connection_still_gives_grants_for_the_exact_call_only() {
    let fixture = Fixture::new().await;
    let trust = Trust::connection();
    assert!(check(fixture.approval.clone(), &trust).is_ok());
    for field in ["tool", "session", "args_digest", "call_id", "contract", "invocation"] {
        let approval = fixture.signed(|record| record[field] = "other".into());
        assert!(check(approval, &trust).is_err(), "{field}");
    }
}

#[tokio::test]
async fn several_calls_are_asked_about_at_once_and_answered_each_for_itself() {
    let fixture = Fixture::new().await;
    let session = connect(&fixture.scene.host).await.session(crate::host::SESSION);
    let asked = [("add", r#"{"a":1,"b":1}"#), ("add", r#"{"a":1,"b":2}"#)];
    let answers = soon(session.authorize_all(&asked)).await.unwrap();
    assert_eq!(answers.len(), 2);
    for (answer, (_, args)) in answers.into_iter().zip(asked) {
        let permit = fixture.check(answer.unwrap()).unwrap();
        assert_eq!(permit.approval().args, args);
    }
}
