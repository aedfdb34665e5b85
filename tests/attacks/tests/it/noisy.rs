//! SV-4: a tenant that asks for far more than its quota gets its quota, and takes nothing from the others.

use std::{sync::Arc, time::Duration};

use grid_sdk::{Client, Error, Retries, Session, SessionOptions};
use tokio_util::task::TaskTracker;

use crate::common::*;

const LIMITS: &str =
    "[[limit]]\nname = \"quota\"\nper = [\"tenant\"]\nrate = \"40/s\"\nburst = 40\nconcurrency = 8\nqueue = 8\n";
/// Calls of each side.
const CALLS: usize = 800;

async fn session(host: &Host, principal: &str, tenant: &str) -> Session {
    let token = host.token(principal, tenant, "developer");
    let builder = Client::builder().endpoint(host.endpoint()).token(token).retries(Retries::none());
    builder.connect().await.unwrap().open_session(SessionOptions::default()).await.unwrap()
}

async fn add(session: &Session) -> Result<(), Error> {
    let arguments = serde_json::json!({ "a": 2, "b": 40 });
    soon("a call is answered", session.call("add", &arguments)).await.map(|_| ())
}

#[tokio::test]
async fn a_noisy_tenant_gets_its_quota_and_others_all_of_theirs() {
    let host = Host::start_with_limits(LIMITS).await;
    let serving = Serving::start(&host).await;
    let (noisy, quiet) = (session(&host, "noisy", "loud").await, session(&host, "quiet", "calm").await);
    let (noisy, tasks) = (Arc::new(noisy), TaskTracker::new());
    let storm: Vec<_> = (0..CALLS)
        .map(|_| {
            let noisy = Arc::clone(&noisy);
            tasks.spawn(async move { add(&noisy).await })
        })
        .collect();
    // Within its own quota, as long as it takes.
    for _ in 0..30 {
        add(&quiet).await.unwrap();
    }
    let mut through = 0;
    for call in storm {
        match call.await.unwrap() {
            Ok(()) => through += 1,
            Err(Error::Refused(refusal)) => {
                let code = refusal.code.to_string();
                assert!(["RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"].contains(&code.as_str()), "{refusal:?}");
                assert!(refusal.retry_after > Some(Duration::ZERO), "a refusal says when to come again: {refusal:?}");
                assert_eq!(refusal.details.get("limit").map(String::as_str), Some("quota"));
            }
            Err(other) => panic!("{other}"),
        }
    }
    // Eight run and eight wait at once; how many of the rest come in time is the machine's doing.
    assert!((1..CALLS).contains(&through), "{through} of {CALLS}");
    for _ in 0..10 {
        add(&quiet).await.unwrap();
    }
    serving.stop();
    host.stop().await;
}
